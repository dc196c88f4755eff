use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind and its API group, without the version: what identifies a sort of object across upgrades.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupKind {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind, such as `Pod`.
    pub kind: String,
}

impl GroupKind {
    /// A kind of a named group (`apps`, `Deployment`).
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), kind: kind.into() }
    }

    /// A kind of the core group.
    pub fn core(kind: impl Into<String>) -> Self {
        Self::new("", kind)
    }

    /// From an `apiVersion` as it stands in an object (`v1`, `apps/v1`) and a kind.
    pub fn from_api_version(api_version: &str, kind: &str) -> Self {
        Self::new(api_version.split_once('/').map_or("", |(group, _)| group), kind)
    }
}

impl fmt::Display for GroupKind {
    /// `Pod`, `apps/Deployment`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

/// A kind as a cluster serves it: where to list and watch it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The version served and preferred, such as `v1`.
    pub version: String,
    /// The kind, such as `Pod`.
    pub kind: String,
    /// The plural name in URLs, such as `pods`.
    pub plural: String,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
}

impl Resource {
    /// The kind without its version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(&*self.group, &*self.kind)
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The URL path of the collection: of one namespace, or of all (`None`).
    pub fn collection_path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api/" } else { "/apis/" };
        let api = self.api_version();
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}{api}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}{api}/{}", self.plural),
        }
    }

    /// The URL path of one object.
    pub fn object_path(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{name}", self.collection_path(namespace))
    }
}

/// Names an object within a cluster. A name is not an identity: see the uid beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKey {
    /// The kind with its group.
    #[serde(flatten)]
    pub kind: GroupKind,
    /// Absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

impl ObjectKey {
    /// A key from its parts.
    pub fn new(kind: GroupKind, namespace: Option<&str>, name: impl Into<String>) -> Self {
        Self { kind, namespace: namespace.map(str::to_owned), name: name.into() }
    }

    /// `group/Kind/namespace/name`, with empty parts left empty: unique, for the keys of tables.
    pub fn path(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        format!("{}/{}/{namespace}/{}", self.kind.group, self.kind.kind, self.name)
    }

    /// The inverse of [`ObjectKey::path`]; `None` where the text has another shape.
    pub fn from_path(path: &str) -> Option<Self> {
        let mut parts = path.splitn(4, '/');
        let (group, kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let namespace = Some(namespace).filter(|n| !n.is_empty());
        Some(Self::new(GroupKind::new(group, kind), namespace, name))
    }
}

impl fmt::Display for ObjectKey {
    /// `Pod shop/web-0`, `Node node-a`: as a person reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind.kind, self.name),
            None => write!(f, "{} {}", self.kind.kind, self.name),
        }
    }
}

/// An object as outputs name it, with the `apiVersion` it was seen in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// `v1`, `apps/v1`; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

impl ObjectRef {
    /// The key of the object, without its version.
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: GroupKind::from_api_version(&self.api_version, &self.kind),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key().fmt(f)
    }
}

/// What a finding is about. A Kubernetes object is one sort; probes and other systems bring others later.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Subject {
    /// A Kubernetes object, identified by its uid.
    Object {
        /// Its name and kind.
        object: ObjectRef,
        /// Its identity; empty where a file has none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        uid: String,
    },
}

impl Subject {
    /// The Kubernetes object.
    pub fn object(&self) -> &ObjectRef {
        match self {
            Self::Object { object, .. } => object,
        }
    }

    /// The uid of the Kubernetes object.
    pub fn uid(&self) -> &str {
        match self {
            Self::Object { uid, .. } => uid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_the_same_key() {
        for key in [
            ObjectKey::new(GroupKind::core("Node"), None, "node-a"),
            ObjectKey::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web"),
            ObjectKey::new(GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"), None, "system:node/x"),
        ] {
            assert_eq!(ObjectKey::from_path(&key.path()), Some(key));
        }
        assert_eq!(ObjectKey::from_path("Pod/x"), None);
    }

    #[test]
    fn a_resource_knows_its_urls() {
        let resource = Resource {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespaced: true,
        };
        assert_eq!(resource.collection_path(None), "/apis/apps/v1/deployments");
        assert_eq!(resource.object_path(Some("a"), "b"), "/apis/apps/v1/namespaces/a/deployments/b");
    }
}
