use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Tells what time it is. It may be wrong by minutes, and be set while the watcher runs. Whatever the watcher
/// waits for or measures goes by the time that has passed; by this it says when, and decides only how long a deletion has
/// been held.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the edge: where a change is seen, its time is read")]
        Self::new(Timestamp::now)
    }

    /// Another clock.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
