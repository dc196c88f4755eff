//! The objects: recorded ones, and generated ones of the size that clusters with many sidecars have.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::GroupKind;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Objects with their kinds, in the order in which they come.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) objects: Vec<Object>,
}

/// An object, its kind and when it was seen.
pub(crate) struct Object {
    pub(crate) kind: GroupKind,
    /// The kind's place among the corpus's.
    pub(crate) place: usize,
    /// The object's number.
    pub(crate) number: usize,
    pub(crate) json: Vec<u8>,
    pub(crate) now: Timestamp,
}

impl Corpus {
    fn new(name: &'static str, objects: Vec<Object>) -> Self {
        let mut corpus = Self { name, objects };
        let kinds = corpus.kinds();
        for (number, object) in corpus.objects.iter_mut().enumerate() {
            object.number = number;
            object.place = kinds.iter().position(|kind| *kind == object.kind).unwrap_or_default();
        }
        corpus
    }

    /// Bytes of an object, in the mean.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.objects.iter().map(|object| object.json.len()).sum::<usize>() / self.objects.len().max(1)
    }

    pub(crate) fn kinds(&self) -> Vec<GroupKind> {
        let kinds: BTreeSet<GroupKind> = self.objects.iter().map(|object| object.kind.clone()).collect();
        kinds.into_iter().collect()
    }
}

/// The streams of a small cluster, as the API server wrote them.
pub(crate) fn recorded() -> Corpus {
    #[derive(serde::Deserialize)]
    struct Meta {
        start: Timestamp,
    }
    #[derive(serde::Deserialize)]
    struct Line<'l> {
        t: f64,
        path: String,
        #[serde(borrow)]
        event: Option<Event<'l>>,
    }
    #[derive(serde::Deserialize)]
    struct Event<'l> {
        r#type: &'l str,
        #[serde(borrow)]
        object: &'l serde_json::value::RawValue,
    }
    let kinds = BTreeMap::from([
        ("/api/v1/pods", GroupKind::core("Pod")),
        ("/api/v1/nodes", GroupKind::core("Node")),
        ("/api/v1/services", GroupKind::core("Service")),
        ("/apis/apps/v1/deployments", GroupKind::new("apps", "Deployment")),
        ("/apis/apps/v1/replicasets", GroupKind::new("apps", "ReplicaSet")),
    ]);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings");
    let mut paths: Vec<_> =
        std::fs::read_dir(dir).expect("the recordings").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut objects = Vec::new();
    for path in paths.into_iter().filter(|path| path.join("watch.jsonl.zst").is_file()) {
        let meta: Meta =
            serde_json::from_slice(&std::fs::read(path.join("meta.json")).expect("meta.json")).expect("JSON");
        let path = path.join("watch.jsonl.zst");
        let mut text = Vec::new();
        let file = std::fs::File::open(path).expect("a recording");
        std::io::copy(&mut zstd::Decoder::new(file).expect("zstd"), &mut text).expect("zstd");
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line<'_> = serde_json::from_slice(line).expect("a line");
            // A bookmark is no object: it says how far the stream is, and goes no further than the watcher.
            let event = line.event.filter(|event| event.r#type != "BOOKMARK");
            if let (Some(kind), Some(event)) = (kinds.get(&*line.path), event) {
                let now = meta.start + SignedDuration::from_secs_f64(line.t);
                objects.push(Object {
                    kind: kind.clone(),
                    place: 0,
                    number: 0,
                    json: event.object.get().as_bytes().to_vec(),
                    now,
                });
            }
        }
    }
    Corpus::new("recorded", objects)
}

