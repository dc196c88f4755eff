//! What changed shortly before it broke: versions that were rolled out, what the pods refer to, the node, policies.
//!
//! It names no cause: that something came before is not why. It says who changed what, and how long before.

use jiff::{SignedDuration, Timestamp};
use prodrome_plugin::{Context, Evidence, FactType, NoParams, Object, Plugin, Problem, Response};
use std::collections::BTreeSet;

/// What changed longer before is no news.
const WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// Clocks differ, and a rule sees a fault a little after it began.
const AFTER: SignedDuration = SignedDuration::from_secs(5);
const TOLD_MAX: usize = 6;
/// References of a pod that are looked at.
const REFERENCES_MAX: usize = 16;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("recent-changes", diagnose)
        .about("What changed shortly before it broke.")
        .reads("", "pods", &["get", "list"])
        .reads("", "configmaps", &["get"])
        .reads("", "serviceaccounts", &["get"])
        .reads("", "persistentvolumeclaims", &["get"])
        .reads("", "nodes", &["get"])
        .reads("", "resourcequotas", &["list"])
        .reads("apps", "replicasets", &["list"])
        .reads("networking.k8s.io", "networkpolicies", &["list"])
        .reads_if_granted("", "secrets", &["get"])
        .fact("changed", FactType::Texts)
        .fact("seconds", FactType::Number)
        .names(&[])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let pods = context.pods_of(&subject).await.unwrap_or_default();
    let broke = context.request().rule.since;
    let mut changes = of_object(&subject);
    let workload = context.workload();
    if let Ok(Some(top)) = context.cluster().fetch(workload).await {
        if top.reference() != subject.reference() {
            changes.extend(of_object(&top));
        }
        if top.kind() == "Deployment" {
            let sets =
                context.cluster().list("apps/ReplicaSet", top.namespace(), None).await.unwrap_or_default();
            changes.extend(sets.iter().filter_map(|set| rolled_out(set, &top)));
        }
    }
    if let Some(pod) = pods.first() {
        for (kind, name) in references(pod) {
            if let Ok(Some(object)) = context.cluster().get(kind, pod.namespace(), &name).await {
                changes.extend(of_object(&object));
            }
        }
        let node = pod.text("/spec/nodeName");
        if !node.is_empty()
            && let Ok(Some(node)) = context.cluster().get("Node", None, node).await
        {
            changes.extend(of_object(&node));
        }
    }
    if let Some(namespace) = subject.namespace() {
        for kind in ["networking.k8s.io/NetworkPolicy", "ResourceQuota"] {
            let all = context.cluster().list(kind, Some(namespace), None).await.unwrap_or_default();
            changes.extend(all.iter().flat_map(of_object));
        }
    }
    Ok(explain(changes, broke))
}

/// A change of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: Timestamp,
    what: String,
}

/// From who wrote which of its fields when; what a status says of itself is no change.
fn of_object(object: &Object) -> Vec<Change> {
    let name = object.reference().to_string();
    let written = object.list("/metadata/managedFields").iter().filter(|entry| {
        let of_status = entry["subresource"].as_str().is_some_and(|resource| !resource.is_empty());
        !of_status && !entry["fieldsV1"]["f:spec"].is_null()
            || !entry["fieldsV1"]["f:data"].is_null()
            || !entry["fieldsV1"]["f:metadata"]["f:labels"].is_null() && object.kind() == "Node" && !of_status
    });
    let mut changes: Vec<Change> = written
        .filter_map(|entry| {
            let by = entry["manager"].as_str().unwrap_or("somebody");
            Some(Change {
                at: entry["time"].as_str()?.parse().ok()?,
                what: format!("{name} was changed by {by}"),
            })
        })
        .collect();
    if let Some(at) = object.metadata().creation_timestamp {
        // What was made is not also changed in the same moment.
        changes.retain(|change| change.at.duration_since(at) > SignedDuration::from_secs(1));
        changes.push(Change { at, what: format!("{name} was made") });
    }
    changes
}

/// A version of a Deployment begins with its `ReplicaSet`.
fn rolled_out(set: &Object, top: &Object) -> Option<Change> {
    let owner = set.metadata().controller()?;
    let revision = set.at("/metadata/annotations/deployment.kubernetes.io~1revision").as_str().unwrap_or("?");
    let at = set.metadata().creation_timestamp?;
    (owner.uid == top.metadata().uid)
        .then(|| Change { at, what: format!("version {revision} of {} was rolled out", top.reference()) })
}

