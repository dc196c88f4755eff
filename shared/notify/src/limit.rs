use jiff::{SignedDuration, Timestamp};
use prodrome_model::later;
use serde::{Deserialize, Serialize};

/// How many messages a channel may get: evenly `messages` in each `per`, of which `burst` may come at once.
///
/// Within any window of length `per` at most `messages + burst` leave. A vendor's "20 a minute, or you are
/// muted" is therefore 10 a minute with a burst of 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// How many in each period, at least 1.
    pub messages: u32,
    /// The period.
    pub per: SignedDuration,
    /// How many at once after a quiet time, at least 1.
    pub burst: u32,
}

impl Limit {
    /// A limit from its parts.
    pub const fn new(messages: u32, per: SignedDuration, burst: u32) -> Self {
        Self { messages, per, burst }
    }

    fn interval(&self) -> SignedDuration {
        self.per / i32::try_from(self.messages.max(1)).unwrap_or(i32::MAX)
    }

    fn span_of(&self, messages: u32) -> SignedDuration {
        self.interval().saturating_mul(i32::try_from(messages).unwrap_or(i32::MAX))
    }
}

/// By how much the clocks of two functions may differ.
const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_mins(1);

/// What a channel has used of its [`Limit`]: a token bucket, kept as the one instant at which it will be full
/// again. Plain data, to be kept in a store beside the alerts.
///
/// ```
/// use jiff::{SignedDuration, Timestamp};
/// use prodrome_notify::{Bucket, Limit};
///
/// let limit = Limit::new(10, SignedDuration::from_secs(60), 2);
/// let now: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// let mut bucket = Bucket::default();
/// assert_eq!(bucket.take(&limit, now), Ok(()));
/// assert_eq!(bucket.take(&limit, now), Ok(()));
/// assert_eq!(bucket.take(&limit, now), Err(now + SignedDuration::from_secs(6)));
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// When it will be full; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    full_at: Option<Timestamp>,
}

impl Bucket {
    /// Takes one message out, or says when to ask again. That instant is no reservation: with several askers
    /// one gets it, the others are told a later one.
    pub fn take(&mut self, limit: &Limit, now: Timestamp) -> Result<(), Timestamp> {
        // No bucket takes longer to fill than this. Where it does, two clocks differ a little; or one jumped, or
        // the limit was lowered since, and then the bucket says nothing about now.
        let full_latest = later(now, limit.span_of(limit.burst.max(1)));
        let full_at = match self.full_at {
            Some(at) if at <= later(full_latest, CLOCK_SKEW_MAX) => at.clamp(now, full_latest),
            _ => now,
        };
        let allowed_from = later(full_at, -limit.span_of(limit.burst.saturating_sub(1)));
        if now < allowed_from {
            return Err(allowed_from);
        }
        self.full_at = Some(later(full_at, limit.interval()));
        Ok(())
    }

    /// When it will be full again: what keeps it may forget it then.
    pub const fn full_at(&self) -> Option<Timestamp> {
        self.full_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const LIMIT: Limit = Limit::new(10, SignedDuration::from_secs(60), 10);

    fn at(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn no_window_of_a_minute_sees_more_than_the_vendor_takes() {
        let mut bucket = Bucket::default();
        let mut sent = Vec::new();
        let mut now = at(0);
        while now < at(600) {
            match bucket.take(&LIMIT, now) {
                Ok(()) => sent.push(now),
                Err(later) => {
                    assert!(later > now);
                    now = later;
                }
            }
        }
        for from in &sent {
            let window = sent.iter().filter(|t| *t >= from && **t < *from + SignedDuration::from_secs(60));
            assert!(window.count() <= 20, "from {from}");
        }
        assert!((105..=111).contains(&sent.len()), "10 at once, then 10 a minute: {}", sent.len());
    }

    #[test]
    fn a_bucket_that_was_kept_goes_on_where_it_was() {
        let mut bucket = Bucket::default();
        for _ in 0..10 {
            assert_eq!(bucket.take(&LIMIT, at(0)), Ok(()));
        }
        let kept = serde_json::to_string(&bucket).unwrap();
        let mut bucket: Bucket = serde_json::from_str(&kept).unwrap();
        assert_eq!(bucket.take(&LIMIT, at(0)), Err(at(6)));
        assert_eq!(bucket.take(&LIMIT, at(6)), Ok(()));
        assert_eq!(bucket.take(&LIMIT, at(6)), Err(at(12)));
    }

    #[test]
    fn clocks_that_differ_a_little_do_not_empty_it_and_one_that_jumped_does_not_block() {
        for (name, full_at, want) in [
            ("just filled by a clock 2 s ahead", at(62), Err(at(6))),
            ("filled by a clock an hour ahead", at(3660), Ok(())),
            ("filled long ago", at(-1000), Ok(())),
        ] {
            let mut bucket = Bucket { full_at: Some(full_at) };
            assert_eq!(bucket.take(&LIMIT, at(0)), want, "{name}");
        }
    }

    #[test]
    fn an_absurd_limit_blocks_but_does_not_break() {
        let limit = Limit::new(1, SignedDuration::from_hours(366 * 24), 100_000);
        let mut bucket = Bucket { full_at: Some(Timestamp::MAX) };
        assert_eq!(bucket.take(&limit, at(0)), Ok(()));
        let never = Limit::new(0, SignedDuration::MAX, 0);
        assert_eq!(Bucket::default().take(&never, at(0)), Ok(()));
    }
}
