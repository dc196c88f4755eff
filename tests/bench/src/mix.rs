//! What is fed to the watcher: objects that no rule has anything to say of.

use crate::counting::CountingStore;
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use prodrome_cluster::ObjectsCluster;
use prodrome_evaluate::Evaluate;
use prodrome_lambda::{Delivery, Handler, Tally};
use prodrome_model::{ChangeKind, Resource, Scope, Source};
use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_queue::{Body, MemoryQueue};
use prodrome_recording::{Recording, StepKind, Timeline, builtin_of_kind};
use prodrome_rules::{RuleSet, SourceFile};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// How large the large objects are.
pub const LARGE_BYTES: usize = 14 * 1024;

/// A sort of load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mix {
    /// What it is called.
    pub name: String,
    /// The instant at which these objects are well.
    pub now: Timestamp,
    /// The objects, again and again in this order.
    pub templates: Vec<Template>,
}

/// An object of which any number can be made, each in any version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Template {
    /// Of which resource.
    pub resource: Resource,
    /// Its JSON, in which the name, the uid and the version are [`NAME`], [`UID`] and [`VERSION`].
    pub text: String,
}

/// Stands for the name.
pub const NAME: &str = "@name@";
/// Stands for the uid.
pub const UID: &str = "@uid@";
/// Stands for the resourceVersion.
pub const VERSION: &str = "@version@";

impl Template {
    fn of(resource: &Resource, object: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            name: String,
            uid: String,
            resource_version: String,
        }
        let Head { metadata } = serde_json::from_str(object).ok()?;
        let mut text = object.to_owned();
        for (key, value, mark) in [
            ("name", &metadata.name, NAME),
            ("uid", &metadata.uid, UID),
            ("resourceVersion", &metadata.resource_version, VERSION),
        ] {
            // The first of these is the object's own: metadata comes before what may hold others.
            let (found, place) = (format!("\"{key}\":\"{value}\""), format!("\"{key}\":\"{mark}\""));
            text = text.contains(&found).then(|| text.replacen(&found, &place, 1))?;
        }
        Some(Self { resource: resource.clone(), text })
    }

    /// The object of this number, in this version.
    pub fn object(&self, number: usize, version: u64) -> String {
        let text = self.text.replacen(NAME, &format!("object-{number:05}"), 1);
        let text = text.replacen(UID, &format!("0f7c1d5e-9b1a-4c58-8c1c-{number:012}"), 1);
        text.replacen(VERSION, &version.to_string(), 1)
    }
}

/// The shipped rules.
pub fn rules(root: &Path) -> Result<Arc<RuleSet>> {
    let mut paths =
        std::fs::read_dir(root.join("rules"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| SourceFile::is_rule_file(&path.file_name().unwrap_or_default().to_string_lossy()));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        Ok(SourceFile { name: path.display().to_string(), text: std::fs::read_to_string(path)? })
    };
    let files = paths.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(prodrome_rules::load(&files).rules))
}

/// The applied objects of all recordings, in order of time, without those that a rule has anything to say of; and
/// how many there were with them.
pub async fn recorded(root: &Path, rules: &Arc<RuleSet>) -> Result<(Mix, usize)> {
    let entries = std::fs::read_dir(root.join("events/recordings"))?;
    let mut dirs = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    dirs.retain(|dir| dir.join("meta.json").is_file());
    dirs.sort();
    let recordings = dirs.iter().map(Recording::open).collect::<Result<Vec<_>, _>>()?;
    let start = recordings.iter().map(Recording::start).min().context("there is no recording")?;
    let timeline = Timeline::merge(recordings);
    let now = start + timeline.length();
    let (mut templates, mut all) = (Vec::new(), 0);
    for step in timeline.steps(start)? {
        let step = step?;
        if step.kind != StepKind::Applied {
            continue;
        }
        all += 1;
        let Some(template) = Template::of(&step.resource, &step.object) else { continue };
        // Under the name that it is given: some rules pass over objects by name.
        if is_quiet(rules, &step.resource, template.object(0, 1).as_bytes(), now).await? {
            templates.push(template);
        }
    }
    if templates.is_empty() {
        bail!("no recorded object is quiet");
    }
    Ok((Mix { name: "recorded mix".to_owned(), now, templates }, all))
}

/// Pods of so many bytes that are well.
pub async fn large(rules: &Arc<RuleSet>, bytes: usize) -> Result<Mix> {
    let now: Timestamp = "2026-11-23T21:00:00Z".parse()?;
    let resource =
        builtin_of_kind(&prodrome_model::GroupKind::new("", "Pod")).context("pods are built in")?;
    let object = large_pod(bytes).to_string();
    if !is_quiet(rules, &resource, object.as_bytes(), now).await? {
        bail!("a rule has something to say of the large pod, which is meant to be well");
    }
    let template = Template::of(&resource, &object).context("the large pod has a head")?;
    Ok(Mix { name: format!("pods of {} KiB", bytes / 1024), now, templates: vec![template] })
}

