//! The `Store` port: small records with optimistic versions, written in all-or-nothing transactions.
//!
//! Everything that Prodrome remembers (checks and their markers, open alerts, the log of episodes) is a
//! [`Record`] under a [`Key`]. A write says what it expects to find ([`Expect`]); where the expectation fails
//! nothing is written and the caller reads again and decides again. Over DynamoDB ([`DynamoStore`]) and over
//! memory ([`MemoryStore`]) the port passes one and the same contract.

mod error;
mod record;
mod store;

pub use error::StoreError;
pub use record::{Due, Expect, Key, Page, Record, Write};
pub use store::Store;
