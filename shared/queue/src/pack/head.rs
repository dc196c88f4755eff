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
