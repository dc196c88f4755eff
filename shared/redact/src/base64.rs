//! The first bytes of what a text in base64 stands for.

/// Of either alphabet.
pub(crate) const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Up to `max` characters are read; what cannot be read ends it.
pub(crate) fn decode(text: &[u8], max: usize) -> Vec<u8> {
    let (mut bits, mut held) = (0u32, 0);
    let mut bytes = Vec::new();
    for &byte in text.iter().take(max) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = (bits << 6 | u32::from(six)) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.extend(u8::try_from(bits >> held & 0xff));
        }
    }
    bytes
}

/// Whether it stands for `user:password`.
pub(crate) fn is_login(text: &[u8]) -> bool {
    let login = decode(text, 512);
    let is_printable = login.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte >= 0x80);
    text.len() >= 6 && is_printable && login.iter().skip(1).any(|byte| *byte == b':')
}

/// Whether a word that is noticed by how it begins stands for something that holds one of these.
pub(crate) fn stands_for(text: &[u8], any: &[&[u8]]) -> bool {
    let start = decode(text, 64);
    any.iter().any(|what| start.windows(what.len()).any(|window| window == *what))
}
