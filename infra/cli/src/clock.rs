//! The one place of the command that reads the clock.

use jiff::Timestamp;

/// The present.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the edge of the program: everything below gets the time")]
    Timestamp::now()
}

/// A point in time as it is given on the command line.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        "expected a date and a time with its offset (RFC 3339), such as 2026-03-02T10:00:00Z or \
         2026-03-02T11:00:00+01:00"
            .to_owned()
    })
}
