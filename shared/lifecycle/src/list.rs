//! Lists of a kind: which of two is the newer, and that one has ended.

use crate::Check;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{GroupKind, Scope, later};
use serde::{Deserialize, Serialize};

/// A list that has ended: after a while, every open check of its kind whose object neither it nor a newer one named is
/// looked at. Until then its other packs may be on their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedList {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Which cluster.
    pub scope: Scope,
    /// The kind that was listed.
    pub kind: GroupKind,
    /// The list.
    pub list: String,
    /// When its checks are compared.
    pub due: Timestamp,
    /// They are compared by then at the latest, though newer lists end meanwhile.
    pub latest: Timestamp,
}

impl EndedList {
    /// So long other packs of a list are waited for at least.
    pub const WAIT_LEAST: SignedDuration = SignedDuration::from_secs(30);
    /// So long at most, however long packs are on their way.
    pub const WAIT_MOST: SignedDuration = SignedDuration::from_mins(10);

    /// One whose end came at `now` after it was on its way for so long: its other packs may be for as long.
    pub fn new(scope: &Scope, kind: GroupKind, list: &str, waited: SignedDuration, now: Timestamp) -> Self {
        Self {
            layout: 1,
            scope: scope.clone(),
            kind,
            list: list.to_owned(),
            due: later(now, waited.clamp(Self::WAIT_LEAST, Self::WAIT_MOST)),
            latest: later(now, Self::WAIT_MOST),
        }
    }

    /// What is to be kept of this one, while another of its sort waits to be compared; nothing, where that one is as new.
    #[must_use]
    pub fn after(self, waiting: Option<&Self>) -> Option<Self> {
        match waiting {
            Some(waiting) if is_named(Some(&waiting.list), &self.list) => None,
            Some(waiting) => Some(Self { due: self.due.min(waiting.latest), latest: waiting.latest, ..self }),
            None => Some(self),
        }
    }
}

/// What a list has in common with all that are compared with it by their numbers.
pub(crate) fn sort_of_list(list: &str) -> &str {
    parts(list).map_or(list, |(kind, _)| kind)
}

/// Whether what the list `named` has named need not be looked at when `ended` has ended: it is that list, or one of the
/// same kind that began later. Lists overtake each other where queues are long, and the end of an old one would have
/// everything looked at that a newer one has named since.
pub fn is_named(named: Option<&str>, ended: &str) -> bool {
    named.is_some_and(|named| named == ended || is_newer(named, ended))
}

/// Whether one began after the other. A watcher names its lists `EPOCH/KIND/NUMBER`; of others nothing is known.
fn is_newer(list: &str, than: &str) -> bool {
    let (Some((kind, began)), Some((other, before))) = (parts(list), parts(than)) else { return false };
    kind == other && began > before
}

fn parts(list: &str) -> Option<(&str, (u64, u64))> {
    let (epoch, rest) = list.split_once('/')?;
    let (kind, number) = rest.rsplit_once('/')?;
    Some((kind, (epoch.parse().ok()?, number.parse().ok()?)))
}

impl Check {
    /// Notes that a list named the object, unless a newer one has.
    pub(crate) fn named_by(&mut self, list: Option<&str>) {
        if let Some(list) = list.filter(|list| !is_named(self.list.as_deref(), list)) {
            self.list = Some(list.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_list_gives_way_to_newer_ones_and_is_compared_in_the_end() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let scope = Scope::new("t", "r", "c");
        let ended = |list: &str, waited, now| {
            let waited = SignedDuration::from_secs(waited);
            EndedList::new(&scope, GroupKind::core("Pod"), list, waited, at(now))
        };
        let first = ended("2/pods/7", 0, 1_000);
        assert_eq!((first.due, first.latest), (at(1_030), at(1_600)));
        assert_eq!(ended("2/pods/7", 100, 1_000).due, at(1_100), "others may be on their way as long");
        assert_eq!(ended("2/pods/7", 9_999, 1_000).due, at(1_600));
        assert_eq!(first.clone().after(None), Some(first.clone()));
        for old in ["2/pods/7", "2/pods/6", "1/pods/9"] {
            assert_eq!(ended(old, 0, 1_010).after(Some(&first)), None, "{old}");
        }
        let newer = ended("2/pods/8", 0, 1_010).after(Some(&first)).unwrap();
        assert_eq!((&*newer.list, newer.due, newer.latest), ("2/pods/8", at(1_040), at(1_600)));
        let newest = ended("3/pods/1", 0, 1_590).after(Some(&newer)).unwrap();
        assert_eq!((newest.due, newest.latest), (at(1_600), at(1_600)), "not for ever");
        assert_ne!(sort_of_list("2/pods/7"), sort_of_list("2/pods/gone/8"), "they say nothing of each other");
        assert_eq!((sort_of_list("3/pods/1"), sort_of_list("odd")), ("pods", "odd"));
    }

    #[test]
    fn what_a_newer_list_of_its_kind_named_is_named() {
        for (named, ended, expected) in [
            (Some("2/pods/7"), "2/pods/7", true),
            (Some("2/pods/10"), "2/pods/9", true),
            (Some("3/pods/1"), "2/pods/9", true),
            (Some("3/deployments.apps/2"), "2/deployments.apps/9", true),
            (Some("2/pods/8"), "2/pods/9", false),
            (Some("2/pods/9"), "3/pods/1", false),
            (Some("3/nodes/1"), "2/pods/9", false),
            (Some("3/pods/1"), "2/pods/gone/4", false),
            (Some("3/pods/gone/5"), "2/pods/9", false),
            (Some("a"), "a", true),
            (Some("b"), "a", false),
            (None, "2/pods/9", false),
        ] {
            assert_eq!(is_named(named, ended), expected, "{named:?} {ended}");
        }
    }
}
