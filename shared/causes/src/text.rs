//! A text as somebody wrote it, and the same made fit for reading: bounded, without escapes, one kind of quotes.

use serde::{Deserialize, Serialize};

/// Where a text was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `state.waiting` or `state.terminated` of a container.
    Waiting,
    /// An Event's message.
    #[default]
    Event,
    /// A condition's message, or a status's.
    Condition,
    /// What a container, or a component, wrote.
    Log,
}

/// One text to classify. `reason` is the machine's word beside it (`ErrImagePull`, `FailedMount`), or empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text<'a> {
    /// Where it was found.
    pub kind: Kind,
    /// The machine's word beside it, or empty.
    pub reason: &'a str,
    /// The text.
    pub text: &'a str,
}

impl<'a> Text<'a> {
    /// A text that an Event carries.
    pub const fn event(reason: &'a str, text: &'a str) -> Self {
        Self { kind: Kind::Event, reason, text }
    }

    /// A text beside a container's state.
    pub const fn waiting(reason: &'a str, text: &'a str) -> Self {
        Self { kind: Kind::Waiting, reason, text }
    }

    /// A text of a condition.
    pub const fn condition(reason: &'a str, text: &'a str) -> Self {
        Self { kind: Kind::Condition, reason, text }
    }

    /// Whether its words are those of a part of the cluster (the kubelet, the scheduler, a driver), not of any program.
    pub fn is_of_the_cluster(&self) -> bool {
        crate::context::is_of_the_cluster(self)
    }

    /// Lines of a log.
    pub const fn log(text: &'a str) -> Self {
        Self { kind: Kind::Log, reason: "", text }
    }
}

/// What is read of a longer text: its head, where wrappers name the object, and its tail, where errors end.
const HEAD_BYTES: usize = 16 << 10;
const TAIL_BYTES: usize = 48 << 10;

/// A text made fit for reading.
#[derive(Debug)]
pub(crate) struct Normal {
    /// Bounded, without terminal escapes and control characters (line ends stay), with straight quotes.
    pub(crate) text: String,
    /// The same in lower case; offsets are those of `text`, as only ASCII letters differ.
    pub(crate) lower: String,
}

impl Normal {
    pub(crate) fn new(raw: &str) -> Self {
        let mut text = String::with_capacity(raw.len().min(HEAD_BYTES + TAIL_BYTES) + 1);
        let (head, tail) = bounded(raw);
        clean(head, &mut text);
        if !tail.is_empty() {
            text.push('\n');
            clean(tail, &mut text);
        }
        let text = prodrome_redact::redact_string(text);
        let lower = text.to_ascii_lowercase();
        Self { text, lower }
    }

    /// The line around an offset, as a range.
    pub(crate) fn line(&self, at: usize) -> std::ops::Range<usize> {
        let bytes = self.text.as_bytes();
        let at = at.min(bytes.len());
        let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |n| n + 1);
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
        start..end
    }
}

/// How far back a text may be cut so that no word is.
const WORD_CHARS: usize = 40;

