//! What happened to an alert, as an append-only log: from it the times to detect, to acknowledge and to repair
//! are computed, and it answers "who was told what, and when".

use jiff::Timestamp;
use prodrome_model::{EndReason, Fingerprint, NoticeKind, ObjectRef, Owner, Scope, Severity};
use serde::{Deserialize, Serialize};

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it happened, by the writer's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A line and its place: partition [`keys::log_partition`](crate::keys::log_partition) of `alert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Whose log.
    pub alert: Fingerprint,
    /// The sort key: by time, then by writer.
    pub sort: String,
    /// The line.
    pub entry: Entry,
}

impl Logged {
    /// The `number`th line of a `writer`, which must not use a number twice.
    pub fn new(alert: &Fingerprint, writer: &str, number: u32, at: Timestamp, event: Event) -> Self {
        let time = at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
        let sort = format!("{time}#{writer}#{number:06}");
        Self { alert: alert.clone(), sort, entry: Entry { at, event } }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The first finding came.
    Opened {
        /// In which cluster.
        scope: Scope,
        /// By which rule.
        rule: String,
        /// How bad.
        severity: Severity,
        /// Who has to act.
        owner: Owner,
        /// What it is about.
        object: ObjectRef,
        /// The group's key.
        group: String,
        /// When the fault began.
        since: Timestamp,
        /// When the rule fired.
        fired_at: Timestamp,
    },
    /// Another finding joined.
    Joined {
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// By which rule; empty in what was written before rules could differ.
        #[serde(default)]
        rule: String,
        /// What it is about.
        object: ObjectRef,
        /// When its fault began.
        since: Timestamp,
        /// When the rule fired.
        fired_at: Timestamp,
    },
    /// A finding ended.
    Left {
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// What it is about.
        object: ObjectRef,
        /// When its quiet began.
        ended: Timestamp,
        /// Why.
        reason: EndReason,
    },
    /// A finding came after its end, and was not told.
    Suppressed {
        /// When its fault began.
        since: Timestamp,
        /// When it ended.
        ended: Timestamp,
    },
    /// A notice was decided.
    Decided {
        /// Its number.
        sequence: u32,
        /// Begin, news or end.
        kind: NoticeKind,
        /// How bad.
        severity: Severity,
        /// How many are affected.
        count: u32,
        /// Whether it comes and goes.
        flapping: bool,
        /// Who is to be told.
        channels: Vec<String>,
        /// On a resolution, when the quiet began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended: Option<Timestamp>,
    },
    /// All is quiet, but the watcher is behind: the resolution waits.
    Held,
    /// A channel has been told.
    Told {
        /// Which.
        channel: String,
        /// Of which notice.
        sequence: u32,
        /// Begin, news or end.
        kind: NoticeKind,
        /// At which attempt.
        attempt: u32,
    },
    /// A channel could not be told.
    Failed {
        /// Which.
        channel: String,
        /// Of which notice.
        sequence: u32,
        /// At which attempt.
        attempt: u32,
        /// Why.
        reason: String,
        /// In the receiver's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// When it is tried again; absent where it was given up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// Whoever was to send a notice was not heard of again. It is sent anew, perhaps a second time.
    Lost {
        /// To which channel.
        channel: String,
        /// Which notice.
        sequence: u32,
        /// At which attempt.
        attempt: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_sort_by_time_then_writer_then_number() {
        let alert: Fingerprint = serde_json::from_str("\"00ff\"").unwrap();
        let line =
            |at: &str, number| Logged::new(&alert, "group", number, at.parse().unwrap(), Event::Held).sort;
        let lines = [
            line("2026-01-02T03:04:05Z", 9),
            line("2026-01-02T03:04:05Z", 10),
            line("2026-01-02T03:04:05.000002Z", 1),
            line("2026-01-02T03:04:05.1Z", 2),
        ];
        assert!(lines.is_sorted(), "{lines:?}");
        assert_eq!(lines[0], "2026-01-02T03:04:05.000000Z#group#000009");
    }

    #[test]
    fn an_entry_is_plain_json() {
        let entry = Entry {
            at: Timestamp::UNIX_EPOCH,
            event: Event::Told { channel: "oncall".into(), sequence: 0, kind: NoticeKind::Alert, attempt: 2 },
        };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            json,
            r#"{"at":"1970-01-01T00:00:00Z","event":"told","channel":"oncall","sequence":0,"kind":"alert","attempt":2}"#
        );
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }
}
