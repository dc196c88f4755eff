//! The versions that a workload has had: a Deployment's are its `ReplicaSets`, a `StatefulSet`'s and a `DaemonSet`'s its
//! `ControllerRevisions`.

use prodrome_plugin::{Context, Object, Problem};
use serde_json::Value;

const HASH: &str = "controller-revision-hash";

/// One version.
pub(crate) struct Version {
    number: u64,
    /// What its pods are made by.
    pub(crate) template: Value,
    of: Of,
}

/// How its pods are told from others.
enum Of {
    /// By the uid of the set that made them.
    Set(String),
    /// By the hash that they carry: the whole name of the revision, or the end of it.
    Hashes(Vec<String>),
}

impl Version {
    /// Those of some pods that are of this version.
    pub(crate) fn pods<'p>(&self, pods: &'p [Object]) -> Vec<&'p Object> {
        let is_of = |pod: &&Object| match &self.of {
            Of::Set(uid) => pod.metadata().controller().is_some_and(|owner| owner.uid == *uid),
            Of::Hashes(hashes) => pod.label(HASH).is_some_and(|hash| hashes.iter().any(|one| one == hash)),
        };
        pods.iter().filter(is_of).collect()
    }
}

/// The versions of a workload, the newest first.
pub(crate) async fn of(context: &Context, top: &Object) -> Result<Vec<Version>, Problem> {
    let uid = &top.metadata().uid;
    let kind = if top.kind() == "Deployment" { "apps/ReplicaSet" } else { "apps/ControllerRevision" };
    let all = context.cluster().list(kind, top.namespace(), None).await?;
    let of_it = all.iter().filter(|one| one.metadata().controller().is_some_and(|owner| owner.uid == *uid));
    let mut versions: Vec<Version> =
        of_it.map(if top.kind() == "Deployment" { set } else { revision }).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.number));
    Ok(versions)
}

fn set(set: &Object) -> Version {
    let number = set.text("/metadata/annotations/deployment.kubernetes.io~1revision").parse().unwrap_or(0);
    Version { number, template: set.at("/spec/template").clone(), of: Of::Set(set.metadata().uid.clone()) }
}

fn revision(revision: &Object) -> Version {
    let labels =
        [HASH, "controller.kubernetes.io/hash"].into_iter().filter_map(|label| revision.label(label));
    let hashes = labels.chain([revision.name()]).map(str::to_owned).collect();
    Version {
        number: revision.at("/revision").as_u64().unwrap_or(0),
        template: revision.at("/data/spec/template").clone(),
        of: Of::Hashes(hashes),
    }
}
