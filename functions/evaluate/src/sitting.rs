use crate::Evaluate;
use crate::loaded::Loaded;
use crate::rules::Refreshed;
use jiff::Timestamp;
use prodrome_cluster::Clusters;
use prodrome_lambda::Failure;
use prodrome_lifecycle::{Check, RuleMark, Turnover, turn_over};
use prodrome_model::Scope;
use prodrome_rules::{Mode, Rule, RuleSet};
use prodrome_store::Store;
use std::ops::Deref;
use std::sync::Arc;

/// The handling of one message: all of it is about one cluster, and by the same rules, whatever is taken up meanwhile. Rules
/// that do not hold in that cluster are none of them.
pub(crate) struct Sitting<'e, S, Q, C: Clusters> {
    evaluate: &'e Evaluate<S, Q, C>,
    pub(crate) scope: Scope,
    /// The live objects of that cluster.
    pub(crate) cluster: C::One,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) rules: Arc<RuleSet>,
    /// What was found when newer rules were asked for, if they were.
    pub(crate) asked: Option<Refreshed>,
}

impl<'e, S: Store, Q, C: Clusters> Sitting<'e, S, Q, C> {
    /// About that cluster, under its rules as they are known now. `asked` says what was found when newer ones were asked
    /// for, if they were.
    pub(crate) fn new(evaluate: &'e Evaluate<S, Q, C>, scope: Scope, asked: Option<Refreshed>) -> Self {
        let (loaded, cluster) = (evaluate.law.of_cluster(&scope), evaluate.clusters.of(&scope));
        Self { evaluate, scope, cluster, rules: Arc::clone(&loaded.rules), loaded, asked }
    }

    /// The rule, as checks remember it.
    pub(crate) fn mark(&self, rule: &Rule) -> RuleMark {
        RuleMark {
            version: self.loaded.version,
            hash: rule.hash().to_owned(),
            meaning: rule.meaning().to_owned(),
            shadow: rule.mode() == Mode::Shadow,
        }
    }

    /// Since which version a rule is what it is.
    pub(crate) fn since(&self, rule: &Rule) -> u64 {
        self.loaded.since.get(rule.name()).copied().unwrap_or(0)
    }
}

impl<S: Store, Q, C: Clusters> Sitting<'_, S, Q, C> {
    /// What becomes of a check by these rules.
    pub(crate) fn turn_over(&self, check: &Check, mark: &RuleMark, now: Timestamp) -> Turnover {
        if !self.are_newest() {
            return turn_over(check, mark, now);
        }
        turn_over(check, &RuleMark { version: mark.version.max(check.rules), ..mark.clone() }, now)
    }

    /// Whether there are none newer, whatever records say: nobody follows any, or the table was asked just now and
    /// has been set back.
    fn are_newest(&self) -> bool {
        !self.law.follows() || self.asked == Some(Refreshed::Current)
    }

    /// Whether newer rules are needed and cannot be had: what was decided on by newer ones is left alone.
    pub(crate) fn insists(&self) -> bool {
        self.asked == Some(Refreshed::Unknown)
    }

    /// Fails where these rules are older than that version.
    pub(crate) fn knows(&self, version: u64) -> Result<(), Failure> {
        if version <= self.loaded.version || self.are_newest() { Ok(()) } else { Err(self.is_behind()) }
    }

    /// The failure that newer rules may mend.
    pub(crate) fn is_behind(&self) -> Failure {
        let reason = format!("newer rules than version {} are needed", self.loaded.version);
        Failure::retryable(BEHIND, reason)
    }
}

/// The code of a failure that newer rules may mend.
pub(crate) const BEHIND: &str = "rules_behind";

impl<S, Q, C: Clusters> Deref for Sitting<'_, S, Q, C> {
    type Target = Evaluate<S, Q, C>;

    fn deref(&self) -> &Evaluate<S, Q, C> {
        self.evaluate
    }
}
