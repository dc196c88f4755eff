use crate::{Check, Phase, Seen, Sighting, Terms, Verdict};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{EndReason, later};

/// What becomes of a check.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing to write.
    Nothing,
    /// There was none: write this one, and its marker.
    Open(Box<Check>),
    /// Write it back, changed.
    Keep(Box<Check>),
    /// What was told cannot be decided on: write it back, woken and perhaps doubted, with what it [heard](Check::heard), and
    /// look now.
    Look(Box<Check>),
    /// Remove it and its marker; nobody was told.
    Close,
    /// It has held for long enough: write it as [`Phase::Firing`] with its finding, send that, then write
    /// [`Phase::Fired`]. Also when that was begun and not finished: what the stream told then is decided on once more.
    Fire(Box<Check>),
    /// It is over: write it as [`Phase::Ending`], send the end, then remove it. Then look at the sighting
    /// once more, as it may begin something new. Also when that was begun and not finished.
    End(Box<Check>),
}

/// Clocks of the API server, of kubelets and our own differ by this much in healthy clusters.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_secs(2);

/// Decides what becomes of a check at a sighting. `blank` makes the check that would be opened; it is called
/// only where one is, and its phase, since and times are set here.
pub fn decide(
    check: Option<&Check>,
    terms: &Terms,
    sighting: &Sighting,
    now: Timestamp,
    blank: impl Fn() -> Check,
) -> Decision {
    let Some(check) = check else {
        return open(terms, sighting, now, &blank).map_or(Decision::Nothing, Decision::Open);
    };
    if may_be_back(check, sighting) {
        return Decision::End(Box::new(check.clone()));
    }
    if check.is_of_another(sighting) {
        return other_identity(check, terms, sighting, now, &blank);
    }
    if check.doubts(sighting) {
        return look_first(check, sighting, now);
    }
    if check.knows(sighting) {
        return known(check, terms, sighting, now);
    }
    match &sighting.seen {
        Seen::Gone => gone(check, terms, sighting, now),
        Seen::There => Decision::Nothing, // it is the one that is known
        Seen::Present { verdict, since, turns_at } => {
            let mut next = check.clone();
            next.named_by(sighting.list.as_deref());
            // A step that was begun is carried on first: what was seen is decided on after it, by another look where
            // this is one that it was woken for.
            if !matches!(check.phase, Phase::Firing { .. } | Phase::Ending { .. }) {
                next.saw(sighting);
                if sighting.look {
                    next.looked(now);
                }
            }
            let matches = *verdict != Verdict::Not;
            let decision = if matches {
                matching(next, terms, sighting, *verdict, *since, *turns_at, now)
            } else {
                not_matching(next, terms, sighting, *turns_at, now)
            };
            match decision {
                // A write that changes nothing is none.
                Decision::Keep(next) if *next == *check => Decision::Nothing,
                other => other,
            }
        }
    }
}

/// A new check, if the sighting gives a reason for one.
fn open(
    terms: &Terms,
    sighting: &Sighting,
    now: Timestamp,
    blank: &impl Fn() -> Check,
) -> Option<Box<Check>> {
    let Seen::Present { verdict, since, turns_at } = &sighting.seen else { return None };
    let mut check = match (verdict, turns_at) {
        (Verdict::Not, None) => return None,
        (Verdict::Not, Some(turns_at)) => {
            Check { phase: Phase::Watching { turns_at: *turns_at }, since: sighting.at, ..blank() }
        }
        (_, turns_at) => {
            let mut check = Check { phase: Phase::Pending { turns_at: *turns_at }, ..blank() };
            check.begins(sighting, *since);
            check
        }
    };
    check.uid.clone_from(&sighting.uid);
    (check.resource_version, check.seen_at) = (sighting.version, Some(sighting.seen_at()));
    check.epoch = check.epoch.max(sighting.epoch);
    check.list.clone_from(&sighting.list);
    check.opened_at = now;
    check.look_again_at = later(now, Terms::LOOK_FIRST);
    check.reschedule(terms, now);
    Some(Box::new(check))
}

impl Check {
    /// Its match begins with a sighting, or began before as the object itself says.
    fn begins(&mut self, sighting: &Sighting, since: Option<Timestamp>) {
        (self.since, self.said) = (began(sighting, since), said_ahead(sighting, since));
    }
}

