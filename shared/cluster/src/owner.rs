//! Who owns an object: the controllers above it, up to the topmost.

use crate::Cluster;
use prodrome_model::{GroupKind, Metadata, ObjectHead, ObjectKey, ObjectRef, OwnerReference};

/// Owners above owners: a Pod of a Job of a `CronJob` of a custom resource has three.
const STEPS_MAX: usize = 8;

/// The topmost controller of an object, or the object itself where nothing owns it; see [`owners`].
pub async fn topmost_owner(cluster: &impl Cluster, object: &ObjectRef, metadata: &Metadata) -> ObjectRef {
    owners(cluster, object, metadata).await.pop().unwrap_or_else(|| object.clone())
}

/// The controllers above an object, from the nearest to the topmost; none where nothing owns it.
///
/// Where an owner cannot be read or is gone (another object may have its name by now), the way ends with its
/// name; that of a `ReplicaSet` made by a Deployment still tells the Deployment's name. A static pod has no
/// owner: the Node that it names as such is where it runs.
pub async fn owners(cluster: &impl Cluster, object: &ObjectRef, metadata: &Metadata) -> Vec<ObjectRef> {
    let mut owners: Vec<ObjectRef> = Vec::new();
    let mut metadata = metadata.clone();
    while owners.len() < STEPS_MAX {
        let Some(reference) = metadata.controller().filter(|owner| owner.kind != "Node") else { break };
        let owner = refer(cluster, reference, object.namespace.as_deref()).await;
        if owner == *object || owners.contains(&owner) {
            break;
        }
        let parent = read(cluster, &owner, &reference.uid).await;
        let deployment = deployment_of(&owner, metadata.labels.get("pod-template-hash"));
        owners.push(owner);
        let Some(parent) = parent else {
            owners.extend(deployment);
            break;
        };
        metadata = parent;
    }
    owners
}

/// A reference as a name: in the same namespace, unless its kind has none.
async fn refer(cluster: &impl Cluster, owner: &OwnerReference, namespace: Option<&str>) -> ObjectRef {
    let kind = GroupKind::from_api_version(&owner.api_version, &owner.kind);
    let is_global = cluster.resource(&kind).await.is_ok_and(|resource| !resource.namespaced);
    ObjectRef {
        api_version: owner.api_version.clone(),
        kind: owner.kind.clone(),
        namespace: namespace.filter(|_| !is_global).map(str::to_owned),
        name: owner.name.clone(),
    }
}

async fn read(cluster: &impl Cluster, owner: &ObjectRef, uid: &str) -> Option<Metadata> {
    let key: ObjectKey = owner.key();
    let bytes = cluster.get(&key).await.ok().flatten()?;
    let head: ObjectHead = serde_json::from_slice(&bytes).ok()?;
    let same = uid.is_empty() || head.metadata.uid.is_empty() || head.metadata.uid == uid;
    same.then_some(head.metadata)
}

