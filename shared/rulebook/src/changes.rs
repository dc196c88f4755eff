use prodrome_rules::{Rule, RuleSet};
use std::collections::BTreeSet;

/// What became of the rules from one set to another, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Each rule that is not what it was, in the order of the names.
    pub rules: Vec<(String, Change)>,
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It looks for something else: what matched before may not have matched it.
    OtherMeaning,
    /// It looks for the same, in other clusters. What it told in those that it leaves ends.
    OtherClusters,
    /// It looks for the same in the same clusters, and has other times or says something else.
    OtherWords,
}

impl Change {
    /// What a rule may become that is there before and after.
    pub(crate) const OTHERS: [Self; 3] = [Self::OtherMeaning, Self::OtherClusters, Self::OtherWords];
}

impl Changes {
    /// From one set to another.
    pub fn between(old: &RuleSet, new: &RuleSet) -> Self {
        let names: BTreeSet<&str> = old.rules().iter().chain(new.rules()).map(Rule::name).collect();
        let change = |name: &str| match (old.get(name), new.get(name)) {
            (None, _) => Some(Change::Added),
            (_, None) => Some(Change::Removed),
            (Some(old), Some(new)) if old.hash() == new.hash() => None,
            (Some(old), Some(new)) if old.meaning() != new.meaning() => Some(Change::OtherMeaning),
            (Some(old), Some(new)) if old.clusters() != new.clusters() => Some(Change::OtherClusters),
            _ => Some(Change::OtherWords),
        };
        Self { rules: names.into_iter().filter_map(|n| Some((n.to_owned(), change(n)?))).collect() }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The names of those of which this became.
    pub fn names(&self, of: &[Change]) -> impl Iterator<Item = &str> {
        self.rules.iter().filter(|(_, change)| of.contains(change)).map(|(name, _)| name.as_str())
    }
}
