//! Records as items of the table.

use super::schema::{DATA, DUE_AT, DUE_BUCKET, EXPIRES, PARTITION, SORT, VERSION};
use crate::due::DuePlace;
use crate::limits::{due_millisecond, expires_second};
use crate::{Due, Expect, Key, Record, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;
use std::str::FromStr;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn of_key(key: &Key) -> Item {
    Item::from([
        (PARTITION.to_owned(), AttributeValue::S(key.partition.clone())),
        (SORT.to_owned(), AttributeValue::S(key.sort.clone())),
    ])
}

/// The place in the due index, as a query goes on from it.
pub(super) fn of_place(bucket: &str, place: &DuePlace) -> Item {
    let mut item = of_key(&place.key);
    item.insert(DUE_BUCKET.to_owned(), AttributeValue::S(bucket.to_owned()));
    item.insert(DUE_AT.to_owned(), AttributeValue::N(place.at.to_string()));
    item
}

/// The item of a record that is put under this expectation (which is not [`Expect::Anything`]).
pub(super) fn of_record(record: &Record, expect: Expect) -> Item {
    let version = record.version_after(expect).unwrap_or_else(|| record.first_version());
    let mut item = of_key(&record.key);
    item.insert(VERSION.to_owned(), AttributeValue::N(version.to_string()));
    item.extend(content(record).into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    item
}

/// The attributes of a record beside its key and version; those without a value are not there.
pub(super) fn content(record: &Record) -> [(&'static str, Option<AttributeValue>); 4] {
    let bucket = record.due.as_ref().map(|due| AttributeValue::S(due.bucket.clone()));
    let due_at = record.due.as_ref().map(|due| AttributeValue::N(due_millisecond(due.at).to_string()));
    let expires = record.expires.map(|at| AttributeValue::N(expires_second(at).to_string()));
    [
        (DATA, Some(AttributeValue::S(record.data.clone()))),
        (DUE_BUCKET, bucket),
        (DUE_AT, due_at),
        (EXPIRES, expires),
    ]
}

pub(super) fn to_key(item: &Item) -> Result<Key, StoreError> {
    match (text(item, PARTITION), text(item, SORT)) {
        (Some(partition), Some(sort)) => Ok(Key::new(partition, sort)),
        _ => Err(StoreError::Refused { reason: "an item of the table lacks its key".to_owned() }),
    }
}

pub(super) fn to_place(item: &Item) -> Result<DuePlace, StoreError> {
    let key = to_key(item)?;
    match number(item, DUE_AT) {
        Some(at) => Ok(DuePlace { at, key }),
        None => Err(malformed(&key, DUE_AT)),
    }
}

pub(super) fn to_record(item: &Item) -> Result<Record, StoreError> {
    let key = to_key(item)?;
    let version = number(item, VERSION).ok_or_else(|| malformed(&key, VERSION))?;
    let data = text(item, DATA).ok_or_else(|| malformed(&key, DATA))?.to_owned();
    let due = match text(item, DUE_BUCKET) {
        None => None,
        Some(bucket) => {
            let at = number(item, DUE_AT).and_then(|at| Timestamp::from_millisecond(at).ok());
            let at = at.ok_or_else(|| malformed(&key, DUE_AT))?;
            Some(Due { bucket: bucket.to_owned(), at })
        }
    };
    let mut expires = None;
    if item.contains_key(EXPIRES) {
        let at = number(item, EXPIRES).and_then(|at| Timestamp::from_second(at).ok());
        expires = Some(at.ok_or_else(|| malformed(&key, EXPIRES))?);
    }
    Ok(Record { key, version, data, due, expires })
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn number<N: FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn malformed(key: &Key, name: &str) -> StoreError {
    let Key { partition, sort } = key;
    StoreError::Refused { reason: format!("the item {partition}/{sort} has no {name} that could be read") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_from_its_item() {
        let key = Key::new("p/ä", "s#1");
        let mut record = Record::new(key, r#"{"a":"😀"}"#);
        record.due = Some(Due::new("b", "2026-01-01T00:00:00.5Z".parse().unwrap()));
        record.expires = Some("2026-01-02T00:00:00Z".parse().unwrap());
        let back = to_record(&of_record(&record, Expect::Version(7))).unwrap();
        assert_eq!(back, Record { version: 8, ..record });
    }

    #[test]
    fn an_item_that_is_no_record_is_named() {
        let whole = of_record(&Record::new(Key::new("p", "s"), "{}"), Expect::Absent);
        for (name, value) in [
            (VERSION, None),
            (VERSION, Some(AttributeValue::S("1".into()))),
            (VERSION, Some(AttributeValue::N("-1".into()))),
            (DATA, None),
            (EXPIRES, Some(AttributeValue::N("9e99".into()))),
        ] {
            let mut item = whole.clone();
            match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
            let error = to_record(&item).unwrap_err().to_string();
            assert!(error.contains(&format!("the item p/s has no {name}")), "{error}");
        }
    }
}
