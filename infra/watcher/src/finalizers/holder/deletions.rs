use super::super::apply::Target;
use crate::waiting::StreamId;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tokio::time::Instant;

/// The deletions that wait for their objects' states to be on their way.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    by_uid: BTreeMap<Box<str>, Deletion>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deletion {
    pub(super) stream: StreamId,
    pub(super) target: Target,
    /// How far the queue must have accepted the stream,
    after: After,
    /// unless this time comes first.
    until: Instant,
    /// After a try that failed: not before.
    not_before: Option<Instant>,
    /// How many have failed.
    pub(super) tries: u32,
    /// Whether it was let go as its time was up.
    pub(super) is_overdue: bool,
}

/// Which state of an object the queue must have accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The one that the stream has brought at a position.
    Position(u64),
    /// The one of a version that the stream brings, or has brought to a run before.
    Version(u64),
}

impl Deletions {
    /// An object was seen while it is being deleted. Seen again, its newest state is waited for, and no longer; what was
    /// tried in vain stays so.
    pub(super) fn put(&mut self, stream: StreamId, target: Target, after: After, until: Instant) {
        match self.by_uid.entry(target.uid.clone()) {
            Entry::Vacant(place) => {
                let (not_before, tries, is_overdue) = (None, 0, false);
                place.insert(Deletion { stream, target, after, until, not_before, tries, is_overdue });
            }
            Entry::Occupied(mut known) => {
                if let After::Position(_) = after {
                    let known = known.get_mut();
                    (known.stream, known.target, known.after) = (stream, target, after);
                }
            }
        }
    }

    /// The try to let one go has failed. It may have been seen again meanwhile.
    pub(super) fn again(&mut self, deletion: Deletion, not_before: Instant) {
        let (tries, until) = (deletion.tries + 1, deletion.until);
        let held = self.by_uid.entry(deletion.target.uid.clone()).or_insert(deletion);
        (held.tries, held.not_before, held.until) = (tries, Some(not_before), held.until.min(until));
    }

    /// One that may go now; those that were tried in vain after all others.
    pub(super) fn take_due(
        &mut self,
        now: Instant,
        is_accepted: impl Fn(StreamId, After) -> bool,
    ) -> Option<Deletion> {
        let is_due = |deletion: &&Deletion| {
            deletion.not_before.is_none_or(|at| at <= now)
                && (deletion.until <= now || is_accepted(deletion.stream, deletion.after))
        };
        let (mut tried, mut others) = (self.by_uid.values(), self.by_uid.values());
        let new = others.find(|deletion| deletion.tries == 0 && is_due(deletion));
        let uid = new.or_else(|| tried.find(is_due))?.target.uid.clone();
        let mut deletion = self.by_uid.remove(&uid)?;
        deletion.is_overdue = !is_accepted(deletion.stream, deletion.after);
        Some(deletion)
    }

    /// When another look is due, if the queue accepts nothing until then.
    pub(super) fn next_at(&self, now: Instant) -> Option<Instant> {
        let next = |deletion: &Deletion| deletion.not_before.filter(|at| *at > now).unwrap_or(deletion.until);
        self.by_uid.values().map(next).min()
    }

    pub(super) fn len(&self) -> usize {
        self.by_uid.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_deletion_goes_once_its_state_is_accepted_or_its_time_is_up() {
        let (begin, hold) = (Instant::now(), Duration::from_secs(30));
        let target = |uid: &str| Target { namespace: None, name: "a".into(), uid: uid.into() };
        let mut deletions = Deletions::default();
        deletions.put(0, target("x"), After::Position(5), begin + hold);
        deletions.put(1, target("y"), After::Position(9), begin + hold);
        let accepted = |stream, after| stream == 0 && after == After::Position(5);
        let went = deletions.take_due(begin, accepted).unwrap();
        assert_eq!((&*went.target.uid, went.is_overdue), ("x", false));
        assert_eq!(deletions.take_due(begin, accepted), None);

        // Seen again later, it is not held longer for it.
        deletions.put(1, target("y"), After::Version(7), begin + 2 * hold);
        deletions.put(1, target("y"), After::Position(12), begin + 2 * hold);
        assert_eq!(deletions.next_at(begin), Some(begin + hold));
        let went = deletions.take_due(begin + hold, accepted).unwrap();
        assert!(went.is_overdue);
    }

    #[test]
    fn what_cannot_be_let_go_is_tried_again_behind_all_others_however_often_it_is_seen() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let target = |uid: &str| Target { namespace: None, name: "a".into(), uid: uid.into() };
        let mut deletions = Deletions::default();
        let all = |_, _| true;
        deletions.put(0, target("a"), After::Position(1), after(30));
        let went = deletions.take_due(begin, all).unwrap();
        // It changes while it is tried, and again before it may be.
        deletions.put(0, target("a"), After::Position(2), after(40));
        deletions.again(went, after(10));
        deletions.put(0, target("a"), After::Position(3), after(50));
        assert_eq!((deletions.take_due(after(9), all), deletions.next_at(after(9))), (None, Some(after(10))));
        let nothing = |_, _| false;
        let looks = |now| (deletions.next_at(now), deletions.len());
        assert_eq!(looks(after(10)), (Some(after(30)), 1), "no longer than from when it was first seen");
        assert_eq!(deletions.take_due(after(10), nothing), None, "its newest state is waited for");

        deletions.put(0, target("b"), After::Position(4), after(60));
        let went: Vec<_> = std::iter::from_fn(|| deletions.take_due(after(10), all)).collect();
        let went: Vec<_> = went.iter().map(|deletion| (&*deletion.target.uid, deletion.tries)).collect();
        assert_eq!(went, [("b", 0), ("a", 1)]);
    }
}
