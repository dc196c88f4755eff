//! The `Store` port: small records with optimistic versions, written in all-or-nothing transactions.
//!
//! Everything that Prodrome remembers (checks and their markers, open alerts, the log of episodes) is a
//! [`Record`] under a [`Key`]. A write says what it expects to find ([`Expect`]); where the expectation fails
//! nothing is written and the caller reads again and decides again. Over DynamoDB ([`DynamoStore`]) and over
//! memory ([`MemoryStore`]) the port passes one and the same contract.
//!
//! ```
//! use prodrome_store::{Expect, Key, MemoryStore, Record, Store, StoreError, Write};
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let store = MemoryStore::new();
//! let key = Key::new("acme/eu-central-1/prod/0", "check#Pod/shop/web-0");
//! store.commit(vec![Write::Put(Record::new(key.clone(), "{}"), Expect::Absent)]).await?;
//!
//! let mut record = store.get(&key).await?.expect("it was just written");
//! record.data = r#"{"state":"firing"}"#.to_owned();
//! let write = Write::Put(record.clone(), Expect::Version(record.version));
//! store.commit(vec![write.clone()]).await?;
//! assert!(matches!(store.commit(vec![write]).await, Err(StoreError::Conflict { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod borrowed;
mod due;
mod dynamo;
mod error;
mod limits;
mod memory;
mod record;
mod store;

pub use dynamo::{DynamoStore, schema};
pub use error::StoreError;
pub use memory::{Fault, MemoryStore, Operation, OperationKind, Unkindness};
pub use record::{Due, Expect, Key, Page, Record, Write};
pub use store::Store;
