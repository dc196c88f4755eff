use jiff::Timestamp;
use prodrome_model::Scope;
use serde::{Deserialize, Serialize};

/// That a version of the rules came to a cluster: the open checks of its changed rules are looked at, those of its
/// deleted rules end. Kept for good, so that it is done once a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Which cluster.
    pub scope: Scope,
    /// Which version of the rules.
    pub version: u64,
    /// When it was begun.
    pub begun_at: Timestamp,
}
