use crate::version::Version;
use prodrome_rules::{Diagnostic, RuleSet, load};
use std::collections::BTreeMap;

/// A version as this program understands it.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// Its number.
    pub version: u64,
    /// Its rules; of one that this program refuses the last good one.
    pub rules: RuleSet,
    /// By rule, the version since which it has been what it is; see [`Identity::since`].
    ///
    /// [`Identity::since`]: crate::Identity::since
    pub since: BTreeMap<String, u64>,
    /// The rules that this program refuses. Whoever pushed them understood them, so it is older or newer.
    pub refused: Vec<Refused>,
}

/// A rule that one program understood and this one does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub rule: String,
    /// What is wrong with it.
    pub reason: String,
    /// The version whose rule runs in its place: 0 for those that came with the program, `None` where there is none.
    pub runs: Option<u64>,
}

impl Compiled {
    /// Compiles what can be. The rest is refused, each as a whole.
    pub(crate) fn of(version: &Version) -> Self {
        let loaded = load(&version.files);
        let mut reasons: BTreeMap<Option<&str>, String> = BTreeMap::new();
        for diagnostic in loaded.diagnostics.iter().filter(|d| d.is_error()) {
            reasons.entry(diagnostic.rule.as_deref()).or_insert_with(|| Diagnostic::to_string(diagnostic));
        }
        let missing = version.rules.keys().filter(|name| loaded.rules.get(name).is_none());
        let refused = missing.map(|name| {
            // A file that is no YAML here names no rule.
            let reason = reasons.get(&Some(name.as_str())).or_else(|| reasons.get(&None)).cloned();
            let reason = reason.unwrap_or_else(|| "it is not among the rules that were read".to_owned());
            Refused { rule: name.clone(), reason, runs: None }
        });
        let refused = refused.collect();
        let since = version.rules.iter().map(|(name, identity)| (name.clone(), identity.since)).collect();
        Self { version: version.entry.version, rules: loaded.rules, since, refused }
    }

    /// Whether a rule that was refused still has none in its place.
    pub(crate) fn lacks_any(&self) -> bool {
        self.refused.iter().any(|refused| refused.runs.is_none())
    }

    /// Takes from an older set what is still lacking.
    pub(crate) fn fill_from(&mut self, version: u64, older: &RuleSet) {
        let mut found = Vec::new();
        for refused in self.refused.iter_mut().filter(|refused| refused.runs.is_none()) {
            if let Some(rule) = older.get(&refused.rule) {
                refused.runs = Some(version);
                found.push(rule.clone());
            }
        }
        if !found.is_empty() {
            self.rules = RuleSet::new(self.rules.rules().iter().cloned().chain(found));
        }
    }
}