/// Pods with up to six containers, and what comes with them; the same with every run.
pub(crate) fn generated(count: usize) -> Corpus {
    let mut rng = Rng::with_seed(7);
    let now = "2026-07-01T00:00:00Z".parse().expect("a timestamp");
    let objects = (0..count)
        .map(|index| match rng.u32(0..100) {
            0..77 => (GroupKind::core("Pod"), pod(&mut rng, index)),
            77..91 => (GroupKind::new("apps", "Deployment"), deployment(&mut rng, index)),
            _ => (GroupKind::core("Node"), node(&mut rng, index)),
        })
        .map(|(kind, object)| Object {
            kind,
            place: 0,
            number: 0,
            json: object.to_string().into_bytes(),
            now,
        })
        .collect();
    Corpus::new("generated", objects)
}

pub(crate) const TEAMS: u32 = 40;
pub(crate) const APPS: u32 = 300;
pub(crate) const NAMESPACES: u32 = 60;
const SIDECARS: [&str; 4] = ["istio-proxy", "fluent-bit", "vault-agent", "otel-collector"];

fn digest(rng: &mut Rng) -> String {
    format!("sha256:{:016x}{:016x}{:016x}{:016x}", rng.u64(..), rng.u64(..), rng.u64(..), rng.u64(..))
}

fn uid(rng: &mut Rng) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        rng.u32(..),
        rng.u16(..),
        rng.u16(0..4096),
        rng.u16(0..4096),
        rng.u64(0..1 << 48)
    )
}

fn stamp(rng: &mut Rng) -> String {
    format!(
        "2026-0{}-{:02}T{:02}:{:02}:{:02}Z",
        rng.u32(1..7),
        rng.u32(1..29),
        rng.u32(0..24),
        rng.u32(0..60),
        rng.u32(0..60)
    )
}

