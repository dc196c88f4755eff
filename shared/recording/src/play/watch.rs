use super::list::too_large;
use super::request::Request;
use super::server::Shared;
use super::status::{Status, json_response};
use super::world::{Collection, Entry, Filter};
use crate::WatchKind;
use crate::object_json::{metadata_only, with_resource_version};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use prodrome_model::Resource;
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

/// A watch that is open.
struct Watch {
    shared: Arc<Shared>,
    resource: Resource,
    filter: Filter,
    metadata: bool,
    bookmarks: bool,
    /// Everything up to this version was sent.
    seen: u64,
    /// Sent before all else.
    first: Option<String>,
    deadline: Option<Instant>,
    ticks: Option<Interval>,
    changed: watch::Receiver<u64>,
    bookmark_asked: watch::Receiver<u64>,
    dropped: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    ended: bool,
}

const BATCH_MAX: usize = 200;

/// Opens a watch.
pub(super) fn answer(
    shared: &Arc<Shared>,
    resource: &Resource,
    request: &Request,
    namespace: Option<&str>,
    metadata: bool,
) -> Result<Response, Status> {
    let filter = request.filter(resource, namespace)?;
    let from = request.number("resourceVersion")?.unwrap_or(0);
    let bookmarks = request.is_true("allowWatchBookmarks");
    let timeout = request.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let initial_events = request.is_true("sendInitialEvents");
    let not_older = request.get("resourceVersionMatch") == Some("NotOlderThan");
    if initial_events != not_older {
        let message = "resourceVersionMatch NotOlderThan and sendInitialEvents go together";
        return Err(Status::new(422, "Invalid", message));
    }
    if initial_events && !bookmarks {
        return Err(Status::new(422, "Invalid", "sendInitialEvents needs allowWatchBookmarks"));
    }

    let mut watch = Watch {
        resource: resource.clone(),
        filter,
        metadata,
        bookmarks,
        seen: from,
        first: None,
        // One that no clock reaches is none.
        deadline: timeout.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds))),
        ticks: shared.bookmark_every.map(|every| {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.reset();
            ticks
        }),
        changed: shared.changed.subscribe(),
        bookmark_asked: shared.bookmark_asked.subscribe(),
        dropped: shared.dropped.subscribe(),
        stop: shared.stop.subscribe(),
        ended: false,
        shared: Arc::clone(shared),
    };
    let world = shared.world();
    let now = world.version();
    let collection = world
        .collection(&resource.group, &resource.version, &resource.plural)
        .ok_or_else(Status::no_such_resource)?;
    if initial_events && from > now {
        return Err(too_large(from, now));
    }
    if initial_events || from == 0 {
        watch.seen = now;
        watch.first = Some(watch.initial(collection, initial_events));
    } else if from < collection.floor() {
        watch.first = Some(error_line(&Status::expired(from, collection.floor())));
        watch.ended = true;
    }
    drop(world);
    Ok(json_response(200, Body::from_stream(stream::unfold(watch, step))))
}

/// What to send next; `None` ends the watch, an error breaks its connection.
async fn step(mut watch: Watch) -> Option<(io::Result<Bytes>, Watch)> {
    if let Some(first) = watch.first.take().filter(|first| !first.is_empty()) {
        return Some((Ok(first.into()), watch));
    }
    while !watch.ended {
        let news = watch.news();
        if !news.is_empty() {
            return Some((Ok(news.into()), watch));
        }
        if watch.ended {
            break;
        }
        match watch.wait().await {
            Wake::Changed => {}
            Wake::Stop => break,
            Wake::Drop => {
                watch.ended = true;
                let broken = io::Error::new(io::ErrorKind::ConnectionReset, "dropped on purpose");
                return Some((Err(broken), watch));
            }
            wake @ (Wake::Bookmark | Wake::Deadline) => {
                watch.ended = matches!(wake, Wake::Deadline);
                if watch.bookmarks {
                    let bookmark = watch.bookmark(false);
                    return Some((Ok(bookmark.into()), watch));
                }
            }
        }
    }
    None
}

