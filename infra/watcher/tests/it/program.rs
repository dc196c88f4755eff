//! The program itself: its exit codes, its one line about a mistake, its signals.

use crate::fake_api::{FakeApi, Fault, POD};
use crate::world::{TestQueue, kubeconfig};
use axum::Router;
use axum::routing::post;
use prodrome_queue::{PACK_ATTRIBUTE, body_of};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) struct Program {
    pub(crate) folder: TempDir,
    vars: Vec<(String, String)>,
}

impl Program {
    /// With settings that would do, up to the addresses of the cluster and the queue.
    fn new(cluster: SocketAddr, queue: SocketAddr) -> Self {
        let program = Self::by_kubeconfig(Path::new(""), queue);
        let config = program.folder.path().join("kubeconfig");
        std::fs::write(&config, kubeconfig(&format!("http://{cluster}"))).unwrap();
        program.with("KUBECONFIG", &config.display().to_string())
    }

    /// The same, for a cluster that a file says how to reach.
    pub(crate) fn by_kubeconfig(config: &Path, queue: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place.json");
        let vars = [
            ("KUBECONFIG", config.display().to_string()),
            ("PLACE_FILE", place.display().to_string()),
            ("CLUSTER", "test".into()),
            ("KINDS", "Pod".into()),
            ("CHANGES_QUEUE_URL", format!("http://{queue}/000000000000/changes")),
            ("LISTEN", "127.0.0.1:0".into()),
            ("AWS_ENDPOINT_URL", format!("http://{queue}")),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value)).into();
        Self { folder, vars }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn start(&self) -> Child {
        self.start_as(env!("CARGO_BIN_EXE_watcher"))
    }

