//! The contract's world on a real API server, where there is one (see `tests/cluster`).

use crate::world::fixture;
use futures::{StreamExt as _, stream};
use prodrome_cluster::KubeCluster;
use prodrome_test_cluster::{Cluster as Server, Together, together};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The server, for as long as the test runs, and the cluster as the port shows it.
pub(crate) async fn real_with_fixture(test: &str) -> Option<(Together, KubeCluster)> {
    static FILLED: OnceCell<()> = OnceCell::const_new();
    let server = together(test).await?;
    FILLED.get_or_init(async || fill(&server).await).await;
    let cluster = KubeCluster::from_kubeconfig(Some(&server.kubeconfig()), None).await.unwrap();
    Some((server, cluster))
}

/// Makes the objects of the fixture, with what a real server asks for besides.
async fn fill(server: &Server) {
    for namespace in ["even", "odd", "shop"] {
        server.namespace(namespace).await;
    }
    define_databases(server).await;
    let objects = fixture().into_iter().map(|(resource, object)| {
        let mut object: Value = serde_json::from_str(&object).unwrap();
        object["apiVersion"] = resource.api_version().into();
        object["kind"] = resource.kind.clone().into();
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        match &*resource.kind {
            "Pod" => object["spec"] = pod_spec(),
            "Deployment" => {
                object["spec"] = json!({
                    "selector": { "matchLabels": { "app": "web" } },
                    "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod_spec() },
                });
            }
            _ => {}
        }
        (resource.collection_path(namespace.as_deref()), object)
    });
    // Events name the objects' uids, which the server gives.
    let (events, others): (Vec<_>, Vec<_>) = objects.partition(|(_, object)| object["kind"] == "Event");
    let create = async |(path, object): (String, Value)| {
        server.create(&path, &object).await;
    };
    stream::iter(others).for_each_concurrent(8, create).await;
    let mut uids = Vec::new();
    for (name, uid) in [("web-0", "uid-0"), ("web-1", "uid-1")] {
        let pod = server.get(&format!("/api/v1/namespaces/shop/pods/{name}")).await;
        uids.push((uid, pod["metadata"]["uid"].clone()));
    }
    let events = events.into_iter().map(|(path, mut event)| {
        let about = &mut event["involvedObject"]["uid"];
        if let Some((_, uid)) = uids.iter().find(|(uid, _)| *about == *uid) {
            *about = uid.clone();
        }
        (path, event)
    });
    stream::iter(events).for_each_concurrent(8, create).await;
}

fn pod_spec() -> Value {
    json!({ "containers": [{ "name": "app", "image": "registry.example.com/web:1" }] })
}

async fn define_databases(server: &Server) {
    let schema =
        json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "databases.shop.example.com" },
        "spec": {
            "group": "shop.example.com",
            "scope": "Namespaced",
            "names": { "plural": "databases", "singular": "database", "kind": "Database" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": schema }],
        },
    });
    server.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
    let discovered = async {
        while server.find("/apis/shop.example.com/v1/databases").await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), discovered).await.unwrap();
}
