use crate::{Evidence, ObjectRef, Owner, Scope, Severity, Unseen, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a plugin is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginRequest {
    /// The version of this envelope: 1.
    #[serde(default)]
    pub version: u32,
    /// The run of the flow.
    pub run: String,
    /// The node of the flow.
    #[serde(default)]
    pub node: String,
    /// The cluster.
    pub cluster: Scope,
    /// The object that is diagnosed.
    pub object: ObjectRef,
    /// Its identity.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The topmost controller of the object, or the object itself.
    pub workload: ObjectRef,
    /// The rule that fired, and what it saw.
    pub rule: RuleBrief,
    /// The node's params.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// What the nodes that this one waited for came to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, PluginResponse>,
    /// The time to take for the present.
    pub now: Timestamp,
    /// When an answer is of no use any more.
    pub deadline: Timestamp,
}

/// The rule that fired, as a plugin sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleBrief {
    /// Its name.
    pub name: String,
    /// How bad.
    pub severity: Severity,
    /// Who has to act, by the rule.
    pub owner: Owner,
    /// Since when it holds.
    pub since: Timestamp,
    /// One line.
    #[serde(default)]
    pub summary: String,
    /// What matched, as `path = value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// What a plugin answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginResponse {
    /// What it came to.
    pub verdict: Verdict,
    /// The cause's id, with the verdict `cause`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How sure, from 0 to 1.
    #[serde(default)]
    pub confidence: f64,
    /// Who has to act; absent: whoever the cause's entry in the vocabulary names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// One line: what is wrong and why; with `unknown`, why it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What speaks for the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What to do, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remediation: Vec<String>,
    /// The object whose repair ends the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faulty: Option<ObjectRef>,
    /// What many objects with this fault have in common, such as `registry r.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Ids of causes that are out of the question by what was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruled_out: Vec<String>,
    /// Named results for the nodes that follow, as the plugin declares them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
    /// What could not be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_looked_at: Vec<Unseen>,
    /// Whether the cause is none of those that the plugin declares. Whoever calls it finds that out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undeclared: bool,
}

impl PluginResponse {
    /// A cause by its id, how sure, and what is wrong in a line.
    pub fn cause(id: &str, confidence: f64, summary: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Cause,
            cause: Some(id.to_owned()),
            confidence,
            summary: summary.into(),
            ..Self::default()
        }
    }

    /// What was looked for is not the cause.
    pub fn cleared(summary: impl Into<String>) -> Self {
        Self { verdict: Verdict::Cleared, summary: summary.into(), ..Self::default() }
    }

    /// Not known, and why.
    pub fn unknown(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// No answer, and why: nothing was looked at.
    pub fn unanswered(plugin: &str, reason: impl Into<String>) -> Self {
        let unseen = Unseen::all_of(plugin, reason);
        Self { not_looked_at: vec![unseen.clone()], ..Self::unknown(unseen.reason) }
    }

    /// Marked where its cause is none of these; where nothing is declared, any is.
    #[must_use]
    pub fn held_to<'c>(mut self, declared: Option<impl IntoIterator<Item = &'c str>>) -> Self {
        if let (Some(cause), Some(declared)) = (self.cause.as_deref(), declared) {
            self.undeclared |= !declared.into_iter().any(|id| id == cause);
        }
        self
    }

    /// Whether all that it says is that something could not be looked at.
    pub fn is_blind(&self) -> bool {
        let mut unseen = self.not_looked_at.iter();
        self.verdict == Verdict::Unknown
            && self.evidence.is_empty()
            && unseen.any(|unseen| self.summary == unseen.reason || self.summary == unseen.to_string())
    }

    /// With a fact that speaks for it.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// With a step of the repair.
    #[must_use]
    pub fn remedy(mut self, step: impl Into<String>) -> Self {
        self.remediation.push(step.into());
        self
    }

    /// With who has to act, where that is not whom the vocabulary names.
    #[must_use]
    pub const fn owned_by(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// With the object whose repair ends the fault.
    #[must_use]
    pub fn blaming(mut self, faulty: ObjectRef) -> Self {
        self.faulty = Some(faulty);
        self
    }

    /// With what many objects of this fault have in common.
    #[must_use]
    pub fn sharing(mut self, what: impl Into<String>) -> Self {
        self.shared = Some(what.into());
        self
    }

    /// With a cause that is out of the question.
    #[must_use]
    pub fn ruling_out(mut self, cause: &str) -> Self {
        self.ruled_out.push(cause.to_owned());
        self
    }

    /// With causes that are out of the question, the most common first.
    #[must_use]
    pub fn ruling_out_all<'c>(mut self, causes: impl IntoIterator<Item = &'c str>) -> Self {
        self.ruled_out.extend(causes.into_iter().map(str::to_owned));
        self
    }

    /// With a named result for the nodes that follow.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// With something that could not be looked at.
    #[must_use]
    pub fn without(mut self, what: impl Into<String>, reason: impl Into<String>) -> Self {
        self.not_looked_at.push(Unseen { what: what.into(), reason: reason.into() });
        self
    }
}

/// The type of a named result of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactType {
    /// A text; `""` where there is none.
    Text,
    /// A number; 0 where there is none.
    Number,
    /// True or false; false where there is none.
    Bool,
    /// A list of texts; empty where there is none.
    Texts,
}

impl FactType {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Text, Self::Number, Self::Bool, Self::Texts];

    /// As it is written: `text`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Texts => "texts",
        }
    }

    /// From what is written.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
