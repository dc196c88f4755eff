//! The `Queue` port: what travels between functions, packs of changes above all.
//!
//! Every queue may repeat, delay and reorder; whoever receives must not mind. Over SQS ([`SqsQueue`]) and over
//! memory ([`MemoryQueue`]) the port passes one and the same contract.

mod body;
mod limits;
mod memory;
mod message;
pub mod pack;
mod queue;
mod sqs;

pub use body::{Body, BodyError, body_of};
pub use limits::PACK_ATTRIBUTE;
pub use memory::{Copied, DeadLetter, Delivery, MemoryQueue, QueueSettings, QueueUnkindness};
pub use message::{Message, QueueName};
pub use queue::{DeadLetters, FailedMessage, Queue, SendError};
pub use sqs::SqsQueue;
