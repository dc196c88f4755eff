use crate::{Diagnosis, EventBrief, Fingerprint, ObjectRef, Owner, Scope, Severity, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// That a rule has held on a subject for long enough, or that it no longer does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The version of this envelope: 1.
    pub version: u32,
    /// The episode's identity; the same for its firing and its end.
    pub fingerprint: Fingerprint,
    /// Firing, or ended.
    pub state: FindingState,
    /// Which cluster.
    pub scope: Scope,
    /// The rule's name.
    pub rule: String,
    /// How bad, by the rule.
    pub severity: Severity,
    /// Who has to act, by the rule or, later, by the diagnosis.
    pub owner: Owner,
    /// The root cause (an id of the vocabulary of causes), once one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The root-cause flow that the rule names, until it has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// What the flow concluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Box<Diagnosis>>,
    /// What it is about.
    pub subject: Subject,
    /// Whom it is told together with.
    pub group: Group,
    /// When the match began.
    pub since: Timestamp,
    /// When it fired.
    pub fired_at: Timestamp,
    /// How long the alert side keeps a group open for a comeback after a deletion, in seconds.
    pub hold_down_seconds: u32,
    /// One line: what is wrong, with the values found.
    pub summary: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The rule's labels, for routing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The subject's own labels, for routing and lists. Written by tenants.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub object_labels: BTreeMap<String, String>,
    /// The matched fields and their values, as `path = value`; the object's state in short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Recent events of the object, the newest first; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventBrief>,
    /// Why the live object could not be read, where the last known state had to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
    /// What the finding was made from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
}

/// Whether a finding begins or ends an episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FindingState {
    /// The rule holds.
    Firing,
    /// It no longer does.
    Ended(Ended),
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// When the quiet began: before any hold-down.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// Why an episode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// The object no longer matches, and stayed so.
    Recovered,
    /// The object was deleted.
    Deleted,
    /// The rule was removed or switched off.
    RuleGone,
}

/// Many objects with one fault are one alert: the same rule and the same topmost owner, or the same cause at the same
/// place, whichever rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The topmost controller of the subject, or the subject itself; of a cause the object that is to be repaired.
    pub owner: ObjectRef,
    /// The group's key within its cluster: equal for findings that belong together.
    pub key: String,
}

/// How the key of a group of one cause begins. No other does: rules are named in CamelCase.
const OF_CAUSE: &str = "cause/";

impl Group {
    /// Those that one repair helps: they have this cause, at this place.
    pub fn of_cause(owner: ObjectRef, cause: &str, place: &str) -> Self {
        Self { owner, key: format!("{OF_CAUSE}{cause}/{place}") }
    }

    /// Whether it is a cause that its findings have in common, and not the rule that found them.
    pub fn is_of_cause(&self) -> bool {
        self.key.starts_with(OF_CAUSE)
    }
}
