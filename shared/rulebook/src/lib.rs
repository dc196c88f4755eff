//! The rules of a deployed system: every version of them, with who, when and why; over the [`Store`] port.
//!
//! A version is a whole set of rule files. It is written in one transaction with the head that names it, so that there
//! is no half version whoever dies midway, and expects the head that it was made from: of two pushes at once one is
//! refused and told by whom. What was written never changes; a rollback is a new version with an old text.
//!
//! ```
//! use prodrome_rulebook::{Draft, PushError, Rulebook};
//! use prodrome_rules::SourceFile;
//! use prodrome_store::MemoryStore;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let book = Rulebook::new(MemoryStore::new());
//! let rule = "PodFailed: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }] }";
//! let draft = Draft::new("ann", "failed pods went unnoticed", [SourceFile::new("pods.yaml", rule)]);
//! let entry = book.push(&draft, &[], "2026-01-01T00:00:00Z".parse()?).await?;
//! assert_eq!((entry.version, entry.added.names.as_slice()), (1, &["PodFailed".to_owned()][..]));
//!
//! let again = Draft { on: Some(0), why: "again".to_owned(), ..draft };
//! let refused = book.push(&again, &[], "2026-01-01T00:00:01Z".parse()?).await.unwrap_err();
//! assert!(matches!(refused, PushError::Overtaken { by } if by.who == "ann"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Store`]: prodrome_store::Store

mod book;
mod changes;
mod compile;
mod draft;
mod entry;
pub mod keys;
mod kinds;
pub mod tenants;
mod text;
mod version;

pub use book::{BookError, PushError, Rulebook};
pub use changes::{Change, Changes};
pub use compile::{Compiled, Refused};
pub use draft::{Draft, DraftError, Plan};
pub use entry::{Entry, Head, KindsOf, Named};
pub use kinds::{is_named_by, kind_text};
pub use version::{Identity, Version};
