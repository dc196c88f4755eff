//! The pack: changes of one cluster, compressed together.
//!
//! A pack is one zstd frame of JSON lines. The first line is the head,
//! `{"version":1,"tenant":…,"region":…,"cluster":…,"shard":0,"shards":4}`; every further line is a
//! [`Change`](prodrome_model::Change). A watcher's head says how far behind it is (`"lagSeconds":0`); its pack
//! without changes is a sign of life. It may also say which version of the rules the watcher has heard of (`"rules":7`), and what its
//! clock showed (`"madeAt":…`), which may be wrong: the queue tells when it was sent.
//!
//! ```
//! use prodrome_model::{Change, ChangeKind, Resource, Scope, Source};
//! use prodrome_queue::pack::{self, ChangeHead, PackBuilder, PackHead};
//!
//! let pods = Resource {
//!     group: String::new(), version: "v1".into(), kind: "Pod".into(), plural: "pods".into(), namespaced: true,
//! };
//! let head = PackHead { scope: Scope::new("default", "local", "prod"), shard: Some(0), shards: 4 };
//! let mut builder = PackBuilder::new(&head);
//! let change = ChangeHead {
//!     kind: ChangeKind::Applied, resource: &pods, epoch: 1, sequence: 1,
//!     observed_at: "2026-01-01T00:00:00Z".parse()?, source: &Source::Watch, list: None,
//! };
//! builder.push_raw(&change, Some(br#"{"metadata":{"name":"web-0"}}"#));
//! let packed = builder.finish()?;
//!
//! let decoded = pack::decode(&packed.bytes, pack::UNCOMPRESSED_MAX)?;
//! assert_eq!(decoded.head, head);
//! let change: &Change = decoded.changes[0].as_ref().expect("it is well-formed");
//! assert_eq!(change.object.as_ref().map(|o| o.get()), Some(r#"{"metadata":{"name":"web-0"}}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anew;
mod build;
mod decode;
mod error;
mod head;
#[cfg(test)]
mod tests;

pub use anew::made_anew;
pub use build::{ChangeHead, Pack, PackBuilder};
pub use decode::{BadChange, DecodedPack, decode};
pub use error::PackError;
pub use head::{COMPRESSED_GOAL, COMPRESSED_MAX, PackHead, UNCOMPRESSED_MAX, VERSION};
