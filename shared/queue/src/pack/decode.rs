use super::{PackError, PackHead, VERSION};
use jiff::Timestamp;
use memchr::memmem;
use prodrome_model::{Change, ChangeKind, RawJson, Waybill};
use prodrome_scan::scanner::{self, Level};
use serde::Deserialize;
use std::io::{ErrorKind, Read as _};
use zstd::stream::read::Decoder;

/// The largest window a frame may ask for (2²³ bytes), so that a hostile head does not take the memory that
/// the cap on the content is to save. Our own frames ask for 2¹⁹.
const WINDOW_LOG_MAX: u32 = 23;
/// So much of a malformed line is kept.
const BAD_RAW_BYTES_MAX: usize = 4096;
/// And so much of what is wrong with a line: serde names what it found, whatever its length.
const REASON_BYTES_MAX: usize = 1024;

/// A pack that was read as a whole.
#[derive(Debug)]
pub struct DecodedPack {
    /// What it says of all its changes.
    pub head: PackHead,
    /// How far behind its cluster the watcher was that made it; absent where something else made it.
    pub lag_seconds: Option<u32>,
    /// The version of the rules that its maker had heard of; 0 where it has heard of none.
    pub rules: u64,
    /// How its changes are numbered; absent where nobody counts them.
    pub waybill: Option<Waybill>,
    /// What its maker's clock showed when it was made, or made anew to be sent once more; absent where it did not say.
    pub made_at: Option<Timestamp>,
    /// The changes in their order, each by itself well-formed or not.
    pub changes: Vec<Result<Change, BadChange>>,
    /// How many bytes it inflated to.
    pub raw_bytes: usize,
}

/// A line of a pack that is no change. The other lines are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the pack is no change: {reason}")]
pub struct BadChange {
    /// Its number; the head is line 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
    /// The line, cut to 4 KiB; what is not UTF-8 is replaced.
    pub raw: String,
    /// How many bytes the line has.
    pub bytes: usize,
}

impl BadChange {
    /// The stable code, for the attribute of a dead letter and for metrics.
    pub const CODE: &'static str = "change_malformed";
}

/// Reads a pack that inflates to at most `uncompressed_max` bytes.
pub fn decode(bytes: &[u8], uncompressed_max: usize) -> Result<DecodedPack, PackError> {
    let text = inflate(bytes, uncompressed_max)?;
    let mut lines = Lines { rest: &text };
    let FirstLine { head, lag_seconds, rules, waybill, made_at } =
        parse_head(lines.next().ok_or(PackError::Empty)?)?;
    let changes = lines.enumerate().map(|(index, line)| parse_change(index + 2, line)).collect();
    Ok(DecodedPack { head, lag_seconds, rules, waybill, made_at, changes, raw_bytes: text.len() })
}

fn inflate(bytes: &[u8], uncompressed_max: usize) -> Result<Vec<u8>, PackError> {
    if bytes.is_empty() {
        return Err(PackError::Empty);
    }
    let corrupt = |error: std::io::Error| PackError::Corrupt { reason: error.to_string() };
    let mut decoder = frame(bytes)?;
    let mut text = Vec::with_capacity(bytes.len().saturating_mul(8).min(uncompressed_max));
    let cap = u64::try_from(uncompressed_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = decoder.by_ref().take(cap).read_to_end(&mut text);
    if text.len() > uncompressed_max {
        return Err(PackError::Inflates { max: uncompressed_max });
    }
    match read {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(PackError::Truncated { lines: memchr::memchr_iter(b'\n', &text).count() });
        }
        Err(error) => return Err(corrupt(error)),
        Ok(_) => {}
    }
    match decoder.finish().len() {
        0 => Ok(text),
        more => Err(PackError::Corrupt { reason: format!("{more} bytes follow its end") }),
    }
}

/// The one frame of a pack, as it inflates.
pub(super) fn frame(bytes: &[u8]) -> Result<Decoder<'_, &[u8]>, PackError> {
    let corrupt = |error: std::io::Error| PackError::Corrupt { reason: error.to_string() };
    let mut decoder = Decoder::with_buffer(bytes).map_err(corrupt)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(corrupt)?;
    Ok(decoder)
}

