use crate::entry::Entry;
use prodrome_rules::{Rule, RuleSet, SourceFile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A version with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// What is to be known of it.
    pub entry: Entry,
    /// Its files.
    pub files: Vec<SourceFile>,
    /// Its rules as whoever pushed it understood them.
    pub rules: BTreeMap<String, Identity>,
}

/// What a rule was when it was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The identity of what it says.
    pub hash: String,
    /// The identity of what it looks for.
    pub meaning: String,
    /// The version since which it has looked for that, and told it in the same way, without a break; 0 where it came
    /// with the programs. What it finds is another episode than what a rule of that name found before.
    #[serde(default)]
    pub since: u64,
}

impl Identity {
    /// Of the rules of a new version, which follows the old ones.
    pub(crate) fn of_all(
        version: u64,
        rules: &RuleSet,
        old: &RuleSet,
        known: &BTreeMap<String, Self>,
    ) -> BTreeMap<String, Self> {
        let identity = |rule: &Rule| Self {
            hash: rule.hash().to_owned(),
            meaning: rule.meaning().to_owned(),
            since: match old.get(rule.name()) {
                Some(old) if goes_on(old, rule) => known.get(rule.name()).map_or(0, |known| known.since),
                _ => version,
            },
        };
        rules.rules().iter().map(|rule| (rule.name().to_owned(), identity(rule))).collect()
    }
}

fn goes_on(old: &Rule, new: &Rule) -> bool {
    old.enabled()
        && new.enabled()
        && old.meaning() == new.meaning()
        && old.mode() == new.mode()
        // In a cluster to which it comes, or comes back, what it finds is another episode.
        && !new.clusters().add_to(old.clusters())
}
