use crate::address::is_masked;
use crate::{base64, value};
use std::ops::Range;

/// What stands after `Bearer`, `Basic`, or SQL's `IDENTIFIED BY`.
pub(crate) fn credentials(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is =
        |word: &[u8]| bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
    if is(b"bearer ") {
        let start = at + 7;
        let end = end_of(bytes, start, |byte| base64::is_base64(byte) || matches!(byte, b'.' | b'~'));
        return is_bearer(&bytes[start..end], bytes.get(end)).then_some(start..end);
    }
    if is(b"identified by ") && is_about_a_user(bytes, at) {
        let value = value::read(bytes, at + 14);
        return (value.is_quoted && !is_masked(&bytes[value.start..value.end]))
            .then_some(value.start..value.end);
    }
    if is(b"basic ") {
        let start = at + 6;
        let end = end_of(bytes, start, base64::is_base64);
        return base64::is_login(&bytes[start..end]).then_some(start..end);
    }
    None
}

pub(crate) fn end_of(bytes: &[u8], start: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let length = bytes[start..].iter().position(|byte| !is_part(*byte));
    length.map_or(bytes.len(), |length| start + length)
}

/// `Bearer realm="…"` asks for a token, and `bearer token` speaks of one.
fn is_bearer(token: &[u8], next: Option<&u8>) -> bool {
    if token.contains(&b'=') && matches!(next, Some(b'"' | b'\\')) && token.ends_with(b"=") {
        return false;
    }
    let is_words = token.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'.' | b'/'));
    let has_digit = token.iter().any(u8::is_ascii_digit);
    !is_words && (token.len() >= 16 || (token.len() >= 6 && has_digit) || token.starts_with(b"eyJ"))
}

/// A statement of SQL that makes a user, not a sentence.
fn is_about_a_user(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[at.saturating_sub(128)..at];
    before
        .windows(5)
        .any(|window| window.eq_ignore_ascii_case(b"user ") || window.eq_ignore_ascii_case(b"grant"))
}
