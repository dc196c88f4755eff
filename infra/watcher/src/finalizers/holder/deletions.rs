use super::super::apply::Target;
use crate::waiting::StreamId;
use std::collections::BTreeMap;
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
    /// A try that failed: not before.
    not_before: Option<Instant>,
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
    /// An object was seen while it is being deleted. Seen again, its newest state is waited for, and no longer.
    pub(super) fn put(&mut self, stream: StreamId, target: Target, after: After, until: Instant) {
        let known = self.by_uid.get(&target.uid);
        if known.is_some() && matches!(after, After::Version(_)) {
            return;
        }
        let until = known.map_or(until, |known| known.until);
        let deletion =
            Deletion { stream, target, after, until, not_before: None, tries: 0, is_overdue: false };
        self.by_uid.insert(deletion.target.uid.clone(), deletion);
    }

    /// The try to let one go has failed.
    pub(super) fn again(&mut self, deletion: Deletion, not_before: Instant) {
        let (tries, until) = (deletion.tries + 1, not_before);
        let again = Deletion { tries, until, not_before: Some(not_before), ..deletion };
        self.by_uid.entry(again.target.uid.clone()).or_insert(again);
    }

    /// One that may go now.
    pub(super) fn take_due(
        &mut self,
        now: Instant,
        is_accepted: impl Fn(StreamId, After) -> bool,
    ) -> Option<Deletion> {
        let is_due = |deletion: &&Deletion| {
            deletion.not_before.is_none_or(|at| at <= now)
                && (deletion.until <= now || is_accepted(deletion.stream, deletion.after))
        };
        let uid = self.by_uid.values().find(is_due)?.target.uid.clone();
        let mut deletion = self.by_uid.remove(&uid)?;
        deletion.is_overdue = !is_accepted(deletion.stream, deletion.after);
        Some(deletion)
    }

    /// When the next is due at the latest.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.by_uid.values().map(|deletion| deletion.until).min()
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
        assert_eq!(deletions.next_at(), Some(begin + hold));
        let went = deletions.take_due(begin + hold, accepted).unwrap();
        assert!(went.is_overdue);
        let later = begin + hold + Duration::from_secs(1);
        deletions.again(went, later);
        assert_eq!(deletions.take_due(begin + hold, accepted), None);
        assert_eq!((deletions.next_at(), deletions.len()), (Some(later), 1));
        assert_eq!(deletions.take_due(later, accepted).unwrap().tries, 1);
    }
}
