//! The names in the table. Whatever makes a table (the template, a test) must make it with these.
//!
//! The table's key is [`PARTITION`] (hash) and [`SORT`] (range), both strings. The index [`DUE_INDEX`] has
//! [`DUE_BUCKET`] (a string, hash) and [`DUE_AT`] (a number, range) and projects all attributes. The
//! attribute for time to live is [`EXPIRES`].

/// The partition key, a string.
pub const PARTITION: &str = "pk";
/// The sort key, a string.
pub const SORT: &str = "sk";
/// The record's version, a number.
pub const VERSION: &str = "version";
/// The record's content, a string.
pub const DATA: &str = "data";
/// The global secondary index of what is due.
pub const DUE_INDEX: &str = "due";
/// The index's partition key, a string; absent where the record is not due.
pub const DUE_BUCKET: &str = "dueBucket";
/// The index's sort key: milliseconds since the epoch, a number.
pub const DUE_AT: &str = "dueAt";
/// When the record may be forgotten: seconds since the epoch, a number.
pub const EXPIRES: &str = "expires";
