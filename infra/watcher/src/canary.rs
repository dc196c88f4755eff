//! Breaks and mends an object of ours on schedule, so that an alert must arrive: the whole way is tried all the time.

use crate::api::ApiError;
use crate::clock::Clock;
use crate::kube_api::KubeApi;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// The one object: what its role names.
const STATUS_PATH: &str = "/apis/prodrome.dev/v1alpha1/canaries/prodrome/status";
/// So long it is broken: whoever notices it later has missed it.
const BROKEN_FOR: SignedDuration = SignedDuration::from_mins(2);
/// What was not written is tried again so soon, and the clock is looked at so often.
const AGAIN: Duration = Duration::from_secs(10);

/// A moment of the canary's schedule. It hangs on the time alone, so that whichever watcher leads does the same.
///
/// ```
/// use jiff::{SignedDuration, Timestamp};
/// use prodrome_watcher::CanaryPhase;
///
/// let at = |text: &str| text.parse::<Timestamp>().unwrap();
/// let phase = CanaryPhase::at(at("2026-01-02T03:11:40Z"), SignedDuration::from_mins(10));
/// assert_eq!((phase.is_broken, phase.since), (true, at("2026-01-02T03:10:00Z")));
/// let phase = CanaryPhase::at(at("2026-01-02T03:12:00Z"), SignedDuration::from_mins(10));
/// assert_eq!((phase.is_broken, phase.since), (false, at("2026-01-02T03:12:00Z")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanaryPhase {
    /// Whether it is broken then.
    pub is_broken: bool,
    /// Since when.
    pub since: Timestamp,
}

impl CanaryPhase {
    /// Of an instant, where it breaks each time that `every` has passed: at 10 minutes at :00, :10, :20 …
    pub fn at(now: Timestamp, every: SignedDuration) -> Self {
        Self::of(now, every, BROKEN_FOR)
    }

    fn of(now: Timestamp, every: SignedDuration, broken_for: SignedDuration) -> Self {
        let (now, every, broken_for) = (now.as_second(), every.as_secs().max(1), broken_for.as_secs());
        let breaks = now - now.rem_euclid(every);
        let is_broken = now - breaks < broken_for;
        let since = if is_broken { breaks } else { breaks + broken_for };
        Self { is_broken, since: Timestamp::from_second(since).unwrap_or_default() }
    }

    /// The object's status then.
    pub fn status(self) -> Value {
        let Self { is_broken, since } = self;
        let (status, reason, message) = if is_broken {
            ("False", "BrokenOnSchedule", "the watcher broke it on schedule: an alert of it must arrive")
        } else {
            ("True", "MendedOnSchedule", "the watcher mended it on schedule")
        };
        json!({ "conditions": [{
            "type": "Healthy", "status": status, "reason": reason, "message": message, "lastTransitionTime": since.to_string(),
        }] })
    }
}

/// Keeps to the schedule.
pub(crate) struct Canary {
    api: KubeApi,
    clock: Clock,
    every: SignedDuration,
    broken_for: SignedDuration,
}

impl Canary {
    pub(crate) fn new(api: KubeApi, clock: Clock, every: Duration) -> Self {
        let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
        Self { api, clock, every, broken_for: BROKEN_FOR.min(every / 2) }
    }

    /// Runs until it is dropped. A watcher that does not lead must not.
    pub(crate) async fn run(self) {
        let (mut written, mut told) = (None, String::new());
        loop {
            let phase = CanaryPhase::of(self.clock.now(), self.every, self.broken_for);
            if written != Some(phase) {
                match self.write(phase).await {
                    Ok(()) => {
                        tracing::debug!(broken = phase.is_broken, since = %phase.since, "the canary's status is written");
                        written = Some(phase);
                        told.clear();
                    }
                    Err(error) => {
                        let error = error.to_string();
                        if error != told {
                            tracing::warn!(
                                error,
                                "the canary's status is not written: overlays/canary has all it needs"
                            );
                        }
                        told = error;
                    }
                }
            }
            tokio::time::sleep(self.wait()).await;
        }
    }

    async fn write(&self, phase: CanaryPhase) -> Result<(), ApiError> {
        let patch = json!({ "status": phase.status() }).to_string().into_bytes();
        self.api.patch(STATUS_PATH, "application/merge-patch+json", patch).await.map(drop)
    }

    /// Until the next phase begins, or for a look at the clock.
    fn wait(&self) -> Duration {
        let now = self.clock.now();
        let phase = CanaryPhase::of(now, self.every, self.broken_for);
        let lasts = if phase.is_broken { self.broken_for } else { self.every - self.broken_for };
        let left = phase.since.saturating_add(lasts).unwrap_or(now).duration_since(now);
        Duration::try_from(left).unwrap_or_default().clamp(Duration::from_millis(100), AGAIN)
    }
}
