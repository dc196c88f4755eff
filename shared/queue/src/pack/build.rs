use super::{COMPRESSED_GOAL, COMPRESSED_MAX, PackError, PackHead, VERSION};
use jiff::Timestamp;
use prodrome_model::{Change, ChangeKind, Resource, Source, Waybill};
use serde::Serialize;
use std::fmt;
use std::io::Write as _;
use zstd::stream::write::Encoder;

/// Fast rather than small. On recorded clusters level 3 makes packs smaller by a twelfth only.
const LEVEL: i32 = 1;
/// The encoder is asked for what it has made once about so much is on the way, which is as far as the estimate
/// of the size can be off. As seldom as that, because each time ends a block.
const PENDING_COMPRESSED: usize = 4 * 1024;
/// A block is at least so long, however badly it shrinks,
const BLOCK_BYTES_MIN: usize = 32 * 1024;
/// and at most as long as zstd makes one.
const BLOCK_BYTES_MAX: usize = 128 * 1024;
/// What a block shrinks to before the first one is known: to a quarter.
const FIRST_RATIO: (usize, usize) = (1, 4);
const WRITES_TO_MEMORY: &str = "compressing into memory fails only without memory";

/// All of a [`Change`] but its object, borrowed: the object follows as the bytes that came from the API.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeHead<'a> {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// Of which resource.
    pub resource: &'a Resource,
    /// The run of the source.
    pub epoch: u64,
    /// The place within the epoch's stream.
    pub sequence: u64,
    /// When the source saw it.
    pub observed_at: Timestamp,
    /// Where it came from.
    pub source: &'a Source,
    /// The list that the object was read by, or that begins or ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'a str>,
}

impl<'a> ChangeHead<'a> {
    /// The head of a change.
    pub fn of(change: &'a Change) -> Self {
        let Change { kind, resource, epoch, sequence, observed_at, source, list, object: _ } = change;
        let (kind, epoch, sequence, observed_at) = (*kind, *epoch, *sequence, *observed_at);
        Self { kind, resource, epoch, sequence, observed_at, source, list: list.as_deref() }
    }
}

/// A pack, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The compressed bytes.
    pub bytes: Vec<u8>,
    /// How many changes are in it.
    pub changes: usize,
    /// How many bytes it inflates to.
    pub raw_bytes: usize,
}

/// Fills a pack. Objects go in as they are, without being parsed.
///
/// Whoever fills asks [`PackBuilder::fits`] before each change, and finishes the pack when it says no; a change
/// that is large by itself then gets a pack of its own.
pub struct PackBuilder {
    encoder: Encoder<'static, Vec<u8>>,
    line: Vec<u8>,
    changes: usize,
    raw_bytes: usize,
    /// Of them, what the encoder may not have written yet.
    pending_bytes: usize,
}

/// What a head says besides where its pack belongs.
#[derive(Default)]
struct Marks {
    lag_seconds: Option<u32>,
    rules: u64,
    waybill: Option<Waybill>,
    made_at: Option<Timestamp>,
}

impl PackBuilder {
    /// A pack without changes.
    pub fn new(head: &PackHead) -> Self {
        Self::begin(head, &Marks::default())
    }

    /// A watcher's pack without changes: a sign of life. `lag_seconds` is how far behind its cluster the watcher
    /// is, as far as it knows itself.
    pub fn of_watcher(head: &PackHead, lag_seconds: u32) -> Self {
        Self::begin(head, &Marks { lag_seconds: Some(lag_seconds), ..Marks::default() })
    }

    /// The same, made by a watcher that has heard of this version of the rules: whoever judges it must not know less.
    pub fn of_informed_watcher(head: &PackHead, lag_seconds: u32, rules: u64) -> Self {
        Self::begin(head, &Marks { lag_seconds: Some(lag_seconds), rules, ..Marks::default() })
    }

    /// The same, whose changes are numbered without a hole.
    pub fn of_counting_watcher(head: &PackHead, lag_seconds: u32, rules: u64, waybill: Waybill) -> Self {
        let waybill = Some(waybill);
        Self::begin(head, &Marks { lag_seconds: Some(lag_seconds), rules, waybill, made_at: None })
    }

    /// The same, which says what its maker's clock shows: by that a reader knows how far it is from its own, and when each
    /// change was seen.
    pub fn of_timed_watcher(
        head: &PackHead,
        lag_seconds: u32,
        rules: u64,
        waybill: Waybill,
        made_at: Timestamp,
    ) -> Self {
        let (waybill, made_at) = (Some(waybill), Some(made_at));
        Self::begin(head, &Marks { lag_seconds: Some(lag_seconds), rules, waybill, made_at })
    }

    /// A pack of what is sent on alone: it keeps its number.
    pub fn of_numbered(head: &PackHead, waybill: Waybill) -> Self {
        Self::begin(head, &Marks { waybill: Some(waybill), ..Marks::default() })
    }

