//! Objects as their users write them.

use crate::registry::USER;
use crate::scenario::{DEDICATED, NODES};
use serde_json::{Value, json};

/// Schedulers beside the default one. Five namespaces whose pods find no node by one of them are told as one fault of the
/// platform, so that those of the scenarios are shared out.
pub(crate) const SCHEDULERS: [&str; 2] = ["batch", "storage"];
/// What only pods of a purpose tolerate.
pub(crate) const TAINT: &str = "shop.example.com/dedicated";

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

/// On a node, which its pods tolerate.
pub(crate) fn on(node: &str, mut pod: Value) -> Value {
    pod["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
    if node == DEDICATED {
        pod["tolerations"] = json!([{ "key": TAINT, "operator": "Exists" }]);
    }
    pod
}

/// By another scheduler than the default one.
pub(crate) fn scheduled_by(scheduler: &str, mut pod: Value) -> Value {
    pod["schedulerName"] = json!(scheduler);
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
    patched(pod, json!({ "readinessProbe": page(8080) }))
}

/// A probe that asks for a page.
pub(crate) fn page(port: u16) -> Value {
    json!({ "httpGet": { "path": "/", "port": port }, "periodSeconds": 5 })
}

/// With a container of the name `sidecar` beside its own, which runs a script.
pub(crate) fn with_sidecar(mut pod: Value, script: &str, probe: Value) -> Value {
    let mut sidecar = shell(script)["containers"][0].take();
    sidecar["name"] = json!("sidecar");
    sidecar["readinessProbe"] = probe;
    let own = pod["containers"][0].take();
    pod["containers"] = json!([own, sidecar]);
    pod
}

/// With a container of this name that runs a script before its own.
pub(crate) fn with_init(mut pod: Value, name: &str, script: &str) -> Value {
    pod["initContainers"] = shell(script)["containers"].take();
    pod["initContainers"][0]["name"] = json!(name);
    pod
}

/// With a volume, which its container finds at `/data`.
#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn with_volume(pod: Value, source: Value) -> Value {
    let mut pod = patched(pod, json!({ "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }));
    pod["volumes"] = json!([source]);
    pod["volumes"][0]["name"] = json!("data");
    pod
}

/// With the volume of a claim.
pub(crate) fn with_claim(pod: Value, claim: &str) -> Value {
    with_volume(pod, json!({ "persistentVolumeClaim": { "claimName": claim } }))
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

/// The same, given up after so many seconds without progress.
pub(crate) fn with_deadline(mut deployment: Value, seconds: u32) -> Value {
    deployment["spec"]["progressDeadlineSeconds"] = json!(seconds);
    deployment
}

#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn stateful_set(name: &str, pod: Value) -> Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": name, "labels": labels },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        },
    })
}

/// On each of some nodes.
pub(crate) fn daemon_set(name: &str, nodes: &[&str], mut pod: Value) -> Value {
    let labels = json!({ "app": name });
    pod["nodeSelector"] = Value::Null;
    pod["affinity"] = among(nodes);
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": name, "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        },
    })
}

/// An affinity for some nodes.
pub(crate) fn among(nodes: &[&str]) -> Value {
    let names = json!([{ "key": "kubernetes.io/hostname", "operator": "In", "values": nodes }]);
    json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{ "matchExpressions": names }],
    } } })
}

/// A Job that is tried again so many times.
pub(crate) fn job(name: &str, again: u32, script: &str) -> Value {
    job_of(name, again, shell(script))
}

/// The same of any pod.
pub(crate) fn job_of(name: &str, again: u32, mut pod: Value) -> Value {
    pod["restartPolicy"] = json!("Never");
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
        "spec": { "backoffLimit": again, "template": { "spec": pod } },
    })
}

/// A quota of one resource.
pub(crate) fn quota(name: &str, resource: &str, hard: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": name },
        "spec": { "hard": { resource: hard } },
    })
}

pub(crate) fn account(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } })
}

#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn config_map(name: &str, data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data })
}

#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn secret(name: &str, data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data })
}

/// It calls whom it is told to call before a pod is made in a namespace, which it has its name of.
#[expect(clippy::needless_pass_by_value, reason = "what is written in place is given away")]
pub(crate) fn webhook(namespace: &str, called: Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": namespace },
        "webhooks": [{
            "name": webhook_name(namespace), "clientConfig": called, "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
            "rules": [{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] }],
            // Whoever is not of this scenario must not hear of it.
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
        }],
    })
}

/// What the webhook of a namespace is called, in its configuration and by the API server.
pub(crate) fn webhook_name(namespace: &str) -> String {
    format!("policy.{namespace}.example.com")
}

/// Of the pods of a Deployment none may be taken away.
pub(crate) fn disruption_budget(app: &str) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": app },
        "spec": { "maxUnavailable": 0, "selector": { "matchLabels": { "app": app } } },
    })
}

/// A claim named `data`, of a class or of none.
pub(crate) fn claim(class: Option<&str>) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
        "spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    })
}

/// A volume for the claim `data` of a namespace, which it has its name of.
pub(crate) fn volume(namespace: &str, class: &str, source: (&str, Value)) -> Value {
    let (kind, source) = source;
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": namespace },
        "spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" },
            "persistentVolumeReclaimPolicy": "Retain", "claimRef": { "namespace": namespace, "name": "data" },
            kind: source,
        },
    })
}

/// A folder of the node, which is made.
pub(crate) fn folder() -> (&'static str, Value) {
    ("hostPath", json!({ "path": "/var/lib/of-a-claim", "type": "DirectoryOrCreate" }))
}

/// It cannot go before somebody has seen to it.
pub(crate) fn finalized(mut object: Value) -> Value {
    object["metadata"]["finalizers"] = json!(["shop.example.com/backup"]);
    object
}

/// A Service of what is labelled so.
pub(crate) fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "selector": { "app": app }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    })
}

/// An Ingress that leads to a Service.
pub(crate) fn ingress(name: &str, service: &str) -> Value {
    let backend = json!({ "service": { "name": service, "port": { "number": 80 } } });
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": name },
        "spec": { "rules": [{
            "host": format!("{name}.example.com"),
            "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] },
        }] },
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
