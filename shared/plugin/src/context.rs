use crate::http::Http;
use crate::object::Object;
use crate::view::View;
use jiff::Timestamp;
use prodrome_cluster::owner;
use prodrome_model::{ObjectRef, PluginRequest, PluginResponse, Unseen};
use std::sync::Arc;

/// What a plugin is asked about, and what it may look at.
#[derive(Clone)]
pub struct Context {
    request: Arc<PluginRequest>,
    cluster: View,
}

impl Context {
    /// Of a request, over a view of its cluster.
    pub fn new(request: PluginRequest, cluster: View) -> Self {
        Self { request: Arc::new(request), cluster }
    }

    /// The whole request.
    pub fn request(&self) -> &PluginRequest {
        &self.request
    }

    /// The object that is diagnosed, by its name.
    pub fn object(&self) -> &ObjectRef {
        &self.request.object
    }

    /// Its topmost controller, or itself.
    pub fn workload(&self) -> &ObjectRef {
        &self.request.workload
    }

    /// The time to take for the present.
    pub fn now(&self) -> Timestamp {
        self.request.now
    }

    /// What a node before answered; `None` where it did not run or failed.
    pub fn result(&self, node: &str) -> Option<&PluginResponse> {
        self.request.results.get(node)
    }

    /// The cluster, to be read.
    pub const fn cluster(&self) -> &View {
        &self.cluster
    }

    /// Asks by HTTP outside of the cluster, within limits. What could not be asked is noted under `what`.
    ///
    /// # Errors
    /// Where nothing outside is asked: for recordings and files.
    pub fn http(&self, what: &str) -> Result<Http, Unseen> {
        self.cluster.http(what)
    }

    /// A setting that the plugin declares; `None` where it is not set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.cluster.setting(name)
    }

    /// The object that is diagnosed, as it is now; `None` where it is gone.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn subject(&self) -> Result<Option<Object>, Unseen> {
        self.cluster.fetch(self.object()).await
    }

    /// The controllers above an object, from the nearest to the topmost.
    pub async fn owners(&self, object: &Object) -> Vec<ObjectRef> {
        owner::owners(&self.cluster, object.reference(), object.metadata()).await
    }

    /// The topmost controller of an object, or the object itself.
    pub async fn top(&self, object: &Object) -> ObjectRef {
        self.owners(object).await.pop().unwrap_or_else(|| object.reference().clone())
    }
}
