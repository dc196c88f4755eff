use crate::limits::due_millisecond;
use jiff::Timestamp;
use prodrome_model::stable_hash;

/// Where a record is kept: its partition, and its place in the order of that partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition, read as a whole by one query. At most 2,048 bytes.
    pub partition: String,
    /// The place within it, in byte order. At most 1,024 bytes.
    pub sort: String,
}

impl Key {
    /// A key from its parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

/// What is kept under a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where.
    pub key: Key,
    /// Rises by one with each write of the record; the store sets it (what a caller puts here is ignored).
    /// A record that is new begins with [`Record::first_version`].
    pub version: u64,
    /// The content, JSON. With the keys at most 400 KB.
    pub data: String,
    /// When somebody has to look at it, if ever.
    pub due: Option<Due>,
    /// When it may be forgotten, kept to the second, rounded up. A store may keep it for days longer; readers must not rely on its absence.
    pub expires: Option<Timestamp>,
}

impl Record {
    /// A record that is neither due nor expires.
    pub fn new(key: Key, data: impl Into<String>) -> Self {
        Self { key, version: 0, data: data.into(), due: None, expires: None }
    }

    /// The version that this record gets where none is there: derived from its key and content, so that a
    /// version seen before a removal is not mistaken for one of what was made anew under the same key.
    /// Between 1 and 2⁴⁸.
    pub fn first_version(&self) -> u64 {
        let hash = stable_hash(&[&self.key.partition, &self.key.sort, &self.data]);
        hash.get(..12).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0) + 1
    }

    /// The version that this record has after a commit that expected `expect`; unknown for
    /// [`Expect::Anything`].
    pub fn version_after(&self, expect: Expect) -> Option<u64> {
        match expect {
            Expect::Anything => None,
            Expect::Absent => Some(self.first_version()),
            Expect::Version(version) => Some(version + 1),
        }
    }
}

/// An entry of the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The bucket of the index; a sweep asks bucket by bucket.
    pub bucket: String,
    /// When it is due. Kept to the millisecond, rounded up; see [`Due::new`].
    pub at: Timestamp,
}

impl Due {
    /// An entry with the instant as it will be read back: whole milliseconds, never earlier.
    pub fn new(bucket: impl Into<String>, at: Timestamp) -> Self {
        let at = Timestamp::from_millisecond(due_millisecond(at)).unwrap_or(at);
        Self { bucket: bucket.into(), at }
    }
}

/// One write of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Write the record.
    Put(Record, Expect),
    /// Remove the record. Removing what is not there is no error unless expected otherwise.
    Delete(Key, Expect),
    /// Write nothing, but fail the transaction where the expectation does.
    Require(Key, Expect),
}

impl Write {
    /// What it writes to.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(record, _) => &record.key,
            Self::Delete(key, _) | Self::Require(key, _) => key,
        }
    }
}

/// What a write expects to find under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Anything,
    /// Nothing.
    Absent,
    /// The record in this very version.
    Version(u64),
}

/// A page of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records, in the order of their sort keys (or of their due times).
    pub records: Vec<Record>,
    /// Pass this to read on; absent at the end.
    pub next: Option<String>,
}
