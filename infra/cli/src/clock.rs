//! The one place of the command that reads the clock.

use jiff::Timestamp;

/// The present.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the edge of the program: everything below gets the time")]
    Timestamp::now()
}
