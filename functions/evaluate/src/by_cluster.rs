//! What a process remembers of each cluster.

use prodrome_model::Scope;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of so many clusters something is remembered; whoever may send packs can name any number of them.
const CLUSTERS_MAX: usize = 1_024;

/// Something of each cluster, of a bounded number of them: where there are more, all is forgotten. Whoever asks must be right
/// without it, too.
pub(crate) struct ByCluster<V>(Mutex<BTreeMap<Scope, V>>);

impl<V> Default for ByCluster<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: Copy> ByCluster<V> {
    pub(crate) fn get(&self, scope: &Scope) -> Option<V> {
        self.lock().get(scope).copied()
    }

    pub(crate) fn insert(&self, scope: &Scope, value: V) {
        let mut known = self.lock();
        if known.len() >= CLUSTERS_MAX && !known.contains_key(scope) {
            known.clear();
        }
        known.insert(scope.clone(), value);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Scope, V>> {
        // Each change is one insertion, so a panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_whatever_names_packs_bear() {
        let known = ByCluster::default();
        let scope = |n: usize| Scope::new("default", "eu", format!("cluster-{n}"));
        for n in 0..3 * CLUSTERS_MAX {
            known.insert(&scope(n), n);
            assert_eq!(known.get(&scope(n)), Some(n));
        }
        assert!(known.lock().len() <= CLUSTERS_MAX);
        assert_eq!(known.get(&scope(0)), None);
    }
}
