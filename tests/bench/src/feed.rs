//! The other side of a watcher that is measured: an API server with many objects that change at a given rate, and a
//! queue that takes everything. Runs in a process of its own, so that its work is not the watcher's.

mod sink;

use crate::mix::Mix;
use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
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
    version: AtomicU64,
    next: AtomicU64,
    watches: Mutex<BTreeMap<String, mpsc::Sender<Bytes>>>,
    sink: Sink,
}

/// Serves `objects` objects of a mix on a free port of this machine, says which on standard output, and goes on.
pub async fn serve(mix: Mix, objects: usize) -> Result<()> {
    let feed = Arc::new(Feed {
        mix,
        objects,
        version: AtomicU64::new(1_000),
        next: AtomicU64::new(0),
        watches: Mutex::default(),
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
    match head.uri.path() {
        "/" => match to_bytes(body, BODY_BYTES_MAX).await {
            Ok(body) => json_answer(&feed.sink.take(&body)),
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        },
        "/version" => json_answer(&json!({ "major": "1", "minor": "36" })),
        "/api" => json_answer(&feed.discovery(true)),
        "/apis" => json_answer(&feed.discovery(false)),
        "/control/watches" => json_answer(&json!(feed.watches().len())),
        "/control/taken" => json_answer(&json!(feed.sink.taken())),
        "/control/feed" => {
            let time = Duration::from_millis(number("ms").unwrap_or(1_000));
            json_answer(&json!(feed.run(number("rate").unwrap_or(0), time).await))
        }
        // As a server does that does not stream lists.
        _ if asked("sendInitialEvents").is_some() => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        path if asked("watch").is_some() => feed.watch(path),
        path => feed.list(path, number("continue").unwrap_or(0), number("limit").unwrap_or(500)),
    }
}

fn json_answer(value: &Value) -> Response {
    value.to_string().into_response()
}

impl Feed {
    fn watches(&self) -> MutexGuard<'_, BTreeMap<String, mpsc::Sender<Bytes>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path_of(&self, object: usize) -> String {
        let template = &self.mix.templates[object % self.mix.templates.len()];
        template.resource.collection_path(None)
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
        format!(r#"{{"kind":"List","apiVersion":"v1","metadata":{metadata},"items":[{}]}}"#, items.join(","))
            .into_response()
    }

    /// A watch of what comes from now on; the latest of a path counts.
    fn watch(&self, path: &str) -> Response {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.watches().insert(path.to_owned(), sender);
        let lines = futures::stream::unfold(receiver, |mut receiver| async {
            let line = receiver.recv().await?;
            Some((Ok::<_, Infallible>(line), receiver))
        });
        Body::from_stream(lines).into_response()
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
            let watch = self.watches().get(&self.path_of(object)).cloned();
            if let Some(watch) = watch
                && watch.send(line.into()).await.is_ok()
            {
                changes += 1;
            }
        }
        Fed { changes, ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }
}
