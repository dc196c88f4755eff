//! What every `Cluster` keeps. Each part runs on objects in memory, on an API server that plays recordings, and on a
//! real one.

use crate::world::{by_kubeconfig, fixture, in_memory, now, recording, server};
use prodrome_cluster::{Cluster, ClusterError, KubeCluster, ObjectsCluster, owner};
use prodrome_model::{GroupKind, LabelSelector, ObjectHead, ObjectKey};
use prodrome_recording::Timeline;
use prodrome_recording::play::PlayServer;
use serde_json::{Value, json};

/// Runs one part of the contract on each.
macro_rules! on_each {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(&super::memory_with_fixture()).await; })*
        }
        mod api {
            $(#[tokio::test] async fn $name() {
                let (_server, cluster) = super::api_with_fixture().await;
                super::$name(&cluster).await;
            })*
        }
        mod real {
            $(#[tokio::test] async fn $name() {
                let test = concat!("contract::real::", stringify!($name));
                let Some((_server, cluster)) = crate::real::real_with_fixture(test).await else { return };
                super::$name(&cluster).await;
            })*
        }
    };
}

on_each! {
    a_kind_is_found_by_its_group_or_alone
    a_kind_that_is_not_served_is_unknown
    an_object_is_there_or_not
    no_name_reaches_for_something_else
    a_long_list_comes_in_pages
    a_list_is_of_a_namespace_and_of_labels
    a_selector_that_is_none_of_labels_does_no_harm
    events_are_the_newest_of_this_very_object
    events_of_a_node_are_found_though_a_kubelet_names_no_uid
    owners_are_found
}

fn memory_with_fixture() -> ObjectsCluster {
    let cluster = ObjectsCluster::new();
    for (resource, object) in fixture() {
        cluster.apply(&resource, object.as_bytes()).unwrap();
    }
    cluster
}

async fn api_with_fixture() -> (PlayServer, KubeCluster) {
    let server = server(&Timeline::default(), 0).await;
    for (resource, object) in fixture() {
        server.apply(&resource, &object);
    }
    let cluster = by_kubeconfig(&server).await;
    (server, cluster)
}

fn key(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new(group, kind), namespace, name)
}

fn selector(value: Value) -> LabelSelector {
    serde_json::from_value(value).unwrap()
}

async fn names(
    cluster: &impl Cluster,
    kind: &str,
    namespace: Option<&str>,
    labels: Option<&LabelSelector>,
) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut after) = (Vec::new(), 0, None::<String>);
    loop {
        let page = cluster.list(&GroupKind::core(kind), namespace, labels, after.as_deref()).await.unwrap();
        for item in &page.items {
            let metadata = serde_json::from_slice::<ObjectHead>(item).unwrap().metadata;
            // A real cluster has some of its own.
            if metadata.namespace.is_none_or(|namespace| namespace != "kube-system") {
                names.push(metadata.name);
            }
        }
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (names, pages);
        }
    }
}

async fn a_kind_is_found_by_its_group_or_alone(cluster: &impl Cluster) {
    let find = async |group: &str, kind: &str| {
        let found = cluster.resource(&GroupKind::new(group, kind)).await.unwrap();
        (found.api_version(), found.plural, found.namespaced)
    };
    assert_eq!(find("", "Pod").await, ("v1".into(), "pods".into(), true));
    assert_eq!(find("", "Node").await, ("v1".into(), "nodes".into(), false));
    assert_eq!(find("apps", "Deployment").await, ("apps/v1".into(), "deployments".into(), true));
    assert_eq!(find("", "Deployment").await, ("apps/v1".into(), "deployments".into(), true));
    assert_eq!(find("", "Event").await, ("v1".into(), "events".into(), true));
    let database = ("shop.example.com/v1".into(), "databases".into(), true);
    assert_eq!(find("shop.example.com", "Database").await, database);
    assert_eq!(find("", "Database").await, database);
    assert_eq!(find("autoscaling", "HorizontalPodAutoscaler").await.0, "autoscaling/v2");
}

async fn a_kind_that_is_not_served_is_unknown(cluster: &impl Cluster) {
    for (group, kind) in [("", "Nothing"), ("apps", "Pod"), ("no.such.group", "Thing")] {
        let kind = GroupKind::new(group, kind);
        let unknown = ClusterError::UnknownKind { kind: kind.to_string() };
        assert_eq!(cluster.resource(&kind).await, Err(unknown.clone()));
        assert_eq!(cluster.get(&ObjectKey::new(kind.clone(), Some("shop"), "a")).await, Err(unknown.clone()));
        assert_eq!(cluster.list(&kind, None, None, None).await, Err(unknown));
    }
}

