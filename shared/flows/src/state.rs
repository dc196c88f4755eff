use jiff::Timestamp;
use prodrome_model::PluginResponse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a run: when it began, and what its nodes came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// When it began.
    pub begun: Timestamp,
    /// How many calls were made, repetitions included.
    #[serde(default)]
    pub calls: u32,
    /// The nodes that are done, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, NodeState>,
}

/// A node that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum NodeState {
    /// The plugin answered.
    Answered {
        /// What.
        response: Box<PluginResponse>,
    },
    /// It did not: it failed, hung, answered nonsense, is not there, or is spared.
    Failed {
        /// Why.
        reason: String,
    },
}

impl State {
    /// A run that begins now.
    pub const fn begun(now: Timestamp) -> Self {
        Self { begun: now, calls: 0, nodes: BTreeMap::new() }
    }

    /// Notes what a plugin answered. The first answer of a node counts.
    pub fn done(&mut self, node: &str, response: PluginResponse) {
        self.put(node, NodeState::Answered { response: Box::new(response) });
    }

    /// Notes that a plugin gave no answer, and why.
    pub fn failed(&mut self, node: &str, reason: impl Into<String>) {
        self.put(node, NodeState::Failed { reason: reason.into() });
    }

    /// Notes what counts of a node, whatever was known before: somebody else may have kept an answer first.
    pub fn counts(&mut self, node: &str, state: NodeState) {
        self.nodes.insert(node.to_owned(), state);
    }

    /// Notes what became of a node, unless something is known already.
    pub fn put(&mut self, node: &str, state: NodeState) {
        self.nodes.entry(node.to_owned()).or_insert(state);
    }

    /// What a node's plugin answered.
    pub fn response(&self, node: &str) -> Option<&PluginResponse> {
        match self.nodes.get(node) {
            Some(NodeState::Answered { response }) => Some(response),
            _ => None,
        }
    }
}
