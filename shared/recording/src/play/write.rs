use super::request::{Request, Verb};
use super::status::{Status, json_response};
use super::world::World;
use crate::line::Place;
use axum::response::Response;
use jiff::Timestamp;
use prodrome_model::Resource;
use serde_json::{Map, Value, json};

/// How many bytes the objects of a kind may have before no more is written, so that nobody writes memory full.
const BYTES_MAX: usize = 64 << 20;

/// The kinds that may be written: the watcher's place, what it and others report, leases.
pub(super) fn is_writable(resource: &Resource) -> bool {
    matches!(
        (&*resource.group, &*resource.plural),
        ("", "configmaps" | "events") | ("coordination.k8s.io", "leases")
    )
}

/// Makes, replaces, changes or deletes an object. It is kept in memory, and watches see it.
pub(super) fn answer(
    world: &mut World,
    resource: &Resource,
    place: &Place<'_>,
    request: &Request,
    content_type: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Response, Status> {
    let namespace = match (place.namespace, resource.namespaced) {
        (Some(namespace), true) => namespace,
        (None, false) => "",
        _ => return Err(Status::no_such_resource()),
    };
    let body = || -> Result<Value, Status> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|e| Status::bad_request(format!("the body is no JSON: {e}")))?;
        if value.is_object() { Ok(value) } else { Err(Status::bad_request("the body is no object")) }
    };
    let held = |world: &World, name: &str| -> Option<Value> {
        let held = world.get(resource, &(namespace.to_owned(), name.to_owned()))?;
        serde_json::from_str(held.text()).ok()
    };
    let missing = |name: &str| Status::no_such_object(&resource.group, &resource.plural, name);
    let (code, object) = match (request.verb, place.name) {
        (Verb::Create, None) => {
            let object = body()?;
            let name = object["metadata"]["name"].as_str().filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| Status::new(422, "Invalid", "metadata.name: Required value"))?;
            if held(world, name).is_some() {
                let message = format!("{} {name:?} already exists", resource.plural);
                return Err(Status::new(409, "AlreadyExists", message));
            }
            (201, object.clone())
        }
        (Verb::Update, Some(name)) => {
            let (new, old) = (body()?, held(world, name).ok_or_else(|| missing(name))?);
            refuse_conflict(resource, name, &new, &old)?;
            (200, kept_identity(new, &old))
        }
        (Verb::Patch, Some(name)) => {
            let applies = content_type.starts_with("application/apply-patch");
            let merges = content_type.starts_with("application/merge-patch+json")
                || content_type.starts_with("application/strategic-merge-patch+json");
            if !applies && !merges {
                let message = format!("cannot patch by {content_type:?}");
                return Err(Status::new(415, "UnsupportedMediaType", message));
            }
            let patch = body()?;
            match held(world, name) {
                Some(old) => {
                    refuse_conflict(resource, name, &patch, &old)?;
                    let mut new = old.clone();
                    merge_patch(&mut new, &patch);
                    (200, kept_identity(new, &old))
                }
                None if applies => {
                    let mut object = patch;
                    object["metadata"]["name"] = json!(name);
                    (201, object)
                }
                None => return Err(missing(name)),
            }
        }
        (Verb::Delete, Some(name)) => {
            let last = held(world, name).ok_or_else(|| missing(name))?;
            world.delete(resource, &last.to_string(), true);
            let done = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
            return Ok(json_response(200, done.to_string()));
        }
        (verb, _) => {
            return Err(Status::new(
                405,
                "MethodNotAllowed",
                format!("{verb:?} is not supported on {}", request.path),
            ));
        }
    };
    let there = world.collection(&resource.group, &resource.version, &resource.plural);
    if there.is_some_and(|collection| collection.bytes() > BYTES_MAX) {
        // As an API server says it.
        return Err(Status::new(500, "InternalError", "etcdserver: mvcc: database space exceeded"));
    }
    let object = completed(object, resource, namespace, world.version(), now);
    let stored = world.apply(resource, &object.to_string());
    let stored = stored.ok_or_else(|| Status::bad_request("metadata is not that of an object"))?;
    Ok(json_response(code, stored.json.clone()))
}

fn refuse_conflict(resource: &Resource, name: &str, new: &Value, old: &Value) -> Result<(), Status> {
    let wanted = new["metadata"]["resourceVersion"].as_str().filter(|version| !version.is_empty());
    match wanted {
        Some(version) if old["metadata"]["resourceVersion"] != *version => {
            let message = format!(
                "Operation cannot be fulfilled on {} {name:?}: the object has been modified; please apply your \
                 changes to the latest version and try again",
                resource.plural
            );
            Err(Status::new(409, "Conflict", message))
        }
        _ => Ok(()),
    }
}

/// What a writer cannot change.
fn kept_identity(mut new: Value, old: &Value) -> Value {
    for field in ["uid", "creationTimestamp", "name", "namespace"] {
        if let Some(value) = old["metadata"].get(field) {
            new["metadata"][field] = value.clone();
        }
    }
    new
}

/// What the server adds to a new object.
fn completed(mut object: Value, resource: &Resource, namespace: &str, version: u64, now: Timestamp) -> Value {
    object["kind"] = json!(resource.kind);
    object["apiVersion"] = json!(resource.api_version());
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    let metadata = &mut object["metadata"];
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    if metadata.get("uid").is_none() {
        metadata["uid"] = json!(format!("00000000-0000-4000-8000-{version:012x}"));
        metadata["creationTimestamp"] = json!(format!("{now:.0}"));
    }
    object
}

/// A JSON merge patch (RFC 7396): null removes, objects merge, all else replaces.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