/// What a pod refers to by name.
fn references(pod: &Object) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    let mut add = |kind: &'static str, name: &serde_json::Value| {
        if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
            found.insert((kind, name.to_owned()));
        }
    };
    for list in ["/spec/initContainers", "/spec/containers"] {
        for container in pod.list(list) {
            for variable in container["env"].as_array().into_iter().flatten() {
                add("ConfigMap", &variable["valueFrom"]["configMapKeyRef"]["name"]);
                add("Secret", &variable["valueFrom"]["secretKeyRef"]["name"]);
            }
            for source in container["envFrom"].as_array().into_iter().flatten() {
                add("ConfigMap", &source["configMapRef"]["name"]);
                add("Secret", &source["secretRef"]["name"]);
            }
        }
    }
    for volume in pod.list("/spec/volumes") {
        add("ConfigMap", &volume["configMap"]["name"]);
        add("Secret", &volume["secret"]["secretName"]);
        add("PersistentVolumeClaim", &volume["persistentVolumeClaim"]["claimName"]);
        for source in volume["projected"]["sources"].as_array().into_iter().flatten() {
            add("ConfigMap", &source["configMap"]["name"]);
            add("Secret", &source["secret"]["name"]);
        }
    }
    for secret in pod.list("/spec/imagePullSecrets") {
        add("Secret", &secret["name"]);
    }
    add("ServiceAccount", pod.at("/spec/serviceAccountName"));
    found.into_iter().take(REFERENCES_MAX).collect()
}

fn explain(mut changes: Vec<Change>, broke: Timestamp) -> Response {
    changes.retain(|change| {
        let before = broke.duration_since(change.at);
        before <= WITHIN && before >= -AFTER
    });
    changes.sort();
    changes.dedup();
    // The nearest first.
    changes.reverse();
    let Some(last) = changes.first() else {
        return Response::cleared("nothing that it depends on changed in the 30 minutes before");
    };
    let seconds = broke.duration_since(last.at).as_secs().max(0);
    let texts: Vec<String> = changes
        .iter()
        .take(TOLD_MAX)
        .map(|change| {
            format!("{}, {} before it broke", change.what, span(broke.duration_since(change.at).as_secs()))
        })
        .collect();
    let mut response =
        Response::unknown(texts[0].clone()).fact("changed", texts.clone()).fact("seconds", seconds);
    for text in texts {
        response = response.because(Evidence::new("change", text));
    }
    response
}

fn span(seconds: i64) -> String {
    match seconds.max(0) {
        short @ 0..120 => format!("{short} s"),
        long => format!("{} min", long / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn kit() -> Kit {
        // It broke at noon, as the kit has it.
        let owner = |kind: &str, name: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true }]);
        let set = |name: &str, revision: &str, made: &str| {
            json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "name": name, "namespace": "shop", "uid": name,
                "creationTimestamp": made, "ownerReferences": owner("Deployment", "web"),
                "annotations": { "deployment.kubernetes.io/revision": revision } } })
        };
        Kit::new()
            .with(json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop", "uid": "web",
                "creationTimestamp": "2025-06-01T00:00:00Z", "managedFields": [
                    { "manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-01-01T11:59:30Z", "fieldsV1": { "f:status": {} } },
                    { "manager": "kubectl-set", "operation": "Update", "time": "2026-01-01T11:56:00Z", "fieldsV1": { "f:spec": { "f:template": {} } } }] } }))
            .with(set("web-1", "1", "2025-06-01T00:00:00Z"))
            .with(set("web-2", "2", "2026-01-01T11:56:01Z"))
            .with(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web", "namespace": "shop", "creationTimestamp": "2025-06-01T00:00:00Z",
                "managedFields": [{ "manager": "kubectl-edit", "operation": "Update", "time": "2026-01-01T11:59:00Z", "fieldsV1": { "f:data": { "f:url": {} } } }] } }))
            .with(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "old", "namespace": "shop", "creationTimestamp": "2025-06-01T00:00:00Z" } }))
            .with(pod(&owner("ReplicaSet", "web-2")))
    }

    fn pod(owner: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-2-a", "namespace": "shop", "uid": "p", "ownerReferences": owner,
                "creationTimestamp": "2026-01-01T11:56:02Z" },
            "spec": { "containers": [{ "name": "web", "envFrom": [{ "configMapRef": { "name": "web" } }, { "configMapRef": { "name": "old" } }] }] } })
    }

    #[tokio::test]
    async fn what_changed_before_is_told_the_nearest_first() {
        let answer = kit().ask(&plugin(), "Pod shop/web-2-a").await;
        let told: Vec<&str> = answer.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        assert_eq!(
            told,
            [
                "ConfigMap shop/web was changed by kubectl-edit, 60 s before it broke",
                "Pod shop/web-2-a was made, 3 min before it broke",
                "version 2 of Deployment shop/web was rolled out, 3 min before it broke",
                "Deployment shop/web was changed by kubectl-set, 4 min before it broke",
            ]
        );
        assert_eq!((answer.verdict.as_str(), answer.facts["seconds"].as_i64()), ("unknown", Some(60)));
    }

    #[tokio::test]
    async fn what_changed_long_before_is_no_news() {
        let later = "2026-01-01T13:00:00Z".parse().unwrap();
        let answer = kit().at(later).ask(&plugin(), "Pod shop/web-2-a").await;
        assert_eq!(answer.verdict.as_str(), "cleared", "{answer:?}");
    }
}
