use crate::catalogue::PluginFacts;
use crate::expression::Expression;
use jiff::SignedDuration;
use prodrome_model::stable_hash;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A root-cause flow: a graph of plugins without cycles.
#[derive(Debug, Clone)]
pub struct Flow {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) deadline: SignedDuration,
    pub(crate) calls_max: u32,
    pub(crate) threshold: f64,
    /// In the order in which they are written.
    pub(crate) nodes: Vec<Node>,
    pub(crate) hash: String,
}

/// A node: one call of a plugin.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) plugin: String,
    /// Indices of the nodes that it waits for.
    pub(crate) after: Vec<usize>,
    pub(crate) when: Option<Expression>,
    pub(crate) params: Map<String, Value>,
    pub(crate) timeout: SignedDuration,
    pub(crate) retries: u32,
    pub(crate) facts: PluginFacts,
    /// The causes that its plugin may name, where that is known.
    pub(crate) causes: Option<Vec<String>>,
    /// How many nodes lie before it on the longest way.
    pub(crate) depth: usize,
}

impl Flow {
    /// Its name: that of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it finds out, in a line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// How long a run may take.
    pub const fn deadline(&self) -> SignedDuration {
        self.deadline
    }

    /// How many calls a run may make, repetitions included.
    pub const fn calls_max(&self) -> u32 {
        self.calls_max
    }

    /// How sure a node must be for its cause to be named.
    pub const fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The nodes, as they are written.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The names of the nodes that one waits for.
    pub fn waits_for(&self, node: &Node) -> impl Iterator<Item = &str> {
        node.after.iter().map(|index| self.nodes[*index].name.as_str())
    }

    /// The identity of its text: another one is another flow.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// All nodes that a node waits for, directly or not, by index.
    pub(crate) fn ancestors(&self, index: usize) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut open: Vec<usize> = self.nodes[index].after.clone();
        while let Some(next) = open.pop() {
            if !found.contains(&next) {
                found.push(next);
                open.extend(&self.nodes[next].after);
            }
        }
        found.sort_unstable();
        found
    }
}

impl Node {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The plugin that it calls.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The condition under which it runs, as it is written.
    pub fn when(&self) -> Option<&str> {
        self.when.as_ref().map(Expression::text)
    }

    /// What the plugin is given.
    pub const fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// How long a call may take.
    pub const fn timeout(&self) -> SignedDuration {
        self.timeout
    }

    /// The causes that its plugin may name, where that is known.
    pub fn causes(&self) -> Option<&[String]> {
        self.causes.as_deref()
    }

    /// How often a call that failed is repeated.
    pub const fn retries(&self) -> u32 {
        self.retries
    }
}

/// Flows by their names.
#[derive(Debug, Clone, Default)]
pub struct FlowSet {
    pub(crate) flows: BTreeMap<String, Flow>,
}

impl FlowSet {
    /// A flow by its name.
    pub fn get(&self, name: &str) -> Option<&Flow> {
        self.flows.get(name)
    }

    /// All flows, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Flow> {
        self.flows.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// The identity of the whole set.
    pub fn hash(&self) -> String {
        let parts: Vec<&str> = self.iter().flat_map(|flow| [flow.name(), flow.hash()]).collect();
        stable_hash(&parts)
    }
}
