//! A small cluster, and a real DNS server outside of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod inside;
mod outside;
mod server;

use prodrome_plugin::kit::Kit;
use serde_json::{Value, json};

/// A cluster whose pod `shop/web` has ended with these last words; its DNS is well.
fn cluster(words: &str) -> Kit {
    bare(words, &json!({})).with(dns_pod("True")).with(service(
        "kube-system",
        "kube-dns",
        json!({ "k8s-app": "kube-dns" }),
    ))
}

/// The same without a DNS of its own; the pod's spec has these fields besides.
fn bare(words: &str, spec: &Value) -> Kit {
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "web" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }], "containerStatuses": [
            { "name": "web", "restartCount": 4, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
              "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } } }] } });
    for (key, value) in spec.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    Kit::new()
        .with(pod)
        .with(service("shop", "front", json!({ "app": "web" })))
        .previous_log("shop/web/web", words)
}

#[expect(clippy::needless_pass_by_value, reason = "a json!() is written in place")]
fn service(namespace: &str, name: &str, selector: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace }, "spec": { "selector": selector } })
}

fn dns_pod(ready: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "coredns-1", "namespace": "kube-system", "labels": { "k8s-app": "kube-dns" } },
        "spec": { "containers": [{ "name": "coredns" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] } })
}

/// As a program written in Go says it.
fn no_such_host(name: &str) -> String {
    format!("dial tcp: lookup {name} on 10.96.0.10:53: no such host\n")
}
