//! The queue's packs, from their very files: to depend on the queue would compile its clients too.
#![allow(dead_code, missing_docs, unreachable_pub, unused_imports, reason = "it is a part of another crate")]

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
use prodrome_model::{ChangeKind, GroupKind, Resource, Scope, Source};

/// A watcher's pack of these objects.
pub(crate) fn of(objects: &[Object]) -> Vec<u8> {
    with(objects, &mut |object| Some(object.json.clone()))
}

/// A watcher's pack of what becomes of these objects.
pub(crate) fn with(objects: &[Object], become_of: &mut dyn FnMut(&Object) -> Option<Vec<u8>>) -> Vec<u8> {
    let head = PackHead { scope: Scope::new("default", "local", "bench"), shard: None, shards: 4 };
    let mut builder = PackBuilder::of_watcher(&head, 0);
    for object in objects {
        let head = ChangeHead {
            kind: ChangeKind::Applied,
            resource: &resource(&object.kind),
            epoch: 1,
            sequence: object.number as u64,
            observed_at: object.now,
            source: &Source::Watch,
            list: None,
        };
        builder.push_raw(&head, become_of(object).as_deref());
    }
    builder.finish().expect("it is not too large").bytes
}

/// The resource of a kind.
pub(crate) fn resource(kind: &GroupKind) -> Resource {
    Resource {
        group: kind.group.clone(),
        version: "v1".into(),
        kind: kind.kind.clone(),
        plural: format!("{}s", kind.kind.to_lowercase()),
        namespaced: true,
    }
}
