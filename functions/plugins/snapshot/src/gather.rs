//! Reads what is around an object.

use crate::plain;
use prodrome_plugin::pod::{containers, is_well};
use prodrome_plugin::{Context, Object};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const OWNERS_MAX: usize = 4;
const EVENTS_MAX: usize = 20;
const NEIGHBOURS_MAX: usize = 5;
const REFERENCES_MAX: usize = 24;
const AROUND_MAX: usize = 16;
/// What stands in a namespace beside the object, and may have to do with it.
const AROUND: [&str; 5] = [
    "Service",
    "ResourceQuota",
    "autoscaling/HorizontalPodAutoscaler",
    "policy/PodDisruptionBudget",
    "networking.k8s.io/NetworkPolicy",
];

pub(crate) async fn document(context: &Context, subject: &Object) -> Value {
    let pods = context.pods_of(subject).await.unwrap_or_default();
    // Of a workload the pod that tells most.
    let pod = pods.first();
    let on = pod.map(|pod| pod.text("/spec/nodeName")).filter(|name| !name.is_empty());
    let node = match on {
        Some(name) => context.cluster().get("Node", None, name).await.ok().flatten(),
        None => Some(subject.clone()).filter(|subject| subject.kind() == "Node"),
    };
    let mut document = json!({
        "at": context.now(),
        "object": plain::object(subject),
        "owners": owners(context, subject).await,
        "events": events(context, subject, pod).await,
    });
    if let Some(pod) = pod.filter(|pod| pod.reference() != subject.reference()) {
        document["pod"] = plain::object(pod);
    }
    if let Some(node) = node {
        let all = context.cluster().list("Pod", None, None).await.unwrap_or_default();
        document["node"] = of_node(&node);
        document["neighbours"] = neighbours(&node, &all);
    }
    if let Some(pod) = pod {
        document["references"] = references(context, pod).await;
    }
    document["around"] = around(context, subject, pod).await;
    document
}

async fn owners(context: &Context, subject: &Object) -> Value {
    let mut found = Vec::new();
    for owner in context.owners(subject).await.iter().take(OWNERS_MAX) {
        if let Ok(Some(owner)) = context.cluster().fetch(owner).await {
            found.push(plain::object(&owner));
        }
    }
    found.into()
}

async fn events(context: &Context, subject: &Object, pod: Option<&Object>) -> Value {
    let about = [Some(subject), pod.filter(|pod| pod.reference() != subject.reference())];
    let mut found = Vec::new();
    for object in about.into_iter().flatten() {
        for event in context.cluster().events(object).await.unwrap_or_default() {
            found.push(
                json!({ "about": object.reference().to_string(), "type": event.kind, "reason": event.reason,
                "count": event.count, "lastSeen": event.last_seen, "message": event.message }),
            );
        }
    }
    found.sort_by_key(|event| std::cmp::Reverse(event["lastSeen"].as_str().unwrap_or_default().to_owned()));
    found.into_iter().take(EVENTS_MAX).map(plain::plain).collect()
}

fn of_node(node: &Object) -> Value {
    // What is as it should be says nothing.
    let says: Vec<Value> = node
        .conditions()
        .filter(|(kind, condition)| (condition.status == "True") != (*kind == "Ready"))
        .map(|(kind, c)| json!({ "type": kind, "status": c.status, "reason": c.reason, "message": c.message, "since": c.since }))
        .collect();
    plain::plain(json!({
        "name": node.name(), "says": says, "made": node.metadata().creation_timestamp, "labels": node.metadata().labels,
        "taints": node.at("/spec/taints"), "unschedulable": node.at("/spec/unschedulable"),
        "allocatable": node.at("/status/allocatable"), "info": node.at("/status/nodeInfo"),
    }))
}

