//! When time alone turns a verdict.
//!
//! A condition on a timestamp turns at an instant that is known once the timestamp was read. What all conditions of
//! a rule say at that instant follows from what they say now, where time turns only conditions on values of the
//! object. Conditions on the elements of a list begin anew with each element, and what `match: all` failed is not
//! known one by one: for those the object is looked at again.

use super::program::Entry;
use super::scratch::Scratch;
use super::verdict::{Judge, Verdict};
use super::walk::Stop;
use crate::evaluation::INSTANTS_MAX;
use crate::json::JsonError;
use jiff::Timestamp;

/// At how many instants an object is looked at again.
const LOOKS_MAX: usize = 6;

impl Judge<'_> {
    /// Finds out when the verdicts of certain rules turn. Where too many instants are to be tried, the verdicts stay
    /// open: the tree is asked.
    pub(super) fn look_ahead(&self, scratch: &mut Scratch) -> Result<(), JsonError> {
        self.turn_words(scratch);
        self.look_again(scratch)?;
        scratch.verdicts.retain(|verdict| verdict.is_open || verdict.matches || verdict.turns_at.is_some());
        self.crowded(scratch);
        Ok(())
    }

    /// The rule of a verdict that waits for an answer by such means.
    fn waits(&self, verdict: &Verdict, by_look: bool) -> Option<&Entry> {
        let entry = self.program.entries.get(verdict.entry as usize).filter(|_| verdict.is_open)?;
        (entry.is_certain && entry.needs_look == by_look).then_some(entry)
    }

    /// Collects the instants at which the verdicts that wait may turn; whether there are any, and no more than `most`.
    fn collect_instants(&self, scratch: &mut Scratch, by_look: bool, most: usize) -> bool {
        let Scratch { verdicts, stamps, instants, .. } = scratch;
        instants.clear();
        let mut is_any = false;
        for entry in verdicts.iter().filter_map(|verdict| self.waits(verdict, by_look)) {
            is_any = true;
            for (leaf, age) in &entry.ages {
                let of_leaf = stamps.iter().filter(|(of, _)| of == leaf);
                instants.extend(of_leaf.filter_map(|(_, stamp)| stamp.checked_add(*age).ok()));
            }
        }
        if is_any {
            instants.extend(self.program.clocks.iter().filter_map(|(clock, _)| clock.turns_at));
        }
        instants.retain(|instant| *instant > self.now);
        instants.sort_unstable();
        instants.dedup();
        is_any && instants.len() <= most
    }

    /// Of an instant: what the verdicts that wait are then. Whether one still waits.
    fn settle_verdicts(
        &self,
        instant: Timestamp,
        by_look: bool,
        verdicts: &mut [Verdict],
        at: &mut Scratch,
    ) -> bool {
        let mut is_any = false;
        for verdict in verdicts {
            let Some(list) = self.waits(verdict, by_look).and_then(|entry| entry.actual) else { continue };
            if self.holds(list, at) == verdict.matches {
                is_any = true;
            } else {
                verdict.turns_at = Some(instant);
                verdict.is_open = false;
            }
        }
        is_any
    }

    /// What did not turn at any of the instants never does.
    fn close(&self, verdicts: &mut [Verdict], by_look: bool) {
        for verdict in verdicts {
            verdict.is_open &= self.waits(verdict, by_look).is_none();
        }
    }

    /// By the words of now, less what may have ended, and with what each timestamp says then.
    fn turn_words(&self, scratch: &mut Scratch) {
        if !self.collect_instants(scratch, false, INSTANTS_MAX) {
            return;
        }
        let program = self.program;
        let mut verdicts = std::mem::take(&mut scratch.verdicts);
        let mut now = std::mem::take(&mut scratch.other_words);
        now.clone_from(&scratch.words);
        for index in 0..scratch.instants.len() {
            let instant = scratch.instants[index];
            scratch.words.clone_from(&now);
            for bit in program.fading.iter().chain(program.clocks.iter().map(|(_, bit)| bit)) {
                scratch.words[bit.word as usize] &= !bit.mask;
            }
            for (clock, bit) in &program.clocks {
                if clock.holds(instant) {
                    scratch.words[bit.word as usize] |= bit.mask;
                }
            }
            for (leaf, stamp) in &scratch.stamps {
                let Some(leaf) = program.leaves.get(*leaf as usize) else { continue };
                let (effect, _) = leaf.of_stamp(*stamp, instant);
                for (word, mask) in program.effects.changes(effect) {
                    scratch.words[*word as usize] |= mask;
                }
            }
            if !self.settle_verdicts(instant, false, &mut verdicts, scratch) {
                break;
            }
        }
        self.close(&mut verdicts, false);
        scratch.verdicts = verdicts;
        scratch.words.clone_from(&now);
        scratch.other_words = now;
    }

    /// By looking at the object again at each instant.
    fn look_again(&self, scratch: &mut Scratch) -> Result<(), JsonError> {
        if !self.collect_instants(scratch, true, LOOKS_MAX) {
            return Ok(());
        }
        let mut ahead = scratch.other_time.take().unwrap_or_default();
        for index in 0..scratch.instants.len() {
            let instant = scratch.instants[index];
            scratch.effort.looks += 1;
            self.program.reset(instant, &mut ahead);
            let judge = Judge { now: instant, ..*self };
            match self.program.walk(self.json, instant, &mut ahead) {
                Ok(()) => judge.settle(&mut ahead),
                Err(Stop::Broken(error)) => return Err(error),
                Err(Stop::Strange) => break,
            }
            if !judge.settle_verdicts(instant, true, &mut scratch.verdicts, &mut ahead) {
                break;
            }
        }
        scratch.other_time = Some(ahead);
        self.close(&mut scratch.verdicts, true);
        Ok(())
    }

    /// The tree tries so many instants of an object and no more; where there may be more than that, it has
    /// the last word.
    fn crowded(&self, scratch: &mut Scratch) {
        let instants = scratch.stamps.len().saturating_add(1);
        let is_crowded = |timed: u32| instants.saturating_mul(timed as usize) > INSTANTS_MAX;
        if !is_crowded(self.program.timed_max) {
            return;
        }
        for (entry, index) in self.program.entries.iter().zip(0..) {
            let (word, mask) = (index as usize / 64, 1 << (index % 64));
            let judged = scratch.judged.get(word).is_some_and(|bits| bits & mask != 0);
            if !judged && is_crowded(entry.timed) {
                scratch.verdicts.push(Verdict {
                    entry: index,
                    matches: false,
                    turns_at: None,
                    is_open: true,
                });
            }
        }
    }
}
