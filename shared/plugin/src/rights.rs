//! What a plugin may read: what every plugin may, and what it declares.

use crate::plugin::Reads;
use std::sync::Arc;

/// What every plugin may list, beside getting by name what it is asked about: pods, what makes them, and events.
pub const LISTED_BY_ALL: &[(&str, &[&str])] = &[
    ("", &["pods", "events"]),
    ("apps", &["deployments", "replicasets", "statefulsets", "daemonsets"]),
    ("batch", &["jobs"]),
];

/// The rights of one plugin. The cluster's own roles are made of the same declarations; that they are held to here too
/// shows a missing one in any test.
#[derive(Debug, Clone)]
pub(crate) struct Rights(Arc<[Reads]>);

impl Rights {
    pub(crate) fn of(declared: &[Reads]) -> Self {
        Self(declared.into())
    }

    pub(crate) fn allow(&self, verb: &str, group: &str, resource: &str) -> bool {
        let by_all = match verb {
            "get" => resource != "secrets" && !resource.contains('/'),
            "list" => LISTED_BY_ALL.iter().any(|(of, all)| *of == group && all.contains(&resource)),
            _ => false,
        };
        by_all
            || self.0.iter().any(|reads| {
                reads.group == group && reads.resource == resource && reads.verbs.contains(&verb)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_logs_and_lists_have_to_be_declared() {
        let declared = [Reads { group: "", resource: "pods/log", verbs: vec!["get"], overlay: false }];
        let (none, some) = (Rights::of(&[]), Rights::of(&declared));
        for (verb, group, resource, by_all, by_it) in [
            ("get", "", "pods", true, true),
            ("get", "example.com", "databases", true, true),
            ("list", "", "pods", true, true),
            ("list", "", "nodes", false, false),
            ("get", "", "secrets", false, false),
            ("get", "", "pods/log", false, true),
            ("list", "", "pods/log", false, false),
        ] {
            assert_eq!(none.allow(verb, group, resource), by_all, "{verb} {group}/{resource}");
            assert_eq!(some.allow(verb, group, resource), by_it, "{verb} {group}/{resource}");
        }
    }
}
