use std::time::Duration;

/// How long to wait after each failure in a row: twice as long each time, between half and all of it at random,
/// so that a thousand watchers do not come back at the same instant.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// `seed` decides about the jitter.
    pub(crate) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, failures: 0, random: seed }
    }

    /// Another failure: how long to wait now.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1).min(31);
        self.jittered(doubled.min(self.longest))
    }

    /// Something between half of `whole` and all of it.
    pub(crate) fn jittered(&mut self, whole: Duration) -> Duration {
        let half = whole / 2;
        let share = u32::try_from(self.draw() >> 48).unwrap_or_default();
        half + half.saturating_mul(share) / 0xFFFF
    }

    /// It works again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures came in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// `SplitMix64`: enough to spread load, nothing secret hangs on it.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_are_spread() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30), 7);
        for whole_ms in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            let wait = backoff.next_wait();
            assert!((whole_ms / 2..=whole_ms).contains(&wait.as_millis()), "{whole_ms} {wait:?}");
        }
        for _ in 0..100 {
            assert!(backoff.next_wait() <= Duration::from_secs(30), "no overflow however long it lasts");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(500));
        let mut waits: Vec<_> = (0..100).map(|_| backoff.jittered(Duration::from_secs(10))).collect();
        waits.sort();
        waits.dedup();
        assert!(waits.len() > 90 && waits[10] < Duration::from_secs(6) && waits[80] > Duration::from_secs(8));
    }
}
