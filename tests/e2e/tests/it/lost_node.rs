//! What depends on one thing that is broken is one alert: from the API server through evaluate, diagnose, its plugin and alert.

use crate::shared::{count, system};
use prodrome_alerting::Head;
use prodrome_alerting::keys::HEAD;
use prodrome_model::{Notice, NoticeKind, Owner};
use serde_json::{Value, json};

const NAMESPACE: &str = "lost";
const PODS: u32 = 30;
const APPS: u32 = 6;

fn node(ready: &str) -> Value {
    let message = if ready == "True" { "" } else { "Kubelet stopped posting node status." };
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-lost", "uid": "uid-of-node-lost" },
        "status": { "conditions": [{ "type": "Ready", "status": ready, "reason": "NodeStatusUnknown", "message": message }] },
    })
}

fn app(nth: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "namespace": NAMESPACE, "name": format!("app-{nth}"), "uid": format!("uid-of-app-{nth}") },
        "spec": { "replicas": PODS / APPS },
    })
}

/// A pod as the node's controller leaves it: it runs, and is not ready.
fn pod(nth: u32, ready: &str) -> Value {
    let (app, name) = (nth % APPS, format!("app-{}-{}", nth % APPS, nth / APPS));
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": NAMESPACE, "name": name, "uid": format!("uid-of-{name}"),
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": format!("app-{app}"),
                "uid": format!("uid-of-app-{app}"), "controller": true }] },
        "spec": { "nodeName": "node-lost", "containers": [{ "name": "web", "image": "r.example/web:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
    })
}

/// How many pods the open alerts about the node have, one number for each.
fn totals() -> Vec<u32> {
    let records = system().all_records("EpisodesTableName").unwrap();
    let heads = records.into_iter().filter(|record| record.key.sort == HEAD);
    let open = heads.filter_map(|record| serde_json::from_str::<Head>(&record.data).unwrap().alert);
    let of_it = open.filter(|alert| alert.opening.subject.object().namespace.as_deref() == Some(NAMESPACE));
    of_it.map(|alert| alert.total).collect()
}

#[test]
fn thirty_pods_of_six_apps_on_one_lost_node_are_one_alert_that_says_so() {
    let system = system();
    system.apply(&node("Unknown"));
    (0..APPS).for_each(|nth| system.apply(&app(nth)));
    (0..PODS).for_each(|nth| system.apply(&pod(nth, "False")));
    prodrome_e2e::until("all pods in one alert", || {
        let totals = totals();
        assert!(totals.len() <= 1, "more than one alert: {totals:?}");
        (totals == [PODS]).then_some(())
    });
    system.apply(&node("True"));
    (0..PODS).for_each(|nth| system.apply(&pod(nth, "True")));
    let is_over = |notice: &Notice| {
        notice.kind == NoticeKind::Resolved && notice.object.namespace.as_deref() == Some(NAMESPACE)
    };
    let over = system.webhook.until("its end", |told| {
        told.iter().map(|told| &told.notice).find(|notice| is_over(notice)).cloned()
    });
    assert_eq!((over.count, over.apps, over.owner), (PODS, APPS, Owner::Platform), "{over:?}");
    assert_eq!(over.cause.as_deref(), Some("node-kubelet-down"), "{over:?}");
    assert_eq!(over.target(), format!("{APPS} apps by node node-lost"));
    assert_eq!(count(&system.webhook.told(), NAMESPACE, NoticeKind::Alert), 1);
    let alert = system.webhook.told().into_iter().map(|told| told.notice).find(|notice| {
        notice.kind == NoticeKind::Alert && notice.object.namespace.as_deref() == Some(NAMESPACE)
    });
    let diagnosis = alert.and_then(|alert| alert.diagnosis).unwrap();
    assert_eq!(diagnosis.faulty.map(|faulty| faulty.to_string()).as_deref(), Some("Node node-lost"));
    let peers: Vec<_> = diagnosis.evidence.iter().filter(|evidence| evidence.source == "peers").collect();
    assert!(peers[0].text.contains("pods on it"), "{peers:?}");
}
