use std::collections::BTreeMap;

/// What happened while messages were handled, as counts by the names of [`crate::metric`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<&'static str, u64>,
    /// How late each check was looked at, in milliseconds.
    pub lateness_ms: Vec<u64>,
    /// How far behind each watcher was whose pack was handled, in seconds.
    pub watcher_lag_seconds: Vec<u32>,
    /// How long each canary that arrived was on its way, in milliseconds.
    pub canary_ms: Vec<u64>,
}

impl Tally {
    /// Adds to a count.
    pub fn add(&mut self, name: &'static str, n: u64) {
        *self.counts.entry(name).or_default() += n;
    }

    /// A count; 0 where nothing was added.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// All counts.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(name, n)| (*name, *n))
    }

    /// Adds another tally to this one.
    pub fn merge(&mut self, other: Self) {
        for (name, n) in other.counts {
            self.add(name, n);
        }
        self.lateness_ms.extend(other.lateness_ms);
        self.watcher_lag_seconds.extend(other.watcher_lag_seconds);
        self.canary_ms.extend(other.canary_ms);
    }
}
