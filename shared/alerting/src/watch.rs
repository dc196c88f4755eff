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
    /// When a pack of this cluster was last handled, quiet ones (bookmarks) included.
    pub seen_at: Timestamp,
    /// How old the newest change of that pack was then.
    pub lag_seconds: u32,
}

impl WatchSign {
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