/// A text of at most `max` characters and, where it had to be cut, `…`: behind a whole word, or within one that is very
/// long, never within a character.
///
/// ```
/// assert_eq!(prodrome_causes::shortened("connect: connection refused", 20), "connect: connection…");
/// ```
pub fn shortened(text: &str, max: usize) -> String {
    let text = text.trim();
    let Some((cut, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let kept = text.get(..cut).unwrap_or_default();
    let whole = text.get(cut..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
    let word = kept
        .rfind(char::is_whitespace)
        .filter(|at| !whole && kept.get(*at..).is_some_and(|w| w.chars().count() <= WORD_CHARS));
    let kept = word.and_then(|at| kept.get(..at)).unwrap_or(kept);
    format!("{}…", kept.trim_end())
}

/// A part of a line from about `start` on, cut between words and marked where it is cut.
pub(crate) fn excerpt(text: &str, line: std::ops::Range<usize>, start: usize, max: usize) -> String {
    if start <= line.start {
        return shortened(text.get(line).unwrap_or_default(), max);
    }
    let rest = text.get(text.floor_char_boundary(start)..line.end).unwrap_or_default();
    let word = rest.char_indices().take(WORD_CHARS).find(|(_, c)| c.is_whitespace()).map_or(0, |(at, _)| at);
    format!("…{}", shortened(rest.get(word..).unwrap_or_default(), max))
}

fn bounded(raw: &str) -> (&str, &str) {
    if raw.len() <= HEAD_BYTES + TAIL_BYTES {
        return (raw, "");
    }
    let head = raw.floor_char_boundary(HEAD_BYTES);
    let tail = raw.ceil_char_boundary(raw.len() - TAIL_BYTES);
    (raw.get(..head).unwrap_or_default(), raw.get(tail..).unwrap_or_default())
}

/// Appends `raw` without escapes: of the terminal (CSI, OSC), of quoting (`\"`, `\n`), of typography.
fn clean(raw: &str, out: &mut String) {
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\\' => match chars.peek() {
                Some('"') => {
                    // The quote itself follows.
                }
                Some('n') if ends_a_line(out) => {
                    chars.next();
                    out.push('\n');
                }
                _ => out.push('\\'),
            },
            '\n' => out.push('\n'),
            '\u{2018}' | '\u{2019}' | '\u{00b4}' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{00ab}' | '\u{00bb}' => out.push('"'),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            c if c.is_control() || c == '\u{a0}' => out.push(' '),
            c => out.push(c),
        }
    }
}

/// Whether a `\n` here is a quoted line end rather than a part of a path such as `C:\new`.
fn ends_a_line(out: &str) -> bool {
    !out.ends_with([':', '\\'])
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']') => {
            // An operating system command ends with BEL or with ESC \; it is never longer than a line.
            while let Some(&c) = chars.peek() {
                if c == '\n' {
                    return;
                }
                chars.next();
                if c == '\u{7}' || c == '\u{9c}' {
                    return;
                }
                if c == '\u{1b}' {
                    if chars.peek() == Some(&'\\') {
                        chars.next();
                    }
                    return;
                }
            }
        }
        Some('(' | ')') => {
            chars.next();
            chars.next();
        }
        _ => {}
    }
}

/// Parameters end at the first letter-like byte; anything else is no sequence and stays.
fn skip_csi(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(&c) = chars.peek() {
        match c {
            '0'..='9' | ';' | ':' | '?' | '<' | '=' | '>' | ' '..='/' => {
                chars.next();
            }
            '@'..='~' => {
                chars.next();
                return;
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words_and_says_so() {
        let long = "é".repeat(100);
        let table = [
            ("one two three", 20, "one two three"),
            ("one two three", 9, "one two…"),
            ("one two three", 7, "one two…"),
            ("one two three", 4, "one…"),
            (&*long, 10, &*format!("{}…", "é".repeat(10))),
            ("", 5, ""),
        ];
        for (text, max, want) in table {
            assert_eq!(shortened(text, max), want);
        }
        let text = "alpha beta gamma delta epsilon";
        assert_eq!(excerpt(text, 0..text.len(), 8, 12), "…gamma delta…");
        assert_eq!(excerpt(text, 0..text.len(), 0, 12), "alpha beta…");
    }

    #[test]
    fn escapes_and_typography_vanish() {
        let table = [
            ("\u{1b}[31merror\u{1b}[0m: x", "error: x"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("path \\\"/a\\\" gone", "path \"/a\" gone"),
            ("‘a’ “b”", "'a' \"b\""),
            ("one\\ntwo", "one\ntwo"),
            ("C:\\new", "C:\\new"),
            ("a\u{202e}b\u{0}c", "ab c"),
        ];
        for (raw, want) in table {
            assert_eq!(Normal::new(raw).text, want, "{raw:?}");
        }
    }

    #[test]
    fn a_long_text_keeps_its_head_and_its_tail() {
        let raw = format!("head{}tail", "é".repeat(1 << 20));
        let normal = Normal::new(&raw);
        assert!(normal.text.len() <= HEAD_BYTES + TAIL_BYTES + 1);
        assert!(normal.text.starts_with("head") && normal.text.ends_with("tail"));
    }

    #[test]
    fn offsets_are_the_same_in_lower_case() {
        let normal = Normal::new("İSTANBUL Ä Error");
        assert_eq!(normal.text.len(), normal.lower.len());
        assert_eq!(normal.line(4), 0..normal.text.len());
    }
}
