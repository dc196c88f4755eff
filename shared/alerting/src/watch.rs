use crate::Policy;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The last sign of life of a cluster's watcher, as `evaluate` writes it under [`keys::watch`](crate::keys::watch).
///
/// Silence looks like recovery: while the watcher is behind, no alert is resolved.
///
/// ```
/// use prodrome_alerting::WatchSign;
///
/// let sign: WatchSign = serde_json::from_str(r#"{"seenAt":"2026-01-02T03:04:05Z","lagSeconds":2}"#)?;
/// assert_eq!(sign.lag_seconds, 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchSign {
    /// When a pack of this cluster's watcher was last handled, those without changes included.
    pub seen_at: Timestamp,
    /// How far behind the cluster it was then: the watcher's own part, and the queue's.
    pub lag_seconds: u32,
}

impl WatchSign {
    /// The sign that is given at `now` by a pack whose watcher had seen everything up to `seen_up_to`.
    pub fn given(seen_up_to: Timestamp, now: Timestamp) -> Self {
        let lag = now.duration_since(seen_up_to).as_secs().max(0);
        Self { seen_at: now, lag_seconds: u32::try_from(lag).unwrap_or(u32::MAX) }
    }

    /// Up to when everything had been seen, to the second. It only grows: a pack that comes late or once more
    /// tells nothing new.
    pub fn seen_up_to(&self) -> Timestamp {
        let lag = SignedDuration::from_secs(i64::from(self.lag_seconds));
        self.seen_at.checked_sub(lag).unwrap_or(Timestamp::MIN)
    }

    /// Whether what this cluster shows may be old.
    pub fn is_behind(&self, now: Timestamp, policy: &Policy) -> bool {
        now.duration_since(self.seen_at) > policy.silence_max
            || SignedDuration::from_secs(i64::from(self.lag_seconds)) > policy.lag_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_tells_up_to_when_everything_was_seen() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let sign = WatchSign::given(at(940), at(1_000));
        assert_eq!((sign.lag_seconds, sign.seen_up_to()), (60, at(940)));
        let ahead = WatchSign::given(at(1_005), at(1_000));
        assert_eq!((ahead.lag_seconds, ahead.seen_up_to()), (0, at(1_000)), "a queue's clock that is ahead");
    }

    #[test]
    fn behind_is_silent_or_late() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let policy = Policy::default();
        for (name, now, lag_seconds, want) in [
            ("fresh", 1_000, 1, false),
            ("silent, just not too long", 1_180, 1, false),
            ("silent", 1_181, 1, true),
            ("late, just not too late", 1_000, 60, false),
            ("late", 1_000, 61, true),
            ("a clock that is behind the writer's", 900, 0, false),
        ] {
            let sign = WatchSign { seen_at: at(1_000), lag_seconds };
            assert_eq!(sign.is_behind(at(now), &policy), want, "{name}");
        }
    }
}