enum Wake {
    Changed,
    Bookmark,
    Deadline,
    Drop,
    Stop,
}

impl Watch {
    async fn wait(&mut self) -> Wake {
        let (deadline, ticks) = (self.deadline, &mut self.ticks);
        let ticking = async {
            match ticks {
                Some(ticks) => _ = ticks.tick().await,
                None => std::future::pending().await,
            }
        };
        let ending = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        // A server that is gone (its senders dropped) is a server that stops.
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Wake::Stop,
            dropped = self.dropped.changed() => dropped.map_or(Wake::Stop, |()| Wake::Drop),
            changed = self.changed.changed() => changed.map_or(Wake::Stop, |()| Wake::Changed),
            asked = self.bookmark_asked.changed() => asked.map_or(Wake::Stop, |()| Wake::Bookmark),
            () = ending => Wake::Deadline,
            () = ticking => Wake::Bookmark,
        }
    }

    /// Everything that stands, as it is told to a watch that names no version, or asks for it.
    fn initial(&self, collection: &Collection, end_mark: bool) -> String {
        let mut text = String::new();
        for object in collection.now(&self.filter) {
            text.push_str(&self.object_line(WatchKind::Added, object.text()));
        }
        if end_mark {
            text.push_str(&self.bookmark(true));
        }
        text
    }

    /// What happened since; empty where nothing did that this watch is about.
    fn news(&mut self) -> String {
        let shared = Arc::clone(&self.shared);
        let world = shared.world();
        let resource = &self.resource;
        let Some(collection) = world.collection(&resource.group, &resource.version, &resource.plural) else {
            self.ended = true;
            return String::new();
        };
        let Some(entries) = collection.after(self.seen, BATCH_MAX) else {
            self.ended = true;
            return error_line(&Status::expired(self.seen, collection.floor()));
        };
        let is_all = entries.len() < BATCH_MAX;
        let last = entries.last().map_or(self.seen, |entry| entry.version);
        self.seen = if is_all { self.seen.max(world.version()) } else { last };
        entries.iter().filter_map(|entry| self.entry_line(entry)).collect()
    }

    fn entry_line(&self, entry: &Entry) -> Option<String> {
        let before = entry.before.as_ref().filter(|before| self.filter.selects(before));
        let is_selected = !entry.deleted && self.filter.selects(&entry.after);
        let after = entry.after.text();
        Some(match (before, is_selected) {
            (None, true) => self.object_line(WatchKind::Added, after),
            (Some(_), true) => self.object_line(WatchKind::Modified, after),
            (Some(_), false) if entry.deleted => self.object_line(WatchKind::Deleted, after),
            // It left the selection: its last state within, in the version of the change.
            (Some(before), false) => {
                let last = with_resource_version(before.text(), entry.version);
                self.object_line(WatchKind::Deleted, &last)
            }
            (None, false) => return None,
        })
    }

    fn object_line(&self, kind: WatchKind, object: &str) -> String {
        if self.metadata { line(kind, &metadata_only(object)) } else { line(kind, object) }
    }

    fn bookmark(&self, ends_initial_events: bool) -> String {
        let mut metadata = json!({ "resourceVersion": self.seen.to_string() });
        if ends_initial_events {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let (kind, api_version) = if self.metadata {
            ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned())
        } else {
            (&*self.resource.kind, self.resource.api_version())
        };
        let object = json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata });
        line(WatchKind::Bookmark, &object.to_string())
    }
}

fn error_line(status: &Status) -> String {
    line(WatchKind::Error, &status.json().to_string())
}

fn line(kind: WatchKind, object: &str) -> String {
    format!("{{\"type\":\"{}\",\"object\":{object}}}\n", kind.as_str())
}
