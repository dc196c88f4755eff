//! Finalizers that are put on and taken off by a server-side apply, as the watcher does it: nobody else has any here.

use super::{FakeApi, Kind, status, text};
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) fn patch(api: &FakeApi, kind: &Kind, namespace: &str, name: &str, body: &Bytes) -> Response {
    api.lock().patched.push(Instant::now());
    let applied: Value = serde_json::from_slice(body).unwrap();
    let Some(mut object) = api.object(kind, namespace, name) else { return status(404, "not found") };
    if applied["metadata"]["uid"] != object["metadata"]["uid"] {
        return status(409, "the object has another uid");
    }
    let finalizers = applied["metadata"].get("finalizers").cloned();
    let is_free = finalizers.is_none();
    object["metadata"]["finalizers"] = finalizers.unwrap_or_else(|| json!([]));
    let answer = object.to_string();
    if is_free && !text(&object["metadata"]["deletionTimestamp"]).is_empty() {
        api.delete(kind, namespace, name);
    } else {
        api.apply(kind, namespace, name, object);
    }
    answer.into_response()
}
