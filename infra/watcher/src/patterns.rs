//! What the objects of a kind are compressed after while the queue is down: others of them, as most of an object is
//! what others say too.

use crate::body::PATTERN_BYTES;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// So many groups of a kind may get a pattern of their own.
const GROUPS_MAX: usize = 4_096;
/// After a pattern of its group an object takes about this part of its bytes. Measured: 1/50 to 1/70 of pods of 15 KB.
const WELL_PACKED: usize = 64;

/// The patterns of a kind.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    kind: Source,
    groups: HashMap<Group, Source>,
}

/// The objects that one template made, as far as their names tell: pods of a `ReplicaSet`, for instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Group(u64);

impl Group {
    /// The group of an object: those of its namespace with the same name up to the last dash. Where two fall together
    /// objects take more bytes, and no harm is done.
    pub(crate) fn of(namespace: Option<&str>, name: &str) -> Self {
        let stem = name.rsplit_once('-').map_or(name, |(stem, _)| stem);
        let mut hasher = DefaultHasher::new();
        (namespace, stem).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Where a pattern comes from.
#[derive(Debug)]
enum Source {
    /// There is none: a pattern would have saved so many bytes by now. One that pays for itself is made.
    Missed(usize),
    /// Of an object.
    Pattern(Arc<[u8]>),
}

impl Default for Source {
    fn default() -> Self {
        Self::Missed(0)
    }
}

impl Source {
    /// The pattern, and how many bytes of it are new. Where there is none and one pays, the object becomes it, if there is
    /// room for so many bytes.
    fn pattern(&mut self, object: &[u8], room: usize) -> Option<(Arc<[u8]>, usize)> {
        match self {
            Self::Pattern(pattern) => Some((Arc::clone(pattern), 0)),
            Self::Missed(missed) => {
                let bytes = object.len().min(PATTERN_BYTES);
                if *missed < bytes / 2 || bytes > room {
                    return None;
                }
                let pattern: Arc<[u8]> = object[..bytes].into();
                *self = Self::Pattern(Arc::clone(&pattern));
                Some((pattern, bytes))
            }
        }
    }

    fn misses(&mut self, bytes: usize) {
        if let Self::Missed(missed) = self {
            *missed = missed.saturating_add(bytes);
        }
    }
}

impl Patterns {
    /// What an object of that group is best compressed after, if there is anything, and how many bytes of that are new: at
    /// most `room`.
    pub(crate) fn pattern(&mut self, group: Group, object: &[u8], room: usize) -> (Option<Arc<[u8]>>, usize) {
        let own = self.groups.get_mut(&group).and_then(|source| source.pattern(object, room));
        own.or_else(|| self.kind.pattern(object, room))
            .map_or((None, 0), |(pattern, new)| (Some(pattern), new))
    }

    /// An object of that group took `held` bytes instead of `raw`.
    pub(crate) fn packed(&mut self, group: Group, raw: usize, held: usize) {
        let missed = held.saturating_sub(raw / WELL_PACKED);
        self.kind.misses(missed);
        if let Some(source) = self.groups.get_mut(&group) {
            source.misses(missed);
        } else if self.groups.len() < GROUPS_MAX {
            self.groups.insert(group, Source::Missed(missed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1 << 20;

    #[test]
    fn objects_that_one_template_made_are_a_group() {
        let group = |name| Group::of(Some("shop"), name);
        assert_eq!(group("web-5d9c-x2k4l"), group("web-5d9c-8vfzq"));
        assert_ne!(group("web-5d9c-x2k4l"), group("web-77aa-x2k4l"));
        assert_ne!(group("web-5d9c-x2k4l"), Group::of(Some("pay"), "web-5d9c-x2k4l"));
        assert_ne!(group("web"), Group::of(None, "web"));
    }

    #[test]
    fn a_pattern_is_made_once_it_pays_and_that_of_the_group_is_preferred() {
        let (mut patterns, object) = (Patterns::default(), vec![b'x'; 6_400]);
        let (web, pay) = (Group::of(Some("shop"), "web-1"), Group::of(Some("shop"), "pay-1"));
        assert_eq!(patterns.pattern(web, &object, ROOM), (None, 0));
        patterns.packed(web, 6_400, 3_299);
        assert_eq!(patterns.pattern(web, &object, ROOM), (None, 0), "it would have saved 3,199 of 6,400");
        patterns.packed(web, 6_400, 101);
        assert_eq!(patterns.pattern(web, &object, 6_399), (None, 0), "there is no room for it");
        let (own, new) = patterns.pattern(web, &object, ROOM);
        assert_eq!((own.as_deref(), new), (Some(&*object), 6_400));

        // The kind misses one too, and then the other group.
        let other = vec![b'y'; 20_000];
        assert_eq!(patterns.pattern(pay, &object, ROOM).1, 6_400);
        patterns.packed(pay, 20_000, 8_504);
        let (of_pay, new) = patterns.pattern(pay, &other, ROOM);
        assert_eq!((of_pay.as_deref(), new), (Some(&other[..PATTERN_BYTES]), PATTERN_BYTES));
        assert_eq!(patterns.pattern(web, &other, ROOM), (own, 0));
    }

    #[test]
    fn what_is_packed_well_anyhow_needs_no_pattern_of_its_own() {
        let (mut patterns, object) = (Patterns::default(), vec![b'x'; 6_400]);
        let group = Group::of(None, "a");
        for _ in 0..1_000 {
            patterns.packed(group, 6_400, 100);
        }
        assert_eq!(patterns.pattern(group, &object, ROOM), (None, 0));
    }

    #[test]
    fn beyond_many_groups_that_of_the_kind_serves() {
        let (mut patterns, object) = (Patterns::default(), vec![b'x'; 64]);
        for i in 0..2 * GROUPS_MAX {
            patterns.packed(Group::of(None, &format!("name{i}")), 64, 64);
        }
        assert_eq!(patterns.groups.len(), GROUPS_MAX);
        let late = Group::of(None, &format!("name{}", 2 * GROUPS_MAX - 1));
        assert_eq!(patterns.pattern(late, &object, ROOM), (Some(object.as_slice().into()), 64));
    }
}
