//! Objects as their users write them.

use crate::registry::USER;
use crate::scenario::NODES;
use serde_json::{Value, json};

/// A pod of one container that serves a page, on the first node.
pub(crate) fn program() -> Value {
    image("registry.example.com/shop/web:1.0")
}

/// The same of another image.
pub(crate) fn image(reference: &str) -> Value {
    on(
        NODES[0],
        json!({ "containers": [{ "name": "main", "image": reference }], "terminationGracePeriodSeconds": 5 }),
    )
}

/// On a node.
pub(crate) fn on(node: &str, mut pod: Value) -> Value {
    pod["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
    pod
}

/// Its container runs a script.
pub(crate) fn shell(script: &str) -> Value {
    patched(program(), json!({ "command": ["/bin/sh", "-c", script] }))
}

/// Its container has these fields too.
#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn patched(mut pod: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().into_iter().flatten() {
        pod["containers"][0][name] = value.clone();
    }
    pod
}

/// It says by a page when it is ready.
pub(crate) fn ready(pod: Value) -> Value {
    let probe = json!({ "httpGet": { "path": "/", "port": 8080 }, "periodSeconds": 5 });
    patched(pod, json!({ "readinessProbe": probe }))
}

#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn deployment(name: &str, replicas: u32, pod: Value) -> Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "labels": labels },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        },
    })
}

/// A Job that is tried again so many times.
pub(crate) fn job(name: &str, again: u32, script: &str) -> Value {
    let mut pod = shell(script);
    pod["restartPolicy"] = json!("Never");
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
        "spec": { "backoffLimit": again, "template": { "spec": pod } },
    })
}

pub(crate) fn quota(name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": name },
        "spec": { "hard": { "requests.cpu": cpu } },
    })
}

/// Of the pods of a Deployment none may be taken away.
pub(crate) fn disruption_budget(app: &str) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": app },
        "spec": { "maxUnavailable": 0, "selector": { "matchLabels": { "app": app } } },
    })
}

pub(crate) fn claim(name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name },
        "spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    })
}

/// What cannot go before somebody has seen to it.
pub(crate) fn finalized(name: &str) -> Value {
    let metadata = json!({ "name": name, "finalizers": ["shop.example.com/backup"] });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata })
}

/// A Service of what is labelled so.
pub(crate) fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "selector": { "app": app }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    })
}

/// An autoscaler of a Deployment.
pub(crate) fn scaler(name: &str, deployment: &str) -> Value {
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment });
    let cpu = json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } });
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": name },
        "spec": { "scaleTargetRef": target, "maxReplicas": 3, "metrics": [{ "type": "Resource", "resource": cpu }] },
    })
}

/// A pull secret named `registry`.
pub(crate) fn pull_secret(host: &str, password: &str) -> Value {
    let settings = json!({ "auths": { host: { "username": USER, "password": password } } });
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "registry" },
        "type": "kubernetes.io/dockerconfigjson", "stringData": { ".dockerconfigjson": settings.to_string() },
    })
}
