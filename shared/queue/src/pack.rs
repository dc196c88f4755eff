//! The pack: changes of one cluster, compressed together.
//!
//! A pack is one zstd frame of JSON lines. The first line is the head,
//! `{"version":1,"tenant":…,"region":…,"cluster":…,"shard":0,"shards":4}`; every further line is a
//! [`Change`](prodrome_model::Change). A watcher's head says how far behind it is (`"lagSeconds":0`); its pack
//! without changes is a sign of life. It may also say which version of the rules the watcher has heard of (`"rules":7`).
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

mod build;
mod decode;
mod error;
#[cfg(test)]
mod tests;

pub use build::{ChangeHead, Pack, PackBuilder};
pub use decode::{BadChange, DecodedPack, decode};
pub use error::PackError;

use prodrome_model::Scope;
use serde::{Deserialize, Serialize};

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;
/// How many compressed bytes a pack is filled with: SQS bills each started 64 KiB of a message.
pub const COMPRESSED_GOAL: usize = 60 * 1024;
/// How many compressed bytes a pack may have at most, so that a message takes it and what goes beside it.
pub const COMPRESSED_MAX: usize = 1024 * 1024 - 16 * 1024;
/// How many bytes a pack may inflate to, unless a reader says otherwise.
pub const UNCOMPRESSED_MAX: usize = 64 * 1024 * 1024;

/// What a pack says of all its changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackHead {
    /// The cluster that they come from.
    #[serde(flatten)]
    pub scope: Scope,
    /// The one shard that all objects are of; absent where they are of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u16>,
    /// How many shards the keys are spread over.
    pub shards: u16,
}
