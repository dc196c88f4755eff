//! What becomes of a message that was not handled, as a pure decision.

use crate::Failure;
use prodrome_model::stable_hash;
use std::time::Duration;

/// A queue gives a message up by itself after so many receives: `maxReceiveCount` in the template. This is the bound for
/// what nothing else ends: nobody can handle it for days, or no process even begins with it.
pub const RECEIVES_MAX: u32 = 480;
/// The longest wait before a message comes again.
pub const WAIT_MAX: Duration = Duration::from_mins(10);

/// The first wait; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_secs(5);
/// What is not in the message and still no other try should mend (a right that is missing, a panic) may be mended by
/// people, or by the version that is being deployed: it has so many tries, which take half an hour.
const TRIES_MAX: u32 = 10;

/// What becomes of a message that was not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It comes again after so long.
    Again(Duration),
    /// It goes to the dead letters at once, with its reason.
    Aside,
}

/// Decides. `attempt` is the how-manieth delivery this was, from 1.
pub(crate) fn fate(failure: &Failure, attempt: u32, message_id: &str) -> Fate {
    let is_hopeless = failure.in_message || (!failure.retryable && attempt >= TRIES_MAX);
    if is_hopeless { Fate::Aside } else { Fate::Again(wait(attempt, message_id)) }
}

/// Doubles from try to try, less up to a quarter by the message: what failed together does not come back together.
pub(crate) fn wait(attempt: u32, message_id: &str) -> Duration {
    let doubled = WAIT_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let longest = doubled.min(WAIT_MAX);
    let spread = stable_hash(&[message_id]).bytes().map(u32::from).sum::<u32>() % 100;
    longest * (400 - spread) / 400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_message_or_was_tried_for_long_is_put_aside() {
        let busy = Failure::retryable("store_unavailable", "busy");
        let refused = Failure::fatal("store_refused", "no right");
        let malformed = Failure::malformed("message_malformed", "no JSON");
        for (failure, attempt, is_aside) in [
            (&busy, 1, false),
            (&busy, RECEIVES_MAX - 1, false),
            (&refused, 1, false),
            (&refused, TRIES_MAX - 1, false),
            (&refused, TRIES_MAX, true),
            (&malformed, 1, true),
        ] {
            assert_eq!(fate(failure, attempt, "m") == Fate::Aside, is_aside, "{failure} {attempt}");
        }
    }

    #[test]
    fn waits_grow_to_the_longest_and_what_failed_together_parts() {
        let seconds = |attempt| wait(attempt, "m").as_secs();
        assert!(seconds(1) <= 5 && seconds(2) > seconds(1) && seconds(5) > seconds(4));
        assert!((450..=600).contains(&seconds(20)) && seconds(20) == seconds(u32::MAX));
        let ids: Vec<String> = (0..50).map(|n| format!("m{n}")).collect();
        let waits: std::collections::BTreeSet<Duration> = ids.iter().map(|id| wait(12, id)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn an_hour_of_trouble_costs_no_message_its_life() {
        let mut waited = Duration::ZERO;
        let tries = (1..).take_while(|attempt| {
            waited += wait(*attempt, "m");
            waited < Duration::from_hours(1)
        });
        assert!(tries.count() < 20);
    }
}