/// Who owns which field, as the API server writes it.
fn managed(manager: &str, operation: &str, sub: Option<&str>, of: &Value, rng: &mut Rng) -> Value {
    fn fields(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (format!("f:{key}"), fields(value)))
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let mut map = Map::new();
                for item in items {
                    let Value::Object(inner) = item else { continue };
                    let key = ["name", "type", "ip", "mountPath", "containerPort"]
                        .iter()
                        .find(|key| inner.contains_key(**key))
                        .unwrap_or(&"uid");
                    let name = format!("k:{}", json!({ *key: inner.get(*key) }));
                    let mut owned = Map::from_iter([(".".to_owned(), json!({}))]);
                    if let Value::Object(inner) = fields(item) {
                        owned.extend(inner);
                    }
                    map.insert(name, Value::Object(owned));
                }
                Value::Object(map)
            }
            _ => json!({}),
        }
    }
    let mut entry = json!({"apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields(of), "manager": manager, "operation": operation, "time": stamp(rng)});
    if let (Some(sub), Some(entry)) = (sub, entry.as_object_mut()) {
        entry.insert("subresource".to_owned(), json!(sub));
    }
    entry
}

fn container(rng: &mut Rng, name: &str) -> Value {
    let envs: Vec<Value> = (0..rng.u32(3..9))
        .map(|index| match rng.u32(0..3) {
            0 => json!({"name": format!("POD_FIELD_{index}"), "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}),
            1 => json!({"name": format!("SECRET_{index}"), "valueFrom": {"secretKeyRef": {"key": "password", "name": format!("{name}-credentials")}}}),
            _ => json!({"name": format!("SETTING_{index}"), "value": format!("http://service-{}.shop.svc:8080/", rng.u32(0..500))}),
        })
        .collect();
    json!({
        "env": envs, "image": format!("registry-{}.example.com/team-{}/{name}:v{}.{}", rng.u32(0..6), rng.u32(0..TEAMS), rng.u32(0..9), rng.u32(0..40)),
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": {"failureThreshold": 3, "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1},
        "name": name,
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}, {"containerPort": 9090, "name": "metrics", "protocol": "TCP"}],
        "readinessProbe": {"failureThreshold": 3, "httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 5, "successThreshold": 1, "timeoutSeconds": 1},
        "resources": {"limits": {"cpu": format!("{}m", rng.u32(1..20) * 100), "memory": format!("{}Mi", rng.u32(1..32) * 64)}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true, "runAsNonRoot": true},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "volumeMounts": [{"mountPath": "/etc/config", "name": "config", "readOnly": true}, {"mountPath": "/var/cache", "name": "cache"}, {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": true}],
    })
}

fn conditions(rng: &mut Rng, types: &[&str], bad: bool) -> Value {
    let list = types.iter().map(|kind| {
        let status = if bad && rng.bool() { "False" } else { "True" };
        json!({"lastProbeTime": null, "lastTransitionTime": stamp(rng), "message": if status == "True" { "" } else { "containers with unready status: [app]" }, "reason": if status == "True" { "Ready" } else { "ContainersNotReady" }, "status": status, "type": kind})
    });
    list.collect()
}

fn pod(rng: &mut Rng, index: usize) -> Value {
    let bad = rng.u32(0..100) < 8;
    let mut names = vec!["app"];
    names.extend(SIDECARS.iter().take(rng.usize(1..5)));
    let (team, app) = (rng.u32(0..TEAMS), rng.u32(0..APPS));
    let containers: Vec<Value> = names.iter().map(|name| container(rng, name)).collect();
    let statuses: Vec<Value> = containers
        .iter()
        .map(|container| {
            let failing = bad && rng.bool();
            let state = if failing { json!({"waiting": {"message": "back-off 5m0s restarting failed container", "reason": "CrashLoopBackOff"}}) } else { json!({"running": {"startedAt": stamp(rng)}}) };
            json!({"containerID": format!("containerd://{}", digest(rng)), "image": container["image"], "imageID": format!("registry.example.com/x@{}", digest(rng)), "lastState": if failing { json!({"terminated": {"containerID": format!("containerd://{}", digest(rng)), "exitCode": 1, "finishedAt": stamp(rng), "reason": "Error", "startedAt": stamp(rng)}}) } else { json!({}) }, "name": container["name"], "ready": !failing, "restartCount": if failing { rng.u32(1..40) } else { rng.u32(0..2) }, "started": !failing, "state": state})
        })
        .collect();
    let spec = json!({
        "containers": containers, "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "nodeName": format!("node-{}", rng.u32(0..200)), "preemptionPolicy": "PreemptLowerPriority", "priority": 0, "restartPolicy": "Always", "schedulerName": "default-scheduler",
        "securityContext": {"fsGroup": 1000}, "serviceAccount": format!("app-{app}"), "serviceAccountName": format!("app-{app}"), "terminationGracePeriodSeconds": 30,
        "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}, {"effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300}],
        "volumes": [{"configMap": {"defaultMode": 420, "name": format!("app-{app}")}, "name": "config"}, {"emptyDir": {}, "name": "cache"}, {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}, {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}}]}}],
    });
    let status = json!({
        "conditions": conditions(rng, &["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"], bad),
        "containerStatuses": statuses, "hostIP": "10.0.0.7", "hostIPs": [{"ip": "10.0.0.7"}], "phase": if bad && rng.bool() { "Pending" } else { "Running" }, "podIP": format!("10.1.{}.{}", rng.u8(..), rng.u8(..)), "podIPs": [{"ip": "10.1.2.3"}], "qosClass": "Burstable", "startTime": stamp(rng),
    });
    let labels = json!({"app": format!("app-{app}"), "app.kubernetes.io/name": format!("app-{app}"), "app.kubernetes.io/version": format!("v{}", rng.u32(0..50)), "pod-template-hash": format!("{:010x}", rng.u32(..)), "team": format!("team-{team}"), "tier": (["frontend", "backend", "batch"][rng.usize(0..3)])});
    let annotations = json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "sidecar.istio.io/status": json!({"initContainers": ["istio-init"], "containers": ["istio-proxy"], "volumes": ["istio-envoy"]}).to_string()});
    let owners = json!([{"apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "ReplicaSet", "name": format!("app-{app}-5d4f8c7b9"), "uid": uid(rng)}]);
    let managed = json!([
        managed(
            "kube-controller-manager",
            "Update",
            None,
            &json!({"metadata": {"annotations": annotations, "labels": labels, "ownerReferences": owners}, "spec": spec}),
            rng
        ),
        managed("kubelet", "Update", Some("status"), &json!({"status": status}), rng),
    ]);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"annotations": annotations, "creationTimestamp": stamp(rng), "generateName": format!("app-{app}-5d4f8c7b9-"), "labels": labels, "managedFields": managed, "name": format!("app-{app}-5d4f8c7b9-{index:05}"), "namespace": format!("ns-{}", rng.u32(0..NAMESPACES)), "ownerReferences": owners, "resourceVersion": format!("{}", 1_000_000 + index), "uid": uid(rng)},
        "spec": spec, "status": status,
    })
}

