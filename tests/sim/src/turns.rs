//! What the store was like earlier: what an API server knows whose watch cache is behind.

use crate::clock::Millis;
use crate::model::{Key, Stored};
use std::collections::BTreeMap;

/// The versions of the store, in order, and what each of them changed.
#[derive(Default)]
pub(crate) struct Turns {
    turns: Vec<Turn>,
}

struct Turn {
    at: Millis,
    version: u64,
    change: Option<Change>,
}

/// An object as it is from then on, or that it is gone.
pub(crate) type Change = (Key, Option<Stored>);

impl Turns {
    /// Nothing is known of what was before: it was always like this.
    pub(crate) fn begin(version: u64, objects: &BTreeMap<Key, Stored>) -> Self {
        let there =
            objects.iter().map(|(key, stored)| (stored.version, Some((key.clone(), Some(stored.clone())))));
        let turn = |(version, change)| Turn { at: Millis::MIN, version, change };
        Self { turns: there.chain([(version, None)]).map(turn).collect() }
    }

    /// A version was written.
    pub(crate) fn note(&mut self, at: Millis, version: u64, change: Option<Change>) {
        self.turns.push(Turn { at, version, change });
    }

    /// Which version was the last at an instant.
    pub(crate) fn version_at(&self, at: Millis) -> u64 {
        self.until(at).last().map_or(0, |turn| turn.version)
    }

    /// When the last version was written.
    pub(crate) fn last(&self) -> Millis {
        self.turns.last().map_or(Millis::MIN, |turn| turn.at)
    }

    /// What there was at an instant.
    pub(crate) fn objects_at(&self, at: Millis) -> BTreeMap<Key, Stored> {
        let mut objects = BTreeMap::new();
        for (key, stored) in self.until(at).filter_map(|turn| turn.change.as_ref()) {
            match stored {
                Some(stored) => _ = objects.insert(key.clone(), stored.clone()),
                None => _ = objects.remove(key),
            }
        }
        objects
    }

    fn until(&self, at: Millis) -> impl Iterator<Item = &Turn> {
        self.turns.iter().take_while(move |turn| turn.at <= at)
    }
}
