//! Two programs that share a lease, killed, suspended and asked to end.
//!
//! `FAILOVER_RUNS` says how often each, and `FAILOVER_REPORT` names the section of the report for how long it took (`make
//! failover`).

use super::{Desk, config_map};
use crate::program::{Log, Program, accepting_queue, signal};
use crate::world::TestQueue;
use fastrand::Rng;
use prodrome_model::Change;
use prodrome_report::{Table, machine};
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

    // It sends a last pack, which is on its way for longer than it leads: that an object is there which is deleted meanwhile.
    let goes = format!("{}/web-4", pair.maps);
    pair.sent.delay_next();
    cluster.patch(&goes, &config_map(1)).await;
    pair.sent.delayed().await;
    signal(&first, "-STOP");
    pair.churn(1).await;
    cluster.delete(&goes).await;
    second_log.until("lease acquired", 1).await;
    pair.churn(2).await;
    pair.in_step().await;
    let (before, want) = (pair.sent.received(), pair.want().await);
    pair.sent.deliver_late();
    let after = pair.sent.received();
    let (late, latest) =
        (&after.changes[before.changes.len()..], before.changes.iter().map(|c| c.epoch).max());
    let of_it =
        |change: &Change| change.object.as_ref().is_some_and(|object| object.get().contains("\"web-4\""));
    assert!(late.iter().all(|change| Some(change.epoch) < latest) && late.iter().any(of_it), "{late:?}");
    assert_eq!(after.there("ConfigMap"), want, "what has gone stays so");

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

/// So long a leader may have led when it ends: more than one renewal of its lease.
const LEADS_MS_MAX: u64 = 5_000;
const GAP_MAX: Duration = Duration::from_secs(15);
const HANDED_OVER_MAX: Duration = Duration::from_secs(8);

#[tokio::test]
async fn however_often_a_leader_ends_the_next_reads_on_in_time_and_nothing_is_listed_again() {
    let name = "however_often_a_leader_ends_the_next_reads_on_in_time_and_nothing_is_listed_again";
    let Some(cluster) = together(name).await else { return };
    let runs = std::env::var_os("FAILOVER_RUNS").map_or(1, |runs| runs.to_str().unwrap().parse().unwrap());
    let pair = Pair::new(&cluster, "failover").await;
    let (mut chance, machine) = (Rng::with_seed(runs), machine());
    let mut leader = pair.start();
    leader.2.until("lease acquired", 1).await;
    pair.in_step().await;
    pair.saved().await;
    let (mut killed, mut ended, mut goes) = (Vec::new(), Vec::new(), "web-1".to_owned());
    for turn in 0..2 * runs {
        let (gaps, most, signal_name) = match turn % 2 {
            0 => (&mut killed, GAP_MAX, "-KILL"),
            _ => (&mut ended, HANDED_OVER_MAX, "-TERM"),
        };
        let mut next = pair.start();
        next.2.until("another watcher has the lease", 1).await;
        tokio::time::sleep(Duration::from_millis(chance.u64(0..LEADS_MS_MAX))).await;
        let begun = Instant::now();
        signal(&leader.1, signal_name);
        cluster.patch(&format!("{}/web-0", pair.maps), &config_map(turn)).await;
        cluster.delete(&format!("{}/{goes}", pair.maps)).await;
        pair.desk.create_many(&pair.maps, &format!("turn-{turn}"), 1, &config_map(turn)).await;
        goes = format!("turn-{turn}-0");
        pair.in_step().await;
        next.2.until("lease acquired", 1).await;
        let gap = begun.elapsed();
        assert!(gap < most, "{signal_name}: {gap:?}; {:#?}", next.2.lines);
        gaps.push(gap);
        let code = leader.2.end(leader.1).await;
        assert_eq!(code, Some(0).filter(|_| signal_name == "-TERM"), "{:?}", leader.2.lines);
        leader = next;
    }
    signal(&leader.1, "-TERM");
    assert_eq!(leader.2.end(leader.1).await, Some(0), "{:?}", leader.2.lines);
    assert_eq!(pair.lists(), 1);
    let epochs: Vec<_> = pair.sent.received().changes.iter().map(|change| change.epoch).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    if let Some(file) = std::env::var_os("FAILOVER_REPORT").filter(|file| !file.is_empty()) {
        std::fs::write(file, section(killed, ended, &machine)).unwrap();
    }
}

fn section(killed: Vec<Duration>, ended: Vec<Duration>, machine: &str) -> String {
    let mut table =
        Table::new(&["the one that leads is", ">times", ">seconds, median", ">longest", ">allowed"]);
    for (what, mut gaps, most) in [("killed", killed, GAP_MAX), ("asked to end", ended, HANDED_OVER_MAX)] {
        gaps.sort_unstable();
        let seconds =
            |gap: Option<&Duration>| gap.map_or("–".to_owned(), |gap| format!("{:.1}", gap.as_secs_f64()));
        let (median, longest) = (seconds(gaps.get(gaps.len() / 2)), seconds(gaps.last()));
        table.row(&[&what, &gaps.len(), &median, &longest, &most.as_secs()]);
    }
    format!(
        "## Two watchers, one lease\n\nMade by `make failover`: two programs before a real API server, of which the one that \
         leads ends at an instant by chance. Seconds from then until the other leads, and all that has changed since has come out of \
         the queue. Nothing was listed again, and no epoch came after a later one. {machine}\n\n{}",
        table.finish()
    )
}
