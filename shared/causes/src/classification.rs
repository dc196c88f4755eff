//! What the classifier answers.

use crate::text::shortened;
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

/// What a cause means where it stands, and what to do: in place of the words for all of its kind.
pub(crate) type Words = (&'static str, &'static [&'static str]);

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
];

/// How many facts a summary names.
const NAMED_MAX: usize = 3;

impl Classification {
    /// The answer for a cause.
    pub(crate) fn known(
        cause: Cause,
        owner: Option<Owner>,
        confidence: f64,
        advice: Option<Words>,
        facts: Facts,
        quote: String,
    ) -> Self {
        let (words, steps) = advice.unwrap_or((cause.sentence(), cause.remediation()));
        Self {
            cause: Some(cause),
            owner: Some(owner.unwrap_or(cause.owner())),
            confidence,
            summary: sentence(words, &facts),
            remediation: steps.iter().map(|&step| step.to_owned()).collect(),
            facts,
            quote,
        }
    }

    /// The answer where the text does not say why.
    pub(crate) fn unknown(facts: Facts) -> Self {
        Self { summary: sentence("The text does not say why.", &facts), facts, ..Self::default() }
    }

    /// The answer where there is only a reason, which does not say why.
    pub(crate) fn unknown_by(reason: &str) -> Self {
        let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
        Self { summary: format!("The reason {reason} alone does not say why."), ..Self::default() }
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

/// How much of an error's own words a summary repeats.
const DETAIL_CHARS: usize = 120;

fn sentence(base: &str, facts: &Facts) -> String {
    let detail = facts.get(Fact::Detail).filter(|detail| says_more(detail, base));
    let detail = detail.map(|detail| shortened(detail, DETAIL_CHARS));
    let mut named: Vec<(Fact, &str)> = Vec::new();
    for &fact in NAMED {
        if let Some(value) = facts.get(fact)
            && named.len() < NAMED_MAX
            && !(is_of_the_way(fact) && detail.as_ref().is_some_and(|detail| detail.contains(value)))
            && !named.iter().any(|(by, told)| *told == value || is_part(fact, *by) && told.contains(value))
        {
            named.push((fact, value));
        }
    }
    let mut told: Vec<String> =
        named.iter().map(|(fact, value)| format!("{} {value}", fact.words())).collect();
    told.extend(detail.map(|detail| format!("it says: {detail}")));
    if told.is_empty() {
        return base.to_owned();
    }
    format!("{} ({}).", base.trim_end_matches('.'), told.join(", "))
}

/// Whether a fact is one that an error's own words name as well.
const fn is_of_the_way(fact: Fact) -> bool {
    matches!(fact, Fact::Host | Fact::Address | Fact::Port | Fact::HttpStatus)
}

/// Whether a fact is a part of another, so that it need not be told twice.
const fn is_part(fact: Fact, of: Fact) -> bool {
    matches!(
        (fact, of),
        (Fact::Registry | Fact::Host | Fact::Address, Fact::Image | Fact::Registry)
            | (Fact::Port, Fact::Address | Fact::Registry | Fact::Image)
            | (Fact::Host, Fact::Address)
            | (Fact::Address, Fact::Host)
            | (Fact::Registry, Fact::Host | Fact::Address)
    )
}

/// One short word without its sentence says nothing.
fn says_more(detail: &str, base: &str) -> bool {
    detail.chars().filter(|c| c.is_alphanumeric()).count() > 2 && !base.contains(detail)
}
