//! Checks of rules with a plugin: what is wrong is not in the object, so the plugin is asked again and again.

use crate::decide::{may_be_back, named_by_list};
use crate::{Check, Decision, Phase, Seen, Sighting, Terms, Verdict, decide};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::later;
use serde::{Deserialize, Serialize};

/// What a check remembers of the questions about its object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asking {
    /// When the plugin is asked next.
    pub next: Timestamp,
    /// When it was asked, if no answer has come yet: that names the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// Whether `next` is a turn that was given: many wait for the plugin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_turn: bool,
}

impl Asking {
    /// So long an answer is waited for; then the question was in vain.
    pub const PATIENCE: SignedDuration = SignedDuration::from_mins(3);

    /// Nothing was asked yet.
    pub const fn from(next: Timestamp) -> Self {
        Self { next, asked: None, has_turn: false }
    }
}

/// What a plugin said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is a fault.
    Holds,
    /// There is none.
    Cleared,
    /// Nobody knows: nothing begins and nothing ends by it.
    Unknown,
}

/// Decides what becomes of a check whose rule has a plugin. `sighting` says whether its object is one of those that are
/// asked about; `next` is when that is done next; `answer` is what the plugin said, if this is its answer.
pub fn decide_asked(
    check: Option<&Check>,
    terms: &Terms,
    sighting: &Sighting,
    answer: Option<Answer>,
    next: Timestamp,
    now: Timestamp,
    blank: impl Fn() -> Check,
) -> Decision {
    let Seen::Present { verdict, turns_at, .. } = sighting.seen else {
        return decide(check, terms, sighting, now, blank);
    };
    if check.is_some_and(|check| check.doubts(sighting) || may_be_back(check, sighting)) {
        return decide(check, terms, sighting, now, blank);
    }
    if verdict == Verdict::Not {
        return no_longer_asked(check, terms, sighting, now, blank);
    }
    let turns_at = Some(turns_at.map_or(next, |turns_at| turns_at.min(next)));
    let quiet = Seen::Present { verdict: Verdict::Not, since: None, turns_at };
    let quiet = Sighting { seen: quiet, ..sighting.clone() };
    let blank = || Check { asking: Some(Asking::from(next)), ..blank() };
    let Some(check) = check else { return decide(None, terms, &quiet, now, blank) };
    if check.is_of_another(sighting) {
        return decide(Some(check), terms, &quiet, now, blank);
    }
    if check.knows(sighting) {
        let same = sighting.version == check.resource_version;
        return if same { named_by_list(check, sighting) } else { Decision::Nothing };
    }
    if matches!(check.phase, Phase::Firing { .. } | Phase::Ending { .. }) {
        return decide(Some(check), terms, sighting, now, blank); // by a look what was begun is carried on
    }
    let answer = answer.filter(|_| check.asking.is_some());
    let mut asked = check.clone();
    asked.asking = Some(match (&check.asking, answer) {
        (Some(asking), None) => Asking { next: asking.next.min(next), ..asking.clone() },
        (None, _) if check.phase.is_told() => Asking::from(now),
        _ => Asking::from(next),
    });
    let seen = match answer {
        None | Some(Answer::Unknown) => return still(check, asked, terms, sighting, next, now),
        Some(Answer::Holds) => Seen::Present { verdict: Verdict::Holds, since: None, turns_at: None },
        Some(Answer::Cleared) => quiet.seen.clone(),
    };
    match decide(Some(&asked), terms, &Sighting { seen, ..sighting.clone() }, now, blank) {
        Decision::Nothing => Decision::Keep(Box::new(asked)),
        other => other,
    }
}

/// Nothing is known that was not: only the object has been seen.
fn still(
    before: &Check,
    mut check: Check,
    terms: &Terms,
    sighting: &Sighting,
    next: Timestamp,
    now: Timestamp,
) -> Decision {
    if before.asking.is_none() && matches!(check.phase, Phase::Pending { .. }) {
        check.phase = Phase::Watching { turns_at: next }; // what matched was another rule's matter
    }
    check.saw(sighting);
    if check.uid.is_empty() {
        check.uid.clone_from(&sighting.uid);
    }
    check.named_by(sighting.list.as_deref());
    if sighting.look {
        check.looked(now);
        check.doubted = false; // it is there, and what was answered of it holds until another answer
    }
    check.reschedule(terms, now);
    if check == *before { Decision::Nothing } else { Decision::Keep(Box::new(check)) }
}

fn no_longer_asked(
    check: Option<&Check>,
    terms: &Terms,
    sighting: &Sighting,
    now: Timestamp,
    blank: impl Fn() -> Check,
) -> Decision {
    // By what is no news of this very object it is asked about as before.
    let told = check.filter(|check| !check.is_of_another(sighting) && !check.knows(sighting));
    let idle = told.map(|check| Check { asking: None, ..check.clone() });
    match (decide(idle.as_ref().or(check), terms, sighting, now, blank), check, idle) {
        (Decision::Nothing, Some(check), Some(idle)) if sighting.look && check.asking.is_some() => {
            Decision::Keep(Box::new(idle))
        }
        (decision, ..) => decision,
    }
}

impl Check {
    /// Whether its plugin has to be asked now: it is time, or the check is about to do something, which it does only by
    /// an answer of that moment.
    pub fn is_to_be_asked(&self, terms: &Terms, now: Timestamp) -> bool {
        let Some(asking) = &self.asking else { return false };
        if matches!(self.phase, Phase::Firing { .. } | Phase::Ending { .. }) {
            return false;
        }
        match asking.asked {
            Some(asked) => now >= later(asked, Asking::PATIENCE),
            None => {
                now >= asking.next || (!asking.has_turn && self.acts_at(terms).is_some_and(|at| now >= at))
            }
        }
    }

    /// The plugin is asked now.
    pub fn ask(&mut self, terms: &Terms, next: Timestamp, now: Timestamp) {
        self.asking = Some(Asking { asked: Some(now), ..Asking::from(next) });
        self.reschedule(terms, now);
    }

    /// The plugin is asked later, when it is this check's turn.
    pub fn wait_for_turn(&mut self, terms: &Terms, turn: Timestamp, now: Timestamp) {
        self.asking = Some(Asking { has_turn: true, ..Asking::from(turn) });
        self.reschedule(terms, now);
    }

    /// When it would fire, or end, or begin anew.
    fn acts_at(&self, terms: &Terms) -> Option<Timestamp> {
        match &self.phase {
            Phase::Pending { .. } => Some(later(self.since, terms.duration)),
            Phase::Gap { from } => Some(later(*from, terms.gap_tolerance)),
            Phase::Recovering { from } => Some(later(*from, terms.resolve_after)),
            Phase::Watching { .. } | Phase::Fired { .. } | Phase::Firing { .. } | Phase::Ending { .. } => {
                None
            }
        }
    }

    /// When there is something to do, of a check whose plugin is asked.
    pub(crate) fn asked_due(&self, asking: &Asking, terms: &Terms, now: Timestamp) -> Timestamp {
        if let Some(asked) = asking.asked {
            return later(asked, Asking::PATIENCE);
        }
        let due = asking.next.min(self.look_again_at);
        // What is past has to wait for the next answer.
        let acts_at = self.acts_at(terms).filter(|at| *at > now && !asking.has_turn);
        let turns_at = match self.phase {
            Phase::Watching { turns_at } => Some(turns_at).filter(|at| *at > now),
            _ => None,
        };
        acts_at.into_iter().chain(turns_at).fold(due, Timestamp::min)
    }
}

#[cfg(test)]
mod tests;
