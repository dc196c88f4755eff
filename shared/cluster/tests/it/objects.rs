use crate::world::resource;
use prodrome_cluster::{Cluster, ClusterError, ObjectsCluster};
use prodrome_model::{GroupKind, ObjectKey};
use serde_json::json;

fn pod(uid: &str, version: &str, phase: &str) -> Vec<u8> {
    let metadata = json!({ "name": "a", "namespace": "n", "uid": uid, "resourceVersion": version });
    json!({ "metadata": metadata, "phase": phase }).to_string().into_bytes()
}

fn key() -> ObjectKey {
    ObjectKey::new(GroupKind::core("Pod"), Some("n"), "a")
}

async fn phase(cluster: &ObjectsCluster) -> Option<String> {
    let bytes = cluster.get(&key()).await.unwrap()?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    Some(value["phase"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_latest_version_counts_and_a_new_uid_is_a_new_object() {
    let pods = resource("", "Pod");
    let cluster = ObjectsCluster::new();
    cluster.apply(&pods, &pod("1", "10", "new")).unwrap();
    cluster.clone().apply(&pods, &pod("1", "9", "old")).unwrap();
    assert_eq!(phase(&cluster).await.as_deref(), Some("new"));
    cluster.apply(&pods, &pod("2", "5", "other")).unwrap();
    assert_eq!(phase(&cluster).await.as_deref(), Some("other"));
    cluster.delete(&pods, &pod("1", "11", "gone")).unwrap();
    assert_eq!(phase(&cluster).await.as_deref(), Some("other"), "the predecessor's deletion came late");
    assert_eq!(cluster.delete(&pods, &pod("2", "12", "gone")).unwrap(), key());
    assert_eq!((phase(&cluster).await, cluster.len()), (None, 0));
}

#[tokio::test]
async fn what_is_no_object_is_refused() {
    let pods = resource("", "Pod");
    let cluster = ObjectsCluster::new();
    for (given, want) in [
        (r#"{"metadata":{}}"#, "expected metadata.name in an object of the kind Pod, found none"),
        ("{}", "expected metadata.name in an object of the kind Pod, found none"),
        ("[1]", "not a Kubernetes object"),
        ("", "not a Kubernetes object"),
        (r#"{"metadata":{"name":7}}"#, "not a Kubernetes object"),
    ] {
        let error = cluster.apply(&pods, given.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(want), "{given}: {error}");
    }
    assert!(cluster.is_empty());
}

#[tokio::test]
async fn of_a_partial_cluster_only_the_kinds_that_appear_are_known() {
    let cluster = ObjectsCluster::partial();
    cluster.apply(&resource("", "Pod"), &pod("1", "1", "x")).unwrap();
    let pods = GroupKind::core("Pod");
    assert_eq!(cluster.get(&ObjectKey::new(pods.clone(), Some("n"), "b")).await, Ok(None));
    assert_eq!(cluster.list(&pods, None, None, None).await.unwrap().items.len(), 1);
    for kind in [GroupKind::core("Secret"), GroupKind::new("shop.example.com", "Database")] {
        let unknown = ClusterError::NotKnown { kind: kind.to_string() };
        assert_eq!(cluster.resource(&kind).await, Err(unknown.clone()));
        assert_eq!(cluster.get(&ObjectKey::new(kind.clone(), Some("n"), "s")).await, Err(unknown.clone()));
        assert_eq!(cluster.list(&kind, None, None, None).await, Err(unknown));
    }
    assert_eq!(cluster.events(&key(), "1").await, Ok(vec![]), "events decide nothing");
    cluster.serve(&resource("", "Secret"));
    assert_eq!(cluster.get(&ObjectKey::new(GroupKind::core("Secret"), Some("n"), "s")).await, Ok(None));
}

#[tokio::test]
async fn an_event_that_changes_or_goes_is_told_as_it_is() {
    let events = resource("", "Event");
    let cluster = ObjectsCluster::new();
    let event = |count: u32, about: &str| {
        json!({ "metadata": { "name": "e", "namespace": "n" }, "reason": "R", "count": count,
                "involvedObject": { "kind": "Pod", "apiVersion": "v1", "namespace": "n", "name": about } })
        .to_string()
        .into_bytes()
    };
    let told = async |name: &str| {
        let object = ObjectKey::new(GroupKind::core("Pod"), Some("n"), name);
        cluster.events(&object, "u").await.unwrap().iter().map(|event| event.count).collect::<Vec<_>>()
    };
    cluster.apply(&events, &event(1, "a")).unwrap();
    cluster.apply(&events, &event(2, "a")).unwrap();
    assert_eq!(told("a").await, [2]);
    // The same event in the other API is the same one.
    cluster.apply(&resource("events.k8s.io", "Event"), &event(2, "a")).unwrap();
    assert_eq!(told("a").await, [2]);
    cluster.apply(&events, &event(3, "b")).unwrap();
    assert_eq!((told("a").await, told("b").await), (vec![], vec![3]));
    cluster.remove(&ObjectKey::new(GroupKind::core("Event"), Some("n"), "e"));
    assert_eq!(told("b").await, [0_u32; 0]);
}
