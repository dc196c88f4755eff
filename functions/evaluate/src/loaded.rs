//! A version of the rules, ready to judge by, as it holds in each cluster.

use prodrome_model::{GroupKind, Scope};
use prodrome_rulebook::Compiled;
use prodrome_rules::engine::Programs;
use prodrome_rules::{Clusters, RuleSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The rules of a version that hold in a cluster.
pub(crate) struct Loaded {
    /// 0 for those that came with the program.
    pub(crate) version: u64,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) programs: Programs,
    /// The version since which each rule is what it is, where that is known and not 0.
    pub(crate) since: Arc<BTreeMap<String, u64>>,
    /// Rules that the version has and this program cannot run in any form. Whether they hold in the cluster is not known.
    pub(crate) lacking: Arc<BTreeSet<String>>,
}

impl Loaded {
    fn with(&self, rules: RuleSet) -> Self {
        let rules = Arc::new(rules);
        Self {
            version: self.version,
            programs: Programs::new(Arc::clone(&rules)),
            rules,
            since: Arc::clone(&self.since),
            lacking: Arc::clone(&self.lacking),
        }
    }
}

/// A version of the rules.
///
/// What holds in a cluster is put together when it is first asked for, and is the same for all clusters in which the same
/// rules hold. Where no rule names clusters nothing is put together.
pub(crate) struct Version {
    all: Arc<Loaded>,
    /// What rules say of the clusters in which they hold, each once.
    clusters: Vec<Clusters>,
    parts: Mutex<Vec<Part>>,
}

/// The rules that hold in some clusters.
struct Part {
    /// Which of [`Version::clusters`] those clusters are among.
    among: Vec<bool>,
    /// One of them.
    scope: Scope,
    loaded: Arc<Loaded>,
}

/// So many parts are kept, those that were used last: whoever may send packs may name any cluster in them.
const PARTS_MAX: usize = 32;

impl Version {
    /// Those that came with the program.
    pub(crate) fn base(rules: Arc<RuleSet>) -> Self {
        Self::new(0, rules, BTreeMap::new(), BTreeSet::new())
    }

    /// Those of a version.
    pub(crate) fn of(compiled: Compiled) -> Self {
        let Compiled { version, rules, since, refused } = compiled;
        let lacking = refused.into_iter().filter(|refused| refused.runs.is_none()).map(|r| r.rule);
        Self::new(version, Arc::new(rules), since, lacking.collect())
    }

    fn new(
        version: u64,
        rules: Arc<RuleSet>,
        since: BTreeMap<String, u64>,
        lacking: BTreeSet<String>,
    ) -> Self {
        let clusters = rules.clusters().into_iter().cloned().collect();
        let programs = Programs::new(Arc::clone(&rules));
        let (since, lacking) = (Arc::new(since), Arc::new(lacking));
        let all = Arc::new(Loaded { version, rules, programs, since, lacking });
        Self { all, clusters, parts: Mutex::default() }
    }

    /// Which it is.
    pub(crate) fn number(&self) -> u64 {
        self.all.version
    }

    /// How many rules it has, of all clusters.
    pub(crate) fn rules(&self) -> usize {
        self.all.rules.rules().len()
    }

    /// What holds in a cluster.
    pub(crate) fn of_cluster(&self, scope: &Scope) -> Arc<Loaded> {
        let among: Vec<bool> = self.clusters.iter().map(|clusters| clusters.admit(scope)).collect();
        if among.iter().all(|is_among| *is_among) {
            return Arc::clone(&self.all);
        }
        // What a panic leaves behind is sound: a part is put in whole, or not at all.
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let part = if let Some(known) = parts.iter().position(|part| part.among == among) {
            parts.remove(known)
        } else {
            let loaded = Arc::new(self.all.with(self.all.rules.of_cluster(scope)));
            Part { among, scope: scope.clone(), loaded }
        };
        let loaded = Arc::clone(&part.loaded);
        parts.push(part);
        if parts.len() > PARTS_MAX {
            parts.remove(0);
        }
        loaded
    }

    /// Compiles what was asked for of another version, so that nothing waits for it.
    pub(crate) fn make_ready(&self, asked_for: &Asked) {
        for (scope, kinds) in &asked_for.0 {
            let loaded = match scope {
                None => Arc::clone(&self.all),
                Some(scope) => self.of_cluster(scope),
            };
            for kind in kinds {
                loaded.programs.of(kind);
            }
        }
    }

