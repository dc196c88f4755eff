use crate::{Outcome, Reason};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::stable_hash;

/// When to try again what did not get through. Pure: the same question has the same answer, so that a
/// redelivered message plans the same attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The pause after the first attempt; it doubles with each further one.
    pub delay_first: SignedDuration,
    /// The longest pause.
    pub delay_max: SignedDuration,
    /// The longest that a receiver may ask us to wait.
    pub retry_after_max: SignedDuration,
    /// For how long after the first attempt it is tried.
    pub give_up_after: SignedDuration,
}

impl Default for RetryPolicy {
    /// 5 s, doubling up to 15 min; 1 h at a receiver's wish; for 24 h.
    fn default() -> Self {
        Self {
            delay_first: SignedDuration::from_secs(5),
            delay_max: SignedDuration::from_mins(15),
            retry_after_max: SignedDuration::from_hours(1),
            give_up_after: SignedDuration::from_hours(24),
        }
    }
}

/// What has been tried so far for one notice on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts<'a> {
    /// How many attempts were made, the one with the outcome in question included.
    pub count: u32,
    /// When the first was made.
    pub first: Timestamp,
    /// What spreads the attempts of different notices: the fingerprint and the channel.
    pub seed: &'a [&'a str],
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is delivered.
    Done,
    /// Try again at this instant.
    RetryAt(Timestamp),
    /// Stop trying; keep it as a dead letter with this reason.
    GiveUp(Reason),
}

impl RetryPolicy {
    /// What to do after an attempt with this outcome.
    pub fn next_attempt(&self, outcome: &Outcome, attempts: &Attempts<'_>, now: Timestamp) -> Decision {
        let (wanted, reason) = match *outcome {
            Outcome::Sent => return Decision::Done,
            Outcome::Refused(reason) => return Decision::GiveUp(reason),
            Outcome::RetryAfter(wanted, reason) => (wanted.unwrap_or_default(), reason),
        };
        let deadline = attempts.first + self.give_up_after;
        if now >= deadline {
            return Decision::GiveUp(reason);
        }
        let wanted = wanted.clamp(SignedDuration::ZERO, self.retry_after_max);
        let backoff = self.backoff(attempts.count);
        // Up to half as much again, so that what failed together does not come back together.
        let pause = backoff.max(wanted);
        let jitter = (pause / 2).min(self.delay_max).saturating_mul(spread(attempts)) / 1000;
        Decision::RetryAt((now + pause + jitter).min(deadline))
    }

    fn backoff(&self, count: u32) -> SignedDuration {
        let doublings = count.saturating_sub(1).min(30);
        self.delay_first.saturating_mul(1 << doublings).min(self.delay_max)
    }
}

/// 0..1000, from the seed and the attempt's number.
fn spread(attempts: &Attempts<'_>) -> i32 {
    let number = attempts.count.to_string();
    let parts: Vec<&str> = attempts.seed.iter().copied().chain([number.as_str()]).collect();
    let digits = stable_hash(&parts);
    let value = digits.bytes().take(6).fold(0_u32, |sum, b| sum * 16 + (b as char).to_digit(16).unwrap_or(0));
    i32::try_from(value % 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const SEED: &[&str] = &["0123456789abcdef", "oncall"];
    const BUSY: Outcome = Outcome::RetryAfter(None, Reason::ServerError);

    fn seconds_until(decision: Decision) -> i64 {
        match decision {
            Decision::RetryAt(at) => at.duration_since(START).as_secs(),
            other => panic!("{other:?}"),
        }
    }

    fn decide(outcome: Outcome, count: u32) -> Decision {
        RetryPolicy::default().next_attempt(&outcome, &Attempts { count, first: START, seed: SEED }, START)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (count, least) in
            [(1, 5), (2, 10), (3, 20), (4, 40), (8, 640), (9, 900), (200, 900), (u32::MAX, 900)]
        {
            let pause = seconds_until(decide(BUSY, count));
            assert!((least..=least + least / 2).contains(&pause), "attempt {count}: {pause}");
        }
    }

    #[test]
    fn a_receiver_that_says_when_is_heard_within_reason() {
        for (wanted, least, most) in [(0, 5, 8), (30, 30, 45), (3600, 3600, 4500), (999_999_999, 3600, 4500)]
        {
            let outcome = Outcome::RetryAfter(Some(SignedDuration::from_secs(wanted)), Reason::RateLimited);
            let pause = seconds_until(decide(outcome, 1));
            assert!((least..=most).contains(&pause), "asked for {wanted}: {pause}");
        }
    }

    #[test]
    fn what_failed_together_comes_back_apart_and_always_at_the_same_instant() {
        let of = |fingerprint: &str| {
            let seed = [fingerprint, "oncall"];
            let attempts = Attempts { count: 6, first: START, seed: &seed };
            RetryPolicy::default().next_attempt(&BUSY, &attempts, START)
        };
        let instants: std::collections::BTreeSet<i64> =
            (0..100).map(|i| seconds_until(of(&format!("fingerprint-{i}")))).collect();
        assert!(instants.len() > 40, "{}", instants.len());
        assert_eq!(of("same"), of("same"));
    }

    #[test]
    fn a_day_of_trying_ends_with_an_attempt_at_its_end() {
        let policy = RetryPolicy::default();
        let (mut now, mut count) = (START, 0);
        loop {
            count += 1;
            match policy.next_attempt(&BUSY, &Attempts { count, first: START, seed: SEED }, now) {
                Decision::RetryAt(at) => {
                    assert!(at > now);
                    now = at;
                }
                Decision::GiveUp(reason) => {
                    assert_eq!(reason, Reason::ServerError);
                    break;
                }
                Decision::Done => panic!("it was never sent"),
            }
        }
        assert_eq!(now, START + policy.give_up_after);
        assert!((75..110).contains(&count), "{count} attempts");
    }

    #[test]
    fn what_is_sent_is_done_and_what_is_refused_is_given_up_at_once() {
        assert_eq!(decide(Outcome::Sent, 1), Decision::Done);
        assert_eq!(decide(Outcome::Refused(Reason::Unauthorized), 1), Decision::GiveUp(Reason::Unauthorized));
    }
}
