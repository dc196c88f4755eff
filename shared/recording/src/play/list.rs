use super::request::Request;
use super::status::{Status, json_response};
use super::world::{Collection, Filter, Snapshot, Stored, World};
use crate::object_json::{metadata_only, without_kind};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prodrome_model::Resource;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Where a list goes on. Opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    /// The snapshot, and how far it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<(u64, usize)>,
    /// The last object that was read, to go on without the snapshot, in the present.
    after: (String, String),
}

/// Answers a list: a page of a snapshot.
pub(super) fn answer(
    world: &mut World,
    resource: &Resource,
    request: &Request,
    namespace: Option<&str>,
    metadata: bool,
) -> Result<Response, Status> {
    let filter = request.filter(resource, namespace)?;
    let limit = usize::try_from(request.number("limit")?.unwrap_or(0)).unwrap_or(usize::MAX);
    let (snapshot, from, id) = match request.get("continue") {
        Some(token) => resume(world, resource, token, &filter)?,
        None => (begin(world, resource, request, &filter)?, 0, None),
    };
    let rest = snapshot.objects.get(from..).unwrap_or_default();
    let page = &rest[..rest.len().min(if limit == 0 { usize::MAX } else { limit })];
    let next = match page.last() {
        Some(last) if page.len() < rest.len() => {
            let id = id.unwrap_or_else(|| world.keep_snapshot(snapshot.clone()));
            Some(encode(&Token { of: Some((id, from + page.len())), after: last.name.clone() }))
        }
        _ => None,
    };
    let remaining = (next.is_some() && !filter.has_selector()).then(|| rest.len() - page.len());
    Ok(json_response(200, text(resource, &snapshot, page, next, remaining, metadata)))
}

fn begin(world: &World, resource: &Resource, request: &Request, filter: &Filter) -> Result<Snapshot, Status> {
    let collection = find(world, resource)?;
    let now = world.version();
    let wanted = request.number("resourceVersion")?.filter(|version| *version > 0);
    if let Some(version) = wanted.filter(|version| *version > now) {
        return Err(too_large(version, now));
    }
    if let (Some(version), Some("Exact")) = (wanted, request.get("resourceVersionMatch")) {
        let objects =
            collection.at(version, filter).ok_or_else(|| Status::expired(version, collection.floor()))?;
        return Ok(Snapshot { version, objects: Arc::new(objects) });
    }
    Ok(Snapshot { version: now, objects: Arc::new(collection.now(filter)) })
}

fn resume(
    world: &World,
    resource: &Resource,
    token: &str,
    filter: &Filter,
) -> Result<(Snapshot, usize, Option<u64>), Status> {
    let token = decode(token).ok_or_else(|| Status::bad_request("continue key is not valid"))?;
    let Some((id, from)) = token.of else {
        let objects = find(world, resource)?.now(filter);
        let from = objects.partition_point(|object| object.name <= token.after);
        return Ok((Snapshot { version: world.version(), objects: Arc::new(objects) }, from, None));
    };
    match world.snapshot(id) {
        Some(snapshot) => Ok((snapshot.clone(), from, Some(id))),
        None => Err(Status::list_expired(encode(&Token { of: None, after: token.after }))),
    }
}

fn text(
    resource: &Resource,
    snapshot: &Snapshot,
    page: &[Arc<Stored>],
    next: Option<String>,
    remaining: Option<usize>,
    metadata: bool,
) -> String {
    let mut list = if metadata {
        r#"{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1""#.to_owned()
    } else {
        format!(r#"{{"kind":"{}List","apiVersion":"{}""#, resource.kind, resource.api_version())
    };
    let mut head = json!({ "resourceVersion": snapshot.version.to_string() });
    if let Some(next) = next {
        head["continue"] = json!(next);
    }
    if let Some(remaining) = remaining {
        head["remainingItemCount"] = json!(remaining);
    }
    list += &[r#","metadata":"#, &head.to_string(), r#","items":["#].concat();
    // The API server omits kind and apiVersion in the items of its own kinds, and keeps them in custom ones.
    let is_custom = crate::builtin_of_path(&resource.group, &resource.version, &resource.plural).is_none();
    for (i, object) in page.iter().enumerate() {
        if i > 0 {
            list.push(',');
        }
        match (metadata, is_custom) {
            (true, _) => list.push_str(&metadata_only(object.text())),
            (false, true) => list.push_str(object.text()),
            (false, false) => list.push_str(&without_kind(object.text(), resource)),
        }
    }
    list.push_str("]}\n");
    list
}

/// A version that this server has not reached yet (that of another cluster, perhaps).
pub(super) fn too_large(asked: u64, now: u64) -> Status {
    let cause = json!({ "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }] });
    Status {
        details: Some(cause),
        retry_after_seconds: Some(1),
        ..Status::new(504, "Timeout", format!("Too large resource version: {asked}, current: {now}"))
    }
}

fn find<'a>(world: &'a World, resource: &Resource) -> Result<&'a Collection, Status> {
    let found = world.collection(&resource.group, &resource.version, &resource.plural);
    found.ok_or_else(Status::no_such_resource)
}

fn encode(token: &Token) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

fn decode(token: &str) -> Option<Token> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}
