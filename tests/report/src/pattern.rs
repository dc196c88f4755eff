use globset::{Glob, GlobMatcher};
use prodrome_model::ObjectRef;

/// Which objects a fault is about: `Pod worker-*`, `Deployment team-09/svc-57`, `every Pod of it`.
#[derive(Debug, Clone)]
pub struct ObjectPattern {
    kind: String,
    name: String,
    glob: Option<GlobMatcher>,
}

impl PartialEq for ObjectPattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, &self.name) == (&other.kind, &other.name)
    }
}

impl ObjectPattern {
    /// Reads a pattern. What follows in brackets, or after `on` or `without`, explains; a namespace is left out.
    pub fn parse(text: &str) -> Self {
        let text = [" (", " on ", " without "]
            .iter()
            .fold(text, |text, mark| text.split_once(mark).map_or(text, |(before, _)| before));
        if text.starts_with("every Pod") {
            return Self::new("Pod", "*");
        }
        let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
        let name = if name.is_empty() { "*" } else { name };
        Self::new(kind, name.rsplit_once('/').map_or(name, |(_, name)| name))
    }

    fn new(kind: &str, name: &str) -> Self {
        let glob = Glob::new(name).ok().map(|glob| glob.compile_matcher());
        Self { kind: kind.to_owned(), name: name.to_owned(), glob }
    }

    /// Whether it is this very object.
    pub fn is(&self, object: &ObjectRef) -> bool {
        object.kind == self.kind && self.glob.as_ref().is_some_and(|glob| glob.is_match(&object.name))
    }

    /// Whether it is about this object. Of any kind counts what bears the name or one derived from it, as the
    /// replica sets and Pods of a Deployment do.
    pub fn hits(&self, object: &ObjectRef) -> bool {
        let base = self.name.trim_end_matches('*').trim_end_matches('-');
        let derived =
            object.name.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        self.is(object) || (!base.is_empty() && derived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_on_its_object_its_owner_or_its_pods() {
        let object = |kind: &str, name: &str| ObjectRef {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some("n".to_owned()),
            name: name.to_owned(),
        };
        for (pattern, kind, name, hits) in [
            ("Deployment worker", "Deployment", "worker", true),
            ("Deployment worker", "Pod", "worker-6f-abc", true),
            ("Deployment worker", "Pod", "workers-6f", false),
            ("Pod worker-*", "Pod", "worker-1", true),
            ("Pod worker-*", "Deployment", "worker", true),
            ("Pod worker-*", "Deployment", "work", false),
            ("Deployment team-09/svc-57", "Deployment", "svc-57", true),
            ("Node node-b (kubelet stopped)", "Node", "node-b", true),
            ("DaemonSet agent on node-c", "DaemonSet", "agent", true),
            ("every Pod of the namespace", "Pod", "x", true),
            ("every Pod of the namespace", "Service", "x", false),
            ("ResourceQuota", "ResourceQuota", "q", true),
            ("ResourceQuota", "Pod", "q", false),
        ] {
            assert_eq!(
                ObjectPattern::parse(pattern).hits(&object(kind, name)),
                hits,
                "{pattern}: {kind} {name}"
            );
        }
    }
}
