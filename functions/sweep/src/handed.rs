//! What the ticks before have handed over.
//!
//! A queue keeps what it was given, so a tick need not hand over again what waits there: while more falls due than is
//! looked at, each tick would add as much again, and whoever looks would do nothing else.

use crate::SweepError;
use jiff::{SignedDuration, Timestamp};
use prodrome_store::{Expect, Key, Record, Store, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far ahead a tick looks.
pub(crate) const AHEAD: SignedDuration = SignedDuration::from_mins(3);
/// Before it is due, a record is handed over when a tick sees it first, and once more so long before: one of these ticks
/// may be lost, or the record be younger than the first.
const ONCE_MORE: SignedDuration = SignedDuration::from_mins(1);
/// From this lateness on what is overdue is handed over again whenever as much time has passed; below, whenever its
/// lateness has doubled.
const LATE: SignedDuration = SignedDuration::from_mins(8);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// When each bucket was last handed over to its end.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Handed {
    layout: u32,
    buckets: BTreeMap<String, Timestamp>,
}

impl Handed {
    /// Reads it. What is not there or cannot be read says nothing: then everything is handed over.
    pub(crate) async fn read(store: &impl Store) -> Result<Self, SweepError> {
        let there = store.get_many(&[key()]).await?.pop();
        Ok(there.and_then(|record| serde_json::from_str(&record.data).ok()).unwrap_or_default())
    }

    /// Keeps it. Of two sweeps at once the later to end says what was handed over; both have done it.
    pub(crate) async fn write(self, store: &impl Store) -> Result<(), SweepError> {
        let data = serde_json::to_string(&Self { layout: 1, ..self });
        let data = data.expect("plain data is always written as JSON");
        Ok(store.commit(vec![Write::Put(Record::new(key(), data), Expect::Anything)]).await?)
    }

    /// When a bucket was last handed over to its end.
    pub(crate) fn of(&self, bucket: &str) -> Option<Timestamp> {
        self.buckets.get(bucket).copied()
    }

    /// A bucket was handed over to its end by a tick of that time.
    pub(crate) fn done(&mut self, bucket: &str, now: Timestamp) {
        self.buckets.insert(bucket.to_owned(), now);
    }
}

fn key() -> Key {
    Key::new("sweep", "handed")
}

/// Whether a tick at `now` hands over what is due at `at`, after one at `last`: where an instant for it has passed in
/// between. These are three minutes and one minute before it is due, when it is due, and one, two, four, eight, 16, 24
/// … minutes later.
pub(crate) fn is_turn(at: Timestamp, last: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(last) = last.filter(|last| *last <= now) else { return true };
    turns_passed(now.duration_since(at)) > turns_passed(last.duration_since(at))
}

/// How many of the instants have passed at such a lateness, negative before it is due.
fn turns_passed(late: SignedDuration) -> i64 {
    let before = [-AHEAD, -ONCE_MORE, SignedDuration::ZERO].iter().filter(|turn| late >= **turn).count();
    let before = i64::try_from(before).unwrap_or(0);
    let minutes = late.as_mins();
    if late < MINUTE {
        before
    } else if late < LATE {
        before + 1 + i64::from(minutes.ilog2())
    } else {
        before + 3 + minutes / LATE.as_mins()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// By ticks at these seconds, of which each knows of the one before: those that hand over what is due at 0.
    fn handed_over(ticks: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut last = Some(at(-600));
        let turn = |tick: &i64| is_turn(at(0), last.replace(at(*tick)), at(*tick));
        ticks.into_iter().filter(turn).collect()
    }

    #[test]
    fn what_waits_is_handed_over_ever_more_seldom() {
        let each_minute = (-5..=40).map(|minute| minute * 60 + 10);
        let expected = [-170, -50, 10, 70, 130, 250, 490, 970, 1450, 1930, 2410];
        assert_eq!(handed_over(each_minute), expected);
    }

    #[test]
    fn a_tick_that_did_not_come_is_made_up_for_by_the_next() {
        assert_eq!(handed_over([-110, 310, 370]), [-110, 310]);
        assert_eq!(handed_over([1000]), [1000]);
    }

    #[test]
    fn two_ticks_at_once_hand_over_once_and_one_that_knows_of_none_hands_over_all() {
        assert_eq!(handed_over([10, 10, 11]), [10]);
        assert!(is_turn(at(0), None, at(-100)) && is_turn(at(0), Some(at(500)), at(400)));
    }

    #[test]
    fn what_was_written_between_two_ticks_is_seen_by_the_next() {
        // Due within three minutes of when it was written, and not sent: the next tick or the one after sees it.
        for written in 0..60 {
            for due in written..180 {
                let ticks = [60, 120, 180, 240];
                let seen = ticks.iter().filter(|tick| is_turn(at(due), Some(at(**tick - 60)), at(**tick)));
                let first = seen.copied().next().unwrap();
                assert!(first <= 60.max(due + 60), "written at {written}, due at {due}, seen at {first}");
            }
        }
    }
}