    fn begin(head: &PackHead, marks: &Marks) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Versioned<'a> {
            version: u32,
            #[serde(flatten)]
            head: &'a PackHead,
            #[serde(skip_serializing_if = "Option::is_none")]
            lag_seconds: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rules: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            waybill: Option<Waybill>,
            #[serde(skip_serializing_if = "Option::is_none")]
            made_at: Option<Timestamp>,
        }
        let Marks { lag_seconds, rules, waybill, made_at } = *marks;
        let mut builder = Self::empty();
        let rules = (rules > 0).then_some(rules);
        builder.write_json(&Versioned { version: VERSION, head, lag_seconds, rules, waybill, made_at });
        builder.line.push(b'\n');
        builder.write_line();
        builder
    }

    fn empty() -> Self {
        let mut encoder = Encoder::new(Vec::with_capacity(COMPRESSED_GOAL), LEVEL).expect(WRITES_TO_MEMORY);
        encoder.include_checksum(true).expect("a new encoder takes the setting");
        Self { encoder, line: Vec::new(), changes: 0, raw_bytes: 0, pending_bytes: 0 }
    }

    /// Begins a pack whose first line is this.
    pub(super) fn of_line(line: &[u8]) -> Self {
        let mut builder = Self::empty();
        builder.write(line);
        builder
    }

    /// Whether a change of so many bytes still fits: the pack then stays about [`COMPRESSED_GOAL`], as the
    /// changes so far have shrunk, and certainly below [`COMPRESSED_MAX`]. The first change always fits.
    pub fn fits(&self, raw_bytes: usize) -> bool {
        let emitted = self.encoder.get_ref().len();
        self.changes == 0
            || (self.estimate(self.pending_bytes + raw_bytes) <= COMPRESSED_GOAL
                && emitted + self.pending_bytes + raw_bytes <= COMPRESSED_MAX - BLOCK_BYTES_MIN)
    }

    /// Adds a change with its object as the API server wrote it. Line breaks, which may stand between the
    /// tokens of JSON, become spaces; nothing else is looked at.
    pub fn push_raw(&mut self, head: &ChangeHead<'_>, object: Option<&[u8]>) {
        self.write_json(head);
        if let Some(object) = object {
            self.line.pop();
            self.line.extend_from_slice(br#","object":"#);
            self.write_line();
            self.write_object(object);
            self.line.push(b'}');
        }
        self.line.push(b'\n');
        self.write_line();
        self.changes += 1;
        let pending_bytes = self.pending_bytes;
        let pending_compressed = self.estimate(pending_bytes) - self.encoder.get_ref().len();
        if pending_bytes >= BLOCK_BYTES_MAX
            || (pending_bytes >= BLOCK_BYTES_MIN && pending_compressed >= PENDING_COMPRESSED)
        {
            self.encoder.flush().expect(WRITES_TO_MEMORY);
            self.pending_bytes = 0;
        }
    }

    /// Adds a change.
    pub fn push(&mut self, change: &Change) {
        self.push_raw(&ChangeHead::of(change), change.object.as_ref().map(|object| object.get().as_bytes()));
    }

    /// How many changes are in it.
    pub fn changes(&self) -> usize {
        self.changes
    }

    /// How many bytes it inflates to.
    pub fn raw_bytes(&self) -> usize {
        self.raw_bytes
    }

    /// About how many bytes it has when finished.
    pub fn compressed_bytes(&self) -> usize {
        self.estimate(self.pending_bytes)
    }

    /// Ends the pack. Fails with [`PackError::TooLarge`] only, and only where a change was added that did not
    /// fit, or a first one that is too large by itself.
    pub fn finish(self) -> Result<Pack, PackError> {
        let Self { encoder, line: _, changes, raw_bytes, pending_bytes: _ } = self;
        let bytes = encoder.finish().expect(WRITES_TO_MEMORY);
        if bytes.len() > COMPRESSED_MAX {
            return Err(PackError::TooLarge { bytes: bytes.len(), changes, max: COMPRESSED_MAX });
        }
        Ok(Pack { bytes, changes, raw_bytes })
    }

    fn estimate(&self, pending_bytes: usize) -> usize {
        let emitted = self.encoder.get_ref().len();
        let (out, of) =
            if emitted > 0 { (emitted, (self.raw_bytes - self.pending_bytes).max(1)) } else { FIRST_RATIO };
        emitted + pending_bytes * out / of
    }

    fn write_json(&mut self, value: &impl Serialize) {
        serde_json::to_writer(&mut self.line, value).expect("plain data in memory is always JSON");
    }

    fn write_object(&mut self, object: &[u8]) {
        let mut rest = object;
        while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
            let (before, after) = rest.split_at(at);
            self.write(before);
            self.write(b" ");
            rest = after.get(1..).unwrap_or_default();
        }
        self.write(rest);
    }

    fn write_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        self.write(&line);
        line.clear();
        self.line = line;
    }

    /// Adds bytes as they are: lines, or a part of one.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.encoder.write_all(bytes).expect(WRITES_TO_MEMORY);
        self.raw_bytes += bytes.len();
        self.pending_bytes += bytes.len();
    }
}

impl fmt::Debug for PackBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackBuilder")
            .field("changes", &self.changes)
            .field("raw_bytes", &self.raw_bytes)
            .field("compressed_bytes", &self.compressed_bytes())
            .finish_non_exhaustive()
    }
}
