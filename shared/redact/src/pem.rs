use std::ops::Range;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const LABEL_MAX: usize = 64;

/// The body of a private key. Line ends in it may be written as `\n`.
pub(crate) fn private_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes[at..].strip_prefix(BEGIN)?;
    let length = rest.windows(DASHES.len()).take(LABEL_MAX).position(|window| window == DASHES)?;
    let is_private = rest[..length].windows(11).any(|window| window == b"PRIVATE KEY");
    let start = at + BEGIN.len() + length + DASHES.len();
    let mut end = start;
    while let Some(&byte) = bytes.get(end).filter(|_| is_private) {
        match byte {
            b'-' if bytes[end..].starts_with(DASHES) => break,
            b'\\' if matches!(bytes.get(end + 1), Some(b'n' | b'r' | b't' | b'\\')) => end += 2,
            b'+' | b'/' | b'=' | b':' | b',' | b'-' | b'.' | b'|' => end += 1,
            _ if byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() => end += 1,
            _ => break,
        }
    }
    let is_body = bytes[start..end].iter().any(u8::is_ascii_alphanumeric);
    // What was masked before is not noticed again.
    (is_body && !bytes[start..end].iter().all(|byte| matches!(byte, b'n' | b'\\' | b'\n')))
        .then_some(start..end)
}
