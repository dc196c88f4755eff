//! The same before a real API server: TLS, streamed lists, and every kind that the shipped rules name. `make bench-real`
//! runs it; `REAL_REPORT` names the section of the report.

use super::{MB, World, measured, memory, serve, take};
use crate::program::Program;
use axum::Router;
use axum::routing::post;
use futures::{StreamExt as _, stream};
use prodrome_report::Table;
use prodrome_test_cluster::{Alone, alone};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const PODS: usize = 20_000;
const COLLECTION: &str = "/api/v1/namespaces/memory/pods";
/// The kinds that the deployed watcher watches.
const KINDS: &str = include_str!("../../../deploy/base/kinds.txt");
/// So long changes are made, with the queue up and with it down.
const CHANGES_FOR: Duration = Duration::from_mins(1);
/// At once, so that the API server is as fast as it can be.
const WRITERS: usize = 12;
/// What the process may take in all, in MB: half of the limit that the manifest sets, and the limit.
const BOUNDS_MB: [u64; 2] = [32, 64];

/// A pod of some 15 KB, most of them the environment that the pods of its deployment have in common.
fn pod(i: usize) -> Value {
    let of = i % 50;
    let env: Vec<_> = (0..96)
        .map(|n| {
            let value = format!("https://service-{}.shop.svc:8443/v{n}", n * of % 17);
            json!({ "name": format!("SETTING_{n}_OF_{of}"), "value": value })
        })
        .collect();
    json!({
        "metadata": { "name": format!("web-{of}-{i}"), "labels": { "app": format!("web-{of}") } },
        "spec": { "containers": [{ "name": "app", "image": "registry.example.com/shop/web:1", "env": env }] },
    })
}

async fn fill(cluster: &Alone) {
    let made = stream::iter(0..PODS).map(async |i| cluster.create(COLLECTION, &pod(i)).await);
    made.buffer_unordered(WRITERS).for_each(async |_| {}).await;
}

/// Changes one pod after another, as fast as the API server takes it, and samples the memory. How many a second, and the most
/// that the process took.
async fn churn(cluster: &Alone, child: &mut Child) -> (u128, Taken) {
    let (begun, pid) = (Instant::now(), child.id());
    let mut taken = Taken::default();
    let changes = stream::iter(0_usize..).take_while(|_| std::future::ready(begun.elapsed() < CHANGES_FOR));
    let mut changes = std::pin::pin!(
        changes
            .map(async |i| {
                let path = format!("{COLLECTION}/web-{}-{}", i % PODS % 50, i % PODS);
                cluster
                    .patch(&path, &json!({ "metadata": { "annotations": { "turn": i.to_string() } } }))
                    .await
            })
            .buffer_unordered(WRITERS)
    );
    let mut made = 0_u128;
    while changes.next().await.is_some() {
        made += 1;
        if made.is_multiple_of(50) {
            taken.look(pid);
        }
    }
    goes_on(child);
    (made * 1_000 / begun.elapsed().as_millis().max(1), taken)
}

fn goes_on(child: &mut Child) {
    let Some(status) = child.try_wait().unwrap() else { return };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    panic!("it ended by itself, {status}: {said}");
}

/// The most that the process took, of its own and in all.
#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    own: u64,
    all: u64,
}

impl Taken {
    fn look(&mut self, pid: u32) {
        self.own = self.own.max(memory(pid, "RssAnon"));
        self.all = self.all.max(memory(pid, "VmRSS"));
    }
}

#[tokio::test]
#[ignore = "it measures: minutes; see the head of this file"]
async fn with_all_kinds_of_the_rules_it_takes_its_bound_before_a_real_api_server() {
    let test = "with_all_kinds_of_the_rules_it_takes_its_bound_before_a_real_api_server";
    let Some(cluster) = alone(test).await else { return };
    let machine = prodrome_report::machine();
    cluster.namespace("memory").await;
    fill(&cluster).await;
    let bytes = cluster.get(&format!("{COLLECTION}/web-7-7")).await.to_string().len();
    let account = cluster.account("memory", "watcher").await;
    cluster.allow(&account, &[("*", &["*"], &["get", "list", "watch"])]).await;

    let world = Arc::new(World::default());
    let queue = serve(Router::new().fallback(post(take)).with_state(Arc::clone(&world))).await;
    let program = Program::by_kubeconfig(account.kubeconfig(), queue).with("LOG_LEVEL", "error");
    let program = program.with("KINDS", KINDS);
    let mut child = program.start_as(&measured());
    let (begun, mut listing) = (Instant::now(), Taken::default());
    // The pods are listed after most other kinds; what follows is the rest of them.
    while world.received.load(Relaxed) < PODS as u64 || begun.elapsed() < Duration::from_secs(30) {
        goes_on(&mut child);
        assert!(begun.elapsed() < Duration::from_mins(5), "the lists are read");
        listing.look(child.id());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lists = world.lists_ended.load(Relaxed);
    let (calm_rate, calm) = churn(&cluster, &mut child).await;
    world.queue_is_down.store(true, Relaxed);
    let (down_rate, down) = churn(&cluster, &mut child).await;
    child.kill().unwrap();
    child.wait().unwrap();

    let mut table = Table::new(&["", ">of its own", ">in all"]);
    let mb = |bytes: u64| format!("{}.{} MB", bytes / MB, bytes % MB * 10 / MB);
    let mut row = |what: &str, taken: Taken| table.row(&[&what, &mb(taken.own), &mb(taken.all)]);
    row("it begins, and lists", listing);
    row(&format!("{calm_rate} changes a second"), calm);
    row(&format!("{down_rate} changes a second while the queue is down"), down);
    let table = table.finish();
    println!("{lists} lists; pods of {bytes} bytes\n{table}");
    assert!(lists > 30, "all kinds are listed: {lists}");
    assert!(listing.all.max(calm.all) < BOUNDS_MB[0] * MB && down.all < BOUNDS_MB[1] * MB, "{table}");
    let Some(file) = std::env::var_os("REAL_REPORT").filter(|file| !file.is_empty()) else { return };
    let kinds = KINDS.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
    let text = format!(
        "## Memory: the watcher before a real API server\n\nMade by `make bench-real`: the optimised watcher, as it is \
         deployed, before a real kube-apiserver and etcd: over TLS, with streamed lists, on all {kinds} kinds that the shipped \
         rules name ({lists} of them served there), and {PODS} pods of {bytes} bytes. Each row lasts a minute but the first. The API server is the limit of how \
         many changes are made. MB of a million bytes, the most of the row. {machine}\n\n{table}"
    );
    std::fs::write(PathBuf::from(file), text).unwrap();
}
