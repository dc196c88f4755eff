//! The limits of SQS, checked before a message leaves and in the same words over memory, so that what passes a
//! test on memory is not refused in the cloud.

use crate::{Body, Message};
use std::time::Duration;

/// The attribute that carries a pack.
pub const PACK_ATTRIBUTE: &str = "pack";
/// The text that goes with a pack; a message without text is not accepted.
pub(crate) const PACK_TEXT: &str = r#"{"type":"pack"}"#;
/// The largest message, text and attributes together, and the largest batch.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// The most messages of one batch.
pub(crate) const BATCH_MAX: usize = 10;
/// The most attributes of a message, beside the pack.
const ATTRIBUTES_MAX: usize = 8;
/// The longest name of an attribute.
const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;

/// A message as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) text: String,
    pub(crate) pack: Option<Vec<u8>>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) delay: Duration,
    pub(crate) bytes: usize,
}

/// Brings a message into the form in which a queue takes it, or says why none will.
pub(crate) fn to_wire(message: Message) -> Result<Wire, String> {
    let Message { body, delay, attributes } = message;
    let (text, pack) = match body {
        Body::Text(text) => (sendable_text(text)?, None),
        Body::Pack(pack) if pack.is_empty() => return Err("the pack is empty".to_owned()),
        Body::Pack(pack) => (PACK_TEXT.to_owned(), Some(pack)),
    };
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(format!("{} attributes, at most {ATTRIBUTES_MAX} go", attributes.len()));
    }
    let attributes = attributes.into_iter().map(sendable_attribute).collect::<Result<Vec<_>, _>>()?;
    let attributes: Vec<_> = attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let pack_bytes = pack.as_ref().map_or(0, |pack| PACK_ATTRIBUTE.len() + "Binary".len() + pack.len());
    let attribute_bytes: usize = attributes.iter().map(|(n, v)| n.len() + "String".len() + v.len()).sum();
    let bytes = text.len() + pack_bytes + attribute_bytes;
    if bytes > MESSAGE_BYTES_MAX {
        return Err(format!("the message has {bytes} bytes, at most {MESSAGE_BYTES_MAX} go"));
    }
    Ok(Wire { text, pack, attributes, delay: whole_seconds(delay), bytes })
}

/// A queue's delay counts in whole seconds; nothing comes early.
fn whole_seconds(delay: Duration) -> Duration {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    Duration::from_secs(seconds).min(Message::DELAY_MAX)
}

/// SQS takes the characters of XML 1.0 only. JSON strings may hold two others, which are escaped; control
/// characters are not JSON at all and are refused.
fn sendable_text(text: String) -> Result<String, String> {
    if text.is_empty() {
        return Err("the text is empty".to_owned());
    }
    if let Some(control) = text.bytes().find(|b| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')) {
        let control = char::from(control);
        return Err(format!("the text holds the character {control:?}, which a queue does not take"));
    }
    // Both begin with this byte, and little else does.
    if memchr::memchr(0xef, text.as_bytes()).is_some() && text.contains(['\u{fffe}', '\u{ffff}']) {
        return Ok(text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"));
    }
    Ok(text)
}

/// Values are for people: what a queue would not take is replaced. An empty value is left out later.
fn sendable_attribute((name, value): (String, String)) -> Result<(String, String), String> {
    let sound = !name.is_empty()
        && name.len() <= ATTRIBUTE_NAME_BYTES_MAX
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !sound || name == PACK_ATTRIBUTE {
        return Err(format!("\"{name}\" is no name for an attribute of a message"));
    }
    let replaced = value.chars().map(|c| match c {
        '\t' | '\n' | '\r' => c,
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        c if c < ' ' => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    Ok((name, replaced.collect()))
}
