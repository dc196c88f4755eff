use crate::decide::SKEW;
use jiff::Timestamp;
use prodrome_model::later;

/// What was learnt of an object at some instant, from the stream or by looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The object's identity; empty where the source has none.
    pub uid: String,
    /// Its resourceVersion as a number; 0 where it has none.
    pub version: u64,
    /// When it was so: for the stream when its watcher saw it, by the clock of the queue; the present for a look.
    pub at: Timestamp,
    /// When it was seen, where that is another instant: it is known to have been so before, to have become so since, or it may
    /// have been seen so much earlier.
    pub seen_at: Option<Timestamp>,
    /// Whether somebody looked (at the live object, with its references), rather than being told by the
    /// stream. A look is the truth, however its version compares.
    pub look: bool,
    /// The list that named it, if one did.
    pub list: Option<String>,
    /// The run of the source that told of it: a later one has a higher number. 0 for a look, and where there are none.
    pub epoch: u64,
    /// What was seen.
    pub seen: Seen,
}

impl Sighting {
    /// When somebody saw it.
    pub fn seen_at(&self) -> Timestamp {
        self.seen_at.unwrap_or(self.at)
    }

    /// Whether it was seen before this instant, by more than clocks differ, or is told by an earlier run of the source than
    /// this one, which may have been suspended before it read it: of a higher version it may be of before the cluster was
    /// set back.
    pub(crate) fn is_before(&self, seen_at: Option<Timestamp>, epoch: u64) -> bool {
        seen_at.is_some_and(|seen_at| later(self.seen_at(), SKEW) < seen_at)
            || (self.epoch != 0 && self.epoch < epoch)
    }
}

/// The object as seen, through the eyes of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is there.
    Present {
        /// What the rule says of it.
        verdict: Verdict,
        /// Since when, if the object itself tells.
        since: Option<Timestamp>,
        /// When time alone could turn the verdict.
        turns_at: Option<Timestamp>,
    },
    /// It was deleted.
    Gone,
    /// It is there, and the rule has no opinion of it: only events tell of it.
    There,
}

/// What a rule says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It matches.
    Holds,
    /// Its own part matches; the objects it refers to were not asked.
    HoldsIfReferenced,
    /// It does not match.
    Not,
}
