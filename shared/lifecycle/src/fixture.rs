//! What the tests of decisions have in common.

use crate::{Check, Phase};
use jiff::Timestamp;
use prodrome_model::{Metadata, ObjectRef, Resource, Scope};

/// So many seconds after the tests' beginning.
pub(crate) fn t(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A check of a pod, just begun.
pub(crate) fn check() -> Check {
    Check {
        layout: 1,
        scope: Scope::new("default", "local", "demo"),
        rule: "R".into(),
        rules: 0,
        rule_hash: String::new(),
        meaning: String::new(),
        shadow: false,
        resource: Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "Pod".into(),
            plural: "pods".into(),
            namespaced: true,
        },
        object: ObjectRef {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: Some("a".into()),
            name: "b".into(),
        },
        uid: "u1".into(),
        resource_version: 0,
        seen_at: None,
        epoch: 0,
        phase: Phase::Pending { turns_at: None },
        since: t(0),
        said: None,
        opened_at: t(0),
        due: t(0),
        look_again_at: t(0),
        woken: None,
        list: None,
        summary: String::new(),
        metadata: Metadata::default(),
        evidence: Vec::new(),
        edges: Vec::new(),
        finding: None,
        event: None,
        counted: None,
        asking: None,
        doubted: false,
        rumour: None,
        orphan_since: None,
    }
}
