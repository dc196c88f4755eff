//! The other side of a watcher that is measured: an API server with many objects that change at a given rate, and a
//! queue that takes everything. Runs in a process of its own, so that its work is not the watcher's.
//!
//! Several may watch the same stream at once: whoever has `/as/NAME` before its paths is counted by that name.

mod sink;

use crate::mix::Mix;
use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sink::Sink;
pub use sink::Taken;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Events that wait for a watch; beyond it the feed waits too.
const WAITING_MAX: usize = 256;
const TICK: Duration = Duration::from_millis(5);
const BODY_BYTES_MAX: usize = 16 << 20;

/// What a feed came to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Fed {
    /// How many changes.
    pub changes: u64,
    /// In how many milliseconds.
    pub ms: u64,
}

struct Feed {
    mix: Mix,
    objects: usize,
    stream_lists: bool,
    version: AtomicU64,
    next: AtomicU64,
    watches: Mutex<BTreeMap<Watch, mpsc::Sender<Bytes>>>,
    requests: Mutex<BTreeMap<String, u64>>,
    sink: Sink,
}

/// Who watches, and which path. The latest of the same counts.
type Watch = (String, String);

/// Serves `objects` objects of a mix on a free port of this machine, says which on standard output, and goes on.
/// Lists are streamed to who asks for that, or this is refused as older servers do.
pub async fn serve(mix: Mix, objects: usize, stream_lists: bool) -> Result<()> {
    let feed = Arc::new(Feed {
        mix,
        objects,
        stream_lists,
        version: AtomicU64::new(1_000),
        next: AtomicU64::new(0),
        watches: Mutex::default(),
        requests: Mutex::default(),
        sink: Sink::default(),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    #[expect(clippy::print_stdout, reason = "by this whoever started it learns the port")]
    {
        println!("{}", listener.local_addr()?.port());
    }
    axum::serve(listener, Router::new().fallback(answer).with_state(feed)).await?;
    Ok(())
}

async fn answer(State(feed): State<Arc<Feed>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let asked = |name: &str| -> Option<String> {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let number = |name: &str| asked(name).and_then(|text| text.parse::<u64>().ok());
    let (asker, path) = asker(head.uri.path());
    if !path.starts_with("/control/") {
        *feed.requests().entry(asker.to_owned()).or_default() += 1;
    }
    match path {
        "/" => match to_bytes(body, BODY_BYTES_MAX).await {
            Ok(body) => json_answer(&feed.sink.take(&body)),
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        },
        "/version" => json_answer(&json!({ "major": "1", "minor": "36" })),
        "/api" => json_answer(&feed.discovery(true)),
        "/apis" => json_answer(&feed.discovery(false)),
        "/control/watches" => {
            json_answer(&json!(feed.watches().keys().filter(|(by, _)| by == asker).count()))
        }
        "/control/requests" => json_answer(&json!(feed.requests().get(asker))),
        "/control/taken" => json_answer(&json!(feed.sink.taken())),
        "/control/feed" => {
            let time = Duration::from_millis(number("ms").unwrap_or(1_000));
            json_answer(&json!(feed.run(number("rate").unwrap_or(0), time).await))
        }
        // As a server does that does not stream lists.
        _ if asked("sendInitialEvents").is_some() && !feed.stream_lists => {
            StatusCode::UNPROCESSABLE_ENTITY.into_response()
        }
        path if asked("watch").is_some() => {
            feed.watch((asker.to_owned(), path.to_owned()), asked("sendInitialEvents").is_some())
        }
        path => feed.list(path, number("continue").unwrap_or(0), number("limit").unwrap_or(500)),
    }
}

fn json_answer(value: &Value) -> Response {
    as_json(value.to_string())
}

fn as_json(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// Who asks, which is nobody's name unless the path begins with it, and for what.
fn asker(path: &str) -> (&str, &str) {
    let named = path.strip_prefix("/as/").and_then(|rest| rest.split_at_checked(rest.find('/')?));
    named.unwrap_or(("", path))
}

impl Feed {
    fn watches(&self) -> MutexGuard<'_, BTreeMap<Watch, mpsc::Sender<Bytes>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn requests(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path_of(&self, object: usize) -> String {
        let template = &self.mix.templates[object % self.mix.templates.len()];
        template.resource.collection_path(None)
    }

    /// The kind and the apiVersion of the objects at a path.
    fn kind_of(&self, path: &str) -> (&str, String) {
        let mut resources = self.mix.templates.iter().map(|template| &template.resource);
        let resource = resources.find(|resource| resource.collection_path(None) == path);
        resource.map_or(("", "v1".to_owned()), |resource| (&resource.kind, resource.api_version()))
    }

    fn object(&self, object: usize, version: u64) -> String {
        self.mix.templates[object % self.mix.templates.len()].object(object, version)
    }

    fn discovery(&self, core: bool) -> Value {
        let mut groups: BTreeMap<(&str, &str), BTreeMap<&str, Value>> = BTreeMap::new();
        let of_group = |r: &&prodrome_model::Resource| r.group.is_empty() == core;
        for resource in self.mix.templates.iter().map(|template| &template.resource).filter(of_group) {
            let scope = if resource.namespaced { "Namespaced" } else { "Cluster" };
            let described = json!({
                "resource": resource.plural, "scope": scope, "verbs": ["get", "list", "watch"],
                "responseKind": { "group": resource.group, "version": resource.version, "kind": resource.kind },
            });
            let group = groups.entry((&resource.group, &resource.version)).or_default();
            group.insert(&resource.plural, described);
        }
        let items = groups.into_iter().map(|((group, version), resources)| {
            let resources: Vec<_> = resources.into_values().collect();
            json!({ "metadata": { "name": group }, "versions": [{ "version": version, "resources": resources }] })
        });
        json!({ "kind": "APIGroupDiscoveryList", "items": items.collect::<Vec<_>>() })
    }

    /// One page; the token to go on by is the number of the next object.
    fn list(&self, path: &str, from: u64, limit: u64) -> Response {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut of_path = (from..self.objects).filter(|object| self.path_of(*object) == path);
        let items: Vec<_> = of_path.by_ref().take(limit).map(|object| self.object(object, 1)).collect();
        let next = of_path.next().map(|object| object.to_string()).unwrap_or_default();
        let version = self.version.load(Ordering::Relaxed);
        let metadata = json!({ "resourceVersion": version.to_string(), "continue": next });
        let (kind, api_version) = self.kind_of(path);
        let head = format!(r#"{{"kind":"{kind}List","apiVersion":"{api_version}","metadata":{metadata}"#);
        as_json(format!(r#"{head},"items":[{}]}}"#, items.join(",")))
    }

    /// A watch of what comes from now on, after all that is there where that is asked for.
    fn watch(self: Arc<Self>, watch: Watch, all_first: bool) -> Response {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        if all_first {
            tokio::spawn(async move {
                if self.send_all(&watch.1, &sender).await.is_ok() {
                    self.watches().insert(watch, sender);
                }
            });
        } else {
            self.watches().insert(watch, sender);
        }
        let lines = futures::stream::unfold(receiver, |mut receiver| async {
            let line = receiver.recv().await?;
            Some((Ok::<_, Infallible>(line), receiver))
        });
        as_json(Body::from_stream(lines))
    }

    /// A list as a stream, with the bookmark that ends it.
    async fn send_all(
        &self,
        path: &str,
        to: &mpsc::Sender<Bytes>,
    ) -> Result<(), mpsc::error::SendError<Bytes>> {
        for object in (0..self.objects).filter(|object| self.path_of(*object) == path) {
            let line = format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", self.object(object, 1));
            to.send(line.into()).await?;
        }
        let (kind, api_version) = self.kind_of(path);
        let version = self.version.load(Ordering::Relaxed).to_string();
        let end = json!({ "type": "BOOKMARK", "object": { "kind": kind, "apiVersion": api_version, "metadata": {
            "resourceVersion": version, "annotations": { "k8s.io/initial-events-end": "true" } } } });
        to.send(format!("{end}\n").into()).await
    }

    /// Changes objects one after another: so many a second, or as fast as they are read where the rate is 0.
    async fn run(&self, rate: u64, time: Duration) -> Fed {
        let begun = Instant::now();
        let mut changes = 0;
        while begun.elapsed() < time {
            let elapsed = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            if rate > 0 && changes >= rate * elapsed / 1_000 {
                tokio::time::sleep(TICK).await;
                continue;
            }
            let number = usize::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap_or_default();
            let object = number % self.objects;
            let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
            let line = format!("{{\"type\":\"MODIFIED\",\"object\":{}}}\n", self.object(object, version));
            let (line, path) = (Bytes::from(line), self.path_of(object));
            let of_path = |((_, watched), watch): (&Watch, &mpsc::Sender<Bytes>)| {
                (*watched == path).then(|| watch.clone())
            };
            let watches: Vec<_> = self.watches().iter().filter_map(of_path).collect();
            let mut sent = false;
            for watch in watches {
                sent |= watch.send(line.clone()).await.is_ok();
            }
            changes += u64::from(sent);
        }
        Fed { changes, ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_said_before_the_path() {
        assert_eq!(asker("/as/informer/api/v1/pods"), ("informer", "/api/v1/pods"));
        assert_eq!(asker("/api/v1/pods"), ("", "/api/v1/pods"));
        assert_eq!(asker("/as/informer"), ("", "/as/informer"));
    }
}
