use super::status::{json_response, text_response};
use super::world::World;
use axum::response::Response;
use prodrome_model::Resource;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a path that is not about objects answers: versions, groups, health. `None` for other paths.
pub(super) fn answer(world: &World, path: &str) -> Option<Response> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let value = match parts.as_slice() {
        ["healthz" | "readyz" | "livez"] => return Some(text_response(200, "ok")),
        ["version"] => json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.2", "gitTreeState": "clean", "platform": "linux/amd64",
        }),
        ["api"] => json!({
            "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        }),
        ["api", "v1"] => resources(world, "", "v1")?,
        ["apis"] => {
            let groups: Vec<Value> =
                groups(world).iter().map(|(group, version)| group_json(group, version)).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        ["apis", group] => {
            let groups = groups(world);
            let mut found = group_json(group, groups.get(*group)?);
            found["kind"] = json!("APIGroup");
            found["apiVersion"] = json!("v1");
            found
        }
        ["apis", group, version] => resources(world, group, version)?,
        _ => return None,
    };
    Some(json_response(200, value.to_string()))
}

/// Each named group with its version.
fn groups(world: &World) -> BTreeMap<String, String> {
    let named = world.resources().filter(|resource| !resource.group.is_empty());
    named.map(|resource| (resource.group.clone(), resource.version.clone())).collect()
}

fn group_json(group: &str, version: &str) -> Value {
    let version = json!({ "groupVersion": format!("{group}/{version}"), "version": version });
    json!({ "name": group, "versions": [version], "preferredVersion": version })
}

fn resources(world: &World, group: &str, version: &str) -> Option<Value> {
    let served = world.resources().filter(|r| r.group == group && r.version == version);
    let served: Vec<&Resource> = served.collect();
    let api_version = served.first()?.api_version();
    let row = |resource: &&Resource| {
        json!({
            "name": resource.plural, "singularName": resource.kind.to_lowercase(), "kind": resource.kind,
            "namespaced": resource.namespaced,
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        })
    };
    let rows: Vec<Value> = served.iter().map(row).collect();
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": rows,
    }))
}
