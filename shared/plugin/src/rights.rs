//! What a plugin may read: what every plugin may, and what it declares.

use crate::plugin::Reads;
use std::sync::Arc;

/// What every plugin may list, beside getting by name what it is asked about: pods, what makes them, and events.
pub const LISTED_BY_ALL: &[(&str, &[&str])] = &[
    ("", &["pods", "events"]),
    ("apps", &["deployments", "replicasets", "statefulsets", "daemonsets"]),
    ("batch", &["jobs"]),
];

/// What none may get by name unless it declares that: what these hold may be anything, passwords among it.
pub const DECLARED_ONLY: &[(&str, &str)] = &[("", "secrets"), ("", "configmaps")];

/// The rights of one plugin. The cluster's own roles are made of the same declarations; that they are held to here too
/// shows a missing one in any test.
#[derive(Debug, Clone)]
pub(crate) struct Rights(Arc<[Reads]>);

impl Rights {
    pub(crate) fn of(declared: &[Reads]) -> Self {
        Self(declared.into())
    }

    /// Whether it may do this; of a list or a log there is no name.
    pub(crate) fn allow(&self, verb: &str, group: &str, resource: &str, name: Option<&str>) -> bool {
        let by_all = match verb {
            "get" => !DECLARED_ONLY.contains(&(group, resource)) && !resource.contains('/'),
            "list" => LISTED_BY_ALL.iter().any(|(of, all)| *of == group && all.contains(&resource)),
            _ => false,
        };
        by_all
            || self.0.iter().any(|reads| {
                let is_it = reads.group == group && reads.resource == resource && reads.verbs.contains(&verb);
                is_it && (reads.names.is_empty() || name.is_some_and(|name| reads.names.contains(&name)))
            })
    }

    /// The names under which it may do this; empty where it may not at all.
    pub(crate) fn names(&self, verb: &str, group: &str, resource: &str) -> Vec<&'static str> {
        let those = self.0.iter().filter(|reads| {
            reads.group == group && reads.resource == resource && reads.verbs.contains(&verb)
        });
        those.flat_map(|reads| reads.names.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_configmaps_logs_and_lists_have_to_be_declared() {
        let reads = |resource, names: &[&'static str]| Reads {
            group: "",
            resource,
            verbs: vec!["get"],
            names: names.to_vec(),
            overlay: false,
        };
        let declared = [reads("pods/log", &[]), reads("configmaps", &["coredns"])];
        let (none, some) = (Rights::of(&[]), Rights::of(&declared));
        for (verb, group, resource, name, by_all, by_it) in [
            ("get", "", "pods", Some("a"), true, true),
            ("get", "example.com", "databases", Some("a"), true, true),
            ("list", "", "pods", None, true, true),
            ("list", "", "nodes", None, false, false),
            ("get", "", "secrets", Some("a"), false, false),
            ("get", "", "pods/log", None, false, true),
            ("list", "", "pods/log", None, false, false),
            ("get", "", "configmaps", Some("coredns"), false, true),
            ("get", "", "configmaps", Some("passwords"), false, false),
            ("list", "", "configmaps", None, false, false),
        ] {
            assert_eq!(none.allow(verb, group, resource, name), by_all, "{verb} {group}/{resource} {name:?}");
            assert_eq!(some.allow(verb, group, resource, name), by_it, "{verb} {group}/{resource} {name:?}");
        }
    }
}