/// Who else is on the node: how many, and of those that are not well the most often restarted.
fn neighbours(node: &Object, all: &[Object]) -> Value {
    let done = |pod: &Object| matches!(pod.text("/status/phase"), "Succeeded" | "Failed");
    let here: Vec<&Object> =
        all.iter().filter(|pod| pod.text("/spec/nodeName") == node.name() && !done(pod)).collect();
    let restarts = |pod: &Object| containers(pod).iter().map(|c| u64::from(c.restarts)).sum::<u64>();
    let mut unwell: Vec<&Object> = here.iter().copied().filter(|pod| !is_well(pod)).collect();
    unwell.sort_by_key(|pod| (std::cmp::Reverse(restarts(pod)), pod.name().to_owned()));
    let named: Vec<Value> = unwell
        .iter()
        .take(NEIGHBOURS_MAX)
        .map(|pod| {
            let waits: Vec<String> =
                containers(pod).iter().map(|c| c.waits().to_owned()).filter(|w| !w.is_empty()).collect();
            json!({ "pod": pod.reference().to_string(), "restarts": restarts(pod), "waits": waits })
        })
        .collect();
    json!({ "pods": here.len(), "notWell": unwell.len(), "named": named })
}

/// What a pod refers to: whether it is there, its version, its keys, and who changed it when. Never a value.
async fn references(context: &Context, pod: &Object) -> Value {
    let mut found = Vec::new();
    for (kind, name) in named(pod) {
        let path = format!("{kind} {}/{name}", pod.namespace().unwrap_or_default());
        found.push(match context.cluster().get(kind, pod.namespace(), &name).await {
            Err(unseen) => json!({ "object": path, "notLookedAt": unseen.reason }),
            Ok(None) => json!({ "object": path, "missing": true }),
            Ok(Some(object)) => json!({
                "object": path, "made": object.metadata().creation_timestamp, "version": object.text("/metadata/resourceVersion"),
                "keys": plain::keys(object.at("/data")), "phase": object.at("/status/phase"), "changed": changed(&object),
            }),
        });
    }
    found.into_iter().map(plain::plain).collect()
}

/// Who wrote it last, its status aside.
fn changed(object: &Object) -> Value {
    let writes = object.list("/metadata/managedFields").iter();
    let of_it = writes.filter(|entry| entry["subresource"].as_str().is_none_or(str::is_empty));
    let last = of_it.max_by_key(|entry| entry["time"].as_str().unwrap_or_default().to_owned());
    last.map_or(Value::Null, |entry| json!({ "at": entry["time"], "by": entry["manager"] }))
}

/// Every name that a pod's spec has of a kind that it can refer to.
fn named(pod: &Object) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    collect(pod.at("/spec"), "", &mut found);
    found.into_iter().take(REFERENCES_MAX).collect()
}

fn collect(value: &Value, key: &str, found: &mut BTreeSet<(&'static str, String)>) {
    let mut add = |kind, name: &Value| {
        if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
            found.insert((kind, name.to_owned()));
        }
    };
    match key {
        "configMap" | "configMapRef" | "configMapKeyRef" => add("ConfigMap", &value["name"]),
        "secretRef" | "secretKeyRef" | "imagePullSecrets" => add("Secret", &value["name"]),
        "secret" => {
            add("Secret", &value["secretName"]);
            add("Secret", &value["name"]);
        }
        "persistentVolumeClaim" => add("PersistentVolumeClaim", &value["claimName"]),
        "serviceAccountName" => add("ServiceAccount", value),
        _ => {}
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| collect(value, key, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        _ => {}
    }
}

/// What leads to the pod, scales it or limits it: by its selector where it has one, else by its namespace.
async fn around(context: &Context, subject: &Object, pod: Option<&Object>) -> Value {
    let Some(namespace) = subject.namespace() else { return Value::Null };
    let mut found = Vec::new();
    for kind in AROUND {
        for object in context.cluster().list(kind, Some(namespace), None).await.unwrap_or_default() {
            if object.reference() != subject.reference() && concerns(&object, pod, context) {
                found.push(plain::object(&object));
            }
        }
    }
    found.truncate(AROUND_MAX);
    found.into()
}

fn concerns(object: &Object, pod: Option<&Object>, context: &Context) -> bool {
    let labels = pod.map(|pod| &pod.metadata().labels);
    let selects =
        |pointer| labels.is_some_and(|labels| object.selector(pointer).is_some_and(|s| s.selects(labels)));
    match object.kind() {
        "Service" | "PodDisruptionBudget" => selects("/spec/selector"),
        "NetworkPolicy" => object.selector("/spec/podSelector").is_none() || selects("/spec/podSelector"),
        "HorizontalPodAutoscaler" => object.text("/spec/scaleTargetRef/name") == context.workload().name,
        _ => true,
    }
}
