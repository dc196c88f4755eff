//! Trouble by chance: whatever happens to the watcher, the API server, its store and the queue, what came out of the
//! queue is in the end what the server holds.
//!
//! `SCHEDULE_RUNS` and `SCHEDULE_PODS` ask for more of it, `SCHEDULE_FROM` begins with another seed, after `SCHEDULE_MINUTES`
//! no further run begins, and `SCHEDULE_REPORT` names the section of the report that they are counted into (`make
//! schedule`).

mod tally;

use self::tally::{Done, Tally, Trouble};
use super::Desk;
use crate::world::Run;
use fastrand::Rng;
use futures::{StreamExt as _, stream};
use prodrome_model::{Change, ChangeKind, ObjectHead};
use prodrome_queue::pack::{UNCOMPRESSED_MAX, decode};
use prodrome_queue::{Body, FailedMessage, Message, Queue, QueueName, SendError};
use prodrome_test_cluster::{Alone, alone};
use prodrome_watcher::{Clock, FilePlaces, Settings, Watcher};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const NAMESPACE: &str = "schedule";
const PODS: &str = "/api/v1/namespaces/schedule/pods";
/// What the watcher and a busy machine may take to come into step after the last trouble.
const PATIENCE: Duration = Duration::from_mins(5);
/// So much happens to pods around each trouble, and so often there is trouble in a run.
const CHURN: usize = 60;
const TROUBLES: usize = 4;
/// So many objects may have changed about a list, of which the lists alone leave open whether they are there.
const IN_DOUBT_MAX: usize = CHURN;
/// So far the version has moved on before an older store takes the place of the present one.
const PASSED: usize = 1_000;
/// So long apart, at most, the store forgets all but the present, whatever else is going on.
const COMPACTED_WITHIN: Duration = Duration::from_secs(10);

/// A queue that loses answers, and what came out of it: of each object the last state, in the order of epochs and,
/// within one, of sequences. Versions do not order what an older store says.
#[derive(Clone)]
struct Downstream {
    folded: Arc<Mutex<Folded>>,
    chance: Arc<Mutex<Rng>>,
    down: Arc<AtomicBool>,
}

#[derive(Default)]
struct Folded {
    objects: BTreeMap<String, Last>,
    begun: BTreeMap<String, (u64, u64)>,
    named: BTreeMap<String, BTreeSet<String>>,
    ended: BTreeSet<String>,
    came: usize,
}

struct Last {
    order: (u64, u64),
    version: String,
    there: bool,
    /// A list did not name it that had begun when this came: it may have been made since, or have gone since. Such a
    /// one is looked at on the server.
    in_doubt: bool,
}

impl Folded {
    fn take(&mut self, change: &Change) {
        self.came += 1;
        let order = (change.epoch, change.sequence);
        let list = change.list.clone().unwrap_or_default();
        match change.kind {
            ChangeKind::ListBegin => _ = self.begun.insert(list, order),
            ChangeKind::ListEnd => {
                let (nothing, begun) = (BTreeSet::new(), self.begun.get(&list).copied().unwrap_or(order));
                let named = self.named.get(&list).unwrap_or(&nothing);
                for (key, last) in &mut self.objects {
                    if last.order >= order || named.contains(key) {
                        continue;
                    }
                    last.in_doubt |= last.order > begun;
                    last.there &= last.in_doubt;
                    last.order = order;
                }
                self.ended.insert(list);
            }
            ChangeKind::Applied | ChangeKind::Deleted => {
                let head: ObjectHead = serde_json::from_str(change.object.as_ref().unwrap().get()).unwrap();
                let version = head.metadata.version().to_string();
                let key = format!("{}/{}", head.metadata.namespace.unwrap_or_default(), head.metadata.name);
                if !list.is_empty() {
                    self.named.entry(list).or_default().insert(key.clone());
                }
                let there = change.kind == ChangeKind::Applied;
                if self.objects.get(&key).is_none_or(|last| last.order < order) {
                    self.objects.insert(key, Last { order, version, there, in_doubt: false });
                }
            }
        }
    }
}

impl Downstream {
    fn new(seed: u64) -> Self {
        let chance = Arc::new(Mutex::new(Rng::with_seed(seed)));
        Self { folded: Arc::default(), chance, down: Arc::default() }
    }

    /// What is there; what is in doubt as the server has it, and how many that are.
    fn there(&self, live: &BTreeMap<String, String>) -> (BTreeMap<String, String>, usize) {
        let (folded, mut in_doubt) = (self.folded.lock().unwrap(), 0);
        let version = |(key, last): (&String, &Last)| {
            in_doubt += usize::from(last.in_doubt);
            let version =
                if last.in_doubt { live.get(key) } else { Some(&last.version).filter(|_| last.there) };
            version.map(|version| (key.clone(), version.clone()))
        };
        let there = folded.objects.iter().filter_map(version).collect();
        (there, in_doubt)
    }

