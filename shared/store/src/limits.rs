//! The limits of DynamoDB, checked before a request leaves and in the same words over memory, so that what
//! passes a test on memory is not refused in the cloud.

use crate::{Key, Record, StoreError, Write};
use jiff::Timestamp;

/// The largest record, keys and attribute names included.
pub(crate) const RECORD_BYTES_MAX: usize = 400 * 1024;
/// The most writes of one commit.
pub(crate) const WRITES_MAX: usize = 100;
/// The most bytes of one commit.
const COMMIT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A page over memory ends once it has this many bytes.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;
/// The longest partition key, and the longest bucket.
const PARTITION_BYTES_MAX: usize = 2048;
/// The longest sort key.
const SORT_BYTES_MAX: usize = 1024;
/// What a number takes at most.
const NUMBER_BYTES: usize = 21;

/// Refuses a commit that the store would never take.
pub(crate) fn check_commit(writes: &[Write]) -> Result<(), StoreError> {
    if writes.len() > WRITES_MAX {
        return Err(refused(format!("{} writes in one commit, at most {WRITES_MAX} go", writes.len())));
    }
    let mut keys: Vec<_> = writes.iter().map(Write::key).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        let Key { partition, sort } = twice[0];
        return Err(refused(format!("two writes of one commit are to the same record {partition}/{sort}")));
    }
    let mut total = 0;
    for write in writes {
        check_key(write.key())?;
        let Write::Put(record, _) = write else { continue };
        if let Some(due) = &record.due {
            check_part("bucket of the due index", &due.bucket, PARTITION_BYTES_MAX)?;
        }
        let bytes = size_of(record);
        if bytes > RECORD_BYTES_MAX {
            return Err(StoreError::TooLarge { key: record.key.clone(), bytes, max: RECORD_BYTES_MAX });
        }
        total += bytes;
    }
    if total > COMMIT_BYTES_MAX {
        return Err(refused(format!("a commit of {total} bytes, at most {COMMIT_BYTES_MAX} go")));
    }
    Ok(())
}

/// Refuses a key that the store would never take.
pub(crate) fn check_key(key: &Key) -> Result<(), StoreError> {
    check_part("partition key", &key.partition, PARTITION_BYTES_MAX)?;
    check_part("sort key", &key.sort, SORT_BYTES_MAX)
}

/// Refuses a query that the store would never take.
pub(crate) fn check_query(partition: &str, prefix: &str, after: Option<&str>) -> Result<(), StoreError> {
    check_part("partition key", partition, PARTITION_BYTES_MAX)?;
    match after {
        Some(after) if !after.starts_with(prefix) || after.is_empty() => {
            Err(refused(format!("cannot read on after \"{after}\", which does not begin with \"{prefix}\"")))
        }
        _ => Ok(()),
    }
}

/// Refuses a question to the due index that the store would never take.
pub(crate) fn check_due(bucket: &str, limit: u32) -> Result<(), StoreError> {
    check_part("bucket of the due index", bucket, PARTITION_BYTES_MAX)?;
    if limit == 0 { Err(refused("a page of at most 0 records".to_owned())) } else { Ok(()) }
}

/// The size of a record as the store counts it: names and values of its attributes, numbers at their longest.
pub(crate) fn size_of(record: &Record) -> usize {
    let keys = "pk".len() + record.key.partition.len() + "sk".len() + record.key.sort.len();
    let content = "data".len() + record.data.len() + "version".len() + NUMBER_BYTES;
    let due = record.due.as_ref().map_or(0, |due| "dueBucketdueAt".len() + due.bucket.len() + NUMBER_BYTES);
    let expires = record.expires.map_or(0, |_| "expires".len() + NUMBER_BYTES);
    keys + content + due + expires
}

/// Milliseconds since the epoch, rounded up: nothing is due before its time. What is never due stays an instant that
/// can be read back.
pub(crate) fn due_millisecond(at: Timestamp) -> i64 {
    let up = at.as_millisecond() + i64::from(at.subsec_nanosecond() % 1_000_000 > 0);
    up.min(Timestamp::MAX.as_second() * 1_000)
}

/// Milliseconds since the epoch, rounded down: what is due up to an instant is not due after it.
pub(crate) fn until_millisecond(until: Timestamp) -> i64 {
    until.as_millisecond() - i64::from(until.subsec_nanosecond() % 1_000_000 < 0)
}

/// Seconds since the epoch, rounded up: nothing is forgotten before its time.
pub(crate) fn expires_second(at: Timestamp) -> i64 {
    let up = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    up.min(Timestamp::MAX.as_second())
}

fn check_part(what: &str, text: &str, bytes_max: usize) -> Result<(), StoreError> {
    match text.len() {
        0 => Err(refused(format!("the {what} is empty"))),
        bytes if bytes > bytes_max => {
            Err(refused(format!("the {what} has {bytes} bytes, at most {bytes_max} go")))
        }
        _ => Ok(()),
    }
}

fn refused(reason: String) -> StoreError {
    StoreError::Refused { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_away_from_haste() {
        // (nanoseconds since the epoch, due, until, expires)
        for (ns, due, until, expires) in [
            (0, 0, 0, 0),
            (1, 1, 0, 1),
            (1_000_000, 1, 1, 1),
            (1_000_001, 2, 1, 1),
            (1_000_000_000, 1000, 1000, 1),
            (-1, 0, -1, 0),
            (-1_000_000, -1, -1, 0),
            (-1_500_000_001, -1500, -1501, -1),
        ] {
            let at = Timestamp::from_nanosecond(ns).unwrap();
            let got = (due_millisecond(at), until_millisecond(at), expires_second(at));
            assert_eq!(got, (due, until, expires), "{ns} ns");
        }
    }
}
