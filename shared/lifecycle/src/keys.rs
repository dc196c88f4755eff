//! Where checks, their markers and their edges are kept.
//!
//! - a check: partition `check#<scope>#<object path>`, sort = the rule's name;
//! - its marker: partition `marker#<scope>#<shard>`, sort `c:<object path>#<rule>`: one query a shard tells
//!   which objects of a pack have open checks, and nothing else has to be read for those that have none;
//! - an edge: same partitions as markers, in the shard of the object referred *to*: sort
//!   `e:<object path>#<hash of the check>`, with the key of the check that waits for it as its data;
//! - a counter: partition `count#<scope>#<rule>`, sort = a hash of what is counted and together with what;
//! - when a plugin is asked next: partition `pace#<plugin>`, sort `turns`;
//! - a relist: partition `relist#<scope>#<rule>`, sort = the namespace;
//! - a list that has ended: partition `listed#<scope>`, sort `<group>/<kind>#<sort of list>`;
//! - that rules which are objects of a cluster changed: partition `tenants#<scope>`, sort `rules`;
//! - a rollout: partition `rollout#<scope>`, sort `rules`;
//! - what a staged rule would have told: partition `shadow#<rule>`, sort `<when it fired>#<fingerprint>`.

use crate::list::sort_of_list;
use prodrome_model::{Finding, GroupKind, ObjectKey, Scope, shard_of, stable_hash};
use prodrome_store::{Due, Key};

/// How many buckets the due index of checks has.
pub const BUCKETS: u16 = 4;

/// The buckets that a sweep asks.
pub fn buckets() -> Vec<String> {
    (0..BUCKETS).map(|n| format!("check-{n}")).collect()
}

/// The entry in the due index of what is kept under `key`.
pub fn due(key: &Key, at: jiff::Timestamp) -> Due {
    Due { bucket: format!("check-{}", shard_of(&key.partition, BUCKETS)), at }
}

/// Where a check is kept.
pub fn check(scope: &Scope, object: &ObjectKey, rule: &str) -> Key {
    Key::new(format!("check#{scope}#{}", object.path()), rule)
}

/// The partition of a shard's markers and edges.
pub fn shard_partition(scope: &Scope, shard: u16) -> String {
    format!("marker#{scope}#{shard}")
}

/// Where the marker of a check is kept.
pub fn marker(scope: &Scope, shards: u16, object: &ObjectKey, rule: &str) -> Key {
    let path = object.path();
    Key::new(shard_partition(scope, shard_of(&path, shards)), format!("c:{path}#{rule}"))
}

/// Where the edge from an object to a check is kept.
pub fn edge(scope: &Scope, shards: u16, referred: &str, check: &Key) -> Key {
    let hash = stable_hash(&[&check.partition, &check.sort]);
    Key::new(shard_partition(scope, shard_of(referred, shards)), format!("e:{referred}#{hash}"))
}

/// Where a relist is kept; `namespace` is empty for the whole cluster.
pub fn relist(scope: &Scope, rule: &str, namespace: &str) -> Key {
    Key::new(format!("relist#{scope}#{rule}"), format!("ns:{namespace}"))
}

/// Where it is kept that a list of a kind has ended. Lists whose numbers do not compare are kept apart.
pub fn listed(scope: &Scope, kind: &GroupKind, list: &str) -> Key {
    let GroupKind { group, kind } = kind;
    Key::new(format!("listed#{scope}"), format!("{group}/{kind}#{}", sort_of_list(list)))
}

/// Where it is kept when a plugin is asked next.
pub fn pace(plugin: &str) -> Key {
    Key::new(format!("pace#{plugin}"), "turns")
}

/// Where it is kept when the rules that are objects of a cluster are taken up.
pub fn tenants(scope: &Scope) -> Key {
    Key::new(format!("tenants#{scope}"), "rules")
}

/// Where it is kept which version of the rules has come to a cluster.
pub fn rollout(scope: &Scope) -> Key {
    Key::new(format!("rollout#{scope}"), "rules")
}

/// Where it is kept what a staged rule would have told.
pub fn shadow(finding: &Finding) -> Key {
    let at = finding.fired_at.as_second();
    Key::new(shadow_partition(&finding.rule), format!("{at:012}#{}", finding.fingerprint))
}

/// The partition of all that a staged rule would have told, in the order of time.
pub fn shadow_partition(rule: &str) -> String {
    format!("shadow#{rule}")
}

/// Where the begins that a rule counts together are kept. What it looked for is part of it: begins of something else
/// do not count.
pub fn counter(scope: &Scope, rule: &str, meaning: &str, group: &str) -> Key {
    Key::new(format!("count#{scope}#{rule}"), stable_hash(&[meaning, group]))
}

/// The cluster that a record is about, by its partition; `None` where it is about none.
pub fn scope_of(partition: &str) -> Option<Scope> {
    let (kind, rest) = partition.split_once('#')?;
    if !matches!(kind, "check" | "marker" | "count" | "relist" | "listed" | "tenants" | "rollout") {
        return None;
    }
    Scope::parse(rest.split_once('#').map_or(rest, |(scope, _)| scope))
}

/// Reads the sort key of a marker: the object's path and the rule.
pub fn parse_marker(sort: &str) -> Option<(&str, &str)> {
    sort.strip_prefix("c:")?.rsplit_once('#')
}

/// Reads the sort key of an edge: the path of the object referred to.
pub fn parse_edge(sort: &str) -> Option<&str> {
    Some(sort.strip_prefix("e:")?.rsplit_once('#')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back_even_with_a_strange_name() {
        let scope = Scope::new("t", "r", "c");
        let object = ObjectKey::new(GroupKind::new("rbac.authorization.k8s.io", "Role"), Some("a"), "x#y/z");
        let marker = marker(&scope, 4, &object, "RoleMissing");
        assert_eq!(parse_marker(&marker.sort), Some((object.path().as_str(), "RoleMissing")));
        let edge = edge(&scope, 4, &object.path(), &check(&scope, &object, "RoleMissing"));
        assert_eq!(parse_edge(&edge.sort), Some(object.path().as_str()));
        assert_eq!(edge.partition, marker.partition);
    }

    #[test]
    fn a_record_tells_which_cluster_it_is_about() {
        let scope = Scope::new("t", "r", "c");
        let object = ObjectKey::new(GroupKind::core("Pod"), Some("a"), "x");
        let of = |key: Key| scope_of(&key.partition);
        for key in [
            check(&scope, &object, "R"),
            marker(&scope, 4, &object, "R"),
            counter(&scope, "R", "m", "g"),
            relist(&scope, "R", ""),
            listed(&scope, &object.kind, "1/pods/2"),
            tenants(&scope),
            rollout(&scope),
        ] {
            assert_eq!(of(key), Some(scope.clone()));
        }
        assert_eq!((of(pace("dns")), scope_of("shadow#t/r/c"), scope_of("check#t/r")), (None, None, None));
    }
}