/// When a match began, as far as the sighting tells: the object itself may say that it was sooner.
pub fn began(sighting: &Sighting, since: Option<Timestamp>) -> Timestamp {
    since.map_or(sighting.at, |since| since.min(sighting.at))
}

/// When the object itself says that it did, where that is yet to come: [`Check::said`].
pub fn said_ahead(sighting: &Sighting, since: Option<Timestamp>) -> Option<Timestamp> {
    since.filter(|said| *said > sighting.at)
}

/// Whether the stream tells of something that may match, and may be there since the end was decided that is on its way: the
/// object itself, in a version that was known, or one that had its name before, where the cluster was set back. Nobody looks
/// at it again once the end is sent, so what is told is decided on after it, as [what is over](crate::Over) has it.
pub(crate) fn may_be_back(check: &Check, sighting: &Sighting) -> bool {
    let matters = match sighting.seen {
        Seen::Present { verdict, turns_at, .. } => verdict != Verdict::Not || turns_at.is_some(),
        Seen::Gone | Seen::There => false,
    };
    let is_ending = matches!(check.phase, Phase::Ending { .. });
    is_ending && matters && !sighting.look && !sighting.is_before(check.seen_at, check.epoch)
}

/// The name belongs to another object now, if somebody has looked; else it is said to.
fn other_identity(
    check: &Check,
    terms: &Terms,
    sighting: &Sighting,
    now: Timestamp,
    blank: &impl Fn() -> Check,
) -> Decision {
    if !sighting.look {
        // Versions alone tell nothing in a cluster that was set back: an old one would end what goes on.
        let doubts = check.doubts(sighting);
        return if doubts { look_first(check, sighting, now) } else { Decision::Nothing };
    }
    if check.phase.is_told() {
        return gone(check, terms, sighting, now);
    }
    let blank = || Check { epoch: check.epoch, ..blank() };
    open(terms, sighting, now, &blank).map_or(Decision::Close, Decision::Keep)
}

/// Only a look can tell. A step that was begun is carried on before.
fn look_first(check: &Check, sighting: &Sighting, now: Timestamp) -> Decision {
    match check.phase {
        Phase::Firing { .. } => Decision::Fire(Box::new(check.clone())),
        Phase::Ending { .. } => Decision::End(Box::new(check.clone())),
        _ => Decision::Look(Box::new(check.to_be_looked_at(sighting, now))),
    }
}

/// The stream tells of what was decided on already, or of what was before that.
fn known(check: &Check, terms: &Terms, sighting: &Sighting, now: Timestamp) -> Decision {
    if check.carries_on_by(sighting) {
        Decision::End(Box::new(check.clone()))
    } else if sighting.version < check.resource_version {
        Decision::Nothing
    } else {
        seen_before(check, terms, sighting, now)
    }
}

/// The stream tells of the very version that was decided on. Where a look was faster than the news, it has matched since
/// the watcher saw it, and not only since somebody looked.
fn seen_before(check: &Check, terms: &Terms, sighting: &Sighting, now: Timestamp) -> Decision {
    let Seen::Present { verdict: Verdict::Holds, since, .. } = &sighting.seen else {
        return named_by_list(check, sighting);
    };
    let began = began(sighting, *since);
    if !matches!(check.phase, Phase::Pending { .. })
        || check.doubted
        || terms.references
        || began >= check.since
    {
        return named_by_list(check, sighting);
    }
    let mut check = check.clone();
    check.begins(sighting, *since);
    check.named_by(sighting.list.as_deref());
    check.reschedule(terms, now);
    Decision::Keep(Box::new(check))
}

pub(crate) fn named_by_list(check: &Check, sighting: &Sighting) -> Decision {
    let mut named = check.clone();
    named.named_by(sighting.list.as_deref());
    named.seen_at = named.seen_at.max(Some(sighting.seen_at()));
    named.epoch = named.epoch.max(sighting.epoch);
    if named.list == check.list || matches!(check.phase, Phase::Ending { .. }) {
        return Decision::Nothing;
    }
    Decision::Keep(Box::new(named))
}

fn gone(check: &Check, terms: &Terms, sighting: &Sighting, now: Timestamp) -> Decision {
    let at = match check.phase {
        Phase::Watching { .. } | Phase::Pending { .. } | Phase::Gap { .. } => return Decision::Close,
        Phase::Ending { .. } => return Decision::End(Box::new(check.clone())),
        Phase::Recovering { from } => from,
        Phase::Firing { .. } | Phase::Fired { .. } => sighting.at.max(check.since),
    };
    let mut next = check.clone();
    if !check.is_of_another(sighting) {
        next.saw(sighting); // what was told of it before is no news until the end is sent
    }
    end(next, terms, at, EndReason::Deleted, now)
}

