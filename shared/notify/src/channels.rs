use crate::Outcome;
use jiff::Timestamp;
use prodrome_model::Notice;
use std::future::Future;

/// The port through which notices leave. See the crate's documentation.
pub trait Channels: Send + Sync {
    /// Makes one attempt to tell one channel. Whether and when to try again is
    /// [`RetryPolicy`](crate::RetryPolicy)'s to say and the caller's to do.
    ///
    /// `receipt` is the last one that this channel returned for this alert: with it, news and the end of an
    /// alert join what was sent before (a thread, an edited message). Without it they stand alone.
    fn send(
        &self,
        channel: &str,
        notice: &Notice,
        receipt: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = Delivery> + Send;
}

/// What became of one attempt, and what to remember of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What became of it.
    pub outcome: Outcome,
    /// To be kept with the alert, in place of an earlier one, and handed back with its next notice to the same
    /// channel. Absent: what is kept stays good. At most [`RECEIPT_BYTES_MAX`] bytes, opaque, no secret.
    pub receipt: Option<String>,
    /// What the receiver said where it did not take it, in its words: bounded and free of control characters,
    /// for logs and dead letters.
    pub detail: Option<String>,
}

/// The most that a receipt takes, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 8 * 1024;

impl Delivery {
    /// An attempt that left nothing to remember.
    pub const fn new(outcome: Outcome) -> Self {
        Self { outcome, receipt: None, detail: None }
    }

    /// With something to remember.
    #[must_use]
    pub fn with_receipt(self, receipt: Option<String>) -> Self {
        Self { receipt: receipt.filter(|r| r.len() <= RECEIPT_BYTES_MAX), ..self }
    }
}
