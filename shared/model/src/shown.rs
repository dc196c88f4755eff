//! How a text that others wrote is shown: what steers a terminal, hides, or turns the direction of reading around is not.
//! The one list of such characters that the commands, the channels and the checkers go by.

use std::fmt::Write as _;

/// Whether a character shows nothing, or changes how others show: bidirectional controls and isolates, zero-width and
/// filler characters, tags, what is no character at all. With them a text can look like another one.
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character steers a terminal or ends a line: control characters of both sets, and Unicode's separators of
/// lines and paragraphs.
pub const fn is_steering(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
}

/// A text on one line: what steers becomes a space, what is invisible is left out.
pub fn harmless(text: &str) -> String {
    harmless_but(text, |_| false)
}

/// The same, line by line.
pub fn harmless_lines(text: &str) -> String {
    harmless_but(text, |c| c == '\n')
}

fn harmless_but(text: &str, stays: impl Fn(char) -> bool) -> String {
    let shown = text.chars().filter(|c| !is_invisible(*c));
    shown.map(|c| if is_steering(c) && !stays(c) { ' ' } else { c }).collect()
}

/// The same on one line, its first `max` characters, with `…` behind them where there are more.
pub fn harmless_begin(text: &str, max: usize) -> String {
    let line = harmless(text);
    match line.char_indices().nth(max) {
        None => line,
        Some(_) => line.chars().take(max).chain(['…']).collect(),
    }
}

/// A text of at most `max` characters; the last of them is `…` where something was cut.
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The same text in as many bytes, so that places in it stay where they are: a sign stands for what is not shown. Lines
/// and tabs stay.
pub fn harmless_in_place(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let stays = matches!(c, '\n' | '\t') || (c == '\r' && rest.peek() == Some(&'\n'));
        if stays || !(is_invisible(c) || is_steering(c)) {
            out.push(c);
            continue;
        }
        out.push_str(match c.len_utf8() {
            1 => "?",
            2 => "¿",
            3 => "\u{fffd}",
            _ => "\u{fffd}?",
        });
    }
    out
}

/// JSON that a terminal may show too: what steers it or is invisible is written as an escape, which reads the same.
pub fn harmless_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Between its texts JSON has no such characters, but for the ends of lines.
        if c != '\n' && (is_invisible(c) || is_steering(c)) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing into a string cannot fail.
                _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\u{1b}[2Jb\nc\u{9b}31md\u{202e}e\u{200b}f\u{2028}g\u{e0041}h\rß\u{ad}\t.";

    #[test]
    fn nothing_steers_hides_or_turns_around() {
        assert_eq!(harmless(EVIL), "a [2Jb c 31mdef gh ß .");
        assert_eq!(harmless_lines(EVIL), "a [2Jb\nc 31mdef gh ß .");
        assert_eq!(harmless("Ελλάδα 名前 🟠"), "Ελλάδα 名前 🟠");
    }

    #[test]
    fn what_is_cut_says_so() {
        for (max, begin, short) in
            [(3, "äbc…", "äb…"), (4, "äbcd", "äbcd"), (5, "äbcd", "äbcd"), (0, "…", "…")]
        {
            assert_eq!((harmless_begin("äb\u{200b}cd", max), cut("äbcd", max)), (begin.into(), short.into()));
        }
    }

    #[test]
    fn in_place_every_byte_stays_where_it_is() {
        let shown = harmless_in_place(EVIL);
        assert_eq!(shown, "a?[2Jb\nc¿31md\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}?h?ß¿\t.");
        assert_eq!(shown.len(), EVIL.len());
        assert_eq!(shown.find('ß'), EVIL.find('ß'));
        assert_eq!(harmless_in_place("a\r\nb\r"), "a\r\nb?");
    }

    #[test]
    fn json_reads_the_same() {
        let value = serde_json::json!({ "text": EVIL, "quote": "\"\\" });
        let text = harmless_json(&value.to_string());
        assert!(!text.contains(|c| is_invisible(c) || is_steering(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
