//! Instants at which a watcher is killed, drawn from a seed, and what it may send again after each.

use crate::world::Received;
use fastrand::Rng;
use prodrome_model::{ChangeKind, ObjectHead};
use prodrome_watcher::Places;
use std::collections::{BTreeMap, BTreeSet};

/// Kills by chance. `KILLS_SEED` repeats those of a failure, which prints its own; else each time others are drawn.
pub(crate) struct Kills {
    pub(crate) chance: Rng,
    seed: u64,
    /// Which collection is looked at, as the places name it.
    collection: &'static str,
    /// At each kill that left a place: the epoch that wrote it, and its version.
    saved: Vec<(u64, u64)>,
}

impl Kills {
    #[expect(clippy::print_stdout, reason = "the harness shows it where the test fails")]
    pub(crate) fn of(collection: &'static str, test: &str) -> Self {
        let wish = std::env::var_os("KILLS_SEED").filter(|seed| !seed.is_empty());
        let seed = wish.map_or_else(|| fastrand::u64(..), |seed| seed.to_str().unwrap().parse().unwrap());
        println!("KILLS_SEED={seed} cargo test -p prodrome-watcher --test it {test}");
        Self { chance: Rng::with_seed(seed), seed, collection, saved: Vec::new() }
    }

    /// The watcher was killed, and this is what it has left. The place never goes back.
    pub(crate) fn left(&mut self, places: Option<Places>) {
        let Some(Places { epoch, versions, .. }) = places else { return };
        let Some(version) = versions.get(self.collection) else { return };
        let version = version.parse().unwrap();
        let (seed, before) = (self.seed, self.saved.last().copied().unwrap_or_default());
        assert!(before <= (epoch, version) && before.1 <= version, "KILLS_SEED={seed}: {before:?} {version}");
        self.saved.push((epoch, version));
    }

    /// Holds what came out of the queue, of one kind, against the places: what a run sends comes after the place that it
    /// began with, which is the last that an earlier run has saved. Returns of how many changes a later run has told again.
    pub(crate) fn only_the_unsaved_tail_came_again(&self, received: &Received, kind: &str) -> usize {
        let Self { seed, saved, .. } = self;
        assert!(!saved.is_empty(), "KILLS_SEED={seed}: no run came to save a place, so nothing was tried");
        let mut told: BTreeMap<(String, u64), BTreeSet<u64>> = BTreeMap::new();
        for change in received.changes.iter().filter(|change| change.resource.kind == kind) {
            let place =
                saved.iter().rev().find(|(epoch, _)| *epoch < change.epoch).map(|(_, version)| *version);
            let (ChangeKind::Applied | ChangeKind::Deleted) = change.kind else {
                let epoch = change.epoch;
                assert!(
                    place.is_none(),
                    "KILLS_SEED={seed}: run {epoch} has listed anew, with a place {place:?}"
                );
                continue;
            };
            let head: ObjectHead = serde_json::from_str(change.object.as_ref().unwrap().get()).unwrap();
            let version = head.metadata.version();
            assert!(
                place.is_none_or(|place| version > place),
                "KILLS_SEED={seed}: run {} has sent {} {} again at version {version}, and its place was {place:?}; all places: \
                 {saved:?}",
                change.epoch,
                kind,
                head.metadata.name
            );
            told.entry((head.metadata.name.clone(), version)).or_default().insert(change.epoch);
        }
        told.values().filter(|epochs| epochs.len() > 1).count()
    }
}
