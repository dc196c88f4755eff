use prodrome_cluster::{Cluster, ClusterError, KubeCluster, ListPage};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource};

/// The cluster that a deployed function reads, if it may reach one.
#[derive(Clone)]
pub enum LiveCluster {
    /// None: every question fails, and what needs an answer goes on without and says so.
    Unreachable,
    /// Over the Kubernetes API.
    Kube(Box<KubeCluster>),
}

impl LiveCluster {
    fn kube(&self) -> Result<&KubeCluster, ClusterError> {
        match self {
            Self::Kube(cluster) => Ok(cluster),
            Self::Unreachable => {
                Err(ClusterError::Unavailable { reason: "no cluster is configured to be read".to_owned() })
            }
        }
    }
}

impl Cluster for LiveCluster {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.kube()?.resource(kind).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.kube()?.resources().await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.kube()?.get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.kube()?.list(kind, namespace, selector, after).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.kube()?.events(object, uid).await
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        self.kube()?.logs(pod, container, previous).await
    }
}
