//! How much memory the program takes: a kind of 100,000 objects with 15 KB each, streamed and in pages, and while the
//! queue is down. `make bench-outage` runs it, with `PRODROME_TEST_WATCHER` to measure the optimised program, and
//! `OUTAGE_REPORT` to name the section of the report.

mod real;

use crate::program::Program;
use crate::world::kubeconfig;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{StreamExt as _, stream};
use prodrome_model::ChangeKind;
use prodrome_queue::pack::{UNCOMPRESSED_MAX, decode};
use prodrome_queue::{Body as Message, PACK_ATTRIBUTE, body_of};
use prodrome_report::Table;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const PODS: u64 = 100_000;
const MB: u64 = 1_000_000;
/// What the program may take of its own while all is well, in MB, and while the queue is down: 20 MiB may wait then.
const BOUNDS_MB: [u64; 2] = [30, 46];

/// What the cluster and the queue have done so far.
#[derive(Default)]
struct World {
    /// Whether the API server can stream lists.
    streams: bool,
    made: AtomicU64,
    queue_is_down: AtomicBool,
    received: AtomicU64,
    packs: AtomicU64,
    lists_ended: AtomicU64,
}

/// What is alike among the pods of a deployment.
static ENV: LazyLock<Vec<String>> = LazyLock::new(|| {
    let env = |of: u64| {
        let one = |n: u64| {
            format!(
                r#"{{"name":"SETTING_{n}_OF_{of}","value":"https://service-{}.shop.svc:8443/v{n}"}}"#,
                n * of % 17
            )
        };
        (0..192).map(one).collect::<Vec<_>>().join(",")
    };
    (0..50).map(env).collect()
});

/// The pod `i`, of one of fifty deployments; about 15 KB.
fn pod(i: u64) -> String {
    let mut dice = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut hex = |digits: usize| -> String {
        let mut roll = || {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"0123456789abcdef"[usize::try_from(dice >> 60).unwrap()])
        };
        (0..digits).map(|_| roll()).collect()
    };
    let of = i % 50;
    let metadata = json!({
        "name": format!("deployment-{of}-{}", i), "namespace": format!("team-{of}"), "uid": hex(32),
        "resourceVersion": (1_000 + i).to_string(), "labels": { "app": format!("deployment-{of}") },
        "managedFields": [{ "manager": "kubelet", "fieldsV1": { "f:status": { "f:containerStatuses": { ".": {} } } } }],
    });
    let ids: Vec<_> = (0..6).map(|_| hex(64)).collect();
    format!(
        r#"{{"metadata":{metadata},"spec":{{"nodeName":"node-{}","containers":[{{"name":"app","env":[{}]}}]}},"status":{{"phase":"Running","podIP":"10.{}.{}.7","ids":{ids:?}}}}}"#,
        i % 500,
        ENV[usize::try_from(of).unwrap()],
        i / 250 % 250,
        i % 250,
    )
}

async fn pods(State(world): State<Arc<World>>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let made = |world: &Arc<World>, i: u64| {
        world.made.fetch_add(1, Relaxed);
        pod(i)
    };
    if query.contains_key("sendInitialEvents") {
        if !world.streams {
            let status =
                json!({ "kind": "Status", "message": "sendInitialEvents is forbidden", "code": 422 });
            return (StatusCode::UNPROCESSABLE_ENTITY, status.to_string()).into_response();
        }
        let events = stream::iter(0..PODS)
            .map(move |i| format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", made(&world, i)));
        let end = json!({ "metadata": {
            "resourceVersion": "200000", "annotations": { "k8s.io/initial-events-end": "true" } } });
        let end = format!("{}\n", json!({ "type": "BOOKMARK", "object": end }));
        let events = events.chain(stream::iter([end])).map(|line| Ok::<_, Infallible>(Bytes::from(line)));
        return Body::from_stream(events.chain(stream::pending())).into_response();
    }
    if query.contains_key("watch") {
        return Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()).into_response();
    }
    let begin: u64 = query.get("continue").map_or(0, |next| next.parse().unwrap());
    let end = (begin + query["limit"].parse::<u64>().unwrap()).min(PODS);
    let next = if end < PODS { end.to_string() } else { String::new() };
    let metadata = json!({ "resourceVersion": "200000", "continue": next });
    let head = format!(r#"{{"kind":"PodList","metadata":{metadata},"items":["#);
    let items = stream::iter(begin..end).map(move |i| {
        let comma = if i == begin { "" } else { "," };
        format!("{comma}{}", made(&world, i))
    });
    let pieces = stream::iter([head]).chain(items).chain(stream::iter(["]}".to_owned()]));
    Body::from_stream(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece)))).into_response()
}

