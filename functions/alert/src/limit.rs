use crate::records::Snapshot;
use crate::{AlertError, Alerts};
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::keys;
use prodrome_model::{Severity, later, stable_hash};
use prodrome_notify::{Bucket, Channels};
use prodrome_queue::Queue;
use prodrome_store::{Record, Store, StoreError, Write};

/// So often a bucket is read anew when others take from it meanwhile.
const ATTEMPTS_MAX: usize = 5;

impl<S: Store, Q: Queue, C: Channels> Alerts<S, Q, C> {
    /// Takes one message out of what the channel may get, or says when to ask again.
    pub(crate) async fn take(
        &self,
        channel: &str,
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, AlertError> {
        let Some(limit) = self.routing.limit(channel) else { return Ok(Ok(())) };
        let key = keys::limit(channel);
        for _ in 0..ATTEMPTS_MAX {
            let mut read = Snapshot::default();
            read.add(self.store.get(&key).await?);
            let mut bucket = read.value::<Bucket>(&key, now)?.unwrap_or_default();
            if let Err(free_at) = bucket.take(&limit, now) {
                return Ok(Err(free_at));
            }
            let data = serde_json::to_string(&bucket).expect("plain data is always written as JSON");
            // Kept a while longer than it matters, so that a clock that is ahead does not forget it.
            let expires = bucket.full_at().map(|at| later(at, SignedDuration::from_hours(1)));
            let record = Record { expires, ..Record::new(key.clone(), data) };
            match self.store.commit(vec![Write::Put(record, read.expect(&key))]).await {
                Ok(()) => return Ok(Ok(())),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Err(later(now, SignedDuration::from_secs(1))))
    }
}

/// When to ask again after having been put off so often. Many wait for the same place, and only one gets it:
/// if all asked each time, a storm of alerts would ask far more often than it tells. The urgent ask most often.
pub(crate) fn put_off(
    free_at: Timestamp,
    postponed: u32,
    severity: Severity,
    seed: &str,
    now: Timestamp,
) -> Timestamp {
    let least = free_at.duration_since(now).max(SignedDuration::from_secs(1));
    let most = match severity {
        Severity::P1 => least,
        Severity::P2 => SignedDuration::from_mins(1),
        Severity::P3 | Severity::P4 => SignedDuration::from_mins(5),
    };
    let wait = least.saturating_mul(1 << postponed.min(16)).min(most).max(least);
    let digits = stable_hash(&[seed, &postponed.to_string()]);
    let spread = digits.bytes().take(4).fold(0_i32, |sum, byte| sum * 31 + i32::from(byte)) % 100;
    later(now, wait + wait.saturating_mul(spread) / 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urgent_ask_more_often() {
        let now = Timestamp::UNIX_EPOCH;
        let free_at = later(now, SignedDuration::from_secs(6));
        let wait = |postponed, severity| put_off(free_at, postponed, severity, "seed", now).as_second();
        for (postponed, severity, least) in [
            (0, Severity::P1, 6),
            (9, Severity::P1, 6),
            (0, Severity::P3, 6),
            (2, Severity::P3, 24),
            (4, Severity::P2, 60),
            (u32::MAX, Severity::P4, 300),
        ] {
            let wait = wait(postponed, severity);
            assert!((least..=least * 3 / 2).contains(&wait), "{postponed} {severity}: {wait}");
        }
    }
}
