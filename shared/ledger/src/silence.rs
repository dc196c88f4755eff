use jiff::{SignedDuration, Timestamp};
use prodrome_model::{EndReason, Ended, Scope};
use serde::{Deserialize, Serialize};

/// What is known of a cluster's watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When the newest of its packs that were handled was sent.
    pub heard: Timestamp,
    /// When one was handled last, whenever it was sent.
    pub handled: Option<Timestamp>,
    /// Up to when it had seen its cluster by then.
    pub seen_up_to: Option<Timestamp>,
}

/// How a cluster is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Silent {
    /// Its watcher is not heard.
    Unheard,
    /// Its watcher is heard, and says that it sees nothing of the cluster.
    CutOff,
}

/// That nothing is known any more of how a cluster is: nobody looks after it, and silence is not recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// Which cluster.
    pub scope: Scope,
    /// In which way, when it was found.
    pub how: Silent,
    /// Up to when it was known how the cluster is.
    pub since: Timestamp,
    /// When it was found.
    pub fired_at: Timestamp,
    /// How it ended, once it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Whether the queue has what stands here.
    pub told: bool,
}

impl Life {
    /// Whether, how, and since when the cluster is silent. Where packs are handled that were sent long ago it is not the
    /// watcher that is late: of that the age of the queue tells.
    fn silent(&self, after: SignedDuration, now: Timestamp) -> Option<(Silent, Timestamp)> {
        let is_old = |at: Timestamp| now.duration_since(at) >= after;
        match self.seen_up_to {
            _ if is_old(self.heard) => {
                self.handled.is_none_or(is_old).then_some((Silent::Unheard, self.heard))
            }
            Some(seen) if self.heard.duration_since(seen) >= after => Some((Silent::CutOff, seen)),
            _ => None,
        }
    }
}

impl Silence {
    /// What is to be kept of a cluster's silence, by what was kept of it and what is known of its watcher. `after` is the
    /// time without news that counts as silence.
    ///
    /// A cluster that is off the ledger keeps its silence: only who [forgets](crate::Ledger::forget) it ends that.
    pub fn next(
        kept: Option<&Self>,
        scope: &Scope,
        life: Option<&Life>,
        after: SignedDuration,
        now: Timestamp,
    ) -> Option<Self> {
        let Some(life) = life else { return kept.cloned() };
        let silent = life.silent(after, now);
        match kept {
            // What ended is told before the next begins.
            Some(kept) if kept.ended.is_some() && !kept.told => Some(kept.clone()),
            Some(kept) if kept.ended.is_none() => {
                // What comes late tells of the silence, and not of its end.
                let is_news = life.heard > kept.since && now.duration_since(life.heard) < after;
                let ended = Ended { at: life.heard, reason: EndReason::Recovered };
                Some(if silent.is_none() && is_news { kept.ends(ended) } else { kept.clone() })
            }
            _ => {
                // Who counts with an older state of the ledger tells of no silence once more.
                let begun = silent.filter(|(_, since)| kept.is_none_or(|kept| *since > kept.since));
                let new = begun.map(|(how, since)| Self {
                    scope: scope.clone(),
                    how,
                    since,
                    fired_at: now,
                    ended: None,
                    told: false,
                });
                new.or_else(|| kept.cloned())
            }
        }
    }

    /// The same, over.
    #[must_use]
    pub(crate) fn ends(&self, ended: Ended) -> Self {
        Self { ended: Some(ended), told: false, ..self.clone() }
    }

    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: SignedDuration = SignedDuration::from_mins(10);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn scope() -> Scope {
        Scope::new("default", "eu", "prod")
    }

    /// Of a watcher that was heard at a minute, was handled at another and had seen up to a third.
    fn life((heard, handled, seen): (i64, i64, i64)) -> Life {
        Life { heard: at(heard), handled: Some(at(handled)), seen_up_to: Some(at(seen)) }
    }

    fn next(kept: Option<&Silence>, known: (i64, i64, i64), now: i64) -> Option<Silence> {
        Silence::next(kept, &scope(), Some(&life(known)), AFTER, at(now))
    }

    fn open(how: Silent, since: i64, fired: i64) -> Silence {
        let (since, fired_at) = (at(since), at(fired));
        Silence { scope: scope(), how, since, fired_at, ended: None, told: false }
    }

    #[test]
    fn a_cluster_is_silent_where_its_watcher_is_not_heard_or_sees_nothing_and_not_where_the_queue_is_late() {
        for (name, known, now, want) in [
            ("a heartbeat came just now", (100, 100, 100), 100, None),
            ("silent, just not for long enough", (100, 100, 100), 109, None),
            ("silent", (100, 100, 100), 110, Some((Silent::Unheard, 100))),
            ("silent, and cut off before", (100, 100, 95), 110, Some((Silent::Unheard, 100))),
            ("what was sent long ago is handled now", (100, 130, 100), 131, None),
            ("and then nothing more", (100, 130, 100), 140, Some((Silent::Unheard, 100))),
            ("it lives, and is cut off", (100, 100, 90), 101, Some((Silent::CutOff, 90))),
            ("it lives, and was cut off for a while", (100, 100, 91), 101, None),
        ] {
            let want = want.map(|(how, since)| open(how, since, now));
            assert_eq!(next(None, known, now), want, "{name}");
        }
        let unsigned = Life { heard: at(100), handled: None, seen_up_to: None };
        let found = |now| Silence::next(None, &scope(), Some(&unsigned), AFTER, at(now));
        assert_eq!((found(109), found(110).is_some()), (None, true), "where no signs of life are kept");
    }

    #[test]
    fn it_ends_by_news_alone_and_not_by_late_ones_or_by_being_off_the_ledger() {
        let kept = Silence { told: true, ..open(Silent::Unheard, 100, 110) };
        for (name, known, now, want) in [
            ("nothing", (100, 100, 100), 200, None),
            ("what was sent before it fell silent for good comes late", (105, 200, 105), 200, None),
            ("it is heard", (199, 200, 199), 200, Some(199)),
            ("it is heard, and sees nothing", (199, 200, 100), 200, None),
        ] {
            let want = want.map(|minute| Ended { at: at(minute), reason: EndReason::Recovered });
            let next = next(Some(&kept), known, now).unwrap();
            assert_eq!((next.told, &next.ended), (want.is_none(), &want), "{name}");
        }
        let unknown = Silence::next(Some(&kept), &scope(), None, AFTER, at(30_000));
        assert_eq!(unknown, Some(kept), "the ledger forgets a run after a while; that is no recovery");
    }

    #[test]
    fn the_next_one_begins_when_the_end_of_the_last_was_told_and_never_where_the_last_began() {
        let ended = |told| Silence {
            told,
            ..open(Silent::Unheard, 100, 110).ends(Ended { at: at(120), reason: EndReason::Recovered })
        };
        assert_eq!(next(Some(&ended(false)), (120, 120, 120), 200), Some(ended(false)));
        assert_eq!(next(Some(&ended(true)), (120, 120, 120), 200), Some(open(Silent::Unheard, 120, 200)));
        assert_eq!(next(Some(&ended(true)), (100, 100, 100), 200), Some(ended(true)), "an older ledger");
    }
}