fn end(mut check: Check, terms: &Terms, at: Timestamp, reason: EndReason, now: Timestamp) -> Decision {
    check.phase = Phase::Ending { at, reason };
    check.reschedule(terms, now);
    Decision::End(Box::new(check))
}

fn matching(
    mut check: Check,
    terms: &Terms,
    sighting: &Sighting,
    verdict: Verdict,
    since: Option<Timestamp>,
    turns_at: Option<Timestamp>,
    now: Timestamp,
) -> Decision {
    let began = began(sighting, since);
    if std::mem::take(&mut check.doubted) {
        check.begins(sighting, since);
    }
    match check.phase {
        Phase::Watching { .. } => {
            check.begins(sighting, since);
            check.phase = Phase::Pending { turns_at };
        }
        Phase::Gap { from } => {
            // What was seen late or in one with later changes is no measure of a break; `since` is.
            let broken_for = began.max(from).duration_since(from);
            if broken_for >= terms.gap_tolerance && began > check.since {
                check.begins(sighting, since);
            }
            check.phase = Phase::Pending { turns_at };
        }
        Phase::Pending { turns_at: ended } => {
            // Between two sightings it may have ended, by time alone too, and begun anew.
            let broke = |since| match ended {
                _ if check.said == Some(since) => false,
                _ if terms.gap_tolerance.is_zero() => since > later(check.since, SKEW),
                Some(ended) => since >= later(ended, terms.gap_tolerance),
                None => false,
            };
            if began < check.since || since.is_some_and(broke) {
                check.begins(sighting, since);
            }
            check.phase = Phase::Pending { turns_at };
        }
        Phase::Firing { .. } => return Decision::Fire(Box::new(check)),
        Phase::Ending { .. } => return Decision::End(Box::new(check)),
        Phase::Fired { .. } => check.phase = Phase::Fired { turns_at },
        Phase::Recovering { .. } if verdict == Verdict::Holds => check.phase = Phase::Fired { turns_at },
        Phase::Recovering { .. } => {
            check.wake(now); // its own part came back: look whether the references did
            return Decision::Keep(Box::new(check));
        }
    }
    let pending = matches!(check.phase, Phase::Pending { .. });
    let settled = !terms.references || now >= later(check.opened_at, Terms::REFERENCES_SETTLE);
    if pending
        && sighting.look
        && verdict == Verdict::Holds
        && settled
        && now >= later(check.since, terms.duration)
    {
        check.phase = Phase::Firing { turns_at };
        check.reschedule(terms, now);
        return Decision::Fire(Box::new(check));
    }
    check.reschedule(terms, now);
    Decision::Keep(Box::new(check))
}

fn not_matching(
    mut check: Check,
    terms: &Terms,
    sighting: &Sighting,
    turns_at: Option<Timestamp>,
    now: Timestamp,
) -> Decision {
    let was_doubted = std::mem::take(&mut check.doubted);
    match check.phase {
        // What was known to be over has no break: it has not come back.
        Phase::Pending { .. } if terms.gap_tolerance.is_positive() && !was_doubted => {
            check.phase = Phase::Gap { from: sighting.at }
        }
        Phase::Gap { from } if now < later(from, terms.gap_tolerance) => {}
        Phase::Watching { .. } | Phase::Pending { .. } | Phase::Gap { .. } => match turns_at {
            None => return Decision::Close,
            Some(turns_at) => check.phase = Phase::Watching { turns_at },
        },
        Phase::Firing { .. } => return Decision::Fire(Box::new(check)),
        Phase::Ending { .. } => return Decision::End(Box::new(check)),
        Phase::Fired { .. } => check.phase = Phase::Recovering { from: sighting.at.max(check.since) },
        Phase::Recovering { .. } => {}
    }
    if let Phase::Recovering { from } = check.phase
        && sighting.look
        && now >= later(from, terms.resolve_after)
    {
        return end(check, terms, from, EndReason::Recovered, now);
    }
    check.reschedule(terms, now);
    Decision::Keep(Box::new(check))
}

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod tests;
