use crate::AlertError;
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::log::Logged;
use prodrome_alerting::{Delivery, Head, Member, Memory, Policy, keys};
use prodrome_model::later;
use prodrome_store::{Expect, Key, Record, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// For so long the head of a closed group is kept, for the sake of its flips.
const CLOSED_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What was read, by key: the values, and what a write has to find so that nothing happened in between.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    records: BTreeMap<Key, Record>,
}

impl Snapshot {
    pub(crate) fn add(&mut self, records: impl IntoIterator<Item = Record>) {
        self.records.extend(records.into_iter().map(|record| (record.key.clone(), record)));
    }

    pub(crate) fn record(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    /// The value under a key. A store may keep what has expired for days; it counts as gone.
    pub(crate) fn value<T: DeserializeOwned>(
        &self,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<T>, AlertError> {
        let record = self.records.get(key).filter(|record| record.expires.is_none_or(|at| now < at));
        record.map(parse).transpose()
    }

    /// What a write of this key has to find.
    pub(crate) fn expect(&self, key: &Key) -> Expect {
        self.records.get(key).map_or(Expect::Absent, |record| Expect::Version(record.version))
    }
}

pub(crate) fn parse<T: DeserializeOwned>(record: &Record) -> Result<T, AlertError> {
    serde_json::from_str(&record.data)
        .map_err(|source| AlertError::RecordMalformed { key: record.key.clone(), source })
}

pub(crate) fn head_record(key: Key, head: &Head, due: Option<Timestamp>, now: Timestamp) -> Record {
    let due = due.map(|at| keys::due(&key, at));
    let expires = head.alert.is_none().then(|| later(now, CLOSED_KEPT));
    Record { due, expires, ..record(key, head) }
}

pub(crate) fn member_record(key: Key, member: &Member, policy: &Policy, now: Timestamp) -> Record {
    let expires = member.open.is_empty().then(|| later(now, policy.memory));
    Record { expires, ..record(key, member) }
}

pub(crate) fn memory_record(key: Key, memory: &Memory, policy: &Policy, now: Timestamp) -> Record {
    let expires = memory.state.is_ended().then(|| later(now, policy.memory));
    Record { expires, ..record(key, memory) }
}

pub(crate) fn delivery_record(key: Key, delivery: &Delivery, policy: &Policy, now: Timestamp) -> Record {
    let due = delivery.due().map(|at| keys::due(&key, at));
    // A receipt is of use for as long as there may be news.
    let expires = due.is_none().then(|| later(now, policy.log_kept));
    Record { due, expires, ..record(key, delivery) }
}

/// The log is only ever appended to: no two entries have one place.
pub(crate) fn log_write(logged: &Logged, policy: &Policy, now: Timestamp) -> Write {
    let key = Key::new(keys::log_partition(&logged.alert), &*logged.sort);
    let expires = Some(later(now, policy.log_kept));
    Write::Put(Record { expires, ..record(key, &logged.entry) }, Expect::Anything)
}

fn record(key: Key, value: &impl Serialize) -> Record {
    Record::new(key, serde_json::to_string(value).expect("plain data is always written as JSON"))
}