async fn an_object_is_there_or_not(cluster: &impl Cluster) {
    let rows = [
        (key("", "Pod", Some("shop"), "web-0"), true),
        (key("", "Pod", Some("shop"), "web-7"), false),
        (key("", "Pod", Some("elsewhere"), "web-0"), false),
        (key("", "Pod", None, "web-0"), false),
        (key("", "Node", None, "node-a"), true),
        (key("", "Node", Some("shop"), "node-a"), false),
        (key("shop.example.com", "Database", Some("shop"), "main"), true),
        (key("", "Database", Some("shop"), "main"), true),
        (key("", "Deployment", Some("shop"), "web"), true),
        // Served, and none of it is there.
        (key("", "Secret", Some("shop"), "s"), false),
        (key("storage.k8s.io", "StorageClass", None, "fast"), false),
    ];
    for (key, want) in rows {
        let found = cluster.get(&key).await.unwrap();
        assert_eq!(found.is_some(), want, "{key}");
        if let Some(bytes) = found {
            let head: ObjectHead = serde_json::from_slice(&bytes).unwrap();
            assert_eq!((head.metadata.name, head.metadata.namespace), (key.name, key.namespace));
        }
    }
}

async fn no_name_reaches_for_something_else(cluster: &impl Cluster) {
    for name in
        ["", ".", "..", "../pods", "web-0/status", "web-0?x=y", "%2e%2e", "web-0#", "web-0,metadata.name!=x"]
    {
        assert_eq!(cluster.get(&key("", "Pod", Some("shop"), name)).await, Ok(None), "{name:?}");
        assert_eq!(cluster.get(&key("", "Pod", Some(name), "web-0")).await, Ok(None), "{name:?}");
        assert_eq!(cluster.events(&key("", "Pod", Some("shop"), name), "").await, Ok(vec![]), "{name:?}");
        if !name.is_empty() {
            let list = cluster.list(&GroupKind::core("Pod"), Some(name), None, None).await.unwrap();
            assert!(list.items.is_empty(), "{name:?}");
        }
    }
}

async fn a_long_list_comes_in_pages(cluster: &impl Cluster) {
    let (found, pages) = names(cluster, "ConfigMap", None, None).await;
    assert_eq!((found.len(), pages), (1_203, 3));
    let mut sorted = found.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 1_203, "each once");
    assert_eq!(&found[..2], ["c0000", "c0002"], "in the order of namespaces, then names");
}

async fn a_list_is_of_a_namespace_and_of_labels(cluster: &impl Cluster) {
    assert_eq!(names(cluster, "ConfigMap", Some("odd"), None).await.0.len(), 601);
    assert_eq!(names(cluster, "Node", Some("odd"), None).await.0, ["node-a"], "nodes know no namespace");
    assert!(names(cluster, "Secret", None, None).await.0.is_empty());
    let rows = [
        (json!({}), 601),
        (json!({ "matchLabels": { "tens": "7" } }), 5),
        (json!({ "matchExpressions": [{ "key": "tens", "operator": "In", "values": ["7", "8"] }] }), 10),
        (json!({ "matchExpressions": [{ "key": "tens", "operator": "NotIn", "values": ["7"] }] }), 596),
        (json!({ "matchExpressions": [{ "key": "tens", "operator": "Exists" }] }), 601),
        (json!({ "matchExpressions": [{ "key": "tens", "operator": "DoesNotExist" }] }), 0),
    ];
    for (labels, want) in rows {
        let found = names(cluster, "ConfigMap", Some("odd"), Some(&selector(labels.clone()))).await.0;
        assert_eq!(found.len(), want, "{labels}");
    }
}