fn deployment(rng: &mut Rng, index: usize) -> Value {
    let app = rng.u32(0..APPS);
    let labels = json!({"app": format!("app-{app}"), "team": format!("team-{}", rng.u32(0..TEAMS))});
    let spec = json!({"progressDeadlineSeconds": 600, "replicas": rng.u32(1..9), "revisionHistoryLimit": 10, "selector": {"matchLabels": labels}, "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
        "template": {"metadata": {"creationTimestamp": null, "labels": labels}, "spec": {"containers": [container(rng, "app"), container(rng, "istio-proxy")], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always"}}});
    let status = json!({"availableReplicas": spec["replicas"], "conditions": conditions(rng, &["Available", "Progressing"], false), "observedGeneration": 3, "readyReplicas": spec["replicas"], "replicas": spec["replicas"], "updatedReplicas": spec["replicas"]});
    let managed = json!([
        managed(
            "kubectl-client-side-apply",
            "Update",
            None,
            &json!({"metadata": {"labels": labels}, "spec": spec}),
            rng
        ),
        managed("kube-controller-manager", "Update", Some("status"), &json!({"status": status}), rng)
    ]);
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"annotations": {"deployment.kubernetes.io/revision": "3", "kubectl.kubernetes.io/last-applied-configuration": json!({"spec": spec}).to_string()}, "creationTimestamp": stamp(rng), "generation": 3, "labels": labels, "managedFields": managed, "name": format!("app-{app}"), "namespace": format!("ns-{}", rng.u32(0..NAMESPACES)), "resourceVersion": format!("{}", 1_000_000 + index), "uid": uid(rng)},
        "spec": spec, "status": status})
}

fn node(rng: &mut Rng, index: usize) -> Value {
    let images: Vec<Value> = (0..50).map(|_| json!({"names": [format!("registry.example.com/app@{}", digest(rng)), format!("registry.example.com/app:v{}", rng.u32(0..99))], "sizeBytes": rng.u32(..)})).collect();
    let status = json!({"addresses": [{"address": "10.0.0.7", "type": "InternalIP"}], "allocatable": {"cpu": "7910m", "memory": "30420124Ki", "pods": "110"}, "capacity": {"cpu": "8", "memory": "32420124Ki", "pods": "110"},
        "conditions": conditions(rng, &["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"], false), "images": images, "nodeInfo": {"architecture": "amd64", "kubeletVersion": "v1.36.0", "osImage": "Linux"}});
    let labels = json!({"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": format!("node-{index}"), "node.kubernetes.io/instance-type": "m7i.2xlarge", "topology.kubernetes.io/zone": format!("zone-{}", rng.u32(0..3))});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"creationTimestamp": stamp(rng), "labels": labels, "managedFields": [managed("kubelet", "Update", Some("status"), &json!({"status": status}), rng)], "name": format!("node-{index}"), "resourceVersion": format!("{}", 1_000_000 + index), "uid": uid(rng)}, "spec": {"podCIDR": "10.1.0.0/24", "providerID": format!("aws:///zone-1/i-{:017x}", rng.u64(..))}, "status": status})
}
