use crate::check::is_zero;
use crate::{Check, Seen, Sighting, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is kept of a check that was closed, in its place: how much was known of its object by then. A queue delivers
/// what is older for as long as it keeps it, and of what is over nobody else would know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Over {
    /// When the check was closed.
    pub over: Timestamp,
    /// The newest version that was known.
    pub resource_version: u64,
    /// When that was seen, as a check has it; nothing where events tell, of which each is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// The latest run of its source that told of the object, likewise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// The version of the rules by which it was closed: what older ones see is no news.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rules: u64,
}

impl Over {
    /// For so long it is kept: longer than the queue keeps a change.
    pub const KEPT: SignedDuration = SignedDuration::from_hours(5 * 24);

    /// Of a check that is closed now, by this version of the rules. `sighting` is what closed it, if it was not time or its
    /// rule.
    pub fn of(check: &Check, rules: u64, sighting: Option<&Sighting>, now: Timestamp) -> Self {
        let mut known = check.clone();
        if let Some(sighting) = sighting {
            known.saw(sighting);
        }
        let is_of_events = check.event.is_some();
        Self {
            over: now,
            resource_version: known.resource_version,
            seen_at: known.seen_at.filter(|_| !is_of_events),
            epoch: if is_of_events { 0 } else { known.epoch },
            // A check that has not changed by them still has the version before.
            rules: rules.max(check.rules),
        }
    }

    /// From a record's data; nothing, where that is a check.
    pub fn read(data: &str) -> Option<Self> {
        serde_json::from_str(data).ok()
    }

    /// Opens the next check of the object in the place of this: by news that are no news, it is
    /// [doubted](Check::doubted), and looked at now.
    pub fn opens(&self, check: &mut Check, sighting: &Sighting, now: Timestamp) {
        let refers = matches!(sighting.seen, Seen::Present { verdict: Verdict::HoldsIfReferenced, .. });
        let is_seen_again =
            refers && sighting.version == self.resource_version && sighting.seen_at() > self.over;
        let is_news = sighting.look
            || sighting.version == 0
            || (sighting.version > self.resource_version && !sighting.is_before(self.seen_at, self.epoch))
            || is_seen_again; // what it refers to may have changed since
        check.epoch = check.epoch.max(self.epoch);
        if !is_news {
            check.doubted = true;
            (check.resource_version, check.seen_at) = (self.resource_version, self.seen_at);
            check.wake(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Phase;
    use crate::fixture::{check, t};

    fn told(version: u64, look: bool) -> Sighting {
        Sighting {
            uid: "u1".into(),
            version,
            at: t(0),
            seen_at: None,
            look,
            list: None,
            epoch: 0,
            seen: Seen::Present { verdict: Verdict::Holds, since: None, turns_at: None },
        }
    }

    #[test]
    fn what_closed_a_check_is_the_newest_that_was_known() {
        let known = |sighting: Option<Sighting>| {
            let check = Check { resource_version: 10, seen_at: Some(t(-5)), ..check() };
            let over = Over::of(&check, 0, sighting.as_ref(), t(9));
            (over.resource_version, over.seen_at)
        };
        let (before, at) = (Some(t(-5)), Some(t(0)));
        for (what, sighting, want) in [
            ("its rule went", None, (10, before)),
            ("newer news", Some(told(12, false)), (12, at)),
            ("news of another source, without a version", Some(told(0, false)), (10, before)),
            ("a look, whose version may be of a cluster that was set back", Some(told(7, true)), (7, at)),
        ] {
            assert_eq!(known(sighting), want, "{what}");
        }
    }

    #[test]
    fn it_has_the_version_of_the_rules_that_closed_it() {
        for (decided_on_by, closed_by, want) in [(3, 5, 5), (5, 5, 5), (5, 3, 5)] {
            let check = Check { rules: decided_on_by, ..check() };
            assert_eq!(Over::of(&check, closed_by, None, t(9)).rules, want, "{decided_on_by} {closed_by}");
        }
    }

    #[test]
    fn only_what_was_known_by_then_is_doubted() {
        let over = Over { over: t(9), resource_version: 10, seen_at: Some(t(8)), epoch: 7, rules: 0 };
        let opened = |sighting: Sighting| {
            let mut next = Check { resource_version: sighting.version, due: t(300), ..check() };
            over.opens(&mut next, &sighting, t(20));
            (next.doubted, next.resource_version, next.due)
        };
        let later = Sighting { at: t(12), ..told(10, false) };
        let newer = |at| Sighting { at: t(at), ..told(11, false) };
        let seen = Seen::Present { verdict: Verdict::HoldsIfReferenced, since: None, turns_at: None };
        let seen_since = Sighting { seen, ..later.clone() };
        for (what, sighting, want) in [
            ("an older version", told(9, false), (true, 10, t(20))),
            ("the same version", told(10, false), (true, 10, t(20))),
            ("the same version, by its own time", later, (true, 10, t(20))),
            ("the same version, seen since, of what refers to others", seen_since, (false, 10, t(300))),
            ("a newer one", newer(12), (false, 11, t(300))),
            ("a newer one, by a clock that is behind", newer(6), (false, 11, t(300))),
            ("a newer one, of before the cluster was set back", newer(5), (true, 10, t(20))),
            ("a newer one, told by an earlier run", Sighting { epoch: 6, ..newer(12) }, (true, 10, t(20))),
            ("a newer one, told by the same run", Sighting { epoch: 7, ..newer(12) }, (false, 11, t(300))),
            ("a look", told(9, true), (false, 9, t(300))),
            ("a source without versions", told(0, false), (false, 0, t(300))),
        ] {
            assert_eq!(opened(sighting), want, "{what}");
        }
    }

    #[test]
    fn it_is_told_from_a_check() {
        let over = Over { over: t(9), resource_version: 10, seen_at: Some(t(8)), epoch: 7, rules: 3 };
        let data = serde_json::to_string(&over).unwrap();
        assert_eq!(Over::read(&data), Some(over));
        assert!(serde_json::from_str::<Check>(&data).is_err());
        let check = Check { phase: Phase::Firing, ..check() };
        assert_eq!(Over::read(&serde_json::to_string(&check).unwrap()), None);
    }
}
