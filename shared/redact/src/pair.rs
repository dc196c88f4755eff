//! Secrets that are known by the name before them.

use crate::name::{NAME_MAX, Name, Strict};
use crate::value::{self, Value};
use std::ops::Range;

/// Schemes of the header `Authorization`.
const SCHEMES: [&[u8]; 8] =
    [b"basic", b"bearer", b"token", b"digest", b"negotiate", b"apikey", b"aws4-hmac-sha256", b"splunk"];

/// The secret behind a separator of `length` bytes (`=`, `:`) that a telling name stands before.
pub(crate) fn value(bytes: &[u8], at: usize, length: usize) -> Option<Range<usize>> {
    let is_path = bytes[at] == b':' && (bytes.get(at + 1) == Some(&b':') || at > 0 && bytes[at - 1] == b':');
    let (name, name_start) = name_before(bytes, at).filter(|_| !is_path)?;
    let kind = Name::read(name)?;
    let mut next = at + length;
    next += usize::from(matches!(bytes.get(next), Some(b'>' | b'=')));
    let spaces =
        bytes[next.min(bytes.len())..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).take(8).count();
    let start = next + spaces;
    if start >= bytes.len() {
        return None;
    }
    if kind == Name::Value {
        return is_named_value(bytes, name_start).then(|| whole(bytes, start, |_| true)).flatten();
    }
    // `rails credentials:edit`
    let is_plural = name.last().is_some_and(|byte| byte.eq_ignore_ascii_case(&b's'));
    if bytes[at] == b':' && spaces == 0 && name_start > 0 && bytes[name_start - 1] == b'/' {
        return None; // an image and its tag: `pay/secret:1.0`
    }
    let strict = if bytes[at] == b':' && (spaces > 0 || is_plural) { Strict::No } else { Strict::Yes };
    match kind {
        Name::Cookie if bytes[at] == b':' => cookie(bytes, start),
        Name::Cookie => None,
        Name::Authorization => authorization(bytes, start),
        _ => whole(bytes, start, |value| {
            let found = &bytes[value.start..value.end];
            // `password: unauthorized: …` goes on as a sentence.
            let is_clause = !value.is_quoted && strict == Strict::No && bytes.get(value.end) == Some(&b':');
            let strict = if value.is_quoted { Strict::Yes } else { strict };
            !is_clause && !opens(bytes, value) && kind.is_secret(found, strict)
        }),
    }
}

/// The value of an option: `--password hunter2`, `["--token", "x"]`, `-u user:password`.
pub(crate) fn flag(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let begins =
        at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'"' | b'\'' | b'[' | b'(' | b'`' | b'=');
    if !begins {
        return None;
    }
    let start = at + bytes[at..].iter().take(2).take_while(|byte| **byte == b'-').count();
    let rest = &bytes[start..];
    let length =
        rest.iter().take(NAME_MAX).position(|byte| !byte.is_ascii_alphanumeric() && !b"-_".contains(byte))?;
    let name = &rest[..length];
    if length == 0 {
        return None;
    }
    let mut next = start + length;
    let closing = value::quote(bytes, next);
    next += closing;
    // Lists are written with quotes, and without.
    let comma = usize::from(bytes.get(next) == Some(&b','));
    if closing == 0 && comma == 1 && bytes.get(next + 1) != Some(&b' ') {
        return None;
    }
    next += comma;
    let spaces = bytes[next.min(bytes.len())..].iter().take_while(|byte| **byte == b' ').take(4).count();
    next += spaces;
    if (spaces == 0 && closing == 0) || matches!(bytes.get(next), None | Some(b'-')) {
        return None;
    }
    if name == b"u" || name == b"user" {
        let value = value::near(bytes, next);
        let login = &bytes[value.start..value.end];
        let password = login.iter().position(|byte| *byte == b':').map(|colon| value.start + colon + 1)?;
        let found = &bytes[password..value.end];
        let is_secret = !found.iter().all(u8::is_ascii_digit) && !found.starts_with(b"/");
        return (is_secret && Name::Password.is_secret(found, Strict::Yes)).then_some(password..value.end);
    }
    let kind =
        Name::read(name).filter(|kind| matches!(kind, Name::Password | Name::Secret | Name::SecretItself))?;
    whole(bytes, next, |value| {
        let found = &bytes[value.start..value.end];
        let after = value.end + value::quote(bytes, value.end);
        if value.is_quoted && bytes.get(after) == Some(&b':') {
            return false; // a key: the list, or the text, has ended before
        }
        // `--token is required` is a sentence.
        kind.is_secret(found, Strict::No) || (kind == Name::Secret && kind.is_secret(found, Strict::Yes))
    })
}

