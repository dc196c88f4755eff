//! Logins in addresses and in connection strings.

use crate::text::MASK;
use std::ops::Range;

const SCHEME_MAX: usize = 32;
/// How far a login is looked for that holds what a login should not (`/`, `#`).
const LOGIN_MAX: usize = 256;

/// `user:password` of `scheme://user:password@host`, noticed by the colon of the scheme.
pub(crate) fn userinfo(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let slashes: &[u8] = if bytes[at..].starts_with(b":\\/\\/") { b":\\/\\/" } else { b"://" };
    let start = at + bytes[at..].strip_prefix(slashes).map(|_| slashes.len())?;
    let ends = |byte: &u8| *byte <= b' ' || matches!(byte, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'`');
    let rest = &bytes[start..];
    let authority = rest.iter().position(|byte| ends(byte) || matches!(byte, b'/' | b'?' | b'#'));
    let authority = &rest[..authority.unwrap_or(rest.len())];
    let length = if let Some(length) = authority.iter().rposition(|byte| *byte == b'@') {
        length
    } else {
        // A port is a number; what stands there else may be a password with a slash in it.
        let colon = authority.iter().position(|byte| *byte == b':')?;
        let after = &authority[colon + 1..];
        if authority.starts_with(b"[") || after.is_empty() || after.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let near = &rest[..rest.len().min(LOGIN_MAX)];
        let near = &near[..near.iter().position(ends).unwrap_or(near.len())];
        near.iter().rposition(|byte| *byte == b'@')?
    };
    let login = &rest[..length];
    let is_image = is_image(scheme(bytes, at)) || rest[length + 1..].starts_with(b"sha256:");
    (!is_image && is_secret(login)).then_some(start..start + length)
}

fn scheme(bytes: &[u8], at: usize) -> &[u8] {
    let before = &bytes[at.saturating_sub(SCHEME_MAX)..at];
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let from = before.iter().rposition(|byte| !is_part(byte)).map_or(0, |other| other + 1);
    &before[from..]
}

/// `docker-pullable://nginx:1@sha256:…` names an image.
fn is_image(scheme: &[u8]) -> bool {
    [&b"docker"[..], b"docker-pullable", b"containerd", b"cri-o", b"oci"].contains(&scheme)
}

/// Whether a login has a password that is not masked yet, or is a token itself.
fn is_secret(login: &[u8]) -> bool {
    if let Some(colon) = login.iter().position(|byte| *byte == b':') {
        return !is_masked(&login[colon + 1..]);
    }
    let has = |is: fn(&u8) -> bool| login.iter().any(is);
    login.len() >= 16 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Also as others mask: `xxxxx`, `REDACTED`.
pub(crate) fn is_masked(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.is_empty()
        || text.starts_with(MASK.as_bytes())
        || (text.len() >= 3 && text.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X')))
        || [&b"redacted"[..], b"[redacted", b"(redacted", b"<redacted", b"<secret", b"%5bredacted"]
            .iter()
            .any(|word| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

/// The password of `user:password@tcp(host:3306)/db`, and what stands before the `@` of `oracle:thin:`.
pub(crate) fn login(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let before = &bytes[at.saturating_sub(LOGIN_MAX)..at];
    let ends = |byte: &u8| *byte <= b' ' || matches!(byte, b'"' | b'\'' | b'\\' | b'`');
    let start = before.iter().rposition(ends).map_or(0, |other| other + 1);
    let run = &before[start..];
    let from =
        if [&b"tcp("[..], b"tcp6(", b"unix(", b"udp("].iter().any(|net| bytes[at + 1..].starts_with(net)) {
            run.iter().position(|byte| *byte == b':')? + 1
        } else {
            let thin = b":thin:";
            run.windows(thin.len()).position(|window| window == thin)? + thin.len()
        };
    (!is_masked(&run[from..])).then(|| at - (run.len() - from)..at)
}
