//! One small world, as objects in memory and behind an API server.

use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{KubeCluster, ObjectsCluster};
use prodrome_model::Resource;
use prodrome_recording::play::{Clock, PlayOptions, PlayServer};
use prodrome_recording::{Recording, StepKind, Timeline, builtin_of_kind};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn now() -> Timestamp {
    "2030-05-05T05:05:05Z".parse().unwrap()
}

pub(crate) fn resource(group: &str, kind: &str) -> Resource {
    let kind = prodrome_model::GroupKind::new(group, kind);
    builtin_of_kind(&kind).unwrap_or_else(|| Resource {
        plural: format!("{}s", kind.kind.to_lowercase()),
        version: "v1".into(),
        group: kind.group,
        kind: kind.kind,
        namespaced: true,
    })
}

pub(crate) fn recording(name: &str) -> Recording {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings").join(name);
    Recording::open(folder).unwrap()
}

pub(crate) async fn server(timeline: &Timeline, from: i64) -> PlayServer {
    let from = SignedDuration::from_secs(from);
    let options = PlayOptions { clock: Clock::Manual, from, ..PlayOptions::default() };
    PlayServer::start(timeline, now(), options).await.unwrap()
}

/// A cluster behind a server, by the server's own kubeconfig.
pub(crate) async fn by_kubeconfig(server: &PlayServer) -> KubeCluster {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    std::fs::write(&path, server.kubeconfig()).unwrap();
    KubeCluster::from_kubeconfig(Some(&path), None).await.unwrap()
}

/// The state of a timeline at an instant, in memory.
pub(crate) fn in_memory(timeline: &Timeline, from: i64) -> ObjectsCluster {
    let cluster = ObjectsCluster::new();
    for step in timeline.steps(now() - SignedDuration::from_secs(from)).unwrap().map(Result::unwrap) {
        if step.t > SignedDuration::from_secs(from) {
            break;
        }
        match step.kind {
            StepKind::Applied => cluster.apply(&step.resource, step.object.as_bytes()),
            StepKind::Deleted | StepKind::Vanished => cluster.delete(&step.resource, step.object.as_bytes()),
        }
        .unwrap();
    }
    cluster
}

/// What the contract is tested with: 1,203 `ConfigMaps` (three pages), pods, nodes, a custom resource, events.
pub(crate) fn fixture() -> Vec<(Resource, String)> {
    let mut objects: Vec<(Resource, Value)> = Vec::new();
    for i in 0..1_203 {
        let namespace = if i % 2 == 0 { "even" } else { "odd" };
        let labels = json!({ "tens": (i / 10).to_string() });
        let metadata = json!({ "name": format!("c{i:04}"), "namespace": namespace, "labels": labels });
        objects.push((resource("", "ConfigMap"), json!({ "metadata": metadata })));
    }
    for (name, uid) in [("web-0", "uid-0"), ("web-1", "uid-1")] {
        let metadata = json!({ "name": name, "namespace": "shop", "uid": uid, "labels": { "app": "web" } });
        objects
            .push((resource("", "Pod"), json!({ "metadata": metadata, "status": { "phase": "Running" } })));
    }
    objects.push((resource("", "Node"), json!({ "metadata": { "name": "node-a", "uid": "node-uid" } })));
    objects.push((
        resource("apps", "Deployment"),
        json!({ "metadata": { "name": "web", "namespace": "shop" } }),
    ));
    objects.push((
        resource("shop.example.com", "Database"),
        json!({ "metadata": { "name": "main", "namespace": "shop", "labels": { "weird": "" } } }),
    ));
    let mut event = |i: usize, namespace: &str, about: Value, at: &str| {
        let metadata = json!({ "name": format!("e{i}"), "namespace": namespace });
        let event = json!({
            "metadata": metadata, "involvedObject": about, "type": "Normal", "reason": format!("R{i}"),
            "message": "m", "count": i, "lastTimestamp": at,
        });
        objects.push((resource("", "Event"), event));
    };
    for i in 1..=25 {
        let about = json!({ "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "uid-0" });
        event(i, "shop", about, &format!("2030-05-05T05:04:{i:02}Z"));
    }
    let before =
        json!({ "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "earlier" });
    event(30, "shop", before, "2030-05-05T05:00:00Z");
    let node = json!({ "apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "node-a" });
    event(31, "default", node, "2030-05-05T05:00:00Z");
    let other_kind = json!({ "apiVersion": "example.com/v1", "kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "uid-1" });
    event(32, "shop", other_kind, "2030-05-05T05:00:00Z");
    objects.into_iter().map(|(resource, object)| (resource, object.to_string())).collect()
}
