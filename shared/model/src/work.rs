use crate::Finding;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That a record of a store falls due. What has to be done is in the record; a message whose `at` is no longer
/// the record's due time is obsolete and harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueMessage {
    /// The record's partition.
    pub partition: String,
    /// The record's sort key.
    pub sort: String,
    /// When it falls due.
    pub at: Timestamp,
}

/// What arrives in the queue `checks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum CheckMessage {
    /// A check falls due.
    Due(DueMessage),
}

/// What arrives in the queue `findings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum AlertMessage {
    /// A rule fires, or no longer does.
    Finding(Box<Finding>),
    /// An open alert falls due: an update, a repetition, a retry, the end of a hold-down.
    Due(DueMessage),
}
