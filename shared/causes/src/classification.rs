//! What the classifier answers.

use crate::{Cause, Fact, Facts};
use prodrome_model::Owner;
use serde::{Deserialize, Serialize};

/// What a text says about why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Classification {
    /// The cause; none where the text does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Who has to act: the cause's owner, unless the text says otherwise. None with no cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// From 0 to 1. An innermost error that can mean one thing has 0.9 and more, a wrapper 0.5 to 0.7.
    pub confidence: f64,
    /// A sentence with the names that the text gives.
    pub summary: String,
    /// What to do, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remediation: Vec<String>,
    /// What was parsed out, also where the cause is unknown.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    /// The part of the text that decided, made harmless and cut. Empty where nothing did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub quote: String,
}

/// Facts that a summary names, the most telling first.
const NAMED: &[Fact] = &[
    Fact::Image,
    Fact::Secret,
    Fact::ConfigMap,
    Fact::Key,
    Fact::Variable,
    Fact::Claim,
    Fact::Volume,
    Fact::StorageClass,
    Fact::Driver,
    Fact::Quota,
    Fact::Webhook,
    Fact::Binary,
    Fact::Module,
    Fact::Taint,
    Fact::Finalizer,
    Fact::ServiceAccount,
    Fact::RuntimeClass,
    Fact::Service,
    Fact::Host,
    Fact::Address,
    Fact::Registry,
    Fact::Port,
    Fact::Path,
    Fact::Action,
    Fact::Resource,
    Fact::Requested,
    Fact::Limited,
    Fact::HttpStatus,
    Fact::ExitCode,
    Fact::Object,
    Fact::Detail,
];

/// How many facts a summary names.
const NAMED_MAX: usize = 3;

impl Classification {
    /// The answer for a cause.
    pub(crate) fn known(
        cause: Cause,
        owner: Option<Owner>,
        confidence: f64,
        facts: Facts,
        quote: String,
    ) -> Self {
        Self {
            cause: Some(cause),
            owner: Some(owner.unwrap_or(cause.owner())),
            confidence,
            summary: sentence(cause.sentence(), &facts),
            remediation: cause.remediation().iter().map(|&step| step.to_owned()).collect(),
            facts,
            quote,
        }
    }

    /// The answer where the text does not say why.
    pub(crate) fn unknown(facts: Facts) -> Self {
        Self { summary: sentence("The text does not say why.", &facts), facts, ..Self::default() }
    }

    /// The cause's id, or `unknown`.
    pub fn id(&self) -> &'static str {
        self.cause.map_or("unknown", Cause::id)
    }

    /// Whether the cause is known.
    pub const fn is_known(&self) -> bool {
        self.cause.is_some()
    }
}

fn sentence(base: &str, facts: &Facts) -> String {
    let named: Vec<String> = NAMED
        .iter()
        .filter_map(|&fact| Some(format!("{} {}", fact.words(), facts.get(fact)?)))
        .take(NAMED_MAX)
        .collect();
    if named.is_empty() {
        return base.to_owned();
    }
    format!("{} ({}).", base.trim_end_matches('.'), named.join(", "))
}
