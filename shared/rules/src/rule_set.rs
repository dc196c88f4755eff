use crate::clusters::Clusters;
use crate::glob::Glob;
use crate::kind::KindPattern;
use crate::mode::Mode;
use crate::reference::Reference;
use crate::rule::Rule;
use prodrome_model::{GroupKind, Scope, stable_hash};
use std::collections::BTreeSet;

/// Rules that hold together: each name stands once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
}

impl From<Rule> for RuleSet {
    /// A rule by itself.
    fn from(rule: Rule) -> Self {
        Self { rules: vec![rule] }
    }
}

impl From<Vec<Rule>> for RuleSet {
    /// Rules whose names differ: of two with the same name the first one is kept.
    fn from(rules: Vec<Rule>) -> Self {
        let mut names = BTreeSet::new();
        Self { rules: rules.into_iter().filter(|rule| names.insert(rule.name.clone())).collect() }
    }
}

impl RuleSet {
    /// These rules; of several with one name the first.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut names = BTreeSet::new();
        Self { rules: rules.into_iter().filter(|rule| names.insert(rule.name.clone())).collect() }
    }

    /// The same rules, none of them staged.
    #[must_use]
    pub fn live(&self) -> Self {
        Self { rules: self.rules.iter().map(|rule| rule.in_mode(Mode::Live)).collect() }
    }

    /// The same rules, each in all clusters: for where it is not known which cluster something is of.
    #[must_use]
    pub fn everywhere(&self) -> Self {
        Self { rules: self.rules.iter().map(Rule::everywhere).collect() }
    }

    /// Only the rules that hold in a cluster: there the others are as if they did not exist.
    #[must_use]
    pub fn of_cluster(&self, scope: &Scope) -> Self {
        Self { rules: self.rules.iter().filter(|rule| rule.clusters.admit(scope)).cloned().collect() }
    }

    /// What rules say of clusters, each once, and none where all hold in every cluster. Of two clusters of which all of
    /// these say the same, the rules are the same.
    pub fn clusters(&self) -> BTreeSet<&Clusters> {
        self.rules.iter().map(|rule| &rule.clusters).filter(|clusters| !clusters.is_all()).collect()
    }

    /// All rules in the order they were written, those switched off included.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule by its name.
    pub fn get(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// The rules about objects of this kind, less those switched off.
    pub fn for_kind(&self, kind: &GroupKind) -> impl Iterator<Item = &Rule> {
        self.active().filter(move |rule| rule.applies_to(kind))
    }

    /// The rules with a reference that may point at objects of this kind, each with that reference; less those
    /// switched off.
    pub fn referring_to(&self, kind: &GroupKind) -> impl Iterator<Item = (&Rule, &Reference)> {
        self.active().flat_map(move |rule| {
            let concerned = rule.references().filter(move |reference| reference.concerns(kind));
            concerned.map(move |reference| (rule, reference))
        })
    }

    /// The kinds to watch: those that rules are about and those that their references name. A reference that
    /// takes its kind from a field, without saying which kinds may stand there, adds none.
    pub fn kinds(&self) -> Vec<KindPattern> {
        let kinds: BTreeSet<KindPattern> = self
            .active()
            .flat_map(|rule| rule.kinds().into_iter().chain(rule.references().flat_map(Reference::kinds)))
            .collect();
        kinds.into_iter().collect()
    }

    /// Only the rules whose name this glob matches.
    #[must_use]
    pub fn only(&self, glob: &str) -> Self {
        let glob = Glob::new(glob);
        Self { rules: self.rules.iter().filter(|rule| glob.matches(&rule.name)).cloned().collect() }
    }

    /// The identity of the whole set.
    pub fn hash(&self) -> String {
        let mut parts: Vec<&str> = self.rules.iter().flat_map(|rule| [rule.name(), rule.hash()]).collect();
        parts.insert(0, "rules");
        stable_hash(&parts)
    }

    fn active(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.enabled)
    }
}
