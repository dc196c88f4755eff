//! The `Queue` port: what travels between functions, packs of changes above all.
//!
//! Every queue may repeat, delay and reorder; whoever receives must not mind. Over SQS ([`SqsQueue`]) and over
//! memory ([`MemoryQueue`]) the port passes one and the same contract.

mod message;
mod queue;

pub use message::{Body, Message, QueueName};
pub use queue::{FailedMessage, Queue, SendError};
