use crate::connection::Connection;
use crate::{Access, AccessError, Way};
use aws_config::SdkConfig;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError, Clusters, KubeCluster, ListPage, Sparing};
use prodrome_lambda::{Parameters, now};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource, Scope};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Of so many clusters the ways are kept. Whoever can send changes can make clusters up.
const LISTED_MAX: usize = 1_000;

/// A cluster to which there is a way.
pub(crate) type Reached = Arc<Sparing<KubeCluster>>;

/// The clusters that a deployed function reads, each by its scope. There may be no way to some, or to any: then every
/// question about it fails, and what needs an answer goes on without and says so.
///
/// What the settings say nothing of is looked up in the parameter store when it is first asked about, and again every
/// five minutes: the parameter `<CLUSTERS_PATH>/<tenant>/<region>/<cluster>` says how that cluster is reached. A way that is
/// missing or wrong affects its own cluster alone, and is tried again after half a minute.
///
/// A cluster that was silent is not asked for half a minute ([`Sparing`]): a batch, and an answer, have their time.
#[derive(Clone)]
pub struct LiveClusters(Arc<Inner>);

struct Inner {
    own: Option<(Scope, Arc<Connection>)>,
    store: Option<ParameterStore>,
    listed: Mutex<BTreeMap<Scope, Arc<Connection>>>,
}

/// Where the ways to other clusters are looked up.
pub(crate) struct ParameterStore {
    pub(crate) path: String,
    pub(crate) aws: SdkConfig,
    pub(crate) parameters: Parameters,
    pub(crate) clock: fn() -> Timestamp,
    /// Whether a parameter may name a kubeconfig.
    pub(crate) may_be_file: bool,
}

impl Access {
    /// The ways to the clusters. None is gone yet.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn clusters(&self, aws: &SdkConfig) -> Result<LiveClusters, AccessError> {
        self.clusters_by(aws, now)
    }

    pub(crate) fn clusters_by(
        &self,
        aws: &SdkConfig,
        clock: fn() -> Timestamp,
    ) -> Result<LiveClusters, AccessError> {
        let own = self
            .own
            .as_ref()
            .map(|(scope, way)| (scope.clone(), Arc::new(Connection::of_settings(scope, way, aws, clock))));
        // Where the settings name a file, all of it runs on one machine.
        let may_be_file = matches!(self.own, Some((_, Way::Kubeconfig { .. })));
        let store = |path: &String| {
            let parameters =
                Parameters::new(aws).map_err(|error| AccessError::Parameters(error.to_string()))?;
            let (path, aws) = (path.clone(), aws.clone());
            Ok::<_, AccessError>(ParameterStore { path, aws, parameters, clock, may_be_file })
        };
        let store = self.path.as_ref().map(store).transpose()?;
        Ok(LiveClusters(Arc::new(Inner { own, store, listed: Mutex::default() })))
    }
}

impl Clusters for LiveClusters {
    type One = LiveCluster;

    fn of(&self, scope: &Scope) -> LiveCluster {
        let Inner { own, store, listed } = &*self.0;
        if let Some((_, connection)) = own.as_ref().filter(|(own, _)| own == scope) {
            return LiveCluster(Ok(Arc::clone(connection)));
        }
        let Some(store) = store else {
            let only = own.as_ref().map(|(own, _)| format!("; that of {own} alone is (CLUSTER_SCOPE)"));
            let only = only.unwrap_or_default();
            return LiveCluster(Err(format!("no way to the cluster {scope} is configured{only}")));
        };
        // Each change is one insertion, so a panic elsewhere leaves the map whole.
        let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.len() >= LISTED_MAX && !listed.contains_key(scope) {
            listed.clear();
        }
        let new = || Arc::new(Connection::of_parameter(store, scope));
        LiveCluster(Ok(Arc::clone(listed.entry(scope.clone()).or_insert_with(new))))
    }
}

/// One of the [`LiveClusters`]; or why there is none.
#[derive(Clone)]
pub struct LiveCluster(Result<Arc<Connection>, String>);

impl LiveCluster {
    async fn reached(&self) -> Result<Reached, ClusterError> {
        let reached = match &self.0 {
            Ok(connection) => connection.reached().await,
            Err(reason) => Err(reason.clone()),
        };
        reached.map_err(|reason| ClusterError::Unavailable { reason })
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