    /// What was asked for.
    pub(crate) fn asked_for(&self) -> Asked {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_parts = parts.iter().map(|part| (Some(part.scope.clone()), part.loaded.programs.kinds()));
        Asked(std::iter::once((None, self.all.programs.kinds())).chain(of_parts).collect())
    }
}

/// Kinds of which rules were asked for, of one cluster of each part, and where all rules hold.
pub(crate) struct Asked(Vec<(Option<Scope>, Vec<GroupKind>)>);

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_rules::{Rule, SourceFile, load};

    fn version(text: &str) -> Version {
        let loaded = load(&[SourceFile::new("r.yaml", text)]);
        assert!(loaded.is_sound(), "{:?}", loaded.diagnostics);
        Version::base(Arc::new(loaded.rules))
    }

    fn rule(name: &str, clusters: &str) -> String {
        format!(
            "{name}: {{ resource: Pod, clusters: {clusters}, checkField: [{{ field: [a], nilValue: true }}] }}\n"
        )
    }

    fn scope(cluster: &str) -> Scope {
        Scope::new("default", "eu", cluster)
    }

    fn names(loaded: &Loaded) -> Vec<&str> {
        loaded.rules.rules().iter().map(Rule::name).collect()
    }

    #[test]
    fn clusters_in_which_the_same_rules_hold_share_them() {
        let version = version(&[rule("A", "{}"), rule("B", "[prod-*]"), rule("C", "[prod-1]")].concat());
        let [one, two, three, test, other] = ["prod-1", "prod-2", "prod-3", "test", "x"].map(scope);
        assert_eq!(names(&version.of_cluster(&one)), ["A", "B", "C"]);
        assert_eq!(names(&version.of_cluster(&two)), ["A", "B"]);
        assert_eq!(names(&version.of_cluster(&test)), ["A"]);
        assert!(Arc::ptr_eq(&version.of_cluster(&two), &version.of_cluster(&three)));
        assert!(Arc::ptr_eq(&version.of_cluster(&test), &version.of_cluster(&other)));
        assert!(Arc::ptr_eq(&version.of_cluster(&one), &version.all), "nothing is copied where all hold");
        assert_eq!(version.parts.lock().unwrap().len(), 2);
    }

    #[test]
    fn where_no_rule_names_clusters_nothing_is_copied() {
        let version = version(&[rule("A", "{}"), rule("B", "{}")].concat());
        assert!(Arc::ptr_eq(&version.of_cluster(&scope("any")), &version.all));
        assert!(version.parts.lock().unwrap().is_empty());
    }

    #[test]
    fn whoever_names_ever_more_clusters_makes_nothing_grow() {
        // Seven rules, of which each cluster may have others.
        let text: String = (0..7).map(|n| rule(&format!("R{n}"), &format!("['*{n}*']"))).collect();
        let version = version(&text);
        let used = version.of_cluster(&scope("0"));
        let mut seen = BTreeSet::new();
        for number in 0..100 {
            let cluster: String = (0..7).filter(|n| number >> n & 1 == 1).map(|n| n.to_string()).collect();
            let loaded = version.of_cluster(&scope(&format!("x{cluster}")));
            seen.insert(names(&loaded).join(" "));
            assert!(version.parts.lock().unwrap().len() <= PARTS_MAX);
            // What is used again and again stays.
            assert!(Arc::ptr_eq(&used, &version.of_cluster(&scope("0"))));
        }
        assert_eq!(seen.len(), 100);
    }

    #[test]
    fn what_was_asked_for_of_a_version_is_ready_in_the_next() {
        let (pod, node) = (GroupKind::core("Pod"), GroupKind::core("Node"));
        let old = version(&[rule("A", "{}"), rule("B", "[prod]")].concat());
        old.of_cluster(&scope("prod")).programs.of(&node);
        old.of_cluster(&scope("test")).programs.of(&pod);
        let new = version(&[rule("A", "{}"), rule("B", "[prod]"), rule("C", "[test]")].concat());
        new.make_ready(&old.asked_for());
        assert_eq!(new.of_cluster(&scope("test")).programs.kinds(), [pod]);
        assert_eq!(new.all.programs.kinds(), [node]);
    }
}
