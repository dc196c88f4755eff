use std::time::{Duration, Instant};

/// How long anything may take before whoever waits gives up: machines are busy, and a schedule ticks once a minute.
pub const PATIENCE: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until there is something to be seen, in other processes, which tell nobody when they are done.
///
/// # Panics
/// Where it does not come in time.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
