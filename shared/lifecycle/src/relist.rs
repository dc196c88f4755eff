use jiff::{SignedDuration, Timestamp};
use prodrome_model::Scope;
use serde::{Deserialize, Serialize};

/// That something which a rule refers to went away or turned bad: the objects that may refer to it are listed
/// once, some seconds later, however many such changes there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relist {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Which cluster.
    pub scope: Scope,
    /// The rule whose objects are to be listed.
    pub rule: String,
    /// The namespace; empty for the whole cluster.
    pub namespace: String,
    /// The version of the rules by which it was asked for.
    #[serde(default)]
    pub rules: u64,
    /// When.
    pub due: Timestamp,
}

impl Relist {
    /// How long further changes are gathered.
    pub const GATHER: SignedDuration = SignedDuration::from_secs(10);
}
