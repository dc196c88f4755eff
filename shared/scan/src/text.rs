use memchr::memchr;
use std::borrow::Cow;

/// The text of a JSON string, given with its quotes; `None` for any other value.
///
/// Borrowed where nothing is escaped. What cannot be text (a lone surrogate, bytes that are no UTF-8, an escape
/// that JSON does not know) becomes U+FFFD: a name from a broken object must still be printable.
pub fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr(b'\\', inner).is_none() {
        return Some(String::from_utf8_lossy(inner));
    }
    Some(Cow::Owned(unescape(inner)))
}

/// Whether a key, given without its quotes, is `wanted`.
pub(crate) fn key_is(raw: &[u8], wanted: &str) -> bool {
    raw == wanted.as_bytes() || (memchr(b'\\', raw).is_some() && unescape(raw) == wanted)
}

fn unescape(inner: &[u8]) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(hit) = memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(hit);
        out.push_str(&String::from_utf8_lossy(plain));
        let (c, length) = escaped(escape);
        out.push(c);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(rest));
    out
}

/// The character that an escape at the beginning of `bytes` stands for, and the escape's length.
fn escaped(bytes: &[u8]) -> (char, usize) {
    let c = match bytes.get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(bytes),
        _ => char::REPLACEMENT_CHARACTER,
    };
    (c, 2)
}

fn unicode(bytes: &[u8]) -> (char, usize) {
    let Some(first) = hex4(bytes, 2) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(c) = char::from_u32(first) {
        return (c, 6);
    }
    // A surrogate: the first half of a pair, or on its own and thus no text.
    let second = (bytes.get(6..8) == Some(b"\\u")).then(|| hex4(bytes, 8)).flatten();
    if let (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) = (first, second) {
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::REPLACEMENT_CHARACTER, 6)
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |n, &b| Some(n * 16 + char::from(b).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_text() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (br#""plain""#, Some("plain")),
            (br#""a\u003cb\u003e""#, Some("a<b>")),
            (br#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (br#""\ud83d\ude00!""#, Some("😀!")),
            (br#""\ud83d!""#, Some("\u{fffd}!")),
            (br#""\ud83d\u0041""#, Some("\u{fffd}A")),
            (br#""\ude00""#, Some("\u{fffd}")),
            (br#""\u12""#, Some("\u{fffd}12")),
            (br#""\x""#, Some("\u{fffd}")),
            (b"\"\xff\"", Some("\u{fffd}")),
            (br#""""#, Some("")),
            (b"12", None),
            (b"\"", None),
            (b"", None),
        ];
        for (raw, want) in cases {
            assert_eq!(text(raw).as_deref(), *want, "{}", String::from_utf8_lossy(raw));
        }
    }
}
