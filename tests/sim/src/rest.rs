//! What is left when nothing has happened and nothing gone wrong for long.

use crate::clock::{Clock, MINUTE, Millis, SECOND, timestamp};
use crate::complaint::Complaint;
use crate::edition::Edit;
use crate::fault::What;
use crate::law::{NEVER, OLDER, Ruled};
use crate::model::{Past, Pod};
use crate::often::OFTEN;
use crate::oracle::{IN_TIME, Judge, LOOKED_AT_AGAIN};
use crate::system::System;
use prodrome_alerting::keys::is_delivery;
use prodrome_alerting::{Claim, Delivery};
use prodrome_lifecycle::{Check, Over, Phase};
use prodrome_model::{AlertMessage, CheckMessage};
use prodrome_queue::{Body, QueueName};
use serde_json::Value;
use std::collections::BTreeSet;

/// So long before it is due something may be sent.
const DUE_AHEAD: Millis = 3 * MINUTE;
const DAY: Millis = 24 * 60 * MINUTE;
/// A check whose rule nobody knows ends after an hour, at the next look that is put off by no more than ten minutes.
const UNKNOWN_ENDS: Millis = 70 * MINUTE;

impl Judge<'_> {
    /// In the end the open checks are the matches that last, each told of, and nothing waits.
    pub(crate) fn nothing_is_left(&mut self, system: &System, laws: &[Ruled], past: &Past) {
        let (mut want, mut may, mut want_staged) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for law in laws {
            if law.form(self.end) == Some(Edit::Staged) {
                let open = law.spells_untold(past).into_iter().filter(|spell| spell.to == NEVER);
                want_staged.extend(open.map(|spell| (law.name.to_owned(), spell.uid)));
            }
            let open = law.spells(past).into_iter().filter(|spell| spell.to == NEVER);
            let (known, unknown): (Vec<_>, Vec<_>) =
                open.partition(|spell| self.known_from(law, spell) < self.end);
            may.extend(unknown.into_iter().map(|spell| (law.name.to_owned(), spell.uid)));
            want.extend(known.into_iter().map(|spell| (law.name.to_owned(), spell.uid)));
        }
        // What instances with rules of before have told by a rule that there is no more.
        let old = self.faults.iter().filter(|fault| fault.what == What::OldRules).map(|fault| fault.to).max();
        let may_be_known = old.is_some_and(|old| old + LOOKED_AT_AGAIN + UNKNOWN_ENDS > self.end);
        let (mut have, mut have_staged) = (BTreeSet::new(), BTreeSet::new());
        for record in system.checks.records() {
            if record.key.partition.starts_with("relist#") {
                self.find("a relist is left", &record);
            }
            if !record.key.partition.starts_with("check#") || record.key.sort.starts_with('~') {
                continue;
            }
            if Over::read(&record.data).is_some() {
                continue;
            }
            let Ok(check) = serde_json::from_str::<Check>(&record.data) else {
                self.find("a check cannot be read", &record);
                continue;
            };
            if Clock::since_begin(check.due) < self.end - 5 * SECOND {
                self.find("overdue", &check);
            }
            match check.phase {
                _ if laws
                    .iter()
                    .any(|law| law.name == check.rule && law.form(self.end) == Some(Edit::Deleted)) =>
                {
                    self.find("a check of a rule that is gone is left", &check);
                }
                Phase::Fired { .. } if check.shadow => _ = have_staged.insert((check.rule, check.uid)),
                Phase::Fired { .. } => _ = have.insert((check.rule, check.uid)),
                Phase::Watching { .. } | Phase::Pending { .. } => {
                    let mut exists = past.pods.values().filter_map(|history| history.last()?.1.as_ref());
                    let pod = exists.find(|pod| pod.uid == check.uid);
                    if !pod.is_some_and(|pod| {
                        may_wait(laws, &check.rule, pod) || (may_be_known && check.rule == OLDER)
                    }) {
                        self.find("a check waits for nothing", &check);
                    }
                }
                _ => self.find("a check has not come to rest", &check),
            }
        }
        have.retain(|open| want.contains(open) || !(may.contains(open) || (may_be_known && open.0 == OLDER)));
        if have != want {
            let missing: Vec<_> = want.difference(&have).collect();
            let spare: Vec<_> = have.difference(&want).collect();
            let about = format!("missing {missing:?}, more than should be {spare:?}");
            self.complaints.push(Complaint::new("other checks are open in the end than should be", about));
        }
        if have_staged != want_staged {
            let about = format!("{have_staged:?}, where it should be {want_staged:?}");
            self.complaints.push(Complaint::new("other checks are staged in the end than should be", about));
        }
    }

    /// Nothing is owed to a channel, no cause is looked for, and nothing waits in a queue but what is due soon.
    pub(crate) fn nothing_is_owed(&mut self, system: &System) {
        for record in system.episodes.records().iter().filter(|record| is_delivery(&record.key.sort)) {
            let owed = serde_json::from_str::<Delivery>(&record.data);
            let is_sent = |claim: &Claim| self.has_just_begun(Clock::since_begin(claim.notice.at));
            if !owed.is_ok_and(|owed| owed.pending.is_none() && owed.claim.as_ref().is_none_or(is_sent)) {
                self.find("a channel is owed something", record);
            }
        }
        let any = |is: fn(What) -> bool| self.faults.iter().any(|fault| is(fault.what));
        let fails = |what| matches!(what, What::StoreThrottles(_) | What::StoreAnswersLost(_));
        let is_of_tables = |what| matches!(what, What::StoreConflicts(_) | What::GivesUpAfter(_));
        // What cannot be kept is told all the same, in the end.
        if !any(fails) {
            for record in system.runs.records().iter().filter(|record| record.key.sort == "run") {
                let run: Value = serde_json::from_str(&record.data).unwrap_or_default();
                if run["diagnosis"].is_null() && run["ended"] != true {
                    self.find("a cause is looked for still", record);
                }
            }
        }
        // Who cannot note in a table that a try has ended does not say so elsewhere.
        if !any(fails) && !any(is_of_tables) {
            for table in [&system.checks, &system.runs, &system.episodes] {
                let records = table.records();
                let tries = records.iter().filter(|record| record.key.partition.starts_with("tries#"));
                tries.for_each(|record| self.find("a try is noted that has ended", record));
            }
        }
        for queue in QueueName::ALL {
            let dead = system.queue.memory.dead_letters(queue);
            if !dead.is_empty() {
                self.find("dead letters are left", (queue.as_str(), dead.len(), &dead[0]));
            }
            // Those that are hidden too.
            for message in system.queue.memory.receive(queue, timestamp(self.end + DAY), usize::MAX) {
                let sent = Clock::since_begin(message.sent_at);
                let waits = if is_due_later(&message.body) { DUE_AHEAD } else { 0 };
                if !self.has_just_begun(sent + waits) {
                    self.find("a message is left", (queue.as_str(), sent, &message));
                }
            }
        }
    }

    /// Whether what began at an instant may still be under way.
    fn has_just_begun(&self, at: Millis) -> bool {
        at + IN_TIME > self.end
    }
}

/// Whether a message says that something falls due, which may be sent ahead.
fn is_due_later(body: &Body) -> bool {
    let Body::Text(text) = body else { return false };
    let is_check = serde_json::from_str(text).is_ok_and(|message| matches!(message, CheckMessage::Due(_)));
    is_check || serde_json::from_str(text).is_ok_and(|message| matches!(message, AlertMessage::Due(_)))
}

/// Whether there is a check of a rule that has not fired of a pod that has been as it is for long: one of a rule with
/// references is kept of whatever its own part matches, and one that counts for as long as what it counts goes on. What a
/// rule of time waited for has come.
fn may_wait(laws: &[Ruled], rule: &str, pod: &Pod) -> bool {
    let refers = laws.iter().any(|law| law.name == rule && law.refers);
    refers || (rule == OFTEN && !pod.ready)
}