    fn lists_ended(&self) -> usize {
        self.folded.lock().unwrap().ended.len()
    }

    fn came(&self) -> usize {
        self.folded.lock().unwrap().came
    }

    async fn until(&self, what: &str, enough: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !enough(self) {
            assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Queue for Downstream {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        let chance = self.chance.lock().unwrap().u8(0..20);
        let total = messages.len();
        let refused = |reason: &str| {
            let failed =
                (0..total).map(|index| FailedMessage { index, reason: reason.into(), retryable: true });
            Err(SendError { queue: to, total, failed: failed.collect() })
        };
        if chance == 0 || self.down.load(Ordering::Relaxed) {
            return refused("it is down");
        }
        let mut folded = self.folded.lock().unwrap();
        for message in &messages {
            let Body::Pack(bytes) = &message.body else { panic!("the watcher sends packs") };
            for change in decode(bytes, UNCOMPRESSED_MAX).unwrap().changes {
                folded.take(&change.unwrap());
            }
        }
        if chance == 1 { refused("the answer was lost") } else { Ok(()) }
    }
}

#[tokio::test]
async fn after_any_trouble_what_came_out_of_the_queue_is_what_the_server_holds() {
    let name = "after_any_trouble_what_came_out_of_the_queue_is_what_the_server_holds";
    let Some(cluster) = alone(name).await else { return };
    let wish = |name: &str| {
        let text = std::env::var_os(name).filter(|text| !text.is_empty())?;
        Some(text.to_str().unwrap().parse::<u64>().unwrap())
    };
    let (runs, pods) = (wish("SCHEDULE_RUNS").unwrap_or(2), wish("SCHEDULE_PODS").unwrap_or(500));
    let first = wish("SCHEDULE_FROM").unwrap_or(0);
    cluster.namespace(NAMESPACE).await;
    let there = cluster.versions(PODS).await.len();
    let missing = (there..usize::try_from(pods).unwrap()).map(|n| format!("web-{n}"));
    stream::iter(missing)
        .map(|name| {
            let cluster = &cluster;
            async move { cluster.create(PODS, &pod(&name)).await }
        })
        .buffer_unordered(8)
        .for_each(async |_| {})
        .await;
    let mut tally = Tally::new(pods, first);
    let (begun, minutes) = (Instant::now(), wish("SCHEDULE_MINUTES"));
    for seed in first..first + runs {
        if minutes.is_some_and(|minutes| begun.elapsed() > Duration::from_mins(minutes)) {
            break;
        }
        tally.begun();
        // A token for each run: they end after an hour.
        let desk = Desk::new(&cluster, NAMESPACE, &["pods"]).await;
        let (mut chance, compactions) = (Rng::with_seed(seed), Cell::new(0));
        let compacting = compact_now_and_then(&cluster, chance.fork(), &compactions);
        let done = tokio::select! {
            done = run(&cluster, &desk, seed, chance) => done,
            never = compacting => never,
        };
        tally.equal(seed, &Done { compactions: compactions.get(), ..done });
    }
}

async fn run(cluster: &Alone, desk: &Desk<'_>, seed: u64, mut chance: Rng) -> Done {
    let begun = Instant::now();
    let downstream = Downstream::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let begin = async || begin(desk, &downstream, folder.path(), seed.is_multiple_of(2)).await;
    let snapshot = if chance.bool() { Some(cluster.snapshot().await) } else { None };
    let mut watcher = begin().await;
    if chance.bool() {
        downstream.until("the first list", |downstream| downstream.lists_ended() > 0).await;
    }
    let mut troubles = Vec::new();
    for _ in 0..TROUBLES {
        churn(cluster, &mut chance, CHURN).await;
        let trouble = *chance.choice(&Trouble::ALL).unwrap();
        troubles.push(trouble);
        match trouble {
            Trouble::WatcherKilled => {
                // In the middle of changes.
                let mut of_churn = chance.fork();
                let instant = sleep(Duration::from_millis(chance.u64(0..400)));
                tokio::join!(churn(cluster, &mut of_churn, CHURN), async {
                    instant.await;
                    watcher.kill().await;
                });
                churn(cluster, &mut chance, CHURN).await;
                watcher = begin().await;
            }
            Trouble::QueueDown => {
                downstream.down.store(true, Ordering::Relaxed);
                churn(cluster, &mut chance, CHURN).await;
                downstream.down.store(false, Ordering::Relaxed);
            }
            Trouble::ServerKilled => {
                cluster.kill().await;
                cluster.start().await;
            }
            Trouble::CompactedAndKilled => cluster.compact().await,
            Trouble::WatcherEnded => {
                watcher.end().await.unwrap();
                churn(cluster, &mut chance, CHURN).await;
                if chance.bool() {
                    cluster.compact().await;
                }
                watcher = begin().await;
            }
            Trouble::ServerEnded => {
                cluster.end_in_order().await;
                cluster.start().await;
            }
        }
        churn(cluster, &mut chance, CHURN).await;
    }
    if let Some(snapshot) = &snapshot {
        // The watcher is where the store has never been. Were the store to overtake it unseen, nobody could tell.
        cluster.pass_versions(PASSED).await;
        churn(cluster, &mut chance, CHURN).await;
        in_step(cluster, &downstream, seed, &troubles).await;
        let lists = downstream.lists_ended();
        cluster.restore(snapshot).await;
        downstream.until("a list of the older store", |now| now.lists_ended() > lists).await;
        churn(cluster, &mut chance, CHURN).await;
    }
    let in_doubt = in_step(cluster, &downstream, seed, &troubles).await;
    watcher.end().await.unwrap();
    Done {
        troubles,
        restored: snapshot.is_some(),
        compactions: 0,
        came: downstream.came(),
        lists: downstream.lists_ended(),
        in_doubt,
        took: begun.elapsed(),
    }
}

async fn compact_now_and_then(cluster: &Alone, mut chance: Rng, done: &Cell<usize>) -> ! {
    loop {
        sleep(COMPACTED_WITHIN.mul_f64(chance.f64())).await;
        cluster.compact_store().await;
        done.set(done.get() + 1);
    }
}

async fn begin(desk: &Desk<'_>, downstream: &Downstream, folder: &Path, stream_lists: bool) -> Run {
    let settings = Settings { stream_lists, ..desk.settings(&["Pod"]) };
    let places = FilePlaces::new(folder.join("place.json"));
    let client = desk.account.client().await;
    Run::of(Watcher::new(client, downstream.clone(), places, settings, Clock::system()))
}

/// Waits until what came out is what the server holds; of how many objects only the server tells.
async fn in_step(cluster: &Alone, downstream: &Downstream, seed: u64, troubles: &[Trouble]) -> usize {
    let want = cluster.versions(PODS).await;
    let begun = Instant::now();
    loop {
        let (there, in_doubt) = downstream.there(&want);
        if there == want {
            // Only what changed about a list can be: else this would compare the server with itself.
            assert!(
                in_doubt <= IN_DOUBT_MAX,
                "SCHEDULE_FROM={seed}, troubles {troubles:?}: {in_doubt} in doubt"
            );
            return in_doubt;
        }
        if begun.elapsed() > PATIENCE {
            let differs = |key: &&String| there.get(*key) != want.get(*key);
            let keys: BTreeSet<_> = there.keys().chain(want.keys()).filter(differs).collect();
            let lines = keys
                .iter()
                .take(10)
                .map(|key| format!("{key}: came {:?}, the server has {:?}", there.get(*key), want.get(*key)));
            let lines: Vec<_> = lines.collect();
            panic!("SCHEDULE_FROM={seed}, troubles {troubles:?}: {} differ: {lines:#?}", keys.len());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Changes, deletes, makes, and makes again under the old name.
async fn churn(cluster: &Alone, chance: &mut Rng, count: usize) {
    let names: Vec<String> = cluster.versions(PODS).await.into_keys().collect();
    let mut gone = BTreeSet::new();
    for _ in 0..count {
        let Some(name) = chance.choice(&names).and_then(|key| key.split_once('/')) else { return };
        let path = format!("{PODS}/{}", name.1);
        if gone.contains(&path) {
            continue;
        }
        match chance.u8(0..10) {
            0..4 => {
                let labels = json!({ "metadata": { "labels": { "turn": chance.u32(..).to_string() } } });
                cluster.patch(&path, &labels).await;
            }
            4..7 => {
                let status = json!({ "status": { "message": chance.u32(..).to_string() } });
                cluster.patch(&format!("{path}/status"), &status).await;
            }
            7 => {
                cluster.delete(&path).await;
                gone.insert(path);
            }
            8 => {
                cluster.delete(&path).await;
                cluster.create(PODS, &pod(name.1)).await;
            }
            _ => {
                cluster.create(PODS, &pod(&format!("new-{:08x}", chance.u32(..)))).await;
            }
        }
    }
}

fn pod(name: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "containers": [{ "name": "app", "image": "registry.example.com/web:1" }] },
    })
}
