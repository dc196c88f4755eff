//! From an object to its pods: of a workload those that it made, of a Service those that it selects, of a Node those
//! that run on it, of a claim those that use it.

use crate::context::Context;
use crate::object::Object;
use crate::pod::telling;
use prodrome_model::Unseen;
use std::cmp::Reverse;

impl Context {
    /// The pods of the object that is diagnosed, those that tell most first: stuck and failing ones before those that
    /// are well, of equals the newest.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn pods(&self) -> Result<Vec<Object>, Unseen> {
        match self.subject().await? {
            Some(subject) => self.pods_of(&subject).await,
            None => Ok(Vec::new()),
        }
    }

    /// The pods of any object, as [`Context::pods`] has them.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn pods_of(&self, object: &Object) -> Result<Vec<Object>, Unseen> {
        let namespace = object.namespace();
        let mut pods = match object.kind() {
            "Pod" => return Ok(vec![object.clone()]),
            "Node" => {
                let all = self.cluster().list("Pod", None, None).await?;
                all.into_iter().filter(|pod| pod.text("/spec/nodeName") == object.name()).collect()
            }
            "Service" => match object.selector("/spec/selector") {
                Some(selector) => self.cluster().list("Pod", namespace, Some(&selector)).await?,
                None => Vec::new(),
            },
            "PersistentVolumeClaim" => {
                let all = self.cluster().list("Pod", namespace, None).await?;
                all.into_iter().filter(|pod| claims(pod).any(|claim| claim == object.name())).collect()
            }
            _ if namespace.is_some() => self.made_by(object).await?,
            _ => Vec::new(),
        };
        pods.sort_by_key(|pod| {
            (Reverse(telling(pod)), Reverse(pod.metadata().creation_timestamp), pod.name().to_owned())
        });
        Ok(pods)
    }

    /// Pods whose controllers lead up to an object.
    async fn made_by(&self, object: &Object) -> Result<Vec<Object>, Unseen> {
        let namespace = object.namespace();
        let mut makers = vec![object.metadata().uid.clone()];
        let between: &[&str] = match object.kind() {
            "Deployment" => &["apps/ReplicaSet"],
            "CronJob" => &["batch/Job"],
            "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => &[],
            // A custom resource may stand above any of these.
            _ => &["apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "batch/Job", "apps/ReplicaSet"],
        };
        for kind in between {
            for middle in self.cluster().list(kind, namespace, None).await? {
                if owned(&middle, &makers, object) {
                    makers.push(middle.metadata().uid.clone());
                }
            }
        }
        let pods = self.cluster().list("Pod", namespace, None).await?;
        Ok(pods.into_iter().filter(|pod| owned(pod, &makers, object)).collect())
    }
}

/// Whether one of the makers controls an object. Files may lack uids; then the names have to do.
fn owned(object: &Object, makers: &[String], top: &Object) -> bool {
    object.metadata().controller().is_some_and(|owner| {
        (!owner.uid.is_empty() && makers.contains(&owner.uid))
            || (owner.uid.is_empty() && owner.kind == top.kind() && owner.name == top.name())
    })
}

/// The claims that a pod uses.
pub(crate) fn claims(pod: &Object) -> impl Iterator<Item = &str> {
    pod.list("/spec/volumes")
        .iter()
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}
