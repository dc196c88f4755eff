use crate::{ObjectRef, Owner};
use serde::{Deserialize, Serialize};

/// What a plugin, or a whole flow, came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A cause was found.
    Cause,
    /// What was looked for is not the cause.
    Cleared,
    /// Not known.
    #[default]
    Unknown,
}

impl Verdict {
    /// As it is written: `cause`, `cleared`, `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::Cleared => "cleared",
            Self::Unknown => "unknown",
        }
    }
}

/// A fact that a reader can check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The fact, in a line. May hold what tenants wrote.
    pub text: String,
    /// Where it was found: `status`, `spec`, `event`, `log`, `network`, or a word of the plugin's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// On which object, where it is not the one that is diagnosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
}

impl Evidence {
    /// A fact and where it was found.
    pub fn new(source: &str, text: impl Into<String>) -> Self {
        Self { text: text.into(), source: source.to_owned(), object: None }
    }

    /// The same, on another object.
    #[must_use]
    pub fn on(mut self, object: ObjectRef) -> Self {
        self.object = Some(object);
        self
    }
}

/// Something that could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// What: `events of Pod shop/web-0`, `the registry r.example`.
    pub what: String,
    /// Why not.
    pub reason: String,
}

impl Unseen {
    /// Everything that a plugin looks at, and why it does not.
    pub fn all_of(plugin: &str, reason: impl Into<String>) -> Self {
        Self { what: format!("what the plugin {plugin} looks at"), reason: reason.into() }
    }
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} could not be looked at: {}", self.what, self.reason)
    }
}

/// A cause that is out of the question, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuledOut {
    /// The cause's id.
    pub cause: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What became of one node of a flow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeOutcome {
    /// The node's name.
    pub node: String,
    /// Its plugin.
    pub plugin: String,
    /// What it came to; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The cause it named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How sure it was.
    #[serde(default)]
    pub confidence: f64,
    /// Why it did not run, or did not know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What a root-cause flow concluded about a finding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Which flow.
    pub flow: String,
    /// Which run of it.
    pub run: String,
    /// `cause` or `unknown`; `cleared` where somebody asked about an object with which nothing is wrong.
    pub verdict: Verdict,
    /// The cause's id; absent where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How sure, from 0 to 1.
    #[serde(default)]
    pub confidence: f64,
    /// Who has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// One line: what is wrong and why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What speaks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What to do, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remediation: Vec<String>,
    /// The object whose repair ends the fault, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faulty: Option<ObjectRef>,
    /// What many objects with this fault have in common, such as `registry r.example`: equal where one repair
    /// helps them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Causes that are out of the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruled_out: Vec<RuledOut>,
    /// What else was found, and may have contributed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Evidence>,
    /// What could not be looked at, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_looked_at: Vec<Unseen>,
    /// Each node of the flow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeOutcome>,
    /// The app that is affected: the topmost controller of the diagnosed object, whatever it is told together with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<ObjectRef>,
    /// The object that was examined in depth, where this one was only compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examined: Option<ObjectRef>,
}

impl Diagnosis {
    /// What is ruled out, in words: the causes of each reason together, as `oom-killed, app-error (no container ended
    /// badly)`, of each reason at most so many.
    pub fn ruled_out_in_words(&self, causes_max: usize) -> Vec<String> {
        let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
        for RuledOut { cause, reason } in &self.ruled_out {
            match by_reason.iter_mut().find(|(known, _)| known == reason) {
                Some((_, causes)) => causes.push(cause),
                None => by_reason.push((reason, vec![cause])),
            }
        }
        let words = |(reason, causes): (&str, Vec<&str>)| {
            let named = causes.get(..causes_max).unwrap_or(&causes).join(", ");
            let more = match causes.len().saturating_sub(causes_max) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            format!("{named}{more}{why}")
        };
        by_reason.into_iter().map(words).collect()
    }

    /// A diagnosis that knows nothing, and why.
    pub fn unknown(flow: &str, run: &str, summary: impl Into<String>) -> Self {
        Self { flow: flow.to_owned(), run: run.to_owned(), summary: summary.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_are_ruled_out_by_one_sight_are_told_together() {
        let out = |cause: &str, reason: &str| RuledOut { cause: cause.into(), reason: reason.into() };
        let ruled_out = vec![
            out("image-not-found", "no container waits"),
            out("oom-killed", "none ended badly"),
            out("image-auth", "no container waits"),
            out("registry-dns", "no container waits"),
            out("pvc-missing", ""),
        ];
        let diagnosis = Diagnosis { ruled_out, ..Diagnosis::default() };
        assert_eq!(
            diagnosis.ruled_out_in_words(2),
            [
                "image-not-found, image-auth and 1 more (no container waits)",
                "oom-killed (none ended badly)",
                "pvc-missing"
            ]
        );
    }
}
