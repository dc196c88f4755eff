//! The API server of the model: what the real clients of the watcher and of the functions speak to, with no network
//! between.

use crate::clock::{Clock, MINUTE, Millis, SECOND, millis};
use crate::fault::{Away, Caller};
use crate::model::{Cluster, KINDS, Key, Kind, Snapshot, Stored};
use crate::stream::{List, Watch};
use crate::weather::Weather;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::unfold;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::sleep;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, Error>>;
/// A piece of an answer that goes on.
pub(crate) type Frame = Result<http_body::Frame<Bytes>, Error>;

/// Objects on a page of a list at most: so few, that there are pages.
const PAGE: usize = 2;
/// How long a server waits for its watch cache to come as far as the store is.
const CACHE_WAIT: Millis = 3 * SECOND;

/// One caller's way to the API server.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) cluster: Cluster,
    pub(crate) weather: Weather,
    pub(crate) clock: Clock,
    pub(crate) caller: Caller,
}

/// A client by which a caller speaks to the cluster.
pub(crate) fn client(cluster: &Cluster, weather: &Weather, clock: Clock, caller: Caller) -> kube::Client {
    let api = Api { cluster: cluster.clone(), weather: weather.clone(), clock, caller };
    let service = tower::service_fn(move |request: Request<Body>| {
        let api = api.clone();
        async move { Ok::<_, Error>(api.answer(request).await) }
    });
    kube::Client::new(service, "prodrome")
}

impl Api {
    async fn answer(&self, request: Request<Body>) -> Answer {
        sleep(millis(1 + i64::try_from(self.weather.draw(8)).unwrap_or(0))).await;
        match self.weather.away(self.caller) {
            Some(Away::Refuses) => return status(StatusCode::SERVICE_UNAVAILABLE, "", "it is down"),
            Some(Away::Hangs) => {
                sleep(millis(10 * MINUTE)).await;
                return status(StatusCode::GATEWAY_TIMEOUT, "", "it took too long");
            }
            Some(Away::Throttles) => {
                let mut answer = status(StatusCode::TOO_MANY_REQUESTS, "", "too many requests");
                answer.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("3"));
                return answer;
            }
            None => {}
        }
        let (parts, body) = request.into_parts();
        let query: BTreeMap<String, String> =
            parts.uri.query().unwrap_or_default().split('&').filter_map(pair).collect();
        let segments: Vec<&str> = parts.uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            ["api"] => found(&json!({ "kind": "APIVersions", "versions": ["v1"] })),
            ["apis"] => found(&json!({ "kind": "APIGroupList", "groups": [] })),
            ["api", "v1"] => resources(),
            ["api", "v1", "namespaces", namespace, rest @ ..]
            | ["apis", "coordination.k8s.io", "v1", "namespaces", namespace, rest @ ..] => {
                self.objects(&parts.method, Some(namespace), rest, &query, body).await
            }
            ["api", "v1", rest @ ..] => self.objects(&parts.method, None, rest, &query, body).await,
            _ => status(StatusCode::NOT_FOUND, "", "it is not served"),
        }
    }

    async fn objects(
        &self,
        method: &Method,
        namespace: Option<&str>,
        rest: &[&str],
        query: &BTreeMap<String, String>,
        body: Body,
    ) -> Answer {
        let Some((plural, rest)) = rest.split_first() else {
            return status(StatusCode::NOT_FOUND, "", "it is not served");
        };
        // Nobody is told of what else there was about an object.
        if *plural == "events" && query.contains_key("fieldSelector") {
            return found(&json!({ "metadata": { "resourceVersion": "1" }, "items": [] }));
        }
        let Some(kind) = Kind::of_plural(plural) else {
            return status(StatusCode::NOT_FOUND, "", "it is not served");
        };
        match (method, rest) {
            (&Method::GET, []) if query.contains_key("sendInitialEvents") => {
                if self.cluster.streams_lists {
                    return self.stream(kind, query).await;
                }
                status(StatusCode::UNPROCESSABLE_ENTITY, "", "sendInitialEvents is forbidden")
            }
            (&Method::GET, []) if query.contains_key("watch") => self.watch(kind, query),
            (&Method::GET, []) => self.list(kind, namespace, query).await,
            (&Method::GET, [name]) => {
                let key = (kind, namespace.unwrap_or_default().to_owned(), (*name).to_owned());
                match self.cluster.lock().objects.get(&key) {
                    Some(stored) => found(&stored.object),
                    None => status(StatusCode::NOT_FOUND, name, "not found"),
                }
            }
            (&Method::POST | &Method::PUT, _) => {
                self.write(kind, namespace.unwrap_or_default(), method, body).await
            }
            _ => status(StatusCode::METHOD_NOT_ALLOWED, "", "not allowed"),
        }
    }

    async fn write(&self, kind: Kind, namespace: &str, method: &Method, body: Body) -> Answer {
        let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST, "", "no body") };
        let Ok(object) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
            return status(StatusCode::BAD_REQUEST, "", "no JSON");
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = (kind, namespace.to_owned(), name.clone());
        let there = self.cluster.lock().objects.get(&key).map(|stored| stored.version.to_string());
        match (method, there) {
            (&Method::POST, Some(_)) => status(StatusCode::CONFLICT, &name, "it exists already"),
            (&Method::PUT, None) => status(StatusCode::NOT_FOUND, &name, "not found"),
            (&Method::PUT, Some(there)) if object["metadata"]["resourceVersion"] != *there => {
                status(StatusCode::CONFLICT, &name, "it has been modified")
            }
            _ => found(&self.cluster.put(kind, namespace, &name, object, self.clock.millis())),
        }
    }

    async fn list(&self, kind: Kind, namespace: Option<&str>, query: &BTreeMap<String, String>) -> Answer {
        let mut limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).min(PAGE);
        let snapshot = match query.get("continue").and_then(|token| token.parse::<u64>().ok()) {
            Some(_) if self.weather.expires() => None,
            Some(token) => self.cluster.lock().pages.remove(&token),
            None if is_of_any_version(query) => {
                limit = usize::MAX; // a cache has no pages
                Some(self.cached(kind, namespace))
            }
            None => {
                // Where the cache does not come that far the store is read.
                _ = self.cache_is_fresh().await;
                let inner = self.cluster.lock();
                Some((inner.version, items(&inner.objects, kind, namespace)))
            }
        };
        let Some((version, mut items)) = snapshot else {
            return status(StatusCode::GONE, "", "the continue token is too old");
        };
        let rest = items.split_off(limit.min(items.len()));
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if !rest.is_empty() {
            let mut inner = self.cluster.lock();
            inner.pages_made += 1;
            let token = inner.pages_made;
            metadata["continue"] = token.to_string().into();
            inner.pages.insert(token, (version, rest));
        }
        let takes = if self.caller == Caller::Watcher { self.weather.list_takes() } else { 0 };
        sleep(millis(takes)).await;
        let text = format!(
            r#"{{"kind":"{}List","metadata":{metadata},"items":[{}]}}"#,
            kind.as_str(),
            items.join(",")
        );
        response(StatusCode::OK, text)
    }

    fn watch(&self, kind: Kind, query: &BTreeMap<String, String>) -> Answer {
        let from: u64 = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
        let compacted = self.cluster.lock().compacted;
        if from < compacted && from.is_multiple_of(2) {
            self.expired(kind, from);
            return status(StatusCode::GONE, "", "too old resource version");
        }
        streamed(Watch::open(self.clone(), kind, from, lasts(query), None))
    }

    /// A watch that begins with a list. It is told in the stream that it cannot be as new as was asked for: nobody reads
    /// the store instead.
    async fn stream(&self, kind: Kind, query: &BTreeMap<String, String>) -> Answer {
        let is_fresh = is_of_any_version(query) || self.cache_is_fresh().await;
        let (version, items) = self.cached(kind, None);
        let breaks = self.weather.list_breaks(items.len());
        let list = List::new(items, breaks);
        let mut watch = Watch::open(self.clone(), kind, version, lasts(query), Some(list));
        if is_fresh {
            return streamed(watch);
        }
        let status = status_of(504, "Timeout", "Timeout: Too large resource version");
        let error: Frame = Ok(watch.refused(&status));
        Response::new(BodyExt::boxed_unsync(StreamBody::new(futures::stream::iter([error]))))
    }

    /// What the watch cache holds, and as of which version.
    fn cached(&self, kind: Kind, namespace: Option<&str>) -> Snapshot {
        let at = self.clock.millis() - self.weather.cache_lags();
        let inner = self.cluster.lock();
        (inner.turns.version_at(at), items(&inner.turns.objects_at(at), kind, namespace))
    }

    /// Waits until the watch cache is as far as the store is now. It does not wait long.
    async fn cache_is_fresh(&self) -> bool {
        let lags = self.weather.cache_lags();
        if lags == 0 {
            return true;
        }
        let (now, last) = (self.clock.millis(), self.cluster.lock().turns.last());
        let wait = last.saturating_add(lags).saturating_sub(now).max(0);
        sleep(millis(wait.min(CACHE_WAIT))).await;
        wait <= CACHE_WAIT
    }
}

