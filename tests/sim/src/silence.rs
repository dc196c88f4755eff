//! That nothing is heard of the cluster, which is an alert of its own.

use crate::calm::Calm;
use crate::clock::{MINUTE, Millis, SECOND};
use crate::fault::{Away, Caller, Fault, Function, What};
use crate::oracle::{Judge, Story};
use crate::plan::Plan;

/// By this name.
pub(crate) const SILENCE: &str = "ClusterSilent";
/// So long without news is silence.
const SILENT: Millis = 10 * MINUTE;
/// Within this time it is told then: a watcher that is cut off says so each minute, each minute somebody looks, and then it
/// is told as in time as anything.
const TOLD_WITHIN: Millis = 2 * MINUTE + 15 * SECOND;
/// When a watcher has been heard at first, for sure.
const FIRST_HEARD: Millis = 2 * MINUTE;

impl Judge<'_> {
    /// The cluster counts as silent only where its watcher's news stayed away, and not for ever.
    pub(crate) fn no_silence_is_made_up_or_left(&mut self, stories: &[Story]) {
        for story in stories.iter().filter(|story| story.finding.rule == SILENCE) {
            let (since, fired) = (story.since(), story.fired());
            if fired - since + self.skew() < SILENT || self.calm.over(since, fired).is_none() {
                self.find("a silence is made up", story);
            }
            if story.end().is_none() {
                self.find("a silence is left", story);
            }
        }
    }

    /// Where nothing can be heard for long enough, and nothing else goes wrong that keeps it from being told, it is told.
    pub(crate) fn every_silence_is_told(&mut self, plan: &Plan, stories: &[Story]) {
        for (silent, told_by) in silences(plan) {
            let mut told = stories.iter().filter(|story| story.finding.rule == SILENCE);
            // Or it goes on from before.
            let is_of_it = |story: &Story| {
                story.at <= told_by && story.end().is_none_or(|(told, ..)| told > silent.from)
            };
            if !told.any(is_of_it) {
                self.find("a silence is not told", (silent, "at the latest", told_by));
            }
        }
    }
}

/// The faults for which the cluster is silent for long enough, and by when that is told of each.
fn silences(plan: &Plan) -> Vec<(Fault, Millis)> {
    let told_by = |silent: &Fault| silent.from + SILENT + TOLD_WITHIN;
    let is_told = |silent: &&Fault| {
        let hinders = |fault: &&Fault| fault != silent && hinders_the_tale(silent.what, fault.what);
        let hindering: Vec<Fault> = plan.faults.iter().filter(hinders).copied().collect();
        let is_calm = Calm::of_all(&hindering).over(silent.from - MINUTE, told_by(silent)).is_none();
        is_silent_in(plan, silent) && FIRST_HEARD <= silent.from && told_by(silent) <= silent.to && is_calm
    };
    plan.faults.iter().filter(is_told).map(|silent| (*silent, told_by(silent))).collect()
}

/// Whether nothing is handled of the cluster while a fault is at work, or nothing but that its watcher is cut off. One that
/// gets no answer waits for one for some minutes, and one that is throttled goes on with the watches that it has.
fn is_silent_in(plan: &Plan, fault: &Fault) -> bool {
    match fault.what {
        What::ApiDown(Caller::Watcher, Away::Refuses) | What::NotInvoked(Function::Evaluate) => true,
        What::WatcherKilled | What::WatcherSuspended => plan.watchers == 1,
        _ => false,
    }
}

/// Whether a silence of one kind may be told late for a fault of another, or not be one.
fn hinders_the_tale(silent: What, what: What) -> bool {
    let is_elsewhere = match what {
        // How the watcher sees what it sees has nothing to do with it, nor what becomes of it once alert has it; and it has no
        // cause that is looked for.
        What::WatchesCut
        | What::Compaction
        | What::ListsExpire(_)
        | What::SlowLists(_)
        | What::WatchLags(_)
        | What::CacheLags(_)
        | What::StreamedListsBreak(_)
        | What::Dies(Function::Diagnose, _)
        | What::Slow(Function::Diagnose)
        | What::NotInvoked(Function::Diagnose)
        | What::Channel(..) => true,
        // Nor has whether it sees anything, where nobody reads what it sends.
        What::WatcherKilled
        | What::WatcherSuspended
        | What::OnlyBookmarks
        | What::EtcdRestored
        | What::ApiDown(Caller::Watcher, _)
        | What::Slow(Function::Evaluate)
        | What::Dies(Function::Evaluate, _) => silent == What::NotInvoked(Function::Evaluate),
        what => what.hides_the_cluster() || what.is_harmless(),
    };
    !is_elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_seeds_have_a_silence_that_has_to_be_told() {
        let seeds: Vec<u64> = (0..400).filter(|seed| !silences(&Plan::of(*seed)).is_empty()).collect();
        assert!(seeds.len() >= 2, "{seeds:?}");
    }
}
