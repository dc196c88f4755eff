use crate::http::Http;
use futures::FutureExt;
use futures::future::BoxFuture;
use prodrome_cluster::{Cluster, ClusterError, ListPage};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Any cluster, so that a plugin need not know over which port it reads; with the way to what is outside of it, where
/// there is one.
#[derive(Clone)]
pub struct AnyCluster {
    port: Arc<dyn Dynamic>,
    outside: Option<Arc<Http>>,
    settings: Arc<BTreeMap<String, String>>,
}

impl AnyCluster {
    /// Over a port, with nothing outside: a recording or files are asked about, and what they tell of is of the past.
    pub fn new(cluster: impl Cluster + 'static) -> Self {
        Self { port: Arc::new(cluster), outside: None, settings: Arc::default() }
    }

    /// With the way to what is outside of it.
    #[must_use]
    pub fn with_outside(mut self, http: Http) -> Self {
        self.outside = Some(Arc::new(http));
        self
    }

    /// With settings that plugins ask for by name.
    #[must_use]
    pub fn with_settings(mut self, settings: BTreeMap<String, String>) -> Self {
        self.settings = Arc::new(settings);
        self
    }

    /// A setting.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The way to what is outside of it.
    pub fn outside(&self) -> Option<&Http> {
        self.outside.as_deref()
    }
}

impl Cluster for AnyCluster {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.port.resource(kind).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.port.resources().await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.port.get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.port.list(kind, namespace, selector, after).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.port.events(object, uid).await
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        self.port.logs(pod, container, previous).await
    }
}

/// The port as a trait object.
trait Dynamic: Send + Sync {
    fn resource<'a>(&'a self, kind: &'a GroupKind) -> BoxFuture<'a, Result<Resource, ClusterError>>;
    fn resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ClusterError>>;
    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Result<Option<Vec<u8>>, ClusterError>>;
    fn list<'a>(
        &'a self,
        kind: &'a GroupKind,
        namespace: Option<&'a str>,
        selector: Option<&'a LabelSelector>,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ListPage, ClusterError>>;
    fn events<'a>(
        &'a self,
        object: &'a ObjectKey,
        uid: &'a str,
    ) -> BoxFuture<'a, Result<Vec<EventBrief>, ClusterError>>;
    fn logs<'a>(
        &'a self,
        pod: &'a ObjectKey,
        container: &'a str,
        previous: bool,
    ) -> BoxFuture<'a, Result<Option<String>, ClusterError>>;
}

impl<C: Cluster> Dynamic for C {
    fn resource<'a>(&'a self, kind: &'a GroupKind) -> BoxFuture<'a, Result<Resource, ClusterError>> {
        Cluster::resource(self, kind).boxed()
    }

    fn resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ClusterError>> {
        Cluster::resources(self).boxed()
    }

    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Result<Option<Vec<u8>>, ClusterError>> {
        Cluster::get(self, key).boxed()
    }

    fn list<'a>(
        &'a self,
        kind: &'a GroupKind,
        namespace: Option<&'a str>,
        selector: Option<&'a LabelSelector>,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ListPage, ClusterError>> {
        Cluster::list(self, kind, namespace, selector, after).boxed()
    }

    fn events<'a>(
        &'a self,
        object: &'a ObjectKey,
        uid: &'a str,
    ) -> BoxFuture<'a, Result<Vec<EventBrief>, ClusterError>> {
        Cluster::events(self, object, uid).boxed()
    }

    fn logs<'a>(
        &'a self,
        pod: &'a ObjectKey,
        container: &'a str,
        previous: bool,
    ) -> BoxFuture<'a, Result<Option<String>, ClusterError>> {
        Cluster::logs(self, pod, container, previous).boxed()
    }
}
