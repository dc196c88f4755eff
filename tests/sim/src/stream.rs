//! A watch that is open, and the list that it begins with where it was asked for one.

use crate::api::{Api, Frame, status_of};
use crate::clock::{MINUTE, Millis, SECOND, millis};
use crate::fault::{Away, Caller};
use crate::model::{Expired, Kind};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::time::{sleep, timeout};

/// How often a quiet watch is sent a bookmark.
const BOOKMARK_EVERY: Millis = MINUTE;
/// How long it takes at most after the last object of a list until it is said that it was the last: so often a server
/// looks which of its watches want a bookmark.
const LOOKS_EVERY: u64 = 1_250;
/// The annotation that says so.
const ENDS_LIST: &str = "k8s.io/initial-events-end";

/// What a watch tells at once.
pub(crate) type Line = http_body::Frame<Bytes>;

/// An open watch.
pub(crate) struct Watch {
    api: Api,
    news: tokio::sync::watch::Receiver<u64>,
    kind: Kind,
    from: u64,
    cuts: u64,
    ends: Millis,
    bookmark: Millis,
    /// The list that it begins with, until its end has been told.
    list: Option<List>,
    over: bool,
}

/// What is left of a list that is streamed.
pub(crate) struct List {
    items: VecDeque<String>,
    /// After how many objects it breaks off, if it does, and whether that looks like an end.
    breaks: Option<(usize, bool)>,
    /// When its end is told, once all objects have been.
    ends: Option<Millis>,
}

impl List {
    /// Of these objects.
    pub(crate) fn new(items: Vec<String>, breaks: Option<(usize, bool)>) -> Self {
        Self { items: items.into(), breaks, ends: None }
    }
}

/// What a watch does next for the list that it begins with.
enum Next {
    Tells(String),
    Breaks { looks_like_an_end: bool },
    Ends,
    Goes,
}

impl Watch {
    /// From a version on, for so long.
    pub(crate) fn open(api: Api, kind: Kind, from: u64, lasts: Millis, list: Option<List>) -> Self {
        let now = api.clock.millis();
        let (news, cuts) = (api.cluster.news.subscribe(), api.cluster.lock().cuts);
        let (ends, bookmark) = (now + lasts, now + BOOKMARK_EVERY);
        Self { api, news, kind, from, cuts, ends, bookmark, list, over: false }
    }

    /// What it tells next, once there is anything.
    pub(crate) async fn next(mut self) -> Option<(Frame, Self)> {
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
            let lags = self.api.weather.cache_lags();
            let (event, compacted, cuts, version) = {
                let inner = self.api.cluster.lock();
                let first = inner.log.partition_point(|logged| logged.version <= self.from);
                let event = inner.log[first..].iter().find(|logged| logged.kind == self.kind).cloned();
                let version = inner.turns.version_at(self.api.clock.millis() - lags);
                (event, inner.compacted, inner.cuts, version)
            };
            if cuts > self.cuts {
                return Some((self.broken(), self));
            }
            match self.of_list().await {
                Next::Tells(text) => return Some((Ok(line(&text)), self)),
                Next::Breaks { looks_like_an_end: true } => return None,
                Next::Breaks { looks_like_an_end: false } => return Some((self.broken(), self)),
                Next::Ends => {
                    let annotations = json!({ ENDS_LIST: "true" });
                    return Some((Ok(self.bookmark(Some(annotations))), self));
                }
                Next::Goes => {}
            }
            if self.from < compacted {
                // What it had to tell may be forgotten, whatever has happened since.
                self.api.expired(self.kind, self.from);
                let status = status_of(410, "Expired", "too old resource version");
                return Some((Ok(self.refused(&status)), self));
            }
            let now = self.api.clock.millis();
            let list_ends = self.list.as_ref().and_then(|list| list.ends).unwrap_or(Millis::MAX);
            if let Some(event) = event {
                let late = event.at + self.api.weather.watch_lags().max(lags);
                if late > now {
                    sleep(millis(late.min(list_ends) - now)).await;
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
                return Some((Ok(self.bookmark(None)), self));
            }
            let wait = self.bookmark.min(self.ends).min(list_ends) - now;
            _ = timeout(millis(wait), self.news.changed()).await;
        }
    }

    /// What is next of the list, object by object; between the last of them and its end there may be changes.
    async fn of_list(&mut self) -> Next {
        let (weather, clock) = (&self.api.weather, self.api.clock);
        let Some(list) = &mut self.list else { return Next::Goes };
        match &mut list.breaks {
            Some((0, looks_like_an_end)) => {
                return Next::Breaks { looks_like_an_end: *looks_like_an_end };
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        if let Some(item) = list.items.pop_front() {
            let takes = if self.api.caller == Caller::Watcher { weather.list_takes() } else { 0 };
            sleep(millis(takes)).await;
            return Next::Tells(format!(r#"{{"type":"ADDED","object":{item}}}"#));
        }
        let now = clock.millis();
        let looks = || if weather.draw(2) == 0 { 0 } else { weather.draw(LOOKS_EVERY) };
        let ends = *list.ends.get_or_insert_with(|| now + Millis::try_from(looks()).unwrap_or(0));
        if now < ends {
            return Next::Goes;
        }
        self.list = None;
        Next::Ends
    }

    /// As far as it has told.
    fn bookmark(&self, annotations: Option<Value>) -> Line {
        let mut metadata = json!({ "resourceVersion": self.from.to_string() });
        if let Some(annotations) = annotations {
            metadata["annotations"] = annotations;
        }
        line(&json!({ "type": "BOOKMARK", "object": { "metadata": metadata } }).to_string())
    }

    /// The server gives it up, and says why.
    pub(crate) fn refused(&mut self, status: &Value) -> Line {
        self.over = true;
        line(&json!({ "type": "ERROR", "object": status }).to_string())
    }

    fn broken(&mut self) -> Frame {
        self.over = true;
        Err("the connection was reset".into())
    }
}

impl Api {
    /// A watch of a kind is told that its version is too old.
    pub(crate) fn expired(&self, kind: Kind, from: u64) {
        let expired = Expired { at: self.clock.millis(), kind, from };
        self.cluster.lock().expired.push(expired);
    }
}

fn line(text: &str) -> Line {
    http_body::Frame::data(Bytes::from(format!("{text}\n")))
}
