//! Where a value behind a name begins and ends.

use crate::name::NAME_MAX;

/// A value, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) is_quoted: bool,
}

/// So far a closing quote is looked for before the value is known to be a secret.
const NEAR: usize = 256;

/// A quote, with the backslashes before it in JSON within JSON: its length, 0 where there is none.
pub(crate) fn quote(bytes: &[u8], at: usize) -> usize {
    let slashes = bytes[at.min(bytes.len())..].iter().take(8).take_while(|byte| **byte == b'\\').count();
    match bytes.get(at + slashes) {
        Some(b'"' | b'\'' | b'`') => slashes + 1,
        _ => 0,
    }
}

/// The value that begins here, within the bytes that are near; a longer one has no end yet.
pub(crate) fn near(bytes: &[u8], at: usize) -> Value {
    let whole = bytes.len();
    read(&bytes[..whole.min(at.saturating_add(NEAR))], at)
}

/// The value that begins here.
pub(crate) fn read(bytes: &[u8], mut at: usize) -> Value {
    // `[Bearer …]`, `["…"]`, `("…")`: the value within.
    if matches!(bytes.get(at), Some(b'[' | b'(')) && bytes.get(at + 1) != Some(&b'(') {
        at += 1;
    }
    let opening = quote(bytes, at);
    if opening == 0 {
        return Value { start: at, end: end_of_word(bytes, at), is_quoted: false };
    }
    let start = at + opening;
    // The quote of a text that ends with a name: nothing follows.
    if matches!(bytes.get(start), None | Some(b',' | b'}' | b']' | b':')) {
        return Value { start, end: start, is_quoted: true };
    }
    let mark = bytes[start - 1];
    let mut slashes = 0;
    for (index, &byte) in bytes.iter().enumerate().skip(start) {
        // What is within a string of JSON ends with it: at a quote that is not escaped, whatever backslashes are.
        let closes = (byte == b'"' || byte == mark) && slashes < opening;
        if byte == b'\n' || closes || (byte == b'"' && slashes % 2 == 0) {
            let end = if byte == b'\n' { index } else { index - slashes };
            return Value { start, end: end.max(start), is_quoted: true };
        }
        slashes = if byte == b'\\' { slashes + 1 } else { 0 };
    }
    Value { start, end: bytes.len() - slashes, is_quoted: true }
}

/// A word that begins here.
pub(crate) fn word(bytes: &[u8], start: usize) -> std::ops::Range<usize> {
    start..end_of_word(bytes, start)
}

/// Where a value that is not quoted ends: at a space, a quote, or punctuation that another item follows.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            0..=b' ' | b'"' | b'\'' | b'`' | b'&' | b'<' => break,
            b'\\' => match bytes.get(at + 1) {
                // Escapes of JSON: what they stand for ends a value, too.
                None | Some(b'n' | b'r' | b't' | b'"' | b'\'' | b'u' | b'/') => break,
                Some(b'\\') if quote(bytes, at) > 0 => break,
                Some(next) => at += 1 + usize::from(next.is_ascii()),
            },
            b'%' if bytes[at..].starts_with(b"%26") => break,
            b',' | b';' | b'|' if item_follows(bytes, at + 1) => break,
            b')' | b']' | b'}' | b'>' if closes(bytes, at) => break,
            _ => at += 1,
        }
    }
    let trailing = |byte: &u8| matches!(byte, b'.' | b',' | b';' | b'!' | b'?' | b':');
    let word = &bytes[start..at.max(start)];
    start + word.iter().rposition(|byte| !trailing(byte)).map_or(0, |last| last + 1)
}

/// Whether nothing, a space, or another name with its value comes after a comma.
fn item_follows(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    let name =
        rest.iter().take(NAME_MAX).position(|byte| !byte.is_ascii_alphanumeric() && !b"_-. ".contains(byte));
    let is_end = rest.first().is_none_or(|byte| *byte <= b' ' || matches!(byte, b'"' | b'\'' | b'\\'));
    is_end || name.is_some_and(|end| end > 0 && matches!(rest.get(end), Some(b'=' | b':')))
}

/// Whether a bracket closes something: nothing else, or what goes on after it, follows.
fn closes(bytes: &[u8], at: usize) -> bool {
    let after = bytes[at..].iter().take(NAME_MAX).find(|byte| !matches!(byte, b')' | b']' | b'}' | b'>'));
    after.is_none_or(|byte| *byte <= b' ' || b"\"'\\,;.:".contains(byte))
}
