//! Where groups, their members, deliveries, memories and logs are kept.
//!
//! - a group: partition `alert#<scope>#<hash of rule or owner, and group key>`: sort `head` for the open alert,
//!   `member#<hash of the object>` for each object that is or was in it (the head stays small, however many
//!   there are), `delivery#<alert's fingerprint>#<channel>` for what a channel is owed of an alert;
//! - a memory: partition `fingerprint#<fingerprint>`: what became of a finding, and of which group it is. Apart
//!   from the group, so that an end finds its beginning even where the group was named otherwise;
//! - a log: partition `log#<alert's fingerprint>`, sort = the time and who wrote it;
//! - what a channel used of its rate limit: partition `limit#<channel>`;
//! - the watcher's last sign of life: partition `lag#<scope>`.

use jiff::{Timestamp, TimestampRound, Unit};
use prodrome_model::{Finding, Fingerprint, ObjectRef, Scope, shard_of, stable_hash};
use prodrome_store::{Due, Key};

/// The sort key of a group's head.
pub const HEAD: &str = "head";

const DELIVERY: &str = "delivery#";
const BUCKETS: u16 = 4;

/// The buckets of the due index in which open alerts and unsent notices lie; a sweep asks each.
pub fn due_buckets() -> Vec<String> {
    (0..BUCKETS).map(|n| format!("alert-{n}")).collect()
}

/// The entry in the due index of what is kept under `key`. Rounded up to what the index keeps, so that what
/// comes back when it is due is never early.
pub fn due(key: &Key, at: Timestamp) -> Due {
    let round = TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Ceil);
    let at = at.round(round).unwrap_or(at);
    Due { bucket: format!("alert-{}", shard_of(&key.partition, BUCKETS)), at }
}

/// The partition of the group that a finding belongs to: what one rule says of one owner; and of what has one cause, what
/// all rules say. It hangs on the finding alone.
///
/// What has no known cause is told rule by rule, as nothing says that it is one fault, and whatever joins an alert is
/// told later than what opens one. Nor do faults of different people become one: who has to act decides who is told.
pub fn group(finding: &Finding) -> String {
    let of_cause = finding.group.is_of_cause();
    let teller = if of_cause { finding.owner.as_str() } else { &finding.rule };
    let hash = stable_hash(&[teller, &finding.group.key]);
    format!("alert#{}#{hash}", finding.scope)
}

/// Where a group's head is kept.
pub fn head(group: &str) -> Key {
    Key::new(group, HEAD)
}

/// Names an object within its group: by its path, not its uid. A pod of a stateful set that was replaced under
/// its name is for a person still the same pod.
pub fn member_id(object: &ObjectRef) -> String {
    stable_hash(&[&object.key().path()])
}

/// Where a member of a group is kept.
pub fn member(group: &str, member_id: &str) -> Key {
    Key::new(group, format!("member#{member_id}"))
}

/// Where it is kept what a channel is owed of an alert.
pub fn delivery(group: &str, alert: &Fingerprint, channel: &str) -> Key {
    Key::new(group, format!("{DELIVERY}{alert}#{channel}"))
}

/// Whether a sort key is that of a [`delivery`].
pub fn is_delivery(sort: &str) -> bool {
    sort.starts_with(DELIVERY)
}

/// Where it is kept what became of a finding.
pub fn memory(fingerprint: &Fingerprint) -> Key {
    Key::new(format!("fingerprint#{fingerprint}"), "memory")
}

/// The partition of an alert's log.
pub fn log_partition(alert: &Fingerprint) -> String {
    format!("log#{alert}")
}

/// Where it is kept what a channel used of its rate limit.
pub fn limit(channel: &str) -> Key {
    Key::new(format!("limit#{channel}"), "bucket")
}

/// Where the last sign of life of a cluster's watcher is kept.
pub fn watch(scope: &Scope) -> Key {
    Key::new(format!("lag#{scope}"), "lag")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_lies_in_a_bucket_that_the_sweep_asks_and_never_too_early() {
        let at: Timestamp = "2026-01-02T03:04:05.000000001Z".parse().unwrap();
        for n in 0..50 {
            let due = due(&head(&format!("alert#a/b/c#{n}")), at);
            assert!(due_buckets().contains(&due.bucket), "{due:?}");
            assert_eq!(due.at.to_string(), "2026-01-02T03:04:05.001Z");
        }
    }

    #[test]
    fn a_delivery_is_told_from_a_head() {
        let fingerprint: Fingerprint = serde_json::from_str("\"00ff\"").unwrap();
        assert!(is_delivery(&delivery("alert#x", &fingerprint, "on#call").sort));
        assert!(!is_delivery(HEAD));
    }
}
