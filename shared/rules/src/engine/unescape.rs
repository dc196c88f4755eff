use crate::json::{JsonError, JsonFault};

/// Undoes the escapes of a string that stands in `json` from `begin` to `end`, without its quotes, as
/// [`json::parse`](crate::json::parse) does.
pub(super) fn unescape(json: &str, begin: usize, end: usize, out: &mut String) -> Result<(), JsonError> {
    let mut at = begin;
    out.clear();
    while let Some(rest) = json.get(at..end).filter(|rest| !rest.is_empty()) {
        let Some((plain, escape)) = rest.split_once('\\') else {
            out.push_str(rest);
            break;
        };
        out.push_str(plain);
        at += plain.len();
        let fault = JsonError { fault: JsonFault::BadEscape, offset: at };
        let (c, length) = escaped(escape.as_bytes()).ok_or(fault)?;
        out.push(c);
        at += 1 + length;
    }
    Ok(())
}

/// The character that what follows a backslash stands for, and how long that is.
fn escaped(bytes: &[u8]) -> Option<(char, usize)> {
    let c = match bytes.first()? {
        byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = four_digits(bytes.get(1..)?)?;
            let second = bytes.get(5..).and_then(|rest| rest.strip_prefix(b"\\u"));
            if (0xd800..0xdc00).contains(&high)
                && let Some(second) = second
            {
                let low = four_digits(second)?;
                if (0xdc00..0xe000).contains(&low) {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    return Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11));
                }
            }
            return Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 5));
        }
        _ => return None,
    };
    Some((c, 1))
}

fn four_digits(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(..4)?;
    digits.iter().try_fold(0, |code, byte| Some(code * 16 + char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_what_the_parser_reads(
            text in r#"(\\u(00|d8|dc|DB|fF)[0-9a-f]{2}|\\["\\/bfnrtux]|[é\\a0]){0,8}"#,
        ) {
            let quoted = format!("\"{text}\"");
            if let Ok(node) = json::parse(quoted.as_bytes()) {
                let mut out = String::new();
                prop_assert!(unescape(&quoted, 1, quoted.len() - 1, &mut out).is_ok());
                prop_assert_eq!(Some(out.as_str()), node.text());
            }
        }
    }
}
