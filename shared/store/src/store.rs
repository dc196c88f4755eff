use crate::{Key, Page, Record, StoreError, Write};
use jiff::Timestamp;
use std::future::Future;

/// Small records with optimistic versions. See the crate's documentation.
pub trait Store: Send + Sync {
    /// Reads one record, strongly consistent.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// Reads several records, strongly consistent; what is not there is left out. Any number of keys; the
    /// order is theirs, and a key named twice is answered once.
    fn get_many(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Record>, StoreError>> + Send;

    /// Reads a partition in the order of its sort keys, strongly consistent: those that begin with `prefix`.
    /// `after` is the `next` of the page before. A page ends at about 1 MB.
    fn query(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Reads what is due in a bucket up to and including `until`, the earliest first. The index is
    /// *eventually* consistent: it may lack what was just written and name what was just removed or moved;
    /// read a record again before acting on it. At most `limit` records a page.
    fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Writes all or nothing. At most 100 writes, each to a key of its own; an empty list does nothing.
    ///
    /// After [`StoreError::Unavailable`] it may have been done all the same, the answer being lost; even a
    /// [`StoreError::Conflict`] may be the conflict of a repetition with itself. Read again and decide again.
    fn commit(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send;
}
