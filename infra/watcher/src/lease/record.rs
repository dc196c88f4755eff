use crate::api::ApiError;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// A `Lease` as the API server has it. What others have put there is written back as it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record(Value);

impl Record {
    /// One that nobody has made yet.
    pub(super) fn new(name: &str, holder: &str, lasts: Duration, now: Timestamp) -> Self {
        let labels = json!({ "app.kubernetes.io/name": "prodrome-watcher" });
        let empty = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": name, "labels": labels },
            "spec": {},
        });
        Self(empty).taken_by(holder, lasts, now)
    }

    pub(super) fn parse(json: &[u8]) -> Result<Self, ApiError> {
        let unreadable =
            |reason: &dyn std::fmt::Display| ApiError::Broken(format!("the lease cannot be read: {reason}"));
        let mut lease: Value = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
        let metadata = lease["metadata"].as_object_mut().ok_or_else(|| unreadable(&"no metadata"))?;
        metadata.remove("managedFields");
        Ok(Self(lease))
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a value is JSON")
    }

    pub(super) fn version(&self) -> &str {
        self.0["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    /// Who holds it; nobody where it was released, or never held.
    pub(super) fn holder(&self) -> Option<&str> {
        self.0["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty())
    }

    /// How long it lasts without being renewed.
    pub(super) fn lasts(&self, at_most: Duration) -> Duration {
        let seconds = self.0["spec"]["leaseDurationSeconds"].as_u64().unwrap_or_default();
        Duration::from_secs(seconds).clamp(Duration::from_secs(1), at_most)
    }

    pub(super) fn taken_by(mut self, holder: &str, lasts: Duration, now: Timestamp) -> Self {
        let transitions = self.0["spec"]["leaseTransitions"].as_u64().map_or(0, |before| before + 1);
        self.set("holderIdentity", holder.into());
        self.set("acquireTime", instant(now));
        self.set("leaseTransitions", transitions.into());
        self.renewed(lasts, now)
    }

    pub(super) fn renewed(mut self, lasts: Duration, now: Timestamp) -> Self {
        self.set("leaseDurationSeconds", lasts.as_secs().into());
        self.set("renewTime", instant(now));
        self
    }

    pub(super) fn released(mut self, now: Timestamp) -> Self {
        self.set("holderIdentity", "".into());
        self.renewed(Duration::from_secs(1), now)
    }

    fn set(&mut self, field: &str, value: Value) {
        if !self.0["spec"].is_object() {
            self.0["spec"] = json!({});
        }
        self.0["spec"][field] = value;
    }
}

/// To the microsecond, with all of its digits: the API server takes no other form.
fn instant(at: Timestamp) -> Value {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into()
}

/// The lease as an event of a watch brings it; `None` where it was deleted.
pub(super) fn watched(line: &[u8]) -> Result<Option<Record>, ApiError> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        what: String,
        object: Value,
    }
    let event: Event = serde_json::from_slice(line)
        .map_err(|error| ApiError::Broken(format!("an event of the lease cannot be read: {error}")))?;
    match &*event.what {
        "ADDED" | "MODIFIED" => Ok(Some(Record(event.object))),
        "DELETED" => Ok(None),
        _ => Err(ApiError::Broken(format!("the watch of the lease ended: {}", event.what))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(10);

    #[test]
    fn a_lease_goes_from_hand_to_hand_and_keeps_what_others_put_there() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let made = Record::parse(
            br#"{"metadata":{"name":"w","resourceVersion":"7","labels":{"a":"b"},"managedFields":[{}]}}"#,
        )
        .unwrap();
        assert_eq!((made.holder(), made.version()), (None, "7"));
        let first = made.taken_by("one", LASTS, at(100));
        assert_eq!((first.holder(), first.lasts(Duration::from_mins(1))), (Some("one"), LASTS));
        let renewed = first.renewed(LASTS, at(103));
        assert_eq!(renewed.0["spec"]["acquireTime"], "1970-01-01T00:01:40.000000Z");
        assert_eq!(renewed.0["spec"]["renewTime"], "1970-01-01T00:01:43.000000Z");
        let free = renewed.released(at(104));
        assert_eq!(free.holder(), None);
        let second = free.taken_by("two", LASTS, at(105));
        assert_eq!((&second.0["spec"]["leaseTransitions"], second.holder()), (&json!(1), Some("two")));
        assert_eq!(
            second.0["metadata"],
            json!({ "name": "w", "resourceVersion": "7", "labels": { "a": "b" } })
        );
    }

    #[test]
    fn a_lease_that_claims_to_last_for_ever_is_not_believed() {
        for (seconds, want) in [(0, 1), (15, 15), (1_000_000, 60)] {
            let lease = Record(json!({ "metadata": {}, "spec": { "leaseDurationSeconds": seconds } }));
            assert_eq!(lease.lasts(Duration::from_mins(1)).as_secs(), want);
        }
    }
}