/// The name that ends before a separator, and where it begins: `"name" :`, `path['name'] =`.
fn name_before(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let from = at.saturating_sub(NAME_MAX + 16);
    let mut before = &bytes[from..at];
    let mut strip = |is: fn(&u8) -> bool, max: usize| {
        let length = before.iter().rev().take(max).take_while(|byte| is(byte)).count();
        before = &before[..before.len() - length];
    };
    strip(|byte| matches!(byte, b' ' | b'\t'), 2);
    strip(|byte| *byte == b']', 1);
    strip(|byte| matches!(byte, b'"' | b'\'' | b'`'), 1);
    strip(|byte| *byte == b'\\', 7);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = before.iter().rev().take(NAME_MAX).take_while(|byte| is_part(byte)).count();
    let name = &before[before.len() - length..];
    (!name.is_empty()).then_some((name, from + before.len() - length))
}

/// A value, if its beginning is a secret's.
fn whole(bytes: &[u8], start: usize, is_secret: impl Fn(Value) -> bool) -> Option<Range<usize>> {
    let near = value::near(bytes, start);
    if near.start >= near.end || !is_secret(near) {
        return None;
    }
    let value = value::read(bytes, start);
    (value.start < value.end).then_some(value.start..value.end)
}

/// Whether a value that is not quoted is the beginning of a list or a map.
fn opens(bytes: &[u8], value: Value) -> bool {
    !value.is_quoted && matches!(bytes[value.start], b'{' | b'[' | b'&')
}

/// What proves it, behind its scheme or alone.
fn authorization(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let value = value::near(bytes, start);
    let first = bytes[value.start..].iter().take(24).position(|byte| *byte == b' ');
    let Some(length) = first else {
        return whole(bytes, start, |value| {
            Name::Authorization.is_secret(&bytes[value.start..value.end], Strict::No)
        });
    };
    let scheme = bytes[value.start..value.start + length].to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_slice()) {
        return whole(bytes, start, |value| {
            Name::Authorization.is_secret(&bytes[value.start..value.end], Strict::No)
        });
    }
    // To the closing quote, if it is quoted, as far as a word goes.
    let proof = value::word(bytes, value.start + length + 1);
    (proof.start < proof.end && Name::Password.is_secret(&bytes[proof.clone()], Strict::No)).then_some(proof)
}

/// All cookies of a header.
fn cookie(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let start = start + value::quote(bytes, start);
    let ends = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\'' | b'\\');
    let length = bytes[start..].iter().position(ends).unwrap_or(bytes.len() - start);
    Name::Cookie.is_secret(&bytes[start..start + length], Strict::Yes).then_some(start..start + length)
}

/// Whether the key `value` belongs to an item `{name: X, value: …}`, as environment variables are written.
fn is_named_value(bytes: &[u8], key: usize) -> bool {
    const BACK: usize = 320;
    let before = &bytes[key.saturating_sub(BACK)..key];
    let is_gap = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\\' | b'"' | b'\'');
    let back = |end: usize, is: &dyn Fn(&u8) -> bool| {
        before[..end].iter().rposition(|byte| !is(byte)).map(|last| last + 1)
    };
    let Some(comma) = back(before.len(), &is_gap).filter(|end| before[end - 1] == b',') else { return false };
    let Some(name_end) = back(comma - 1, &is_gap) else { return false };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let Some(name_start) = back(name_end, &is_name).filter(|start| *start < name_end) else { return false };
    let Some(colon) = back(name_start, &is_gap).filter(|end| before[end - 1] == b':') else { return false };
    let Some(key_end) = back(colon - 1, &is_gap) else { return false };
    before[..key_end].len() >= 4 && before[key_end - 4..key_end].eq_ignore_ascii_case(b"name")
}
