use jiff::Timestamp;

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
    pub version: u64,
    /// The content, JSON. With the keys at most 400 KB.
    pub data: String,
    /// When somebody has to look at it, if ever.
    pub due: Option<Due>,
    /// When it may be forgotten. A store may keep it for days longer; readers must not rely on its absence.
    pub expires: Option<Timestamp>,
}

impl Record {
    /// A record that is neither due nor expires.
    pub fn new(key: Key, data: impl Into<String>) -> Self {
        Self { key, version: 0, data: data.into(), due: None, expires: None }
    }
}

/// An entry of the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The bucket of the index; a sweep asks bucket by bucket.
    pub bucket: String,
    /// When it is due. Kept to the millisecond.
    pub at: Timestamp,
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
