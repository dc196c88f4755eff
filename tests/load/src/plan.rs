use prodrome_e2e::PATIENCE;
use std::path::PathBuf;
use std::time::Duration;

/// How much, how long, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For so long changes are made, in each phase.
    pub seconds: u64,
    /// So many a second, as far as the machine can.
    pub rate: u64,
    /// So many objects change in turn.
    pub objects: u64,
    /// Whether there is a phase before in which nothing goes wrong.
    pub calm: bool,
    /// So many changes wait in the queue of which the last phase measures how fast it is emptied; 0 for none.
    pub backlog: u64,
    /// Which faults come when.
    pub seed: u64,
    /// The folder into which goes what the functions logged, where something is wrong.
    pub logs: Option<PathBuf>,
}

/// One change in so many breaks something.
pub(crate) const BREAKS_ONE_IN: u64 = 200;
/// One change in so many mends something that was told.
pub(crate) const MENDS_ONE_IN: u64 = 250;
/// One change in so many is malformed.
pub(crate) const MALFORMED_ONE_IN: u64 = 100;

impl Plan {
    /// So long a message waits whose function was killed.
    pub const VISIBILITY_SECONDS: u64 = 60;
    /// So long a function may take: on a busy machine a call that finds nothing to do may take many seconds.
    pub const TIMEOUT_SECONDS: u64 = 45;

    /// So long nothing at all may change before whoever waits gives up: one that failed in the whole time of faults
    /// waits at most as long once more.
    pub(crate) fn patience(&self) -> Duration {
        PATIENCE + Duration::from_secs(self.seconds.min(600) + 2 * Self::VISIBILITY_SECONDS)
    }
}
