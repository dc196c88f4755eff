//! When changes were seen, by a clock that can be believed.
//!
//! A change says when its watcher saw it, by the watcher's own clock. In a cluster that may be wrong by minutes, and then be
//! set right: what has just begun would have lasted, what lasts would be put off, and news of now would look like news of
//! before. So a pack says besides what that clock shows as it is made, and the queue says when it was sent: only how long
//! before the pack a change was seen is the watcher's to tell.

use crate::by_cluster::ByCluster;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::Scope;
use prodrome_queue::pack::DecodedPack;

/// A pack that is on its way to the queue for so long looks like one whose maker's clock is behind: up to this it is believed.
const WAY_MAX: SignedDuration = SignedDuration::from_secs(5);
/// No clock is believed to be further behind, as AWS takes nothing that is signed by one that is wrong by more than five
/// minutes: such a pack was given up, and somebody has sent it again.
const BEHIND_MAX: SignedDuration = SignedDuration::from_mins(15);

/// What this process knows of the watchers' clocks.
#[derive(Default)]
pub(crate) struct WatchTimes {
    newest: ByCluster<Shown>,
}

/// The newest pack of a watcher's latest run.
#[derive(Debug, Clone, Copy)]
struct Shown {
    epoch: u64,
    /// The number of its first change.
    first: u64,
    sent_at: Timestamp,
    /// How far behind the clock seems to be.
    behind: SignedDuration,
    /// How far it is behind at least, by what was known before.
    at_least: SignedDuration,
}

impl WatchTimes {
    /// Turns the times of a pack's changes into times by the clock of the queue, which is also that of all functions.
    /// None is later than when the pack was sent.
    ///
    /// Returns by how much earlier they may have been seen: where the pack before shows a clock that is less far behind, this
    /// one may have been as long on its way to the queue. What lasts counts from the later time, so that nobody is told of
    /// what has not lasted; what may be of before what is known, by the earlier, is looked at.
    pub(crate) fn correct(&self, pack: &mut DecodedPack, sent_at: Timestamp) -> SignedDuration {
        let (behind, at_least) = match pack.made_at {
            Some(made_at) => self.behind(pack, made_at, sent_at),
            None => (SignedDuration::ZERO, SignedDuration::ZERO),
        };
        for change in pack.changes.iter_mut().flatten() {
            let seen_at = change.observed_at.saturating_add(behind).unwrap_or(sent_at);
            change.observed_at = seen_at.min(sent_at);
        }
        (behind - at_least).max(SignedDuration::ZERO)
    }

    /// By how much the clock is behind that a pack was made by, and by how much at least; negative where it is ahead.
    fn behind(
        &self,
        pack: &DecodedPack,
        made_at: Timestamp,
        sent_at: Timestamp,
    ) -> (SignedDuration, SignedDuration) {
        let behind = sent_at.duration_since(made_at);
        let Some(waybill) = pack.waybill else { return (believed(behind), believed(behind)) };
        let (epoch, first) = (waybill.epoch, waybill.first);
        let shown = Shown { epoch, first, sent_at, behind, at_least: behind };
        let (Shown { behind, at_least, .. }, is_again) = self.note(&pack.head.scope, shown);
        (believed(if is_again { at_least } else { behind }), believed(at_least))
    }

    /// Notes what a pack shows, unless a newer one is known. Returns it with what is known of its run: the same for the same
    /// pack, however often it comes. And whether it seems to be one that was given up, and that somebody has sent again: made
    /// before the newest, and sent after it. (One that was refused while its watcher's clock was set looks like that as well.)
    fn note(&self, scope: &Scope, mut shown: Shown) -> (Shown, bool) {
        let newest = self.newest.get(scope);
        let mut is_again = false;
        if let Some(known) = newest.filter(|known| known.epoch == shown.epoch) {
            if (known.first, known.sent_at) == (shown.first, shown.sent_at) {
                return (known, false);
            }
            shown.at_least = shown.behind.min(known.behind.max(SignedDuration::ZERO));
            is_again = shown.first < known.first && known.sent_at < shown.sent_at;
        }
        if newest.is_none_or(|known| (known.epoch, known.first) <= (shown.epoch, shown.first)) {
            self.newest.insert(scope, shown);
        }
        (shown, is_again)
    }
}

