use jiff::Timestamp;
use prodrome_model::{EndReason, Finding, Fingerprint, ObjectRef, Severity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of a group: the open alert, if there is one, and how restless the group was lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The open alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// When alerts of this group were opened and closed within the last flap window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flips: Vec<Timestamp>,
}

/// An open alert: one fault, however many objects have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The finding that opened it, cut to size; with what its repetitions added (a cause).
    pub opening: Finding,
    /// When it was opened here.
    pub opened_at: Timestamp,
    /// The worst among all members so far; it never falls while the alert is open.
    pub severity: Severity,
    /// The earliest begin among all members so far.
    pub since: Timestamp,
    /// How many objects are affected now.
    pub open: u32,
    /// How many were affected in all.
    pub total: u32,
    /// The apps whose objects are or were affected, where a cause is what they have in common; the first 100.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apps: BTreeSet<String>,
    /// What each of its rules sees, by the rule's name: several where it is a cause that is told. The first 12.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub symptoms: BTreeMap<String, Seen>,
    /// The number of its next notice.
    pub sequence: u32,
    /// What was last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// Who joined since then; the first 50 by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joined>,
    /// Whether more joined than are named.
    #[serde(default)]
    pub joined_more: bool,
    /// When the first of them joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_since: Option<Timestamp>,
    /// The latest end of a member: where nobody is affected any more, when the quiet began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// A member was deleted: until then its successor may still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<Timestamp>,
    /// Whether its resolution waits for the watcher.
    #[serde(default)]
    pub behind: bool,
    /// Whether it comes and goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
    /// Whom it was told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<String>,
    /// Who would have heard of a member, had it been alone, and has not heard of the alert yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untold: BTreeSet<String>,
    /// How many entries its log has from here.
    pub entries: u32,
}

/// What the last notice of an alert said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// How many were affected.
    pub count: u32,
    /// How bad.
    pub severity: Severity,
    /// The cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// An object that joined an alert since its last notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// Which.
    pub object: ObjectRef,
    /// By which rule, where it is not the one that opened the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether it has ended again already. It is named all the same, but is no reason to tell of it.
    #[serde(default)]
    pub left: bool,
}

/// What a rule sees of an alert's fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The worst of its findings so far.
    pub severity: Severity,
    /// The object of which it has held for longest.
    pub object: ObjectRef,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong with that one, in a line.
    pub summary: String,
    /// How many of its findings have not ended.
    pub open: u32,
}

/// That an alert comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flapping {
    /// When it last came or went.
    pub last_flip: Timestamp,
    /// Whether it came then.
    pub up: bool,
}

/// An object that is or was affected. One object may have several findings at a time, where the end of one
/// episode is overtaken by the begin of the next; it counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its findings that have not ended.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub open: BTreeSet<Fingerprint>,
    /// The alert that counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Fingerprint>,
}

/// What became of a finding. Kept for a while after its end, so that whatever comes late is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// The partition of its group.
    pub group: String,
    /// Which member of the group it is about.
    pub member: String,
    /// What became of it.
    pub state: MemoryState,
}

/// What became of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum MemoryState {
    /// It came, and has not ended.
    #[serde(rename_all = "camelCase")]
    Open {
        /// The alert it opened or joined.
        alert: Fingerprint,
    },
    /// It ended; perhaps before it came.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// When the quiet began.
        at: Timestamp,
        /// Why.
        reason: EndReason,
        /// The alert it was part of; absent where the end came first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alert: Option<Fingerprint>,
    },
}

impl MemoryState {
    /// Whether it has ended.
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}
