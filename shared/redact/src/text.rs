use crate::name::{Name, Strict};
use crate::{address, pair, pem, scheme, token};
use std::borrow::Cow;
use std::ops::Range;

/// What stands for a secret.
pub const MASK: &str = "***";

/// The text with [`MASK`] in the place of each secret.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut masked = String::new();
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        let secret = secret_at(bytes, at).map(|secret| secret.start.max(from)..secret.end);
        at += 1;
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            masked.push_str(text.get(from..secret.start).unwrap_or_default());
            masked.push_str(MASK);
            from = secret.end;
            // What is part of a secret is not looked at again.
            at = at.max(secret.end);
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(masked)
}

/// The same, of a text that is owned already.
pub fn redact_string(text: String) -> String {
    match redact(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => masked,
    }
}

/// A value that has a name, such as a label's: the name may tell that it is a secret.
///
/// ```
/// assert_eq!(prodrome_redact::redact_named("db-password", "hunter2"), "***");
/// assert_eq!(prodrome_redact::redact_named("app", "web"), "web");
/// ```
pub fn redact_named<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    match Name::read(name.as_bytes()) {
        Some(name) if name.is_secret(value.as_bytes(), Strict::Yes) => Cow::Borrowed(MASK),
        _ => redact(value),
    }
}

/// The secret that a byte gives away. Whatever looks ahead or back here does so for a bounded number of bytes, or
/// over bytes that become part of the secret.
fn secret_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    match bytes[at] {
        b'-' => pem::private_key(bytes, at).or_else(|| pair::flag(bytes, at)),
        b':' => address::userinfo(bytes, at).or_else(|| pair::value(bytes, at, 1)),
        b'=' => pair::value(bytes, at, 1),
        // As it is written within addresses and within JSON.
        b'%' if bytes[at..].starts_with(b"%3D") || bytes[at..].starts_with(b"%3d") => {
            pair::value(bytes, at, 3)
        }
        b'\\' if bytes[at..].starts_with(b"\\u003d") => pair::value(bytes, at, 6),
        b'@' => address::login(bytes, at),
        b if b.is_ascii_alphanumeric() && begins_word(bytes, at) => {
            token::token(bytes, at).or_else(|| scheme::credentials(bytes, at))
        }
        _ => None,
    }
}

/// Whether a word begins here: letters before it may be those of an escape, such as `\n` or `%3D`.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| bytes[before]) else { return true };
    if !before.is_ascii_alphanumeric() {
        return true;
    }
    let is_escape = |length: usize, mark: &[u8]| {
        at.checked_sub(length).is_some_and(|start| bytes[start..].starts_with(mark))
    };
    (matches!(before, b'n' | b'r' | b't') && is_escape(2, b"\\"))
        || is_escape(3, b"%")
        || is_escape(6, b"\\u00")
}
