//! Text that tenants can write: bounded, on one line, and free of what steers a terminal or hides.

pub(crate) use prodrome_model::shown::cut;
use prodrome_model::shown::is_invisible;

/// On one line, at most `max` characters: control characters become spaces, runs of white space one space,
/// and what is invisible or turns the direction of reading around is dropped. What is cut ends with `…`.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut space = false;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        if c.is_whitespace() || c.is_control() {
            space = count > 0;
            continue;
        }
        if std::mem::take(&mut space) {
            line.push(' ');
            count += 1;
        }
        line.push(c);
        count += 1;
        if count > max {
            break;
        }
    }
    if count <= max { line } else { cut(&line, max) }
}

/// Like [`one_line`] for each line; at most `lines_max` of them, blank ones left out.
pub(crate) fn lines(text: &str, lines_max: usize, max: usize) -> Vec<String> {
    let lines = text.lines().map(|line| one_line(line, max)).filter(|line| !line.is_empty());
    let mut lines: Vec<String> = lines.take(lines_max + 1).collect();
    if lines.len() > lines_max {
        lines.truncate(lines_max.saturating_sub(1));
        lines.push("…".to_owned());
    }
    lines
}

/// Escapes a text character by character: `replacement` says what stands for a character, if not itself. The
/// *escaped* text has at most `max` characters, and no replacement is cut in two.
pub(crate) fn escaped(text: &str, max: usize, replacement: impl Fn(char) -> Option<&'static str>) -> String {
    let width = |c: char| replacement(c).map_or(1, |piece| piece.chars().count());
    let whole = text.chars().map(width).sum::<usize>() <= max;
    let mut out = String::new();
    let mut left = if whole { max } else { max.saturating_sub(1) };
    for c in text.chars() {
        let Some(rest) = left.checked_sub(width(c)) else { break };
        left = rest;
        match replacement(c) {
            Some(piece) => out.push_str(piece),
            None => out.push(c),
        }
    }
    if !whole {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_shows_all_that_is_in_it() {
        for (name, text, max, want) in [
            ("plain", "a b", 10, "a b"),
            ("white space", "  a\t\r\n b  ", 10, "a b"),
            ("ANSI", "\u{1b}[31mred\u{1b}[0m", 20, "[31mred [0m"),
            ("C1 control", "a\u{9b}31mb", 20, "a 31mb"),
            ("bidi override", "\u{202e}txt.exe\u{202c}", 20, "txt.exe"),
            ("zero width", "ad\u{200b}min\u{feff}", 20, "admin"),
            ("line separators", "a\u{2028}b\u{85}c", 20, "a b c"),
            ("tags", "a\u{e0041}b", 20, "ab"),
            ("exactly", "abcd", 4, "abcd"),
            ("too long", "abcde", 4, "abc…"),
            ("white space behind", "abcd  ", 4, "abcd"),
            ("characters, not bytes", "ééééé", 4, "ééé…"),
            ("nothing", "\u{200b}\n", 4, ""),
        ] {
            assert_eq!(one_line(text, max), want, "{name}");
        }
    }

    #[test]
    fn many_lines_are_some_lines() {
        assert_eq!(lines("a\n\nb\n", 3, 10), ["a", "b"]);
        assert_eq!(lines("a\nb\nc", 3, 10), ["a", "b", "c"]);
        assert_eq!(lines("a\nb\nc\nd", 3, 10), ["a", "b", "…"]);
    }

    #[test]
    fn an_escape_is_never_cut() {
        let html = |c| (c == '&').then_some("&amp;");
        for (text, max, want) in [
            ("a&b", 7, "a&amp;b"),
            ("a&b", 6, "a…"),
            ("&&&", 11, "&amp;&amp;…"),
            ("&&&", 15, "&amp;&amp;&amp;"),
            ("", 0, ""),
        ] {
            assert_eq!(escaped(text, max, html), want, "{text} in {max}");
        }
    }
}