/// The Deployment that a `ReplicaSet`'s name tells, given the hash that its pods carry.
fn deployment_of(owner: &ObjectRef, hash: Option<&String>) -> Option<ObjectRef> {
    if owner.kind != "ReplicaSet" || owner.api_version != "apps/v1" {
        return None;
    }
    let name = owner.name.strip_suffix(&**hash?)?.strip_suffix('-').filter(|name| !name.is_empty())?;
    Some(ObjectRef { kind: "Deployment".into(), name: name.into(), ..owner.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectsCluster;
    use prodrome_model::Resource;
    use prodrome_recording::builtin_of_kind;
    use serde_json::{Value, json};

    fn resource(api_version: &str, kind: &str, namespaced: bool) -> Resource {
        let kind = GroupKind::from_api_version(api_version, kind);
        builtin_of_kind(&kind).unwrap_or_else(|| Resource {
            plural: format!("{}s", kind.kind.to_lowercase()),
            version: "v1".into(),
            group: kind.group,
            kind: kind.kind,
            namespaced,
        })
    }

    /// (apiVersion, kind, name, owner's index in the list)
    fn cluster(objects: &[(&str, &str, &str, Option<usize>)]) -> ObjectsCluster {
        let cluster = ObjectsCluster::new();
        for (i, (api_version, kind, name, owner)) in objects.iter().enumerate() {
            let resource = resource(api_version, kind, *kind != "Tenant");
            let namespace = resource.namespaced.then_some("n");
            let owners: Vec<Value> = owner
                .map(|i| {
                    let (api_version, kind, name, _) = objects[i];
                    json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": i.to_string(), "controller": true })
                })
                .into_iter()
                .collect();
            let object = json!({ "metadata": { "name": name, "namespace": namespace, "uid": i.to_string(), "ownerReferences": owners } });
            cluster.apply(&resource, object.to_string().as_bytes()).unwrap();
        }
        cluster
    }

    fn pod(owner: &Value, labels: &Value) -> (ObjectRef, Metadata) {
        let object = ObjectRef {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: Some("n".into()),
            name: "p".into(),
        };
        let metadata = json!({ "name": "p", "namespace": "n", "labels": labels, "ownerReferences": [owner] });
        (object, serde_json::from_value(metadata).unwrap())
    }

    async fn names(cluster: &ObjectsCluster, owner: Value, labels: Value) -> Vec<String> {
        let (object, metadata) = pod(&owner, &labels);
        let top = topmost_owner(cluster, &object, &metadata).await;
        let owners = owners(cluster, &object, &metadata).await;
        assert_eq!(owners.last().unwrap_or(&object), &top);
        owners.iter().map(ToString::to_string).collect()
    }

    fn replica_set(uid: &str) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5f", "uid": uid, "controller": true })
    }

    #[tokio::test]
    async fn controllers_are_followed_to_the_topmost() {
        let cluster = cluster(&[
            ("apps/v1", "ReplicaSet", "web-5f", Some(1)),
            ("apps/v1", "Deployment", "web", Some(2)),
            ("shop.io/v1", "Shop", "shop", Some(3)),
            ("shop.io/v1", "Tenant", "acme", None),
        ]);
        let owners = names(&cluster, replica_set("0"), json!({})).await;
        assert_eq!(owners, ["ReplicaSet n/web-5f", "Deployment n/web", "Shop n/shop", "Tenant acme"]);
    }

    #[tokio::test]
    async fn what_is_gone_still_tells_its_name() {
        let empty = ObjectsCluster::new();
        let labels = json!({ "pod-template-hash": "5f" });
        let known = names(&empty, replica_set("0"), labels.clone()).await;
        assert_eq!(known, ["ReplicaSet n/web-5f", "Deployment n/web"]);
        assert_eq!(names(&empty, replica_set("0"), json!({})).await, ["ReplicaSet n/web-5f"]);
        let other_hash = json!({ "pod-template-hash": "66" });
        assert_eq!(names(&empty, replica_set("0"), other_hash).await, ["ReplicaSet n/web-5f"]);
        // A ReplicaSet of its own right, with no Deployment above it, is its pods' top.
        let alone = cluster(&[("apps/v1", "ReplicaSet", "web-5f", None)]);
        assert_eq!(names(&alone, replica_set("0"), labels.clone()).await, ["ReplicaSet n/web-5f"]);
        // Another one has its name now.
        let other = names(&alone, replica_set("other"), labels).await;
        assert_eq!(other, ["ReplicaSet n/web-5f", "Deployment n/web"]);
        // The name of a Job is no proof of a CronJob.
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "name": "nightly-29", "uid": "7", "controller": true });
        assert_eq!(names(&empty, job, json!({})).await, ["Job n/nightly-29"]);
    }

    #[tokio::test]
    async fn a_static_pod_is_its_own_top() {
        let node =
            json!({ "apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "0", "controller": true });
        assert!(names(&ObjectsCluster::new(), node, json!({})).await.is_empty());
    }

    #[tokio::test]
    async fn a_loop_and_an_endless_chain_end() {
        let looping = cluster(&[
            ("apps/v1", "ReplicaSet", "web-5f", Some(1)),
            ("apps/v1", "Deployment", "web", Some(0)),
        ]);
        let owners = names(&looping, replica_set("0"), json!({})).await;
        assert_eq!(owners, ["ReplicaSet n/web-5f", "Deployment n/web"]);

        let long: Vec<String> = (0..20).map(|i| format!("s{i}")).collect();
        let mut objects = vec![("apps/v1", "ReplicaSet", "web-5f", Some(1))];
        objects.extend(long.iter().enumerate().map(|(i, name)| ("shop.io/v1", "Shop", &**name, Some(i + 2))));
        objects.push(("shop.io/v1", "Shop", "end", None));
        assert_eq!(names(&cluster(&objects), replica_set("0"), json!({})).await.len(), STEPS_MAX);
    }
}