async fn a_selector_that_is_none_of_labels_does_no_harm(cluster: &impl Cluster) {
    let rows = [
        (json!({ "matchLabels": { "app": "web,tier=x" } }), 0),
        (json!({ "matchLabels": { "app&limit=1": "web" } }), 0),
        (json!({ "matchLabels": { "app": "web/x" } }), 0),
        (json!({ "matchLabels": { "app": "-web" } }), 0),
        (json!({ "matchLabels": { "app": "w".repeat(64) } }), 0),
        (json!({ "matchLabels": { "a/b/c": "web" } }), 0),
        (json!({ "matchLabels": { "Example.com/app": "web" } }), 0),
        (json!({ "matchLabels": { "app": "" } }), 0),
        (json!({ "matchExpressions": [{ "key": "/app", "operator": "DoesNotExist" }] }), 2),
        (json!({ "matchExpressions": [{ "key": "app", "operator": "Like", "values": ["w*"] }] }), 0),
        (json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": [] }] }), 0),
        (json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["a) , (b"] }] }), 2),
    ];
    for (labels, want) in rows {
        let found = names(cluster, "Pod", Some("shop"), Some(&selector(labels.clone()))).await.0;
        assert_eq!(found.len(), want, "{labels}");
    }
}

async fn uid_of(cluster: &impl Cluster, key: &ObjectKey) -> String {
    let object = cluster.get(key).await.unwrap().unwrap();
    serde_json::from_slice::<ObjectHead>(&object).unwrap().metadata.uid
}

async fn events_are_the_newest_of_this_very_object(cluster: &impl Cluster) {
    let pod = |name| key("", "Pod", Some("shop"), name);
    let uid = async |name| uid_of(cluster, &pod(name)).await;
    let events = cluster.events(&pod("web-0"), &uid("web-0").await).await.unwrap();
    let reasons: Vec<&str> = events.iter().map(|event| &*event.reason).collect();
    assert_eq!((reasons.len(), reasons[0], reasons[19]), (20, "R25", "R6"));
    assert_eq!((events[0].count, &*events[0].kind), (25, "Normal"));
    assert_eq!(events[0].last_seen.map(|t| t.to_string()).as_deref(), Some("2030-05-05T05:04:25Z"));

    let of_this_one = cluster.events(&pod("web-1"), &uid("web-1").await).await;
    assert_eq!(of_this_one, Ok(vec![]), "only its predecessor had any");
    assert_eq!(cluster.events(&pod("web-1"), "").await.unwrap().len(), 1, "without a uid the name has to do");
    assert_eq!(cluster.events(&pod("web-9"), "uid-9").await, Ok(vec![]));
}

async fn events_of_a_node_are_found_though_a_kubelet_names_no_uid(cluster: &impl Cluster) {
    let node = key("", "Node", None, "node-a");
    let events = cluster.events(&node, &uid_of(cluster, &node).await).await.unwrap();
    assert_eq!(events.iter().map(|event| &*event.reason).collect::<Vec<_>>(), ["R31"]);
}

async fn owners_are_found(cluster: &impl Cluster) {
    let owned = json!({ "ownerReferences": [
        { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "", "controller": true }] });
    let metadata = serde_json::from_value(owned).unwrap();
    let object = prodrome_model::ObjectRef {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: Some("shop".into()),
        name: "web-0".into(),
    };
    assert_eq!(owner::topmost_owner(cluster, &object, &metadata).await.to_string(), "Deployment shop/web");
}

#[tokio::test]
async fn a_recorded_crash_loop_looks_alike_in_memory_and_over_http() {
    let timeline = Timeline::merge([recording("crash-exit-1")]);
    let memory = in_memory(&timeline, 200);
    let server = server(&timeline, 200).await;
    let api = by_kubeconfig(&server).await;
    assert_eq!(server.now(), now());
    let pods = memory.keys(&GroupKind::core("Pod"));
    assert_eq!(pods.len(), 2);
    for pod in pods {
        let (one, other) = (memory.get(&pod).await.unwrap().unwrap(), api.get(&pod).await.unwrap().unwrap());
        let mut values = [one, other].map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
        for value in &mut values {
            value["metadata"]["resourceVersion"] = json!("");
        }
        assert_eq!(values[0], values[1]);
        let head: ObjectHead = serde_json::from_value(values[0].clone()).unwrap();
        let events = memory.events(&pod, &head.metadata.uid).await.unwrap();
        assert!(events.iter().any(|event| event.reason == "BackOff" && event.count > 3), "{events:?}");
        assert_eq!(api.events(&pod, &head.metadata.uid).await.unwrap(), events);
        let object = prodrome_model::ObjectRef {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        };
        let (one, other) = (
            owner::owners(&memory, &object, &head.metadata).await,
            owner::owners(&api, &object, &head.metadata).await,
        );
        assert_eq!((one.len(), one[1].to_string()), (2, "Deployment crash-exit-1/worker".to_owned()));
        assert_eq!(one, other);
    }
}
