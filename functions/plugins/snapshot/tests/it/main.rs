//! A small cluster in, a document out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use prodrome_plugin::Response;
use prodrome_plugin::kit::Kit;
use prodrome_plugin_snapshot::plugin;
use serde_json::{Value, json};

const POD: &str = "Pod shop/web-1-a";

fn kit() -> Kit {
    let owner = |kind: &str, name: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true }]);
    let written = |by: &str, at: &str| json!([{ "manager": by, "operation": "Update", "time": at, "fieldsV1": { "f:data": {} } }]);
    Kit::new()
        .with(json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop", "uid": "web",
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{\"value\":\"hunter2\"}" } }, "spec": { "replicas": 2 } }))
        .with(json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "name": "web-1", "namespace": "shop", "uid": "web-1", "ownerReferences": owner("Deployment", "web") } }))
        .with(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-1-a", "namespace": "shop", "uid": "a", "labels": { "app": "web" },
                "ownerReferences": owner("ReplicaSet", "web-1"), "managedFields": written("kubelet", "2026-01-01T11:00:00Z") },
            "spec": { "nodeName": "n1", "serviceAccountName": "web", "volumes": [{ "name": "s", "secret": { "secretName": "tls" } }],
                "containers": [{ "name": "c", "args": ["--dsn=postgres://app:hunter2@db/shop", "--token=hunter2"],
                    "env": [{ "name": "PASSWORD", "value": "hunter2" }], "envFrom": [{ "configMapRef": { "name": "web" } }] }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }] } }))
        .with(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "other", "namespace": "bank" }, "spec": { "nodeName": "n1", "containers": [{ "name": "c" }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }],
                "containerStatuses": [{ "name": "c", "restartCount": 9, "state": { "waiting": { "reason": "CrashLoopBackOff" } } }] } }))
        .with(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n1" }, "status": { "conditions": [
            { "type": "Ready", "status": "True" }, { "type": "DiskPressure", "status": "True", "message": "kubelet has disk pressure" }, { "type": "PIDPressure", "status": "False" }] } }))
        .with(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web", "namespace": "shop", "resourceVersion": "77",
            "managedFields": written("kubectl-edit", "2026-01-01T11:58:00Z") }, "data": { "url": "hunter2" } }))
        .with(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "tls", "namespace": "shop" }, "data": { "tls.key": "aHVudGVyMg==" } }))
        .with(json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "shop" }, "spec": { "selector": { "app": "web" } } }))
        .with(json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "cart", "namespace": "shop" }, "spec": { "selector": { "app": "cart" } } }))
        .event(POD, "Warning", "BackOff", "Back-off restarting failed container c, password=hunter2")
}

fn document(answer: &Response) -> Value {
    serde_json::from_str(answer.facts["document"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_around_a_pod_is_kept() {
    let answer = kit().ask(&plugin(), POD).await;
    assert_eq!((answer.verdict.as_str(), answer.cause.as_deref()), ("unknown", None));
    let document = document(&answer);
    let names = |part: &str| -> Vec<String> {
        let items = document[part].as_array().unwrap().iter();
        items
            .map(|item| {
                format!("{}/{}", item["kind"].as_str().unwrap(), item["metadata"]["name"].as_str().unwrap())
            })
            .collect()
    };
    assert_eq!(names("owners"), ["ReplicaSet/web-1", "Deployment/web"]);
    assert_eq!(names("around"), ["Service/web"]);
    assert_eq!(document["node"]["says"].as_array().unwrap().len(), 1);
    assert_eq!(
        document["neighbours"],
        json!({ "pods": 2, "notWell": 2, "named": [
        { "pod": "Pod bank/other", "restarts": 9, "waits": ["CrashLoopBackOff"] }, { "pod": POD, "restarts": 0, "waits": [] }] })
    );
    let references = document["references"].as_array().unwrap();
    let of = |object: &str| references.iter().find(|r| r["object"] == object).unwrap();
    assert_eq!(of("ConfigMap shop/web")["changed"]["by"], "kubectl-edit");
    assert_eq!(of("ConfigMap shop/web")["keys"], json!(["url"]));
    assert_eq!(of("ServiceAccount shop/web")["missing"], true);
    assert_eq!(of("Secret shop/tls")["keys"], json!(["tls.key"]));
    let told: Vec<&str> = answer.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "the node n1 was not well; 2 of its 2 pods were not well",
            "ConfigMap shop/web was changed last by kubectl-edit at 2026-01-01T11:58:00Z",
        ]
    );
}

#[tokio::test]
async fn no_value_that_may_be_a_secret_is_kept() {
    for object in [POD, "apps/Deployment shop/web", "ConfigMap shop/web", "Secret shop/tls", "Node n1"] {
        let answer = kit().ask(&plugin(), object).await;
        let text = serde_json::to_string(&answer).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{object}: {text}");
    }
}

#[tokio::test]
async fn it_is_never_longer_than_it_may_be() {
    let big = "x".repeat(300);
    let mut kit = kit().params(json!({ "bytes": 4096 }));
    for n in 0..200 {
        kit = kit.event(POD, "Warning", "Failed", &format!("{n} {big}"));
        kit = kit.with(json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": format!("q{n}"), "namespace": "shop" }, "spec": { "note": big } }));
    }
    let answer = kit.ask(&plugin(), POD).await;
    let text = answer.facts["document"].as_str().unwrap();
    assert!(text.len() <= 4096, "{}", text.len());
    let document = document(&answer);
    assert_eq!(document["leftOut"][0], "around");
    assert_eq!(document["object"]["metadata"]["name"], "web-1-a");
    let refused = kit_of_bytes(7).ask(&plugin(), POD).await;
    assert!(refused.summary.contains("bytes is 7, expected 1024 to"), "{}", refused.summary);
}

fn kit_of_bytes(bytes: usize) -> Kit {
    kit().params(json!({ "bytes": bytes }))
}