/// A pod as large clusters have them: a side car or two, long environments, probes, annotations.
fn large_pod(bytes: usize) -> serde_json::Value {
    let digest = |n: usize| {
        format!("{:064x}", (n as u128 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    };
    let then = "2026-11-23T18:00:00Z";
    let variables = |of: usize| -> Vec<_> {
        let one = |n: usize| serde_json::json!({"name": format!("SETTING_{of}_{n}"), "value": digest(of * 100 + n)});
        (0..24).map(one).collect()
    };
    let container = |n: usize| {
        serde_json::json!({
            "name": format!("part-{n}"), "image": format!("registry.example.com/shop/part-{n}@sha256:{}", digest(n)),
            "env": variables(n), "ports": [{"containerPort": 8000 + n, "protocol": "TCP", "name": "http"}],
            "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            "livenessProbe": {"httpGet": {"path": "/live", "port": 8000 + n, "scheme": "HTTP"}, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000 + n, "scheme": "HTTP"}, "periodSeconds": 5, "failureThreshold": 3, "timeoutSeconds": 1},
            "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
        })
    };
    let status = |n: usize| {
        serde_json::json!({
            "name": format!("part-{n}"), "ready": true, "started": true, "restartCount": 0,
            "image": format!("registry.example.com/shop/part-{n}:1.0"), "imageID": format!("registry.example.com/shop/part-{n}@sha256:{}", digest(n)),
            "containerID": format!("containerd://{}", digest(n + 50)), "lastState": {}, "state": {"running": {"startedAt": then}},
        })
    };
    let condition = |kind: &str| serde_json::json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": then});
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let conditions = conditions.map(condition);
    let mut pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web-5d9c7b8f6d-abcde", "generateName": "web-5d9c7b8f6d-", "namespace": "shop", "uid": "the-uid", "resourceVersion": "1",
            "creationTimestamp": then, "labels": {"app": "web", "pod-template-hash": "5d9c7b8f6d"}, "annotations": {},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d9c7b8f6d", "uid": "its-uid", "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {"nodeName": "node-a", "restartPolicy": "Always", "serviceAccountName": "web", "terminationGracePeriodSeconds": 30,
            "containers": [container(0), container(1), container(2)], "volumes": [{"name": "token", "projected": {"defaultMode": 420, "sources": []}}]},
        "status": {"phase": "Running", "qosClass": "Burstable", "startTime": then, "podIP": "10.1.2.3", "hostIP": "10.0.0.4",
            "conditions": conditions,
            "containerStatuses": [status(0), status(1), status(2)]},
    });
    for n in 0.. {
        if pod.to_string().len() >= bytes {
            break;
        }
        pod["metadata"]["annotations"][format!("example.com/note-{n:02}")] = digest(n + 200).into();
    }
    pod
}

/// Whether the evaluation of this object, as if it had just changed, leaves nothing behind.
async fn is_quiet(rules: &Arc<RuleSet>, resource: &Resource, object: &[u8], now: Timestamp) -> Result<bool> {
    let (store, queue) = (CountingStore::default(), MemoryQueue::new(now));
    let cluster = ObjectsCluster::new();
    cluster.apply(resource, object)?;
    let evaluate = Evaluate::new(store.clone(), queue.clone(), cluster, rules.clone(), 1);
    let scope = Scope::new("default", "local", "bench");
    let mut builder = PackBuilder::new(&PackHead { scope, shard: None, shards: 1 });
    let head = ChangeHead {
        kind: ChangeKind::Applied,
        resource,
        epoch: 1,
        sequence: 1,
        observed_at: now,
        source: &Source::Watch,
        list: None,
    };
    builder.push_raw(&head, Some(object));
    let body = Body::Pack(builder.finish()?.bytes);
    let delivery = Delivery { id: "1".to_owned(), body, attempt: 1, sent_at: None };
    let mut tally = Tally::default();
    let handled = evaluate.handle(&delivery, now, &mut tally).await;
    Ok(handled.is_ok() && store.is_empty() && queue.sent() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_object_any_number_is_made() {
        let pod = prodrome_model::GroupKind::new("", "Pod");
        let resource = builtin_of_kind(&pod).unwrap();
        let object = r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"7","ownerReferences":[{"name":"a","uid":"u"}]}}"#;
        let template = Template::of(&resource, object).unwrap();
        let made: serde_json::Value = serde_json::from_str(&template.object(3, 42)).unwrap();
        assert_eq!(made["metadata"]["name"], "object-00003");
        assert_eq!(made["metadata"]["resourceVersion"], "42");
        assert_eq!(made["metadata"]["ownerReferences"][0]["name"], "a");
        assert_ne!(template.object(3, 42), template.object(4, 42));
        assert!(Template::of(&resource, r#"{"metadata":{"name":"a"}}"#).is_none());
    }

    #[tokio::test]
    async fn of_the_large_pod_no_shipped_rule_says_anything() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let rules = rules(&root).unwrap();
        assert!(rules.rules().len() > 100);
        assert_eq!(large(&rules, LARGE_BYTES).await.unwrap().templates.len(), 1);
    }

    #[test]
    fn the_large_pod_is_as_large_as_it_says() {
        let bytes = large_pod(LARGE_BYTES).to_string().len();
        assert!((LARGE_BYTES..LARGE_BYTES + 200).contains(&bytes), "{bytes}");
    }
}
