use super::program::Program;
use crate::rule_set::RuleSet;
use prodrome_model::GroupKind;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The programs of a set of rules, each compiled when its kind is first asked for.
#[derive(Debug)]
pub struct Programs {
    rules: Arc<RuleSet>,
    by_kind: RwLock<BTreeMap<GroupKind, Arc<Program>>>,
}

impl Programs {
    /// Of these rules.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self { rules, by_kind: RwLock::default() }
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// The kinds that were asked for.
    pub fn kinds(&self) -> Vec<GroupKind> {
        self.by_kind.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The program for objects of a kind.
    pub fn of(&self, kind: &GroupKind) -> Arc<Program> {
        // A program is put in whole, or not at all: what a panic leaves behind is sound.
        if let Some(program) = self.by_kind.read().unwrap_or_else(PoisonError::into_inner).get(kind) {
            return Arc::clone(program);
        }
        let program = Arc::new(Program::new(&self.rules, kind));
        let mut by_kind = self.by_kind.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_kind.entry(kind.clone()).or_insert(program))
    }
}
