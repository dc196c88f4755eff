//! Counting begins: how often matches began within a window, exactly once each.

use crate::decide::SKEW;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{ObjectRef, later};
use serde::{Deserialize, Serialize};

/// Begins that are counted together. It keeps the newest that can decide and no more: as many as are asked for,
/// or with distinct values the newest of each of as many.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counter {
    /// The version of this layout: 1.
    pub layout: u32,
    /// What they have in common, as it was found.
    pub group: String,
    /// In the order of their time.
    pub begins: Vec<Begin>,
}

/// That a match began. Its identity is made from what began, so that whatever is told twice counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begin {
    /// Its identity.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The value that counts, where different values do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What is asked of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// So many.
    pub count: usize,
    /// Within this window.
    pub within: SignedDuration,
    /// Different values, rather than begins.
    pub distinct: bool,
}

/// How a counter stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many count; no more than are asked for.
    pub count: usize,
    /// Until when there are enough, if nothing more begins; `None` where there are not.
    pub full_until: Option<Timestamp>,
}

impl Counter {
    /// An empty one.
    pub fn new(group: impl Into<String>) -> Self {
        Self { layout: 1, group: group.into(), begins: Vec::new() }
    }

    /// Counts a begin. Whether that changed anything: not what is counted already, what is out of the window, and
    /// what cannot decide any more.
    pub fn add(&mut self, begin: Begin, quota: &Quota, now: Timestamp) -> bool {
        let known = self.begins.iter().any(|known| known.id == begin.id);
        if known || !in_window(begin.at, quota, now) || (quota.distinct && begin.value.is_none()) {
            return false;
        }
        let id = begin.id.clone();
        let place = self.begins.partition_point(|other| other.at <= begin.at);
        self.begins.insert(place, begin);
        let deciding = self.deciding(quota, now).map(|begin| begin.id.clone()).collect::<Vec<_>>();
        self.begins.retain(|begin| deciding.contains(&begin.id));
        deciding.contains(&id)
    }

    /// How it stands.
    pub fn standing(&self, quota: &Quota, now: Timestamp) -> Standing {
        let deciding: Vec<_> = self.deciding(quota, now).collect();
        let full_until = deciding.get(quota.count.saturating_sub(1)).map(|oldest| end(oldest.at, quota));
        Standing { count: deciding.len(), full_until }
    }

    /// The newest that count, the newest first.
    fn deciding<'c>(&'c self, quota: &'c Quota, now: Timestamp) -> impl Iterator<Item = &'c Begin> {
        let newest_first = self.begins.iter().enumerate().rev();
        let counting = newest_first.filter(move |(index, begin)| {
            let newer = &self.begins[index + 1..];
            in_window(begin.at, quota, now)
                && !(quota.distinct && newer.iter().any(|newer| newer.value == begin.value))
        });
        counting.map(|(_, begin)| begin).take(quota.count)
    }

    /// Of the begins whose identities are `<prefix>#<number>`: the greatest number, and when that was.
    pub fn latest_of(&self, prefix: &str) -> Option<(u32, Timestamp)> {
        let number = |begin: &Begin| {
            let number = begin.id.strip_prefix(prefix)?.strip_prefix('#')?;
            Some((number.parse().ok()?, begin.at))
        };
        self.begins.iter().filter_map(number).max_by_key(|(number, _)| *number)
    }
}

/// The instants of repetitions that are known by their number and their ends alone: spread evenly.
///
/// `number` of them, the first at `first` and the last at `last`; the newest `most` are given, the oldest first,
/// each with its number from 1 on.
pub fn spread(number: u32, first: Timestamp, last: Timestamp, most: usize) -> Vec<(u32, Timestamp)> {
    let length = last.duration_since(first.min(last));
    let least = number.saturating_sub(u32::try_from(most).unwrap_or(u32::MAX));
    (least + 1..=number)
        .map(|k| {
            let behind = i32::try_from(number - k).unwrap_or(i32::MAX);
            let gaps = i32::try_from(number - 1).unwrap_or(i32::MAX).max(1);
            let back = (length / gaps).checked_mul(behind).unwrap_or(length);
            (k, last.checked_sub(back).unwrap_or(Timestamp::MIN))
        })
        .collect()
}

fn end(at: Timestamp, quota: &Quota) -> Timestamp {
    later(at, quota.within)
}

fn in_window(at: Timestamp, quota: &Quota, now: Timestamp) -> bool {
    now < end(at, quota)
}

