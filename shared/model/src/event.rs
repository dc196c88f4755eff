use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A Kubernetes event in short, either API's form folded into one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBrief {
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The machine-readable reason, such as `BackOff`.
    pub reason: String,
    /// The text; written by components, at times with tenants' words in it. Cut to 1,000 characters.
    pub message: String,
    /// How often it was seen (`count`, or `series.count`); at least 1.
    pub count: u32,
    /// When it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}
