//! Pods that are well, pods that are broken, and what is no object at all.

use prodrome_model::{GroupKind, Resource};
use prodrome_recording::builtin_of_kind;
use serde_json::{Value, json};

pub(crate) const NAMESPACE: &str = "load";

/// The rules by which broken pods are broken, beside the shipped ones.
pub(crate) const RULES: &str = "
LoadBrokenAtOnce:
  resource: Pod
  checkField: [ { field: [metadata, labels, load], equalValue: [at-once] } ]
  duration: 0s
  resolveAfter: 1s
  severity: P3
  owner: platform
  summary: \"{metadata.name} is broken\"
LoadBrokenForTen:
  resource: Pod
  checkField: [ { field: [metadata, labels, load], equalValue: [for-ten] } ]
  duration: 10s
  resolveAfter: 1s
  severity: P3
  owner: platform
  summary: \"{metadata.name} has been broken for ten seconds\"
LoadBrokenAndAsked:
  resource: Pod
  checkField: [ { field: [metadata, labels, load], equalValue: [asked] } ]
  duration: 0s
  resolveAfter: 1s
  flow: status
  severity: P3
  owner: platform
  summary: \"{metadata.name} is broken, and is asked why\"
";

/// The rules, each with the label that it looks for.
pub(crate) const BROKEN: [(&str, &str); 3] =
    [("LoadBrokenAtOnce", "at-once"), ("LoadBrokenForTen", "for-ten"), ("LoadBrokenAndAsked", "asked")];

/// Which rule the fault of this number breaks: one in ten has a diagnosis.
pub(crate) fn rule_of(fault: u64) -> (&'static str, &'static str) {
    match fault % 10 {
        9 => BROKEN[2],
        even if even % 2 == 0 => BROKEN[0],
        _ => BROKEN[1],
    }
}

pub(crate) fn pods() -> Resource {
    builtin_of_kind(&GroupKind::new("", "Pod")).expect("every cluster serves pods")
}

/// Of which any number of pods is made.
pub(crate) struct Pods {
    text: String,
}

const NAME: &str = "@name@";
const LABEL: &str = "@label@";
const NOTE: &str = "@note@";

impl Pods {
    pub(crate) fn new() -> Self {
        Self { text: template().to_string() }
    }

    /// A pod of this name; `note` makes it another than before.
    pub(crate) fn pod(&self, name: &str, label: &str, note: u64) -> String {
        let text = self.text.replace(NAME, name).replacen(LABEL, label, 1);
        text.replacen(NOTE, &note.to_string(), 1)
    }

    /// The same with a version, as the API server would give it.
    pub(crate) fn with_version(&self, name: &str, version: u64) -> String {
        let pod = self.pod(name, "well", version);
        pod.replacen("\"metadata\":{", &format!("\"metadata\":{{\"resourceVersion\":\"{version}\","), 1)
    }
}

/// What nobody should send, three sorts of it: it bears this name.
pub(crate) fn malformed(name: &str, number: u64) -> String {
    match number % 3 {
        0 => json!({ "metadata": { "name": name, "namespace": [NAMESPACE] } }).to_string(),
        1 => json!({ "metadata": { "namespace": NAMESPACE, "labels": { "it": name } } }).to_string(),
        _ => json!([name]).to_string(),
    }
}

/// A pod that is well, of about 3 KB.
fn template() -> Value {
    let then = "2026-11-23T18:00:00Z";
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.com/shop/{name}@sha256:{digest}"),
            "env": [{ "name": "MODE", "value": "production" }], "imagePullPolicy": "IfNotPresent",
            "ports": [{ "containerPort": 8080, "protocol": "TCP", "name": name }],
            "resources": { "requests": { "cpu": "250m", "memory": "256Mi" }, "limits": { "cpu": "1", "memory": "512Mi" } },
            "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080, "scheme": "HTTP" }, "periodSeconds": 5, "failureThreshold": 3, "timeoutSeconds": 1 },
            "livenessProbe": { "httpGet": { "path": "/live", "port": 8080, "scheme": "HTTP" }, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1 },
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        })
    };
    let status = |name: &str| {
        json!({
            "name": name, "ready": true, "started": true, "restartCount": 0, "lastState": {},
            "image": format!("registry.example.com/shop/{name}:1.0"), "imageID": format!("registry.example.com/shop/{name}@sha256:{digest}"),
            "containerID": format!("containerd://{digest}"), "state": { "running": { "startedAt": then } },
        })
    };
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": then });
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": NAME, "namespace": NAMESPACE, "uid": format!("uid-of-{NAME}"), "creationTimestamp": then,
            "labels": { "app": "web", "load": LABEL }, "annotations": { "example.com/note": NOTE },
        },
        "spec": {
            "nodeName": "node-a", "restartPolicy": "Always", "serviceAccountName": "web", "terminationGracePeriodSeconds": 30,
            "containers": [container("web"), container("proxy")],
        },
        "status": {
            "phase": "Running", "qosClass": "Burstable", "startTime": then, "podIP": "10.1.2.3", "hostIP": "10.0.0.4",
            "conditions": conditions.map(condition), "containerStatuses": [status("web"), status("proxy")],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_bears_its_name_its_label_and_its_version() {
        let pods = Pods::new();
        let pod: Value = serde_json::from_str(&pods.pod("a-1", "at-once", 7)).unwrap();
        assert_eq!(pod["metadata"]["uid"], "uid-of-a-1");
        assert_eq!(pod["metadata"]["labels"]["load"], "at-once");
        assert_ne!(pods.pod("a-1", "well", 7), pods.pod("a-1", "well", 8));
        let pod: Value = serde_json::from_str(&pods.with_version("a-1", 12)).unwrap();
        assert_eq!(pod["metadata"]["resourceVersion"], "12");
        assert_eq!(pod["metadata"]["name"], "a-1");
    }

    #[test]
    fn each_rule_has_its_share_of_the_faults() {
        let rules: Vec<_> = (0..20).map(|fault| rule_of(fault).0).collect();
        let of = |rule: &str| rules.iter().filter(|found| **found == rule).count();
        assert_eq!([of("LoadBrokenAtOnce"), of("LoadBrokenForTen"), of("LoadBrokenAndAsked")], [10, 8, 2]);
    }
}
