use crate::listed::Listed;
use crate::{Access, AccessError};
use aws_config::SdkConfig;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError, Clusters, KubeCluster, ListPage, Sparing};
use prodrome_lambda::{Parameters, now};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource, Scope};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A cluster to which there is a way. A batch, and an answer, have their time: a silent API server must not take all of
/// it.
pub(crate) type Reached = Arc<Sparing<KubeCluster>>;

/// The clusters that a deployed function reads, each by its scope. There may be no way to some, or to any: then every
/// question about it fails, and what needs an answer goes on without and says so.
///
/// What the settings say nothing of is looked up in the parameter store when it is first asked about, and again every
/// five minutes: the parameter `<CLUSTERS_PATH>/<tenant>/<region>/<cluster>` says how that cluster is reached. One that is
/// missing or wrong affects its own cluster alone, and is read again after half a minute.
#[derive(Clone)]
pub struct LiveClusters(Arc<Inner>);

struct Inner {
    own: Option<(Scope, Reached)>,
    store: Option<ParameterStore>,
    listed: Mutex<BTreeMap<Scope, Arc<Listed>>>,
}

/// Where the ways to other clusters are looked up.
pub(crate) struct ParameterStore {
    pub(crate) path: String,
    pub(crate) aws: SdkConfig,
    pub(crate) parameters: Parameters,
    pub(crate) clock: fn() -> Timestamp,
}

impl Access {
    /// Makes the ways to the clusters.
    ///
    /// # Errors
    /// Where the way that the settings name cannot be used.
    pub async fn connect(&self, aws: &SdkConfig) -> Result<LiveClusters, AccessError> {
        self.connect_by(aws, now).await
    }

    pub(crate) async fn connect_by(
        &self,
        aws: &SdkConfig,
        clock: fn() -> Timestamp,
    ) -> Result<LiveClusters, AccessError> {
        let own = match &self.own {
            Some((scope, way)) => Some((scope.clone(), way.connect(aws).await?)),
            None => None,
        };
        let store = |path: &String| {
            let parameters =
                Parameters::new(aws).map_err(|error| AccessError::Parameters(error.to_string()))?;
            Ok::<_, AccessError>(ParameterStore { path: path.clone(), aws: aws.clone(), parameters, clock })
        };
        let store = self.path.as_ref().map(store).transpose()?;
        Ok(LiveClusters(Arc::new(Inner { own, store, listed: Mutex::default() })))
    }
}

impl Clusters for LiveClusters {
    type One = LiveCluster;

    fn of(&self, scope: &Scope) -> LiveCluster {
        let Inner { own, store, listed } = &*self.0;
        if let Some((_, reached)) = own.as_ref().filter(|(own, _)| own == scope) {
            return LiveCluster(At::Own(Arc::clone(reached)));
        }
        let Some(store) = store else {
            let only = own.as_ref().map(|(own, _)| format!("; that of {own} alone is (CLUSTER_SCOPE)"));
            let only = only.unwrap_or_default();
            return LiveCluster(At::Nowhere(format!("no way to the cluster {scope} is configured{only}")));
        };
        // Each change is one insertion, so a panic elsewhere leaves the map whole.
        let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = listed.entry(scope.clone()).or_insert_with(|| Arc::new(Listed::new(store, scope)));
        LiveCluster(At::Listed(Arc::clone(entry)))
    }
}

/// One of the [`LiveClusters`].
#[derive(Clone)]
pub struct LiveCluster(At);

#[derive(Clone)]
enum At {
    Own(Reached),
    Listed(Arc<Listed>),
    /// Why.
    Nowhere(String),
}

impl LiveCluster {
    async fn reached(&self) -> Result<Reached, ClusterError> {
        match &self.0 {
            At::Own(reached) => Ok(Arc::clone(reached)),
            At::Listed(listed) => {
                listed.reached().await.map_err(|reason| ClusterError::Unavailable { reason })
            }
            At::Nowhere(reason) => Err(ClusterError::Unavailable { reason: reason.clone() }),
        }
    }
}

impl Cluster for LiveCluster {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.reached().await?.resource(kind).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.reached().await?.resources().await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.reached().await?.get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.reached().await?.list(kind, namespace, selector, after).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.reached().await?.events(object, uid).await
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        self.reached().await?.logs(pod, container, previous).await
    }
}

#[cfg(test)]
mod tests;