async fn take(State(world): State<Arc<World>>, body: String) -> Response {
    if world.queue_is_down.load(Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    let entries = request["Entries"].as_array().unwrap();
    for entry in entries {
        let pack = entry["MessageAttributes"][PACK_ATTRIBUTE]["BinaryValue"].as_str();
        let Message::Pack(bytes) = body_of(None, pack).unwrap() else { panic!("the watcher sends packs") };
        world.packs.fetch_add(1, Relaxed);
        for change in decode(&bytes, UNCOMPRESSED_MAX).unwrap().changes {
            match change.unwrap().kind {
                ChangeKind::Applied => world.received.fetch_add(1, Relaxed),
                ChangeKind::ListEnd => world.lists_ended.fetch_add(1, Relaxed),
                _ => 0,
            };
        }
    }
    let answer = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x" });
    let successful: Vec<_> = entries.iter().map(answer).collect();
    json!({ "Successful": successful, "Failed": [] }).to_string().into_response()
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// A line of `/proc/PID/status`, in bytes.
fn memory(pid: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = status.lines().find_map(|found| found.strip_prefix(&format!("{line}:")));
    found.unwrap().trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The memory that the program took at most, of its own and with the pages of the program itself.
#[derive(Debug, Default)]
struct Peak {
    own: u64,
    all: u64,
    /// After so many objects there was no more room, where the queue was down.
    paused_after: u64,
    told: String,
}

async fn run(streams: bool, with_outage: bool) -> Peak {
    let world = Arc::new(World { streams, queue_is_down: with_outage.into(), ..World::default() });
    let resource = json!({
        "resource": "pods", "responseKind": { "group": "", "version": "v1", "kind": "Pod" }, "scope": "Namespaced",
        "verbs": ["get", "list", "watch"],
    });
    let version = json!({ "version": "v1", "resources": [resource] });
    let core = json!({ "kind": "APIGroupDiscoveryList", "items": [{ "metadata": { "name": "" }, "versions": [version] }] });
    let others = json!({ "kind": "APIGroupDiscoveryList", "items": [] });
    let cluster = Router::new()
        .route("/version", get(|| async { "{}" }))
        .route("/api", get(async move || core.to_string()))
        .route("/apis", get(async move || others.to_string()))
        .route("/api/v1/pods", get(pods))
        .with_state(Arc::clone(&world));
    let cluster = serve(cluster).await;
    let queue = serve(Router::new().fallback(post(take)).with_state(Arc::clone(&world))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kubeconfig");
    std::fs::write(&config, kubeconfig(&format!("http://{cluster}"))).unwrap();
    let program = Program::by_kubeconfig(&config, queue).with("LOG_LEVEL", "error");
    let (began, mut peak) = (Instant::now(), Peak::default());
    let mut child = program.start_as(&measured());
    let pid = child.id();
    let (mut made, mut since) = (0, Instant::now());
    while world.lists_ended.load(Relaxed) == 0 {
        assert!(
            child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_mins(15),
            "it goes on"
        );
        peak.own = peak.own.max(memory(pid, "RssAnon"));
        peak.all = peak.all.max(memory(pid, "VmHWM"));
        let now = world.made.load(Relaxed);
        if now != made {
            (made, since) = (now, Instant::now());
        } else if world.queue_is_down.load(Relaxed) && made > 0 && since.elapsed() > Duration::from_secs(5) {
            peak.paused_after = made;
            world.queue_is_down.store(false, Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.received.load(Relaxed), PODS, "each came once");
    let (seconds, packs) = (began.elapsed().as_secs(), world.packs.load(Relaxed));
    peak.told = format!(
        "streams: {streams}: {} MB of its own, {} MB in all; {seconds} s, {packs} packs",
        peak.own / MB,
        peak.all / MB
    );
    peak
}

#[expect(clippy::disallowed_methods, reason = "which program is measured is asked of whoever runs this")]
fn measured() -> String {
    std::env::var("PRODROME_TEST_WATCHER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_watcher").to_owned())
}

fn report() -> Option<PathBuf> {
    std::env::var_os("OUTAGE_REPORT").filter(|file| !file.is_empty()).map(PathBuf::from)
}

#[tokio::test]
#[ignore = "it measures: minutes; see the head of this file"]
async fn a_kind_of_100_000_objects_takes_its_bound_while_the_queue_is_down_too() {
    assert!((14_000..17_000).contains(&pod(7).len()), "{}", pod(7).len());
    let machine = prodrome_report::machine();
    let mut table =
        Table::new(&["the list", "queue", ">of its own", ">in all", ">bound of its own", ">held"]);
    for (streams, with_outage) in [(true, false), (false, false), (true, true), (false, true)] {
        let (bound, peak) = (BOUNDS_MB[usize::from(with_outage)], run(streams, with_outage).await);
        println!("{}", peak.told);
        assert!(peak.own < bound * MB, "{peak:?}");
        let held = if with_outage { peak.paused_after.to_string() } else { "–".to_owned() };
        let list = if streams { "streamed" } else { "in pages" };
        let queue = if with_outage { "down" } else { "up" };
        let mb = |bytes: u64| format!("{}.{} MB", bytes / MB, bytes % MB * 10 / MB);
        table.row(&[&list, &queue, &mb(peak.own), &mb(peak.all), &format!("{bound} MB"), &held]);
    }
    let Some(file) = report() else { return };
    let text = format!(
        "## Memory: the watcher while the queue is down\n\nMade by `make bench-outage`: the optimised watcher before an API server of \
         {PODS} pods of some 15 KB, of fifty deployments. What waits is kept compressed, 20 MiB at most unless set \
         otherwise (`OUTAGE_BYTES_MAX`); `held` is how many objects the server had handed out when the watcher paused the list, \
         before the queue was up again and all {PODS} came, each once. MB of a million bytes, the most of the whole run. {machine}\n\n{}",
        table.finish()
    );
    std::fs::write(file, text).unwrap();
}
