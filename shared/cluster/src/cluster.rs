use crate::ClusterError;
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource};
use std::future::Future;

/// Reads the live cluster. Objects come as the JSON bytes of the API server; nothing is kept.
pub trait Cluster: Send + Sync {
    /// How the cluster serves a kind (version, plural, scope).
    ///
    /// A `kind.group` that is empty first means the core group; where the core group lacks the kind, any one
    /// group that has it.
    fn resource(&self, kind: &GroupKind) -> impl Future<Output = Result<Resource, ClusterError>> + Send;

    /// Every kind that the cluster serves and that can be listed, each in its preferred version.
    fn resources(&self) -> impl Future<Output = Result<Vec<Resource>, ClusterError>> + Send;

    /// One object, or `None` where there is none of that name.
    fn get(&self, key: &ObjectKey) -> impl Future<Output = Result<Option<Vec<u8>>, ClusterError>> + Send;

    /// Objects of a kind, in one namespace or in all, by labels or not, page by page (500 objects at most).
    /// `after` is the `next` of the page before.
    fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> impl Future<Output = Result<ListPage, ClusterError>> + Send;

    /// The recent events about an object (Normal ones too), the newest first, at most 20. Those of another
    /// object that had the name before are left out where a `uid` is given.
    fn events(
        &self,
        object: &ObjectKey,
        uid: &str,
    ) -> impl Future<Output = Result<Vec<EventBrief>, ClusterError>> + Send;

    /// The end of what a container of a pod has written, or of its life before this one; `None` where there is
    /// no such log. At most some hundred lines.
    fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> impl Future<Output = Result<Option<String>, ClusterError>> + Send {
        let (what, which) =
            (format!("log of {container} of {pod}"), if previous { "previous" } else { "current" });
        async move { Err(ClusterError::NoLogs { what, which }) }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Each object's JSON. Items may lack `kind` and `apiVersion`.
    pub items: Vec<Vec<u8>>,
    /// Pass this to read on; absent at the end.
    pub next: Option<String>,
}
