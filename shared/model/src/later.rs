use jiff::{Timestamp, TimestampArithmetic};

/// An instant so long after another one, or where time ends: durations are what somebody wrote into a file.
pub fn later(at: Timestamp, by: impl Into<TimestampArithmetic>) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use std::time::Duration;

    #[test]
    fn it_ends_where_time_does() {
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(later(start, SignedDuration::from_secs(-1)), Timestamp::from_second(-1).unwrap());
        assert_eq!(later(start, SignedDuration::MAX), Timestamp::MAX);
        assert_eq!(later(start, SignedDuration::MIN), Timestamp::MIN);
        assert_eq!(later(start, Duration::MAX), Timestamp::MAX);
    }
}