/// What a check of a rule with a frequency remembers between two sightings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// What the object's begins are counted by.
    pub group: String,
    /// Whom a finding is told together with.
    pub owner: ObjectRef,
    /// Whether the object matches, its last begin having been counted.
    pub matching: bool,
    /// When it began last, by our clock.
    pub began: Timestamp,
    /// When the object itself said that it did, where that was yet to come by our clock, as for [the check's
    /// match](crate::Check::said): what begins after the other clock is set right may say that it was sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Timestamp>,
}

impl Counted {
    /// Whether what says that it began at an instant is another begin than the last one.
    pub fn began_anew(&self, said: Timestamp) -> bool {
        self.said != Some(said) && said > later(self.began, SKEW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { count: 3, within: SignedDuration::from_secs(10), distinct: false };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn begin(id: &str, second: i64, value: Option<&str>) -> Begin {
        Begin { id: id.to_owned(), at: at(second), value: value.map(str::to_owned) }
    }

    #[test]
    fn enough_within_the_window_is_full_until_one_leaves_it() {
        let mut counter = Counter::new("g");
        for (id, second) in [("a", 0), ("b", 4), ("c", 9)] {
            assert!(counter.add(begin(id, second, None), &QUOTA, at(9)));
        }
        assert_eq!(counter.standing(&QUOTA, at(9)), Standing { count: 3, full_until: Some(at(10)) });
        assert_eq!(counter.standing(&QUOTA, at(10)), Standing { count: 2, full_until: None });
        assert!(counter.add(begin("d", 11, None), &QUOTA, at(11)));
        assert_eq!(counter.standing(&QUOTA, at(11)).full_until, Some(at(14)));
    }

    #[test]
    fn what_is_told_twice_or_late_counts_once() {
        let mut counter = Counter::new("g");
        let told = [("a", 0), ("b", 1), ("a", 0), ("c", 2), ("b", 1), ("d", 3), ("a", 0)];
        for (id, second) in told {
            counter.add(begin(id, second, None), &QUOTA, at(3));
        }
        let ids: Vec<_> = counter.begins.iter().map(|begin| &*begin.id).collect();
        assert_eq!(ids, ["b", "c", "d"]);
        assert!(!counter.add(begin("e", -8, None), &QUOTA, at(3)));
    }

    #[test]
    fn the_order_in_which_begins_are_told_does_not_matter() {
        let values = ["x", "y", "x", "y", "x", "y"];
        let begins: Vec<_> =
            (0..).zip(values).map(|(n, value): (i64, _)| begin(&n.to_string(), n, Some(value))).collect();
        for quota in [QUOTA, Quota { count: 2, distinct: true, ..QUOTA }] {
            let mut forwards = Counter::new("g");
            let mut backwards = Counter::new("g");
            for begin in &begins {
                forwards.add(begin.clone(), &quota, at(6));
            }
            for begin in begins.iter().rev() {
                backwards.add(begin.clone(), &quota, at(6));
            }
            assert_eq!(forwards, backwards);
            assert!(forwards.begins.len() <= quota.count);
        }
    }

    #[test]
    fn different_values_count_once_each_by_their_newest() {
        let quota = Quota { distinct: true, ..QUOTA };
        let mut counter = Counter::new("g");
        for (id, second, value) in [("a", 0, "x"), ("b", 1, "y"), ("c", 2, "y"), ("d", 3, "x")] {
            counter.add(begin(id, second, Some(value)), &quota, at(3));
        }
        assert_eq!(counter.standing(&quota, at(3)), Standing { count: 2, full_until: None });
        assert!(!counter.add(begin("e", 3, None), &quota, at(3)));
        assert!(counter.add(begin("f", 4, Some("z")), &quota, at(4)));
        assert_eq!(counter.standing(&quota, at(4)).full_until, Some(at(12)));
    }

    #[test]
    fn repetitions_are_spread_between_the_first_and_the_last() {
        assert_eq!(spread(1, at(0), at(9), 5), [(1, at(9))]);
        assert_eq!(spread(4, at(0), at(9), 3), [(2, at(3)), (3, at(6)), (4, at(9))]);
        assert_eq!(spread(0, at(0), at(9), 3), []);
        let mut counter = Counter::new("g");
        counter.add(begin("u#2", 1, None), &QUOTA, at(1));
        counter.add(begin("u#10", 2, None), &QUOTA, at(2));
        assert_eq!(counter.latest_of("u"), Some((10, at(2))));
        assert_eq!(counter.latest_of("v"), None);
    }
}