    /// The same, of a program that was built otherwise.
    pub(crate) fn start_as(&self, program: &str) -> Child {
        let mut command = Command::new(program);
        command.env_clear().envs(self.vars.iter().cloned()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs to its end; exit code and what it said on standard error.
    async fn fails(&self, what: &str) -> (Option<i32>, String) {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_watcher"));
        command.env_clear().envs(self.vars.iter().cloned()).stdout(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("{what}: it goes on with such settings")).unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

/// A port on which nothing listens.
fn nobody() -> SocketAddr {
    StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_mistake_is_one_clear_line_and_exit_code_2() {
    let server = FakeApi::start(&[POD]).await;
    let taken = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let program = || Program::new(server.address, nobody());
    let garbage = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(garbage.path(), "{{{").unwrap();
    let cases = [
        ("nothing set", Program { vars: Vec::new(), ..program() }, "CLUSTER: not set"),
        ("a kind that is none", program().with("KINDS", "Pod,a/b/c"), "KINDS: expected kinds"),
        ("no kubeconfig", program().with("KUBECONFIG", "/nowhere/config"), "/nowhere/config"),
        (
            "garbage for a kubeconfig",
            program().with("KUBECONFIG", &garbage.path().display().to_string()),
            "the kubeconfig",
        ),
        ("no such context", program().with("CONTEXT", "other"), "other"),
        ("no cluster there", Program::new(nobody(), nobody()), "cannot be reached"),
        (
            "a taken port",
            program().with("LISTEN", &taken.local_addr().unwrap().to_string()),
            "is another program there?",
        ),
        ("a log level that is none", program().with("LOG_LEVEL", "a=b=c"), "LOG_LEVEL"),
        (
            "a place that cannot be",
            program().with("PLACE_FILE", "/nowhere/place.json"),
            "/nowhere/place.json",
        ),
    ];
    for (name, program, want) in cases {
        eprintln!("case: {name}");
        let (code, said) = program.fails(name).await;
        assert_eq!(code, Some(2), "{name}: {said}");
        assert!(said.contains(want), "{name}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{name}: {said}");
    }
}

#[tokio::test]
async fn an_expired_token_is_said_so() {
    let server = FakeApi::start(&[POD]).await;
    server.api.fault("/version", Fault::Status(401));
    let (code, said) = Program::new(server.address, nobody()).fails("an expired token").await;
    assert_eq!(code, Some(2));
    assert!(said.contains("has the token expired?"), "{said}");
}

/// An SQS that accepts all, and what it got.
pub(crate) async fn accepting_queue() -> (SocketAddr, TestQueue) {
    let queue = TestQueue::new();
    let accepts = queue.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = async move |body: String| {
        let request: Value = serde_json::from_str(&body).unwrap();
        let entries = request["Entries"].as_array().unwrap();
        let packs =
            entries.iter().map(|entry| entry["MessageAttributes"][PACK_ATTRIBUTE]["BinaryValue"].as_str());
        let packs: Vec<_> = packs.map(|pack| body_of(None, pack).unwrap()).collect();
        if accepts.delays(&packs) {
            return std::future::pending().await;
        }
        accepts.take(packs.into_iter());
        let successful: Vec<_> = entries
            .iter()
            .map(|entry| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x" }))
            .collect();
        json!({ "Successful": successful, "Failed": [] }).to_string()
    };
    let app = Router::new().fallback(post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, queue)
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until a program takes SIGTERM itself; before, it ends by it at once, as any program does.
pub(crate) async fn until_it_takes_sigterm(child: &Child) {
    let takes = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (15 - 1)) != 0
    };
    while !takes() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The log of a program while it runs.
pub(crate) struct Log {
    coming: UnboundedReceiver<Value>,
    pub(crate) lines: Vec<Value>,
}

impl Log {
    pub(crate) fn of(child: &mut Child) -> Self {
        let log = BufReader::new(child.stdout.take().unwrap());
        let (lines, coming) = unbounded_channel();
        std::thread::spawn(move || {
            for line in log.lines() {
                let _closed = lines.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        Self { coming, lines: Vec::new() }
    }

    /// Waits until it has said something so many times.
    pub(crate) async fn until(&mut self, message: &str, times: usize) {
        while self.lines.iter().filter(|line| line["message"] == message).count() < times {
            let line = tokio::time::timeout(Duration::from_mins(1), self.coming.recv()).await;
            self.lines.push(line.expect("it says so in time").expect("it has not ended"));
        }
    }

    /// Waits for the program's end: its exit code.
    pub(crate) async fn end(&mut self, mut child: Child) -> Option<i32> {
        while let Some(line) = self.coming.recv().await {
            self.lines.push(line);
        }
        tokio::task::spawn_blocking(move || child.wait().unwrap().code()).await.unwrap()
    }
}

#[tokio::test]
async fn a_server_that_cannot_stream_lists_is_not_asked_to() {
    let server = FakeApi::start(&[POD]).await;
    server.api.grow_old();
    server.api.apply(&POD, "shop", "a", json!({}));
    let (queue, sent) = accepting_queue().await;
    let program = Program::new(server.address, queue);
    let mut child = program.start();
    sent.until("the list", |received| received.ended.len() == 1).await;
    let asked = server.api.requests().into_iter().filter(|request| request.contains("sendInitialEvents"));
    assert_eq!(asked.collect::<Vec<_>>(), Vec::<String>::new());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn asked_to_end_it_sends_saves_and_ends() {
    let server = FakeApi::start(&[POD]).await;
    server.api.apply(&POD, "shop", "a", json!({}));
    let (queue, sent) = accepting_queue().await;
    let program = Program::new(server.address, queue);
    let mut child = program.start();
    let mut log = Log::of(&mut child);
    sent.until("the list", |received| received.ended.len() == 1).await;
    signal(&child, "-TERM");
    assert_eq!(log.end(child).await, Some(0), "{:?}", log.lines);
    assert_eq!(log.lines.last().unwrap()["message"], "watcher stopped");
    let place = std::fs::read_to_string(program.folder.path().join("place.json")).unwrap();
    let place: Value = serde_json::from_str(&place).unwrap();
    assert!(place["versions"]["pods"].is_string(), "{place}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let server = FakeApi::start(&[POD]).await;
    server.api.apply(&POD, "shop", "a", json!({}));
    // The queue is out of reach, so that the first signal waits for it.
    let program = Program::new(server.address, nobody());
    let mut child = program.start();
    let mut log = Log::of(&mut child);
    log.until("the queue did not accept a pack", 1).await;
    let asked = Instant::now();
    signal(&child, "-TERM");
    log.until("watcher stops: sending what waits", 1).await;
    signal(&child, "-INT");
    assert_eq!(log.end(child).await, Some(130));
    assert!(asked.elapsed() < Duration::from_secs(10), "before it would have given up by itself");
}

#[tokio::test]
async fn kinds_that_the_cluster_does_not_know_are_named_once() {
    let server = FakeApi::start(&[POD]).await;
    let (queue, _) = accepting_queue().await;
    let program = Program::new(server.address, queue).with("KINDS", "Pod,Gadget,example.com/Foo");
    let mut child = program.start();
    let mut log = Log::of(&mut child);
    let said = "the cluster does not serve these kinds; they are watched once it does";
    log.until(said, 1).await;
    // It goes on looking for them, and has nothing new to say.
    let looks = || server.api.requests().iter().filter(|path| path.starts_with("GET /apis")).count();
    let looked = tokio::time::timeout(Duration::from_mins(1), async {
        while looks() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    looked.await.expect("it looks again");
    signal(&child, "-TERM");
    assert_eq!(log.end(child).await, Some(0), "{:?}", log.lines);
    let lines: Vec<_> = log.lines.iter().filter(|line| line["message"] == said).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["level"], &lines[0]["kinds"]), (&json!("INFO"), &json!("Gadget, example.com/Foo")));
}
