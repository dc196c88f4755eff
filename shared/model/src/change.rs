use crate::{RawJson, Resource};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that a source reported, as it travels in a pack. The pack's head names the cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// Of which resource. The object's kind comes from here, never from its body.
    pub resource: Resource,
    /// Counts the source's runs: a higher epoch started later. Sequences restart with it. A run that was replaced may
    /// still send a little: an object's own version says what is newer, never the epoch. Where both contradict each other,
    /// as in a cluster that was set back, somebody looks.
    pub epoch: u64,
    /// The place within the epoch's stream; rises by one a change.
    pub sequence: u64,
    /// When the source saw it, by its own clock, which may be wrong: its pack tells by how much.
    pub observed_at: Timestamp,
    /// Where it came from.
    #[serde(default)]
    pub source: Source,
    /// The list that this object was read by, or that begins or ends here; absent for a watch event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The object's JSON as the API server wrote it, less what was cut. Absent for the marks of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<RawJson>,
}

/// What a [`Change`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// The object is there, in this version (added, modified or listed).
    Applied,
    /// The object is gone; `object` is its last state.
    Deleted,
    /// A list of this resource begins. What follows with the same `list` was read by it.
    ListBegin,
    /// The list is complete: whatever it did not name is gone.
    ListEnd,
}

/// What reported a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A watch of the Kubernetes API.
    #[default]
    Watch,
    /// A recording.
    Recording,
}
