//! Who owns an object: the topmost controller above it.

use crate::Cluster;
use prodrome_model::{GroupKind, Metadata, ObjectHead, ObjectKey, ObjectRef, OwnerReference};

/// Owners above owners: a Pod of a Job of a CronJob of a custom resource has three.
const STEPS_MAX: usize = 8;

/// The topmost controller of an object, or the object itself where nothing owns it.
///
/// Where an owner cannot be read or is gone, it is the last one that is known by name; that of a ReplicaSet
/// made by a Deployment tells the Deployment's name by itself. A static pod is its own top: the Node that it
/// names as its owner is where it runs.
pub async fn topmost_owner(cluster: &impl Cluster, object: &ObjectRef, metadata: &Metadata) -> ObjectRef {
    let mut top = object.clone();
    let mut metadata = metadata.clone();
    let mut seen = vec![metadata.uid.clone()];
    for _ in 0..STEPS_MAX {
        let Some(owner) = metadata.controller().filter(|owner| owner.kind != "Node") else { return top };
        if owner.uid.is_empty() || seen.contains(&owner.uid) {
            return top;
        }
        seen.push(owner.uid.clone());
        let (owner, hash) = (owner.clone(), metadata.labels.get("pod-template-hash").cloned());
        let namespace = object.namespace.clone();
        top = ObjectRef {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            namespace: namespace.clone(),
            name: owner.name.clone(),
        };
        let kind = GroupKind::from_api_version(&owner.api_version, &owner.kind);
        let key = ObjectKey::new(kind, namespace.as_deref(), &*owner.name);
        let parent = match cluster.get(&key).await {
            Ok(Some(bytes)) => serde_json::from_slice::<ObjectHead>(&bytes).ok(),
            Ok(None) | Err(_) => None,
        };
        match parent.filter(|parent| parent.metadata.uid == owner.uid) {
            Some(parent) => metadata = parent.metadata,
            None => return deployment_of(&owner, hash.as_deref(), namespace).unwrap_or(top),
        }
    }
    top
}

/// The Deployment that a ReplicaSet's name tells, given the hash that its pods carry.
fn deployment_of(owner: &OwnerReference, hash: Option<&str>, namespace: Option<String>) -> Option<ObjectRef> {
    if owner.kind != "ReplicaSet" || owner.api_version != "apps/v1" {
        return None;
    }
    let name = owner.name.strip_suffix(hash?)?.strip_suffix('-')?;
    Some(ObjectRef { api_version: "apps/v1".into(), kind: "Deployment".into(), namespace, name: name.into() })
}