/// What is believed of a clock that seems to be so far behind: nothing, where that is the way to the queue, or where it was
/// sent again.
fn believed(behind: SignedDuration) -> SignedDuration {
    let is_on_its_way = (SignedDuration::ZERO..=WAY_MAX).contains(&behind);
    if is_on_its_way || behind > BEHIND_MAX { SignedDuration::ZERO } else { behind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_model::{Change, ChangeKind, Resource, Source, Waybill};
    use prodrome_queue::pack::PackHead;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A pack of a watcher that saw something, and made the pack, when its clock showed this.
    fn pack(first: u64, seen: i64, made: Option<i64>) -> DecodedPack {
        let resource = Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "Pod".into(),
            plural: "pods".into(),
            namespaced: true,
        };
        let change = Change {
            kind: ChangeKind::Applied,
            resource,
            epoch: 7,
            sequence: first,
            observed_at: at(seen),
            source: Source::Watch,
            list: None,
            object: None,
        };
        DecodedPack {
            head: PackHead { scope: Scope::new("default", "eu", "prod"), shard: None, shards: 4 },
            lag_seconds: Some(0),
            rules: 0,
            waybill: Some(Waybill { epoch: 7, first, ..Waybill::default() }),
            made_at: made.map(at),
            changes: vec![Ok(change)],
            raw_bytes: 0,
        }
    }

    fn corrected(times: &WatchTimes, mut pack: DecodedPack, sent: i64) -> i64 {
        times.correct(&mut pack, at(sent));
        let change = pack.changes.remove(0).unwrap();
        change.observed_at.duration_since(at(0)).as_secs()
    }

    #[test]
    fn a_change_was_seen_when_it_was_by_the_clock_of_the_queue_whatever_that_of_its_watcher_shows() {
        for (what, (seen, made), sent, want) in [
            ("a clock that is right", (99, Some(100)), 100, 99),
            ("and a pack that was slow", (99, Some(100)), 105, 99),
            ("a clock that is ahead", (399, Some(400)), 100, 99),
            ("one that is behind", (-201, Some(-200)), 100, 99),
            ("what has waited", (310, Some(400)), 100, 10),
            ("what has waited, by a clock that is right", (10, Some(100)), 100, 10),
            ("older than any clock is wrong: it was sent again", (-2_001, Some(-2_000)), 100, -2_001),
            ("an older watcher", (99, None), 100, 99),
            ("an older watcher with a clock that is ahead", (399, None), 100, 100),
        ] {
            let found = corrected(&WatchTimes::default(), pack(1, seen, made), sent);
            assert_eq!(found, want, "{what}");
        }
    }

    #[test]
    fn what_was_given_up_and_is_sent_again_is_not_taken_for_what_a_clock_that_is_behind_tells() {
        let times = WatchTimes::default();
        assert_eq!(corrected(&times, pack(9, 600, Some(600)), 600), 600);
        assert_eq!(corrected(&times, pack(1, 20, Some(20)), 610), 20, "made before, and sent after");
        let times = WatchTimes::default();
        assert_eq!(corrected(&times, pack(9, 300, Some(300)), 600), 600);
        assert_eq!(
            corrected(&times, pack(1, -280, Some(-280)), 610),
            20,
            "by the same clock, five minutes behind"
        );
        // One that only came late was sent before.
        let times = WatchTimes::default();
        assert_eq!(corrected(&times, pack(9, 600, Some(600)), 600), 600);
        assert_eq!(corrected(&times, pack(1, 290, Some(290)), 590), 590, "the clock has been set meanwhile");
        // Another run's say nothing of it.
        let mut other = pack(1, 20, Some(20));
        other.waybill = Some(Waybill { epoch: 3, first: 1, ..Waybill::default() });
        assert_eq!(corrected(&times, other, 610), 610);
    }

    #[test]
    fn what_may_have_been_long_on_its_way_may_have_been_seen_earlier() {
        for (what, before, (seen, made, sent), want) in [
            ("a clock that is right", Some((90, 90)), (99, 100, 100), (99, 0)),
            ("one that is behind", Some((-210, 90)), (-201, -200, 100), (99, 0)),
            ("one that is ahead", Some((390, 90)), (399, 400, 100), (99, 0)),
            ("one that was set back, or a pack that was slow", Some((90, 90)), (70, 71, 100), (99, 29)),
            ("one that was set ahead", Some((-210, 90)), (99, 100, 100), (99, 0)),
            ("the first of a run", None, (70, 71, 100), (99, 0)),
        ] {
            let times = WatchTimes::default();
            if let Some((made, sent)) = before {
                times.correct(&mut pack(1, made, Some(made)), at(sent));
            }
            let mut pack = pack(2, seen, Some(made));
            let earlier = times.correct(&mut pack, at(sent));
            let seen_at = pack.changes.remove(0).unwrap().observed_at;
            assert_eq!((seen_at.duration_since(at(0)).as_secs(), earlier.as_secs()), want, "{what}");
        }
    }
    #[test]
    fn the_same_pack_is_told_the_same_however_often_it_comes() {
        let times = WatchTimes::default();
        times.correct(&mut pack(1, 90, Some(90)), at(90));
        for _ in 0..2 {
            assert_eq!(times.correct(&mut pack(2, 70, Some(71)), at(100)), SignedDuration::from_secs(29));
        }
    }

    #[test]
    fn a_late_pack_of_a_run_before_takes_nothing_of_what_is_known_of_the_latest() {
        let of_run = |epoch, first, seen, made| {
            let mut pack = pack(first, seen, Some(made));
            pack.waybill = Some(Waybill { epoch, first, ..Waybill::default() });
            pack
        };
        let times = WatchTimes::default();
        times.correct(&mut of_run(8, 1, 90, 90), at(90));
        times.correct(&mut of_run(7, 50, 95, 95), at(95));
        let earlier = times.correct(&mut of_run(8, 2, 70, 71), at(100));
        assert_eq!(earlier, SignedDuration::from_secs(29));
    }
}
