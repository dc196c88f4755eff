use crate::{Diagnosis, EventBrief, Fingerprint, Group, ObjectRef, Owner, Scope, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a channel tells a person: an alert, news of it, or its end. Everything that a channel renders is here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Begin, news or end.
    #[serde(rename = "type")]
    pub kind: NoticeKind,
    /// The alert's identity: the fingerprint of the finding that opened it.
    pub fingerprint: Fingerprint,
    /// Counts the notices of one alert from 0. With the fingerprint, the key by which a receiver may dedupe.
    pub sequence: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// Which cluster.
    pub scope: Scope,
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Who has to act.
    pub owner: Owner,
    /// The root cause, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What the root-cause flow concluded about the object that opened the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Box<Diagnosis>>,
    /// The object that opened the alert.
    pub object: ObjectRef,
    /// The group it stands for.
    pub group: Group,
    /// How many objects are affected now (at the end: how many were in all).
    pub count: u32,
    /// Of how many apps they are or were, where it is more than one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub apps: u32,
    /// In how many namespaces those are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub namespaces: u32,
    /// The objects that joined since the last notice; at most 50 are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<ObjectRef>,
    /// When the fault began.
    pub since: Timestamp,
    /// When the quiet began; on a resolution only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Whether it comes and goes (further notices are muted until it is quiet).
    #[serde(default)]
    pub flapping: bool,
    /// One line: what is wrong.
    pub summary: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The rule's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The opening object's own labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub object_labels: BTreeMap<String, String>,
    /// `path = value` of what matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Recent events, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventBrief>,
    /// Why the live object could not be read, where the last known state had to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What a [`Notice`] says of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoticeKind {
    /// It begins.
    Alert,
    /// News: more objects, a higher level, or that it still goes on.
    Update,
    /// It is over.
    Resolved,
}

impl NoticeKind {
    /// As it is written: `alert`, `update`, `resolved`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Update => "update",
            Self::Resolved => "resolved",
        }
    }
}
