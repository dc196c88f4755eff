//! Two programs that share a lease, killed, suspended and asked to end.

use super::{Desk, config_map};
use crate::program::{Log, Program, accepting_queue, signal};
use crate::world::TestQueue;
use prodrome_test_cluster::{Cluster, together};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Child;
use std::time::{Duration, Instant};

/// Two programs of one account, whose place and lease are in its namespace.
struct Pair<'c> {
    desk: Desk<'c>,
    maps: String,
    queue: SocketAddr,
    sent: TestQueue,
}

impl<'c> Pair<'c> {
    async fn new(cluster: &'c Cluster, namespace: &'static str) -> Self {
        // As the manifests allow it, but for what is watched.
        let rules: [(&str, &[&str], &[&str]); 2] = [
            ("", &["configmaps"], &["list", "watch", "get", "update"]),
            ("coordination.k8s.io", &["leases"], &["get", "update", "watch"]),
        ];
        let desk = Desk::with_rules(cluster, namespace, &rules).await;
        let maps = desk.collection("configmaps");
        cluster.create(&maps, &json!({ "metadata": { "name": "place" } })).await;
        let lease = json!({ "metadata": { "name": "lead" } });
        cluster.create(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"), &lease).await;
        desk.create_many(&maps, "web", 5, &config_map(0)).await;
        let (queue, sent) = accepting_queue().await;
        Self { desk, maps, queue, sent }
    }

    fn start(&self) -> (Program, Child, Log) {
        let program = Program::by_kubeconfig(self.desk.account.kubeconfig(), self.queue)
            .with("KINDS", "ConfigMap")
            .with("NAMESPACES", self.desk.namespace)
            .with("PLACE_FILE", "")
            .with("PLACE_CONFIGMAP", "place")
            .with("LEASE", "lead");
        let mut child = program.start();
        let log = Log::of(&mut child);
        (program, child, log)
    }

    async fn want(&self) -> BTreeMap<String, String> {
        let mut want = self.desk.cluster.versions(&self.maps).await;
        want.remove(&format!("{}/place", self.desk.namespace));
        want
    }

    /// Changes one, makes one and deletes one.
    async fn churn(&self, round: u64) {
        let Self { desk, maps, .. } = self;
        desk.cluster.patch(&format!("{maps}/web-0"), &config_map(round)).await;
        desk.cluster.delete(&format!("{maps}/web-{round}")).await;
        desk.create_many(maps, &format!("new-{round}"), 1, &config_map(round)).await;
    }

    /// Waits until the place of what is watched was saved.
    async fn saved(&self) {
        let saved = async {
            let place = format!("{}/place", self.maps);
            let is_saved = |place: &Value| {
                place["data"]["place.json"].as_str().is_some_and(|place| place.contains(":configmaps"))
            };
            while !is_saved(&self.desk.cluster.get(&place).await) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), saved).await.unwrap();
    }

    async fn in_step(&self) {
        let want = self.want().await;
        self.sent.until(&format!("{want:?}"), |received| received.there("ConfigMap") == want).await;
    }

    fn lists(&self) -> usize {
        self.sent.received().ended.len()
    }
}

#[tokio::test]
async fn a_leader_that_is_killed_is_replaced_within_15_s_and_one_that_ends_at_once() {
    let name = "a_leader_that_is_killed_is_replaced_within_15_s_and_one_that_ends_at_once";
    let Some(cluster) = together(name).await else { return };
    let pair = Pair::new(&cluster, "leaders").await;
    let (_first_folder, mut first, mut first_log) = pair.start();
    first_log.until("lease acquired", 1).await;
    pair.in_step().await;
    pair.saved().await;
    let (_second_folder, second, mut second_log) = pair.start();
    second_log.until("another watcher has the lease", 1).await;

    // Killed at any instant, with changes that it may or may not have seen or sent.
    pair.churn(1).await;
    first.kill().unwrap();
    let killed = Instant::now();
    first.wait().unwrap();
    pair.churn(2).await;
    pair.in_step().await;
    let gap = killed.elapsed();
    second_log.until("lease acquired", 1).await;
    assert!(gap < Duration::from_secs(15), "{gap:?}");

    let (_third_folder, third, mut third_log) = pair.start();
    third_log.until("another watcher has the lease", 1).await;
    let asked = Instant::now();
    signal(&second, "-TERM");
    pair.churn(3).await;
    third_log.until("lease acquired", 1).await;
    let handed_over = asked.elapsed();
    assert_eq!(second_log.end(second).await, Some(0), "{:?}", second_log.lines);
    assert!(second_log.lines.iter().any(|line| line["message"] == "lease released"));
    pair.in_step().await;
    // Without a lease that runs out, which takes ten seconds.
    assert!(handed_over < Duration::from_secs(8), "{handed_over:?}");
    eprintln!("killed: {gap:?} to the last change; asked to end: {handed_over:?} to the next leader");

    signal(&third, "-TERM");
    assert_eq!(third_log.end(third).await, Some(0), "{:?}", third_log.lines);
    assert_eq!(pair.lists(), 1, "those that followed read on from the place");
    let epochs: Vec<_> = pair.sent.received().changes.iter().map(|change| change.epoch).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    let mut three = epochs;
    three.dedup();
    assert_eq!(three.len(), 3);
}

#[tokio::test]
async fn a_leader_that_was_suspended_stops_and_what_it_sends_late_changes_nothing() {
    let name = "a_leader_that_was_suspended_stops_and_what_it_sends_late_changes_nothing";
    let Some(cluster) = together(name).await else { return };
    let pair = Pair::new(&cluster, "suspended").await;
    let (_first_folder, first, mut first_log) = pair.start();
    first_log.until("lease acquired", 1).await;
    pair.in_step().await;
    pair.saved().await;
    let (_second_folder, second, mut second_log) = pair.start();
    second_log.until("another watcher has the lease", 1).await;

    signal(&first, "-STOP");
    pair.churn(1).await;
    second_log.until("lease acquired", 1).await;
    pair.churn(2).await;
    pair.in_step().await;
    signal(&first, "-CONT");
    assert_eq!(first_log.end(first).await, Some(2), "{:?}", first_log.lines);
    pair.churn(3).await;
    pair.in_step().await;
    signal(&second, "-TERM");
    assert_eq!(second_log.end(second).await, Some(0), "{:?}", second_log.lines);
    let place = cluster.get(&format!("{}/place", pair.maps)).await;
    let place: Value = serde_json::from_str(place["data"]["place.json"].as_str().unwrap()).unwrap();
    let last = pair.sent.received().changes.iter().map(|change| change.epoch).max();
    assert_eq!(place["epoch"].as_u64(), last, "the place is the second one's");
    assert_eq!(pair.lists(), 1);
}
