use prodrome_model::{Group, ObjectRef, Owner, Severity};
use serde::Deserialize;

/// A line of `prodrome replay --output json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Told {
    /// Seconds since the recording's start.
    pub t: f64,
    /// What it tells of the alert.
    #[serde(rename = "type")]
    pub kind: ToldKind,
    /// The rule.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Who has to act.
    pub owner: Owner,
    /// The root cause, where it is known.
    #[serde(default)]
    pub cause: Option<String>,
    /// The object.
    pub object: ObjectRef,
    /// The object whose repair ends the fault, where it is known.
    #[serde(default)]
    pub faulty: Option<ObjectRef>,
    /// Its group.
    pub group: Group,
    /// When the quiet began; on a resolution.
    #[serde(default)]
    pub ended: Option<jiff::Timestamp>,
    /// The alert's identity.
    pub fingerprint: String,
}

/// What is told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToldKind {
    /// It begins.
    Alert,
    /// News of it.
    Update,
    /// It is over.
    Resolved,
}