struct FirstLine {
    head: PackHead,
    lag_seconds: Option<u32>,
    rules: u64,
    waybill: Option<Waybill>,
    made_at: Option<Timestamp>,
}

fn parse_head(line: &[u8]) -> Result<FirstLine, PackError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Lagging {
        lag_seconds: Option<u32>,
    }
    #[derive(Deserialize)]
    struct Informed {
        rules: u64,
    }
    #[derive(Deserialize)]
    struct Counted {
        waybill: Waybill,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Timed {
        made_at: Timestamp,
    }
    let unreadable =
        |error: serde_json::Error| PackError::Head { reason: cut(&error.to_string(), REASON_BYTES_MAX) };
    let Versioned { version } = serde_json::from_slice(line).map_err(unreadable)?;
    if version != u64::from(VERSION) {
        return Err(PackError::Version { found: version });
    }
    let head: PackHead = serde_json::from_slice(line).map_err(unreadable)?;
    if !head.scope.is_sound() {
        let reason = "the scope has a part that is empty, too long, or of more than letters, digits, dots, dashes and underscores";
        return Err(PackError::Head { reason: reason.to_owned() });
    }
    // A sign that cannot be read is none, and no reason to lose the changes.
    let lag_seconds = serde_json::from_slice(line).ok().and_then(|Lagging { lag_seconds }| lag_seconds);
    let rules = serde_json::from_slice(line).map_or(0, |Informed { rules }| rules);
    let waybill = serde_json::from_slice(line).ok().map(|Counted { waybill }| waybill);
    let made_at = serde_json::from_slice(line).ok().map(|Timed { made_at }| made_at);
    Ok(FirstLine { head, lag_seconds, rules, waybill, made_at })
}

fn parse_change(number: usize, line: &[u8]) -> Result<Change, BadChange> {
    if let Some(change) = parse_usual(line) {
        return Ok(change);
    }
    let reason = match serde_json::from_slice::<Change>(line) {
        Err(error) => cut(&error.to_string(), REASON_BYTES_MAX),
        Ok(change) => match (change.kind, change.object.as_ref().map(RawJson::get)) {
            (ChangeKind::ListBegin | ChangeKind::ListEnd, None) => return Ok(change),
            (ChangeKind::ListBegin | ChangeKind::ListEnd, Some(_)) => {
                "a list's mark with an object".to_owned()
            }
            (_, Some(object)) if object.starts_with('{') => return Ok(change),
            (_, Some(_)) => "the object is something else than a JSON object".to_owned(),
            (_, None) => "the object is missing".to_owned(),
        },
    };
    let start = line.get(..BAD_RAW_BYTES_MAX.min(line.len())).unwrap_or_default();
    let raw = cut(&String::from_utf8_lossy(start), BAD_RAW_BYTES_MAX);
    Err(BadChange { line: number, reason, raw, bytes: line.len() })
}

/// Cuts a text to so many bytes, at the boundary of a character.
fn cut(text: &str, bytes_max: usize) -> String {
    match text.get(..text.floor_char_boundary(bytes_max)) {
        Some(start) if start.len() < text.len() => format!("{start}…"),
        _ => text.to_owned(),
    }
}

/// A change with its object at the end, as [`PackBuilder`](super::PackBuilder) writes it: the object, which is nearly
/// all of the line, is looked at for its brackets alone. `None` for what takes more care, good or bad.
fn parse_usual(line: &[u8]) -> Option<Change> {
    const OBJECT: &[u8] = br#","object":"#;
    let object_at = memmem::find(line, OBJECT)?;
    let object = line.get(object_at + OBJECT.len()..)?.strip_suffix(b"}").filter(|o| o.starts_with(b"{"))?;
    // Were it a member of something else, this would not be JSON.
    let head = [line.get(..object_at)?, b"}"].concat();
    let change: Change = serde_json::from_slice(&head).ok()?;
    let is_news = matches!(change.kind, ChangeKind::Applied | ChangeKind::Deleted);
    if !is_news || change.object.is_some() {
        return None;
    }
    let object = RawJson::new(scanner::utf8(Level::Best, object).ok()?)?;
    Some(Change { object: Some(object), ..change })
}

/// The lines of a text; the last may lack its line break.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line)
    }
}
