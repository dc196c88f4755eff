use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// So many failures in a row, and a plugin is spared.
const FAILURES_MAX: u32 = 5;
/// For so long; then one call tries whether it is well again.
const SPARED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Spares plugins that fail again and again, so that no run waits for them in vain. One a process.
#[derive(Debug, Default)]
pub struct Breaker {
    plugins: Mutex<BTreeMap<String, Health>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Health {
    failures: u32,
    spared_until: Option<Timestamp>,
}

impl Breaker {
    /// Whether a plugin may be asked now; otherwise how often it failed.
    pub fn admit(&self, plugin: &str, now: Timestamp) -> Result<(), u32> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(health) = plugins.get_mut(plugin) else { return Ok(()) };
        match health.spared_until {
            Some(until) if now < until => Err(health.failures),
            Some(_) => {
                // One tries; the others wait for what comes of it.
                health.spared_until = now.checked_add(SPARED_FOR).ok();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes that a plugin answered.
    pub fn well(&self, plugin: &str) {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner).remove(plugin);
    }

    /// Notes that a plugin gave no answer. Says whether it is spared from now on.
    pub fn ill(&self, plugin: &str, now: Timestamp) -> bool {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let health = plugins.entry(plugin.to_owned()).or_default();
        health.failures = health.failures.saturating_add(1);
        if health.failures >= FAILURES_MAX {
            health.spared_until = now.checked_add(SPARED_FOR).ok();
        }
        health.failures == FAILURES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_fails_again_and_again_is_spared_and_tried_again() {
        let breaker = Breaker::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        for n in 1..=5 {
            assert_eq!(breaker.admit("p", at(0)), Ok(()));
            assert_eq!(breaker.ill("p", at(0)), n == 5);
        }
        assert_eq!(breaker.admit("p", at(59)), Err(5));
        assert_eq!(breaker.admit("other", at(59)), Ok(()));
        // One may try, and only one.
        assert_eq!(breaker.admit("p", at(60)), Ok(()));
        assert_eq!(breaker.admit("p", at(61)), Err(5));
        breaker.well("p");
        assert_eq!(breaker.admit("p", at(61)), Ok(()));
    }
}
