use crate::api;
use crate::clock::{Clock, MINUTE, Millis, millis};
use crate::fault::{Caller, What};
use crate::oracle;
use crate::plan::Plan;
use crate::system::{SHARDS, System, scope};
use crate::weather::Weather;
use prodrome_ledger::Ledger;
use prodrome_watcher::{Clock as WatchClock, ConfigMapPlaces, Settings, Status, Watcher};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// How long the system may come to rest after the last fault.
pub(crate) const REST: Millis = 60 * MINUTE;
/// How much more than its bound the watcher may hold: one object that comes alone.
const ONE_OBJECT: usize = 4_000;

/// What a run was like.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was wrong with it; empty where all was well.
    pub complaints: Vec<String>,
    /// What happened, in short: the same for the same plan.
    pub digest: String,
    /// How many findings were told.
    pub findings: usize,
    /// How many invocations died.
    pub deaths: usize,
}

/// Runs a plan, and holds what was told against what happened.
pub fn run(plan: &Plan) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without threads and sockets can always be made");
    tokio::task::LocalSet::new().block_on(&runtime, run_here(plan))
}

async fn run_here(plan: &Plan) -> Outcome {
    let clock = Clock::begin();
    let system = System::new(clock, Weather::new(plan.seed, &plan.faults, clock));
    let functions = system.start();
    let mut complaints = Vec::new();
    let happening = tokio::task::spawn_local(happen(system.clone(), plan.clone()));
    let watcher = Watching::begin(&system, plan);
    let end = plan.length + REST;
    let mut at = 0;
    while at < end && complaints.len() < 5 {
        at += MINUTE;
        clock.until(at).await;
        complaints.extend(oracle::bounds(&system));
        let waiting = watcher.waiting_bytes();
        if waiting > plan.waiting_bytes_max + ONE_OBJECT {
            complaints
                .push(format!("the watcher holds {waiting} bytes, more than {}", plan.waiting_bytes_max));
        }
    }
    happening.abort();
    drop((watcher, functions));
    complaints.extend(oracle::judge(plan, &system, end));
    complaints.extend(ledger(&system).await);
    let heard = system.heard();
    let told = system.channels.told();
    let digest = format!(
        "{} fired, {} ended, {} told, {} operations, {:?}",
        heard.fired.len(),
        heard.ended.len(),
        told.len(),
        system.checks.operations() + system.episodes.operations(),
        told.iter().map(|told| told.at).fold(0_i64, |sum, at| sum.wrapping_mul(31).wrapping_add(at)),
    );
    Outcome { complaints, digest, findings: heard.fired.len(), deaths: heard.deaths }
}

/// Each change that the queue had accepted was handled: the dead letters were sent again, and the runs of watchers that
/// were killed are closed. And what a watcher reads it holds, hands over, or says why not.
async fn ledger(system: &System) -> Vec<String> {
    let summary = match Ledger::new(&system.checks).summary().await {
        Ok(summary) => summary,
        Err(error) => return vec![format!("the ledger cannot be read: {error}")],
    };
    let [cluster] = &summary.clusters[..] else {
        return vec![format!("the ledger knows of {} clusters", summary.clusters.len())];
    };
    let mut complaints = Vec::new();
    if cluster.counts.came != cluster.counts.out || cluster.uncounted_at.is_some() {
        complaints.push(format!("the ledger does not add up: {cluster:#?}"));
    }
    let last = cluster.runs.last().map(|run| (run.held, run.watcher.waybill));
    if !last.is_some_and(|(held, waybill)| held == 0 && waybill.accepted == waybill.numbered()) {
        complaints.push(format!("the watcher does not account for all that it read: {last:#?}"));
    }
    complaints
}

/// The cluster changes, and is struck.
async fn happen(system: System, plan: Plan) {
    let mut blows: Vec<(Millis, What)> = plan.faults.iter().map(|fault| (fault.from, fault.what)).collect();
    blows.retain(|(_, what)| matches!(what, What::WatchesCut | What::Compaction));
    let mut blows = blows.into_iter().peekable();
    let mut deeds = plan.deeds.into_iter().peekable();
    loop {
        let next_deed = deeds.peek().map_or(Millis::MAX, |deed| deed.at);
        let next_blow = blows.peek().map_or(Millis::MAX, |blow| blow.0);
        if next_deed.min(next_blow) == Millis::MAX {
            return;
        }
        system.clock.until(next_deed.min(next_blow)).await;
        if next_deed <= next_blow {
            if let Some(deed) = deeds.next() {
                system.cluster.happen(deed.what, system.clock.millis());
            }
        } else if let Some((_, what)) = blows.next() {
            if what == What::Compaction {
                system.cluster.compact();
            }
            system.cluster.cut_watches();
        }
    }
}

/// The watcher, which is started again where it is killed.
struct Watching {
    task: JoinHandle<()>,
    status: Arc<Mutex<Option<Status>>>,
}

impl Watching {
    fn begin(system: &System, plan: &Plan) -> Self {
        let status: Arc<Mutex<Option<Status>>> = Arc::default();
        let kills = plan.faults.iter().filter(|fault| fault.what == What::WatcherKilled);
        let mut kills: Vec<(Millis, Millis, bool)> =
            kills.map(|fault| (fault.from, fault.to, fault.seed % 2 == 0)).collect();
        kills.sort_unstable();
        let (system, known, bytes_max) = (system.clone(), Arc::clone(&status), plan.waiting_bytes_max);
        let task = tokio::task::spawn_local(async move {
            for (from, to, forgets) in kills {
                if from > system.clock.millis() {
                    let run = tokio::task::spawn_local(watch(system.clone(), Arc::clone(&known), bytes_max));
                    // Somewhere in that second, wherever it is.
                    let odd = i64::try_from(system.weather.draw(1_000)).unwrap_or(0);
                    system.clock.until(from + odd).await;
                    run.abort();
                    _ = run.await;
                }
                system.clock.until(to).await;
                if forgets {
                    system.cluster.compact();
                }
            }
            watch(system, known, bytes_max).await;
        });
        Self { task, status }
    }

    fn waiting_bytes(&self) -> usize {
        let status = self.status.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        status.as_ref().map_or(0, Status::waiting_bytes)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A process of the watcher, which is started again where it gives up.
async fn watch(system: System, status: Arc<Mutex<Option<Status>>>, waiting_bytes_max: usize) {
    loop {
        let client = api::client(&system.cluster, &system.weather, system.clock, Caller::Watcher);
        let places = ConfigMapPlaces::new(client.clone(), "prodrome", "watcher-place");
        let kinds = ["Pod", "ConfigMap"].map(|kind| kind.parse().expect("a kind's name is a pattern"));
        let mut settings = Settings::new(scope(), kinds.to_vec());
        settings.shards = SHARDS;
        settings.waiting_bytes_max = waiting_bytes_max;
        let clock = system.clock;
        let watcher = Watcher::new(
            client,
            system.queue.clone(),
            places,
            settings,
            WatchClock::new(move || clock.now()),
        );
        *status.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(watcher.status());
        _ = watcher.run(std::future::pending()).await;
        tokio::time::sleep(millis(10_000)).await;
    }
}
