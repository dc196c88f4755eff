//! A log of 100 MB: plugins read its end by the API, and no more than that.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::Timestamp;
use prodrome_cluster::{Endpoint, KubeCluster};
use prodrome_model::{GroupKind, PluginResponse};
use prodrome_plugin::kit::Kit;
use prodrome_plugin::{AnyCluster, View, call};
use prodrome_recording::play::{Clock, PlayOptions, PlayServer};
use prodrome_recording::{Timeline, builtin_of_kind};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const LOG_BYTES: usize = 100_000_000;
const LINE: &str =
    "2026-01-01T11:59:00Z INFO order stored, next one please; nothing is wrong here at all ........\n";
const END: &str = "java.lang.OutOfMemoryError: Java heap space\n\tat shop.Cart.fill(Cart.java:41)\n";

/// How the API server tells of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As the kubelet does: so many lines of the end, and of these so many bytes from their begin.
    Kubelet,
    /// The same of a log that is one line.
    OneLine,
    /// All of it, whatever is asked for, as a proxy may that drops the query.
    Everything,
}

/// An API server before another, which tells logs itself and hands all else on.
struct Server {
    url: String,
    /// How many bytes of logs it could send.
    sent: Arc<AtomicUsize>,
    /// How often a log was asked for.
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn before(api: &PlayServer, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, sent: Arc::default(), asked: Arc::default() };
        let behind = api.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let (sent, asked) = (server.sent.clone(), server.asked.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, behind.clone(), manner, sent.clone(), asked.clone()));
            }
        });
        server
    }
}

/// One question of one connection.
async fn serve(
    mut client: TcpStream,
    behind: String,
    manner: Manner,
    sent: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
) {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let Ok(1) = client.read(&mut byte).await else { return };
        question.push(byte[0]);
    }
    let question = String::from_utf8(question).unwrap();
    let path = question.split(' ').nth(1).unwrap();
    if !path.contains("/log?") {
        let question = question.trim_end().to_owned() + "\r\nConnection: close\r\n\r\n";
        let mut server = TcpStream::connect(behind).await.unwrap();
        server.write_all(question.as_bytes()).await.unwrap();
        tokio::io::copy(&mut server, &mut client).await.ok();
        return;
    }
    asked.fetch_add(1, Relaxed);
    let param = |name: &str| -> usize {
        let query = path.split_once('?').unwrap().1;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).unwrap().1.parse().unwrap()
    };
    client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.unwrap();
    let answer = match manner {
        Manner::Kubelet => {
            let lines = LINE.repeat(param("tailLines").saturating_sub(2)) + END;
            lines.get(..lines.len().min(param("limitBytes"))).unwrap().to_owned()
        }
        Manner::OneLine => "x".repeat(LOG_BYTES.min(param("limitBytes"))),
        Manner::Everything => LINE.repeat(LOG_BYTES / LINE.len()),
    };
    for part in answer.as_bytes().chunks(64 * 1024) {
        let Ok(()) = client.write_all(part).await else { return };
        sent.fetch_add(part.len(), Relaxed);
    }
}

fn pod() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop", "uid": "u" },
        "spec": { "containers": [{ "name": "c", "image": "x" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }],
            "containerStatuses": [{ "name": "c", "restartCount": 1, "image": "x",
                "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } } }] } })
}

async fn api() -> PlayServer {
    let now = Timestamp::from_second(1_767_268_800).unwrap();
    let options = PlayOptions { clock: Clock::Manual, ..PlayOptions::default() };
    let server = PlayServer::start(&Timeline::default(), now, options).await.unwrap();
    server.apply(&builtin_of_kind(&GroupKind::core("Pod")).unwrap(), &pod().to_string());
    server
}

async fn ask(plugin: &str, server: &Server) -> PluginResponse {
    let plugins = prodrome_local::plugins();
    let plugin = plugins.get(plugin).unwrap();
    let request = Kit::new().with(pod()).request(plugin, "Pod shop/web").await;
    let endpoint = Endpoint { url: server.url.clone(), ca: None, tokens: None };
    let view = View::new(AnyCluster::new(KubeCluster::from_endpoint(endpoint).unwrap()));
    call(plugin, request, &view).await
}

#[tokio::test]
async fn of_a_log_of_100_mb_its_end_is_read_and_no_more() {
    /// What one question may bring, and what lies in the sockets between.
    const READ_MAX: usize = 256 * 1024;
    const ON_ITS_WAY_MAX: usize = 8 << 20;
    let api = api().await;
    for plugin in ["logs", "crash-loop"] {
        for (manner, cause) in
            [(Manner::Kubelet, Some("oom-killed")), (Manner::OneLine, None), (Manner::Everything, None)]
        {
            let server = Server::before(&api, manner).await;
            let answer = ask(plugin, &server).await;
            let (asked, sent) = (server.asked.load(Relaxed), server.sent.load(Relaxed));
            assert!((2..=6).contains(&asked), "{plugin}, {manner:?}: {asked} times: {answer:?}");
            let room = if manner == Manner::Everything { ON_ITS_WAY_MAX } else { READ_MAX };
            assert!(sent <= asked * room, "{plugin}, {manner:?}: {sent} bytes in {asked} answers");
            // What a log does not say, the exit code does, less surely.
            let of_the_log = answer.cause.as_deref().filter(|cause| *cause != "app-error");
            assert_eq!(of_the_log, cause, "{plugin}, {manner:?}: {answer:?}");
            assert!(answer.not_looked_at.iter().all(|unseen| !unseen.what.contains("log of")), "{answer:?}");
        }
    }
}