/// Whether whoever asks takes what the cache holds, however old.
fn is_of_any_version(query: &BTreeMap<String, String>) -> bool {
    query.get("resourceVersion").is_some_and(|version| version == "0")
}

/// How long a watch may last.
fn lasts(query: &BTreeMap<String, String>) -> Millis {
    query.get("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(300) * SECOND
}

/// The objects of a kind.
fn items(objects: &BTreeMap<Key, Stored>, kind: Kind, namespace: Option<&str>) -> Vec<String> {
    let of_it = objects
        .iter()
        .filter(|((k, ns, _), _)| *k == kind && namespace.is_none_or(|namespace| ns == namespace));
    of_it.map(|(_, stored)| stored.object.to_string()).collect()
}

fn streamed(watch: Watch) -> Answer {
    Response::new(BodyExt::boxed_unsync(StreamBody::new(unfold(watch, Watch::next).fuse())))
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    Some((key.to_owned(), value.to_owned()))
}

fn resources() -> Answer {
    let rows = KINDS.map(|kind| {
        let verbs = ["get", "list", "watch"];
        json!({ "name": kind.plural(), "kind": kind.as_str(), "namespaced": true, "verbs": verbs })
    });
    found(&json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": rows }))
}

fn found(value: &Value) -> Answer {
    response(StatusCode::OK, value.to_string())
}

/// Why a stream is given up, as it is told in it.
pub(crate) fn status_of(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message })
}

fn status(code: StatusCode, name: &str, message: &str) -> Answer {
    let text = json!({
        "kind": "Status",
        "status": "Failure",
        "message": message,
        "details": { "name": name },
        "code": code.as_u16(),
    });
    response(code, text.to_string())
}

fn response(code: StatusCode, text: String) -> Answer {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut response = Response::new(BodyExt::boxed_unsync(body));
    *response.status_mut() = code;
    response
}
