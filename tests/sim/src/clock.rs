use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// When every run begins, in seconds of the epoch.
const START: i64 = 1_800_000_000;

/// Milliseconds since the begin of a run: what the model and the truth count in.
pub type Millis = i64;

/// A second.
pub(crate) const SECOND: Millis = 1_000;
/// A minute.
pub(crate) const MINUTE: Millis = 60 * SECOND;

/// The virtual time of a run. It moves on when nothing is left to do at an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begun: Instant,
}

impl Clock {
    /// Begins now. Has to be called within a runtime whose time is paused.
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now() }
    }

    /// How long the run has lasted.
    pub(crate) fn millis(self) -> Millis {
        Millis::try_from(self.begun.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// What time it is.
    pub(crate) fn now(self) -> Timestamp {
        timestamp(self.millis())
    }

    /// What a clock shows that is ahead by so much.
    pub(crate) fn skewed(self, by: Millis) -> Timestamp {
        self.now() + SignedDuration::from_millis(by)
    }

    /// Waits until then.
    pub(crate) async fn until(self, at: Millis) {
        tokio::time::sleep_until(self.begun + millis(at)).await;
    }

    /// Milliseconds since the begin of the run.
    pub(crate) fn since_begin(at: Timestamp) -> Millis {
        Millis::try_from(at.duration_since(timestamp(0)).as_millis()).unwrap_or(Millis::MAX)
    }
}

/// An instant of a run.
pub(crate) fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(START * 1_000 + at).unwrap_or(Timestamp::MAX)
}

/// A length of time.
pub(crate) fn millis(length: Millis) -> Duration {
    Duration::from_millis(u64::try_from(length).unwrap_or(0))
}

/// How many milliseconds a length of time is.
pub(crate) fn millis_of(length: Duration) -> Millis {
    Millis::try_from(length.as_millis()).unwrap_or(Millis::MAX)
}
