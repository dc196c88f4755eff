use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Which channels this process leaves alone for a while, because they just gave no answer or asked for a pause.
///
/// A channel that hangs costs its timeout once, not once for each message of a batch. It is no more than a
/// courtesy: what is kept of each delivery does not depend on it.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    until: Mutex<BTreeMap<String, Timestamp>>,
}

impl Resting {
    /// Leaves a channel alone until then.
    pub(crate) fn rest(&self, channel: &str, until: Timestamp) {
        self.lock().insert(channel.to_owned(), until);
    }

    /// Until when a channel is left alone; `None` where it is not.
    pub(crate) fn until(&self, channel: &str, now: Timestamp) -> Option<Timestamp> {
        self.lock().get(channel).copied().filter(|until| now < *until)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Timestamp>> {
        // Each change is one insertion, so a panic elsewhere leaves the map whole.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
