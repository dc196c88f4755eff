use jiff::Timestamp;
use prodrome_model::Scope;
use prodrome_rules::Clusters;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which version holds. Small: every instance reads it every few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The version of this layout: 1.
    pub layout: u32,
    /// The version of the rules, from 1 on.
    pub version: u64,
    /// Since when it holds.
    pub at: Timestamp,
}

/// What is to be known of a version without reading its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Its number.
    pub version: u64,
    /// Made from who pushed what and when, so that a push finds itself again.
    pub id: String,
    /// When it was pushed.
    pub at: Timestamp,
    /// By whom, as they said.
    pub who: String,
    /// Why.
    pub why: String,
    /// The version whose text it has again, if it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// The names of its files.
    pub files: Vec<String>,
    /// How many rules there are.
    pub rules: usize,
    /// The rules that are new.
    pub added: Named,
    /// The rules that say something else than before.
    pub changed: Named,
    /// The rules that are gone.
    pub removed: Named,
    /// The kinds that the rules name, each with the version that last added a rule about it or changed what one looks
    /// for: whoever has listed the kind under an older version has to list it anew.
    pub kinds: BTreeMap<String, u64>,
    /// The same, apart for each set of clusters that rules say they hold in, all clusters among them; nothing where all rules
    /// hold in all clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds_of_clusters: Vec<KindsOf>,
    /// In how many parts the text is kept.
    pub parts: usize,
}

impl Entry {
    /// The kinds that the rules of a cluster name.
    pub fn kinds_in(&self, scope: &Scope) -> BTreeMap<String, u64> {
        if self.kinds_of_clusters.is_empty() {
            return self.kinds.clone();
        }
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for of in self.kinds_of_clusters.iter().filter(|of| of.clusters().admit(scope)) {
            for (kind, version) in &of.kinds {
                let latest = kinds.entry(kind.clone()).or_default();
                *latest = (*latest).max(*version);
            }
        }
        kinds
    }
}

/// The kinds that the rules of some clusters name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KindsOf {
    /// Of which clusters the rules are, as they write it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    include: Vec<String>,
    /// And of which not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
    /// As [`Entry::kinds`].
    pub kinds: BTreeMap<String, u64>,
}

impl KindsOf {
    pub(crate) fn new(clusters: &Clusters, kinds: BTreeMap<String, u64>) -> Self {
        let texts = |globs: &mut dyn Iterator<Item = &str>| globs.map(str::to_owned).collect();
        Self { include: texts(&mut clusters.include()), exclude: texts(&mut clusters.exclude()), kinds }
    }

    pub(crate) fn clusters(&self) -> Clusters {
        Clusters::new(&self.include, &self.exclude)
    }
}

/// Rules by their names: as many as fit on a screen, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub names: Vec<String>,
}

impl Named {
    const SHOWN_MAX: usize = 50;

    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<String> = names.map(str::to_owned).collect();
        Self { count: names.len(), names: names.into_iter().take(Self::SHOWN_MAX).collect() }
    }
}
