use prodrome_model::Resource;
use std::fmt;

/// What one watch covers: a kind, in all namespaces or in one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Collection {
    pub(crate) resource: Resource,
    pub(crate) namespace: Option<String>,
}

impl Collection {
    /// The collections that make up a resource where only some namespaces are watched (none named: all are).
    pub(crate) fn of(resource: &Resource, namespaces: &[String]) -> Vec<Self> {
        if namespaces.is_empty() || !resource.namespaced {
            return vec![Self { resource: resource.clone(), namespace: None }];
        }
        let in_one = |n: &String| Self { resource: resource.clone(), namespace: Some(n.clone()) };
        namespaces.iter().map(in_one).collect()
    }

    /// Its URL path.
    pub(crate) fn path(&self) -> String {
        self.resource.collection_path(self.namespace.as_deref())
    }

    /// The key of its place, the same whatever version is watched: `pods`, `apps/deployments`,
    /// `shop:apps/deployments`.
    pub(crate) fn id(&self) -> String {
        let namespace = self.namespace.as_ref().map(|n| format!("{n}:")).unwrap_or_default();
        let group =
            if self.resource.group.is_empty() { String::new() } else { format!("{}/", self.resource.group) };
        format!("{namespace}{group}{}", self.resource.plural)
    }
}

impl fmt::Display for Collection {
    /// The [`Collection::id`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}
