//! The queue's packs, from their very files: to depend on the queue would compile its clients too.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "it is a part of another crate")]

#[path = "../../../queue/src/pack/build.rs"]
mod build;
#[path = "../../../queue/src/pack/decode.rs"]
mod decode;
#[path = "../../../queue/src/pack/error.rs"]
mod error;
#[path = "../../../queue/src/pack/head.rs"]
mod head;

use crate::corpus::Object;
use build::{ChangeHead, PackBuilder};
pub(crate) use decode::decode;
use error::PackError;
pub(crate) use head::UNCOMPRESSED_MAX;
use head::{COMPRESSED_GOAL, COMPRESSED_MAX, PackHead, VERSION};
use prodrome_model::{ChangeKind, Resource, Scope, Source};

/// A watcher's pack of these objects.
pub(crate) fn of(objects: &[Object]) -> Vec<u8> {
    let head = PackHead { scope: Scope::new("default", "local", "bench"), shard: None, shards: 4 };
    let mut builder = PackBuilder::of_watcher(&head, 0);
    for object in objects {
        let resource = Resource {
            group: object.kind.group.clone(),
            version: "v1".into(),
            kind: object.kind.kind.clone(),
            plural: format!("{}s", object.kind.kind.to_lowercase()),
            namespaced: true,
        };
        let head = ChangeHead {
            kind: ChangeKind::Applied,
            resource: &resource,
            epoch: 1,
            sequence: object.number as u64,
            observed_at: object.now,
            source: &Source::Watch,
            list: None,
        };
        builder.push_raw(&head, Some(&object.json));
    }
    builder.finish().expect("it is not too large").bytes
}
