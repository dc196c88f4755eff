//! An API server of a few hundred lines: lists in pages, watches, bookmarks, compaction, discovery, and faults
//! on demand.

mod patch;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often a quiet watch is sent a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_millis(200);

/// What goes wrong with the next request that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An HTTP status.
    Status(u16),
    /// The answer breaks off after so many bytes, as if the connection were cut.
    CutAfter(usize),
}

/// A kind that the server serves.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "as Kubernetes names it")]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
}

pub(crate) const POD: Kind = Kind { group: "", version: "v1", kind: "Pod", plural: "pods" };
pub(crate) const CONFIG_MAP: Kind =
    Kind { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps" };
pub(crate) const SECRET: Kind = Kind { group: "", version: "v1", kind: "Secret", plural: "secrets" };
pub(crate) const DEPLOYMENT: Kind =
    Kind { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" };
pub(crate) const LEASE: Kind =
    Kind { group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases" };
pub(crate) const DATABASE: Kind =
    Kind { group: "shop.example.com", version: "v1alpha1", kind: "Database", plural: "databases" };

#[derive(Clone)]
pub(crate) struct FakeApi {
    inner: Arc<Mutex<Inner>>,
    /// The present version: woken by each change.
    version: watch::Sender<u64>,
}

struct Inner {
    version: u64,
    compacted: u64,
    kinds: Vec<Kind>,
    /// By plural, then `namespace/name`.
    objects: BTreeMap<&'static str, BTreeMap<String, Value>>,
    log: Vec<Logged>,
    /// Snapshots that continue tokens lead to.
    pages: BTreeMap<u64, (u64, VecDeque<Value>)>,
    faults: Vec<(String, Fault)>,
    denied: Vec<&'static str>,
    /// Whether lists are streamed to whoever asks for it.
    streams_lists: bool,
    /// Its version, the part behind `1.`.
    minor: u32,
    /// Watches of an earlier count are broken off.
    cuts: u64,
    requests: Vec<String>,
    /// When each object was asked to be changed.
    patched: Vec<Instant>,
}

#[derive(Clone)]
struct Logged {
    version: u64,
    plural: &'static str,
    what: &'static str,
    object: Value,
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) api: FakeApi,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeApi {
    pub(crate) async fn start(kinds: &[Kind]) -> Running {
        let inner = Inner {
            version: 100,
            compacted: 0,
            kinds: kinds.to_vec(),
            objects: BTreeMap::new(),
            log: Vec::new(),
            pages: BTreeMap::new(),
            faults: Vec::new(),
            denied: Vec::new(),
            streams_lists: false,
            minor: 36,
            cuts: 0,
            requests: Vec::new(),
            patched: Vec::new(),
        };
        let api = Self { inner: Arc::new(Mutex::new(inner)), version: watch::channel(100).0 };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(api.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Running { api, address, task }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Creates or changes an object; its version.
    pub(crate) fn apply(&self, kind: &Kind, namespace: &str, name: &str, mut object: Value) -> u64 {
        let mut inner = self.lock();
        inner.version += 1;
        let version = inner.version;
        let key = format!("{namespace}/{name}");
        let old = inner.objects.entry(kind.plural).or_default().get(&key).cloned();
        let metadata = object.as_object_mut().unwrap().entry("metadata").or_insert_with(|| json!({}));
        metadata["name"] = name.into();
        metadata["namespace"] = namespace.into();
        metadata["resourceVersion"] = version.to_string().into();
        let uid = old
            .as_ref()
            .map_or_else(|| json!(format!("uid-{version}")), |old| old["metadata"]["uid"].clone());
        metadata["uid"] = uid;
        metadata["managedFields"] =
            json!([{ "manager": "test", "fieldsV1": { "k:{\"name\":\"app\"}": {} } }]);
        let what = if old.is_some() { "MODIFIED" } else { "ADDED" };
        inner.objects.get_mut(kind.plural).unwrap().insert(key, object.clone());
        inner.log.push(Logged { version, plural: kind.plural, what, object });
        drop(inner);
        self.version.send_replace(version);
        version
    }

    pub(crate) fn delete(&self, kind: &Kind, namespace: &str, name: &str) {
        let mut inner = self.lock();
        let objects = inner.objects.entry(kind.plural).or_default();
        let Some(mut object) = objects.remove(&format!("{namespace}/{name}")) else { return };
        inner.version += 1;
        let version = inner.version;
        object["metadata"]["resourceVersion"] = version.to_string().into();
        inner.log.push(Logged { version, plural: kind.plural, what: "DELETED", object });
        drop(inner);
        self.version.send_replace(version);
    }

    /// All objects of a kind: `namespace/name` to version.
    pub(crate) fn state(&self, kind: &Kind) -> BTreeMap<String, String> {
        let inner = self.lock();
        let objects = inner.objects.get(kind.plural).into_iter().flatten();
        objects.map(|(key, object)| (key.clone(), text(&object["metadata"]["resourceVersion"]))).collect()
    }

    /// Forgets all that is past: watches of an earlier version and pages of earlier lists are answered by 410.
    pub(crate) fn compact(&self) {
        let mut inner = self.lock();
        inner.compacted = inner.version;
        inner.log.clear();
        inner.pages.clear();
    }

    /// Serves another kind.
    pub(crate) fn serve(&self, kind: Kind) {
        self.lock().kinds.push(kind);
    }

    /// No longer serves a kind; its watches end.
    pub(crate) fn stop_serving(&self, kind: &Kind) {
        let mut inner = self.lock();
        inner.kinds.retain(|served| served.plural != kind.plural);
        inner.objects.remove(kind.plural);
        let version = inner.version;
        drop(inner);
        self.version.send_replace(version);
    }

    /// Streams lists from now on, as newer API servers do.
    pub(crate) fn stream_lists(&self) {
        self.lock().streams_lists = true;
    }

    /// Is one of before lists could be streamed: the question for it is not understood.
    pub(crate) fn grow_old(&self) {
        self.lock().minor = 26;
    }

    pub(crate) fn deny(&self, kind: &Kind) {
        self.lock().denied.push(kind.plural);
    }

    /// The next request whose path and query hold `part` meets this fault.
    pub(crate) fn fault(&self, part: &str, fault: Fault) {
        self.lock().faults.push((part.to_owned(), fault));
    }

    /// Breaks all watches off, as if their connections were cut.
    pub(crate) fn cut_watches(&self) {
        self.lock().cuts += 1;
        self.version.send_modify(|_| ());
    }

    /// How many faults nobody has met yet.
    pub(crate) fn faults_left(&self) -> usize {
        self.lock().faults.len()
    }

    /// The requests so far, as path and query.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// When the requests came to change an object.
    pub(crate) fn patched(&self) -> Vec<Instant> {
        self.lock().patched.clone()
    }

    pub(crate) fn object(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Value> {
        self.lock().objects.get(kind.plural)?.get(&format!("{namespace}/{name}")).cloned()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn status(code: u16, message: &str) -> Response {
    let body = json!({ "kind": "Status", "status": "Failure", "message": message, "code": code }).to_string();
    (StatusCode::from_u16(code).unwrap(), body).into_response()
}

async fn answer(State(api): State<FakeApi>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    assert_eq!(parts.headers["accept-encoding"], "identity", "a gzipped watch would not be read: {target}");
    let agent = parts.headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("prodrome-watcher/"), "whoever asks says so: {agent}");
    let query: BTreeMap<String, String> =
        parts.uri.query().unwrap_or_default().split('&').filter_map(pair).collect();
    let body = axum::body::to_bytes(body, 1 << 22).await.unwrap();

    let fault = {
        let mut inner = api.lock();
        inner.requests.push(format!("{} {target}", parts.method));
        let found = inner.faults.iter().position(|(part, _)| target.contains(part.as_str()));
        found.map(|found| inner.faults.remove(found).1)
    };
    let cut_after = match fault {
        Some(Fault::Status(code)) => return status(code, "a fault was asked for"),
        Some(Fault::CutAfter(bytes)) => Some(bytes),
        None => None,
    };
    let segments: Vec<&str> = parts.uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["version"] => {
            json!({ "major": "1", "minor": api.lock().minor.to_string() }).to_string().into_response()
        }
        ["api"] => discovery(&api, true),
        ["apis"] => discovery(&api, false),
        ["api", _, rest @ ..] => resource(&api, "", rest, &parts.method, &query, &body, cut_after),
        ["apis", group, _, rest @ ..] => resource(&api, group, rest, &parts.method, &query, &body, cut_after),
        _ => status(404, "not found"),
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    Some((key.to_owned(), value.to_owned()))
}

fn discovery(api: &FakeApi, core: bool) -> Response {
    let inner = api.lock();
    let mut groups: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for kind in inner.kinds.iter().filter(|kind| kind.group.is_empty() == core) {
        groups.entry((kind.group, kind.version)).or_default().push(json!({
            "resource": kind.plural,
            "responseKind": { "group": kind.group, "version": kind.version, "kind": kind.kind },
            "scope": "Namespaced",
            "verbs": ["get", "list", "watch"],
        }));
    }
    let items: Vec<Value> = groups.into_iter().map(|((group, version), resources)| {
        json!({ "metadata": { "name": group }, "versions": [{ "version": version, "resources": resources }] })
    }).collect();
    json!({ "kind": "APIGroupDiscoveryList", "items": items }).to_string().into_response()
}

fn resource(
    api: &FakeApi,
    group: &str,
    rest: &[&str],
    method: &Method,
    query: &BTreeMap<String, String>,
    body: &Bytes,
    cut_after: Option<usize>,
) -> Response {
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let Some((plural, rest)) = rest.split_first() else { return status(404, "not found") };
    let inner = api.lock();
    let Some(kind) = inner.kinds.iter().find(|kind| kind.group == group && kind.plural == *plural).cloned()
    else {
        return status(404, "the server could not find the requested resource");
    };
    if inner.denied.contains(&kind.plural) {
        return status(
            403,
            &format!("{plural} is forbidden: User \"watcher\" cannot list resource \"{plural}\""),
        );
    }
    drop(inner);
    match (method, rest) {
        (&Method::GET, []) if query.contains_key("watch") => {
            watch_events(api, kind.plural, namespace, query, cut_after)
        }
        (&Method::GET, []) => list(api, &kind, namespace, query, cut_after),
        (&Method::GET, [name]) => match api.object(&kind, namespace.unwrap_or_default(), name) {
            Some(object) => object.to_string().into_response(),
            None => status(404, "not found"),
        },
        (&Method::PATCH, [name]) => patch::patch(api, &kind, namespace.unwrap_or_default(), name, body),
        (&Method::POST | &Method::PUT, _) => write(api, &kind, namespace.unwrap_or_default(), method, body),
        _ => status(405, "not allowed"),
    }
}

fn write(api: &FakeApi, kind: &Kind, namespace: &str, method: &Method, body: &Bytes) -> Response {
    let object: Value = serde_json::from_slice(body).unwrap();
    let name = text(&object["metadata"]["name"]);
    let old = api.object(kind, namespace, &name);
    let old_version = old.as_ref().map(|old| text(&old["metadata"]["resourceVersion"]));
    match (method, old_version) {
        (&Method::POST, Some(_)) => return status(409, "already exists"),
        (&Method::PUT, None) => return status(404, "not found"),
        (&Method::PUT, Some(version)) if version != text(&object["metadata"]["resourceVersion"]) => {
            return status(409, "the object has been modified");
        }
        _ => {}
    }
    api.apply(kind, namespace, &name, object);
    api.object(kind, namespace, &name).unwrap().to_string().into_response()
}

fn list(
    api: &FakeApi,
    kind: &Kind,
    namespace: Option<&str>,
    query: &BTreeMap<String, String>,
    cut_after: Option<usize>,
) -> Response {
    let mut inner = api.lock();
    let limit: usize = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let (version, mut rest) = if let Some(token) = query.get("continue") {
        match inner.pages.remove(&token.parse().unwrap()) {
            Some(page) => page,
            None => return status(410, "The provided continue parameter is too old"),
        }
    } else {
        let of_namespace = |object: &&Value| namespace.is_none_or(|n| object["metadata"]["namespace"] == n);
        let objects = inner.objects.get(kind.plural).into_iter().flatten().map(|(_, object)| object);
        (inner.version, objects.filter(of_namespace).cloned().collect())
    };
    let items: Vec<Value> = rest.drain(..limit.min(rest.len())).collect();
    let mut metadata = json!({ "resourceVersion": version.to_string() });
    if !rest.is_empty() {
        let token = inner.pages.last_key_value().map_or(1, |(last, _)| last + 1);
        inner.pages.insert(token, (version, rest));
        metadata["continue"] = token.to_string().into();
    }
    let body =
        json!({ "kind": format!("{}List", kind.kind), "metadata": metadata, "items": items }).to_string();
    match cut_after {
        None => body.into_response(),
        Some(bytes) => {
            let piece = body.as_bytes()[..bytes.min(body.len())].to_vec();
            broken(vec![piece.into()])
        }
    }
}

fn watch_events(
    api: &FakeApi,
    plural: &'static str,
    namespace: Option<&str>,
    query: &BTreeMap<String, String>,
    cut_after: Option<usize>,
) -> Response {
    let (compacted, now, cuts, streams_lists) = {
        let inner = api.lock();
        (inner.compacted, inner.version, inner.cuts, inner.streams_lists)
    };
    let mut initial = VecDeque::new();
    let from: u64 = if query.contains_key("sendInitialEvents") {
        assert_eq!(
            (&*query["resourceVersionMatch"], &*query["allowWatchBookmarks"]),
            ("NotOlderThan", "true")
        );
        if !streams_lists {
            return status(
                422,
                "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
            );
        }
        let inner = api.lock();
        let of_namespace = |object: &&Value| namespace.is_none_or(|n| object["metadata"]["namespace"] == n);
        let objects = inner.objects.get(plural).into_iter().flatten().map(|(_, object)| object);
        let added = objects.filter(of_namespace).map(|object| json!({ "type": "ADDED", "object": object }));
        initial.extend(added);
        let end = json!({ "k8s.io/initial-events-end": "true" });
        let end = json!({ "metadata": { "resourceVersion": inner.version.to_string(), "annotations": end } });
        initial.push_back(json!({ "type": "BOOKMARK", "object": end }));
        inner.version
    } else {
        query["resourceVersion"].parse().unwrap()
    };
    if from < compacted {
        // Real ones do either, as they have noticed it.
        if from.is_multiple_of(2) {
            return status(410, "too old resource version");
        }
        let status = json!({ "kind": "Status", "reason": "Expired", "message": "too old resource version", "code": 410 });
        return format!("{}\n", json!({ "type": "ERROR", "object": status })).into_response();
    }
    assert!(from <= now.max(api.lock().version), "a watch from {from}, which is not yet");
    let watcher = Watcher {
        api: api.clone(),
        changed: api.version.subscribe(),
        plural,
        namespace: namespace.map(str::to_owned),
        sent: from,
        initial,
        bytes_left: cut_after,
        cuts,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let line = watcher.next().await?;
        Some((line, watcher))
    });
    Body::from_stream(events).into_response()
}

struct Watcher {
    api: FakeApi,
    changed: watch::Receiver<u64>,
    plural: &'static str,
    namespace: Option<String>,
    sent: u64,
    /// What is sent first.
    initial: VecDeque<Value>,
    bytes_left: Option<usize>,
    cuts: u64,
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        if self.bytes_left == Some(0) {
            return Some(Err(std::io::Error::other("cut")));
        }
        let mut line = loop {
            self.changed.borrow_and_update();
            if let Some(event) = self.initial.pop_front() {
                break format!("{event}\n");
            }
            {
                let inner = self.api.lock();
                if inner.cuts > self.cuts {
                    return Some(Err(std::io::Error::other("cut")));
                }
                if !inner.kinds.iter().any(|kind| kind.plural == self.plural) {
                    return None;
                }
                if self.sent < inner.compacted {
                    let status = json!({ "kind": "Status", "message": "compacted", "code": 410 });
                    self.sent = inner.compacted;
                    break format!("{}\n", json!({ "type": "ERROR", "object": status }));
                }
                let mine = |logged: &&Logged| {
                    logged.version > self.sent
                        && logged.plural == self.plural
                        && self
                            .namespace
                            .as_ref()
                            .is_none_or(|n| logged.object["metadata"]["namespace"] == **n)
                };
                if let Some(logged) = inner.log.iter().find(mine) {
                    self.sent = logged.version;
                    break format!("{}\n", json!({ "type": logged.what, "object": logged.object }));
                }
            }
            if tokio::time::timeout(BOOKMARK_EVERY, self.changed.changed()).await.is_err() {
                let version = self.api.lock().version;
                self.sent = version;
                let object = json!({ "metadata": { "resourceVersion": version.to_string() } });
                break format!("{}\n", json!({ "type": "BOOKMARK", "object": object }));
            }
        };
        if let Some(left) = self.bytes_left.as_mut() {
            line.truncate(*left);
            *left -= line.len();
        }
        Some(Ok(line.into()))
    }
}

fn broken(pieces: Vec<Bytes>) -> Response {
    let pieces = pieces.into_iter().map(Ok::<_, Infallible>).collect::<Vec<_>>();
    let cut = stream::iter(
        pieces
            .into_iter()
            .map(|piece| Ok(piece.unwrap_or_default()))
            .chain([Err(std::io::Error::other("cut"))]),
    );
    Body::from_stream(cut).into_response()
}
