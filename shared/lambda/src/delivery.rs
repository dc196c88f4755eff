use jiff::Timestamp;
use prodrome_queue::Body;

/// One message as it reached a function, from whichever queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's id of the message.
    pub id: String,
    /// Its content.
    pub body: Body,
    /// The how-manieth time it was delivered, from 1.
    pub attempt: u32,
    /// When it was sent, by the queue's clock.
    pub sent_at: Option<Timestamp>,
}

/// Why a message was not handled: it comes again, or goes to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {reason}")]
pub struct Failure {
    /// A stable code, such as `store_unavailable` or `pack_malformed`.
    pub code: &'static str,
    /// What happened.
    pub reason: String,
    /// Whether another try may succeed.
    pub retryable: bool,
    /// Whether it lies in the message itself: nothing mends it, neither time nor people nor another version.
    pub in_message: bool,
}

impl Failure {
    /// A failure that another try may mend.
    #[expect(clippy::needless_pass_by_value, reason = "an error is handed over by whoever met it")]
    pub fn retryable(code: &'static str, reason: impl ToString) -> Self {
        Self { code, reason: reason.to_string(), retryable: true, in_message: false }
    }

    /// A failure that no other try mends, unless people or another version do: after some the message is for the dead
    /// letters.
    #[expect(clippy::needless_pass_by_value, reason = "an error is handed over by whoever met it")]
    pub fn fatal(code: &'static str, reason: impl ToString) -> Self {
        Self { code, reason: reason.to_string(), retryable: false, in_message: false }
    }

    /// A failure that lies in the message: it is for the dead letters at once.
    #[expect(clippy::needless_pass_by_value, reason = "an error is handed over by whoever met it")]
    pub fn malformed(code: &'static str, reason: impl ToString) -> Self {
        Self { code, reason: reason.to_string(), retryable: false, in_message: true }
    }
}

impl From<Failure> for lambda_runtime::Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.code.to_owned(), error_message: failure.reason }
    }
}
