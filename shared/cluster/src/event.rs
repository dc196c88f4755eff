//! Events of either API, `v1` and `events.k8s.io/v1`, folded into [`EventBrief`]. Pure.

use jiff::Timestamp;
use prodrome_model::{EventBrief, GroupKind, ObjectKey};
use prodrome_recording::builtin_of_kind;
use prodrome_redact::redact;
use serde::Deserialize;

/// How many events about one object are told at most.
pub const EVENTS_MAX: usize = 20;

/// How long a message may be, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1_000;

/// An event, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutObject {
    /// The object it is about.
    pub object: ObjectKey,
    /// That object's uid; empty where the event has none.
    pub uid: String,
    /// The `apiVersion` by which the event names that object; empty where it does not.
    pub api_version: String,
    /// When it was first seen.
    pub first_seen: Option<Timestamp>,
    /// The event in short.
    pub brief: EventBrief,
}

impl AboutObject {
    /// Reads an event of either API from its JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: RawEvent = serde_json::from_slice(json)?;
        let about = raw.involved_object.or(raw.regarding).unwrap_or_default();
        let series = raw.series.unwrap_or_default();
        let counts = [raw.count, raw.deprecated_count, series.count];
        let count = counts.into_iter().flatten().max().unwrap_or(1).max(1);
        let times = [
            series.last_observed_time,
            raw.last_timestamp,
            raw.deprecated_last_timestamp,
            raw.event_time,
            raw.first_timestamp,
        ];
        let mut api_version = about.api_version.unwrap_or_default();
        let mut kind = GroupKind::from_api_version(&api_version, &about.kind.unwrap_or_default());
        if api_version.is_empty()
            && let Some(builtin) = builtin_of_kind(&kind)
        {
            kind = builtin.group_kind();
            api_version = builtin.api_version();
        }
        let namespace = about.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let message = [raw.message, raw.note].into_iter().flatten().find(|text| !text.is_empty());
        Ok(Self {
            object: ObjectKey::new(kind, namespace, about.name.unwrap_or_default()),
            uid: about.uid.unwrap_or_default(),
            api_version,
            first_seen: times.into_iter().flatten().chain(raw.metadata.creation_timestamp).min(),
            brief: EventBrief {
                kind: raw.kind.unwrap_or_default(),
                reason: raw.reason.unwrap_or_default(),
                message: clean(&message.unwrap_or_default()),
                count: u32::try_from(count).unwrap_or(u32::MAX),
                last_seen: times.into_iter().flatten().max().or(raw.metadata.creation_timestamp),
            },
        })
    }

    /// Whether it is about the object of this uid, not about one that had the name before.
    ///
    /// Where either side has no uid, the name has to do. A kubelet writes its node's name in place of the uid.
    pub fn is_about_uid(&self, uid: &str) -> bool {
        uid.is_empty() || self.uid.is_empty() || self.uid == uid || self.uid == self.object.name
    }
}

/// Without secrets, and cut. More than is kept is read, so that a secret at the end is not cut to a piece that is
/// known as none.
fn clean(message: &str) -> String {
    let read: String = message.chars().take(2 * MESSAGE_CHARS_MAX).collect();
    redact(&read).chars().take(MESSAGE_CHARS_MAX).collect()
}

/// The newest first, the most frequent first among equals, [`EVENTS_MAX`] at most.
pub fn newest_first(mut events: Vec<EventBrief>) -> Vec<EventBrief> {
    events.sort_by(|a, b| {
        (b.last_seen, b.count).cmp(&(a.last_seen, a.count)).then_with(|| a.reason.cmp(&b.reason))
    });
    events.truncate(EVENTS_MAX);
    events
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEvent {
    #[serde(default)]
    metadata: RawMetadata,
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
    involved_object: Option<RawReference>,
    regarding: Option<RawReference>,
    message: Option<String>,
    note: Option<String>,
    count: Option<i64>,
    deprecated_count: Option<i64>,
    series: Option<RawSeries>,
    event_time: Option<Timestamp>,
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
    deprecated_last_timestamp: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawMetadata {
    creation_timestamp: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawReference {
    api_version: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawSeries {
    count: Option<i64>,
    last_observed_time: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> AboutObject {
        AboutObject::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_core_event_counts_and_tells_its_last_time() {
        let event = read(
            r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},
                "involvedObject":{"kind":"Pod","apiVersion":"v1","namespace":"shop","name":"web-0","uid":"u1"},
                "type":"Warning","reason":"BackOff","message":"Back-off","count":7,"eventTime":null,
                "firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:05:00Z"}"#,
        );
        assert_eq!(event.object.path(), "/Pod/shop/web-0");
        assert_eq!((event.brief.count, event.brief.kind.as_str()), (7, "Warning"));
        assert_eq!(event.brief.last_seen.map(|t| t.to_string()).as_deref(), Some("2026-01-01T00:05:00Z"));
    }

    #[test]
    fn an_event_of_the_new_api_counts_by_its_series() {
        let event = read(
            r#"{"regarding":{"kind":"Deployment","apiVersion":"apps/v1","namespace":"a","name":"b"},
                "type":"Normal","reason":"Scaled","note":"scaled up","eventTime":"2026-01-01T00:00:00.000001Z",
                "series":{"count":3,"lastObservedTime":"2026-01-01T00:01:00.5Z"}}"#,
        );
        assert_eq!(event.object.path(), "apps/Deployment/a/b");
        assert_eq!((event.brief.count, event.brief.message.as_str()), (3, "scaled up"));
        assert_eq!(event.brief.last_seen.map(|t| t.to_string()).as_deref(), Some("2026-01-01T00:01:00.5Z"));
    }

    #[test]
    fn an_event_without_count_or_times_happened_once_when_it_was_made() {
        let event = read(r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"involvedObject":{}}"#);
        assert_eq!(event.brief.count, 1);
        assert_eq!(event.brief.last_seen.map(|t| t.to_string()).as_deref(), Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn odd_values_do_not_make_an_event_unreadable() {
        let event = read(
            r#"{"metadata":{},"involvedObject":{"kind":"Deployment","name":null},"count":-3,"message":null,"series":null}"#,
        );
        assert_eq!((event.brief.count, event.object.kind.group.as_str()), (1, "apps"));
        assert_eq!(read(r#"{"count":99999999999}"#).brief.count, u32::MAX);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let json = format!(r#"{{"message":"{}"}}"#, "é".repeat(3_000));
        assert_eq!(read(&json).brief.message.chars().count(), MESSAGE_CHARS_MAX);
    }

    #[test]
    fn a_message_holds_no_secret_not_even_the_beginning_of_one_that_is_cut() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let message = |before: usize| format!("{} {token}", "x".repeat(before));
        for before in [10, 970, 990, 998] {
            let json = serde_json::json!({ "message": message(before) }).to_string();
            let read = read(&json).brief.message;
            assert!(!read.contains("ghp_") && read.len() <= MESSAGE_CHARS_MAX, "{read}");
        }
    }

    #[test]
    fn a_kubelets_event_about_its_node_counts_as_the_nodes() {
        let event = read(r#"{"involvedObject":{"kind":"Node","name":"node-a","uid":"node-a"}}"#);
        assert!(event.is_about_uid("33d5f845"));
        let event = read(r#"{"involvedObject":{"kind":"Pod","name":"web-0","uid":"old"}}"#);
        assert!(!event.is_about_uid("new") && event.is_about_uid("") && event.is_about_uid("old"));
    }
}
