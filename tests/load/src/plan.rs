use prodrome_e2e::PATIENCE;
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
    /// Whether it is waited for until all that is malformed was given up. Else it may also wait still.
    pub to_the_death: bool,
    /// Which faults come when.
    pub seed: u64,
}

/// One change in so many breaks something.
pub(crate) const BREAKS_ONE_IN: u64 = 200;
/// One change in so many mends something that was told.
pub(crate) const MENDS_ONE_IN: u64 = 400;
/// One change in so many is malformed.
pub(crate) const MALFORMED_ONE_IN: u64 = 100;

impl Plan {
    /// So long a message that failed waits until it comes again. A message is given up after five times: of those, at
    /// most three fall into the time in which things go wrong.
    pub fn visibility_seconds(&self) -> u64 {
        self.seconds.div_ceil(3).max(45)
    }

    /// So long nothing at all may change before whoever waits gives up: a message is given up after five times.
    pub(crate) fn patience(&self) -> Duration {
        PATIENCE + 5 * Duration::from_secs(self.visibility_seconds())
    }

    /// So long a function may take: on a busy machine a call that finds nothing to do may take many seconds.
    pub fn timeout_seconds(&self) -> u64 {
        (self.visibility_seconds() - 5).min(60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_given_up_for_what_goes_wrong_in_the_time_of_faults() {
        for seconds in [1, 20, 37, 60, 600] {
            let plan =
                Plan { seconds, rate: 1, objects: 1, calm: false, backlog: 0, to_the_death: false, seed: 0 };
            // Received at the latest moment before the faults end, for the fourth time.
            assert!(3 * plan.visibility_seconds() >= seconds, "{seconds}");
            assert!(plan.timeout_seconds() < plan.visibility_seconds());
        }
    }
}
