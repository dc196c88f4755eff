//! The API server of the model: what the real clients of the watcher and of the functions speak to, with no network
//! between.

use crate::clock::{Clock, MINUTE, Millis, SECOND, millis};
use crate::fault::{Away, Caller};
use crate::model::{Cluster, KINDS, Kind};
use crate::weather::Weather;
use bytes::Bytes;
use futures::stream::unfold;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::{sleep, timeout};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, Error>>;
type Frame = Result<http_body::Frame<Bytes>, Error>;

/// Objects on a page of a list at most: so few, that there are pages.
const PAGE: usize = 2;
/// How often a quiet watch is sent a bookmark.
const BOOKMARK_EVERY: Millis = MINUTE;

/// One caller's way to the API server.
#[derive(Clone)]
struct Api {
    cluster: Cluster,
    weather: Weather,
    clock: Clock,
    caller: Caller,
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
            // As a server does that does not stream lists.
            (&Method::GET, []) if query.contains_key("sendInitialEvents") => {
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
        let token = query.get("continue").and_then(|token| token.parse::<u64>().ok());
        let snapshot = {
            let mut inner = self.cluster.lock();
            match token {
                Some(_) if self.weather.expires() => None,
                Some(token) => inner.pages.remove(&token),
                None => {
                    let of_it = inner.objects.iter().filter(|((k, ns, _), _)| {
                        *k == kind && namespace.is_none_or(|namespace| ns == namespace)
                    });
                    let items = of_it.map(|(_, stored)| stored.object.to_string()).collect();
                    Some((inner.version, items))
                }
            }
        };
        let Some((version, mut items)) = snapshot else {
            return status(StatusCode::GONE, "", "the continue token is too old");
        };
        let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).min(PAGE);
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
        let lasts: i64 = query.get("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(300);
        let (compacted, cuts) = {
            let inner = self.cluster.lock();
            (inner.compacted, inner.cuts)
        };
        if from < compacted && from.is_multiple_of(2) {
            return status(StatusCode::GONE, "", "too old resource version");
        }
        let now = self.clock.millis();
        let watch = Watch {
            api: self.clone(),
            news: self.cluster.news.subscribe(),
            kind,
            from,
            cuts,
            ends: now + lasts * SECOND,
            bookmark: now + BOOKMARK_EVERY,
            over: false,
        };
        let body = StreamBody::new(unfold(watch, Watch::next));
        Response::new(BodyExt::boxed_unsync(body))
    }
}

/// An open watch.
struct Watch {
    api: Api,
    news: tokio::sync::watch::Receiver<u64>,
    kind: Kind,
    from: u64,
    cuts: u64,
    ends: Millis,
    bookmark: Millis,
    over: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(Frame, Self)> {
        loop {
            if self.over {
                return None;
            }
            self.news.borrow_and_update();
            match self.api.weather.away(Caller::Watcher) {
                Some(Away::Refuses) => return Some((self.broken(), self)),
                Some(Away::Hangs) => {
                    sleep(millis(SECOND)).await;
                    continue;
                }
                Some(Away::Throttles) | None => {}
            }
            let now = self.api.clock.millis();
            let (event, compacted, cuts, version) = {
                let inner = self.api.cluster.lock();
                let first = inner.log.partition_point(|logged| logged.version <= self.from);
                let event = inner.log[first..].iter().find(|logged| logged.kind == self.kind).cloned();
                (event, inner.compacted, inner.cuts, inner.version)
            };
            if cuts > self.cuts {
                return Some((self.broken(), self));
            }
            if self.from < compacted {
                // What it had to tell may be forgotten, whatever has happened since.
                let status =
                    json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "too old" });
                self.over = true;
                return Some((Ok(line(&json!({ "type": "ERROR", "object": status }).to_string())), self));
            }
            if let Some(event) = event {
                let late = event.at + self.api.weather.watch_lags();
                if late > now {
                    sleep(millis(late - now)).await;
                    continue;
                }
                self.from = event.version;
                let text = format!(r#"{{"type":"{}","object":{}}}"#, event.what, event.object);
                return Some((Ok(line(&text)), self));
            }
            if now >= self.ends {
                return None;
            }
            if now >= self.bookmark {
                self.bookmark = now + BOOKMARK_EVERY;
                if version < self.from {
                    continue; // of a version to come there is nothing to tell
                }
                self.from = version;
                let metadata = json!({ "metadata": { "resourceVersion": version.to_string() } });
                return Some((
                    Ok(line(&json!({ "type": "BOOKMARK", "object": metadata }).to_string())),
                    self,
                ));
            }
            let wait = self.bookmark.min(self.ends) - now;
            _ = timeout(millis(wait), self.news.changed()).await;
        }
    }

    fn broken(&mut self) -> Frame {
        self.over = true;
        Err("the connection was reset".into())
    }
}

fn line(text: &str) -> http_body::Frame<Bytes> {
    http_body::Frame::data(Bytes::from(format!("{text}\n")))
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
