use crate::{Finding, PluginRequest, PluginResponse};
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
    /// A plugin answers what was asked for a check.
    Answered(AnswerMessage),
}

/// A plugin's answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerMessage {
    /// The partition of the check's record.
    pub partition: String,
    /// Its sort key.
    pub sort: String,
    /// When it was asked: an answer to another question than the check's last is obsolete and harmless.
    pub asked: Timestamp,
    /// What it says.
    pub response: Box<PluginResponse>,
}

/// What a plugin is to be asked for a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The partition of the check's record.
    pub partition: String,
    /// Its sort key.
    pub sort: String,
    /// The plugin's name.
    pub plugin: String,
    /// What it is asked; `now` names the question.
    pub request: Box<PluginRequest>,
}

/// What arrives in the queue `diagnoses`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum DiagnoseMessage {
    /// A rule with a root-cause flow fires, or no longer does.
    Finding(Box<Finding>),
    /// A plugin is to be asked for a check.
    Question(Question),
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
