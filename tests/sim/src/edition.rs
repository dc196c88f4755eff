//! Versions of the rules that are pushed in the midst of a run: each makes something else of one rule.

use crate::clock::{MINUTE, Millis, SECOND};
use crate::law::LAWS;
use crate::plan::{Deed, DeedKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a version says of a rule, other than the rules that came with the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Edit {
    /// It is not there.
    Deleted,
    /// It looks for the same, for longer.
    Longer,
    /// It looks for something else.
    OtherMeaning,
    /// It runs, and nobody is told.
    Staged,
}

/// The rules that a version has otherwise than at first.
pub(crate) type Edition = BTreeMap<&'static str, Edit>;

/// The rules that can be made to look for something else.
pub(crate) const OF_TWO_MEANINGS: [&str; 3] = ["Broken", "Unready", "Flapping"];

/// What is pushed in a run, some time before its end.
pub(crate) fn pushes(random: &mut fastrand::Rng, length: Millis) -> Vec<Deed> {
    let mut edition = Edition::new();
    let mut deeds = Vec::new();
    let mut at = random.i64(MINUTE..length / 2);
    let many = random.usize(1..7);
    while deeds.len() < many && at < length - 2 * MINUTE {
        let rule = LAWS[random.usize(0..LAWS.len())].name;
        let edits = [Edit::Deleted, Edit::Longer, Edit::Staged, Edit::OtherMeaning];
        let known = if OF_TWO_MEANINGS.contains(&rule) { edits.len() } else { edits.len() - 1 };
        let next = Some(edits[random.usize(0..known)]).filter(|_| random.u8(0..3) > 0);
        let edit = if edition.get(rule).copied() == next { None } else { next };
        if edition.get(rule).copied() == edit {
            continue; // it is as at first, and stays so
        }
        match edit {
            Some(edit) => _ = edition.insert(rule, edit),
            None => _ = edition.remove(rule),
        }
        deeds.push(Deed { at, what: DeedKind::Push(rule, edit) });
        // Some follow before everybody has heard of the one before.
        at += match random.u8(0..3) {
            0 => random.i64(100..12 * SECOND),
            1 => random.i64(12 * SECOND..3 * MINUTE),
            _ => random.i64(3 * MINUTE..20 * MINUTE),
        };
    }
    deeds
}
