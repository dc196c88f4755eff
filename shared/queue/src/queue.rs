use crate::{Message, QueueName};
use std::future::Future;

/// Sends messages. See the crate's documentation.
pub trait Queue: Send + Sync {
    /// Sends all of them, in batches as the queue takes them. On an error the accepted ones stay accepted;
    /// the error names those that were not.
    fn send(
        &self,
        to: QueueName,
        messages: Vec<Message>,
    ) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// Queues whose dead letters can be reached as well.
pub trait DeadLetters: Queue {
    /// Puts all of them among the dead letters of a queue, as [`Queue::send`] sends; the attribute `error` of each says
    /// why it lies there.
    fn send_to_dead_letters(
        &self,
        of: QueueName,
        messages: Vec<Message>,
    ) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// Some or all messages were not accepted.
#[derive(Debug, thiserror::Error)]
#[error("queue {}: {} of {total} messages were not accepted: {}", queue.as_str(), failed.len(),
    failed.first().map_or("", |f| f.reason.as_str()))]
pub struct SendError {
    /// Where to.
    pub queue: QueueName,
    /// How many were to be sent.
    pub total: usize,
    /// Those that were not accepted, with the reason.
    pub failed: Vec<FailedMessage>,
}

/// A message that a queue did not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedMessage {
    /// Its place in the list that was to be sent.
    pub index: usize,
    /// What the queue said.
    pub reason: String,
    /// Whether the same message may be accepted later. `false` where the message itself is at fault.
    pub retryable: bool,
}
