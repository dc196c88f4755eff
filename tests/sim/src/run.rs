use crate::bounds;
use crate::clock::{Clock, MINUTE, Millis, SECOND};
use crate::complaint::Complaint;
use crate::fault::{Fault, What};
use crate::oracle;
use crate::panics;
use crate::places;
use crate::plan::{Deed, DeedKind, Plan};
use crate::system::System;
use crate::watching::Watching;
use prodrome_ledger::Ledger;
use std::collections::BTreeSet;

/// How long the system may come to rest after the last fault.
pub(crate) const REST: Millis = 60 * MINUTE;
/// So often it is looked at what the watcher holds, and each minute at all that is kept.
const LOOKS: Millis = 5 * SECOND;
/// How old a version is that every watch has been told of by a bookmark, and that is saved as a place. One comes each
/// minute, and is saved within ten seconds.
const TOLD_AND_SAVED: Millis = 2 * MINUTE;
/// How often something is written that nobody watches while only bookmarks come.
const WRITES_EVERY: usize = 7_000;
/// How much the watcher may hold however small its bound is: one object that comes alone.
const ONE_OBJECT: usize = 1_000;

/// What a run was like.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was wrong with it; empty where all was well.
    pub complaints: Vec<Complaint>,
    /// What happened, in short: the same for the same plan.
    pub digest: String,
    /// How many findings were told.
    pub findings: usize,
    /// How many alerts they came to.
    pub alerts: usize,
    /// How many invocations died.
    pub deaths: usize,
}

/// Runs a plan, and holds what was told against what happened.
pub fn run(plan: &Plan) -> Outcome {
    let (outcome, panics) = panics::heard(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without threads and sockets can always be made");
        tokio::task::LocalSet::new().block_on(&runtime, run_here(plan))
    });
    // Where it is the simulation itself that panicked there is nothing else to tell.
    let mut outcome = outcome.unwrap_or_default();
    let panics = panics.into_iter().map(|panic| Complaint::new("something panicked", panic));
    outcome.complaints.splice(0..0, panics);
    outcome
}

async fn run_here(plan: &Plan) -> Outcome {
    let clock = Clock::begin();
    let system = System::new(clock, plan);
    let functions = system.start();
    let mut complaints = Vec::new();
    let happening = tokio::task::spawn_local(happen(system.clone(), plan.clone()));
    let pushing = tokio::task::spawn_local(push(system.clone(), plan.clone()));
    let watcher = Watching::begin(&system, plan);
    let end = plan.length + REST;
    let mut at = 0;
    while at < end && complaints.len() < 5 {
        at += LOOKS;
        clock.until(at).await;
        if at % MINUTE == 0 {
            complaints.extend(bounds::broken(&system));
        }
        let waiting = watcher.waiting_bytes();
        if waiting > plan.waiting_bytes_max.max(ONE_OBJECT) {
            let about = format!("{waiting} bytes, and may hold {}", plan.waiting_bytes_max);
            complaints.push(Complaint::new("the watcher holds too much", about));
        }
    }
    happening.abort();
    pushing.abort();
    drop((watcher, functions));
    complaints.extend(oracle::judge(plan, &system, end));
    complaints.extend(places::go_on(plan, &system.cluster));
    complaints.extend(system.sent.complaints());
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
    let alerts: BTreeSet<_> = told.iter().map(|told| &told.notice.fingerprint).collect();
    Outcome { complaints, digest, findings: heard.fired.len(), alerts: alerts.len(), deaths: heard.deaths }
}

/// Each change that the queue had accepted was handled: the dead letters were sent again, and the runs of watchers that
/// were killed are closed. And what a watcher reads it holds, hands over, or says why not.
async fn ledger(system: &System) -> Vec<Complaint> {
    let summary = match Ledger::new(&system.checks).summary().await {
        Ok(summary) => summary,
        Err(error) => return vec![Complaint::new("the ledger cannot be read", error.to_string())],
    };
    let [cluster] = &summary.clusters[..] else {
        let about = summary.clusters.len().to_string();
        return vec![Complaint::new("the ledger knows of another number of clusters than one", about)];
    };
    let mut complaints = Vec::new();
    if cluster.counts.came != cluster.counts.out || cluster.uncounted_at.is_some() {
        complaints.push(Complaint::new("the ledger does not add up", format!("{cluster:#?}")));
    }
    let last = cluster.runs.last().map(|run| (run.held, run.watcher.waybill));
    if !last.is_some_and(|(held, waybill)| held == 0 && waybill.accepted == waybill.numbered()) {
        complaints
            .push(Complaint::new("the watcher does not account for all that it read", format!("{last:#?}")));
    }
    complaints
}

/// Somebody pushes rules.
async fn push(system: System, plan: Plan) {
    let pushed = |deed: &Deed| match deed.what {
        DeedKind::Push(rule, edit) => Some((deed.at, rule, edit)),
        _ => None,
    };
    if let Some(press) = system.press {
        press.push_all(plan.deeds.iter().filter_map(pushed).collect()).await;
    }
}

/// The cluster changes, and is struck.
async fn happen(system: System, plan: Plan) {
    let mut blows: Vec<(Millis, Blow)> = plan.faults.iter().flat_map(blows_of).collect();
    blows.sort_by_key(|(at, _)| *at);
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
            if let Some(deed) = deeds.next()
                && !(deed.what.is_of_pods() && system.weather.is(What::OnlyBookmarks))
            {
                let now = system.clock.millis();
                system.cluster.happen(deed.what, now, now + system.weather.nodes_ahead());
            }
        } else if let Some((_, blow)) = blows.next() {
            match blow {
                Blow::Cut => system.cluster.cut_watches(),
                Blow::Compact => {
                    system.cluster.compact();
                    system.cluster.cut_watches();
                }
                Blow::CompactToldByBookmarks => {
                    system.cluster.compact_before(system.clock.millis() - TOLD_AND_SAVED);
                    system.cluster.cut_watches();
                }
                Blow::Elsewhere => system.cluster.write_elsewhere(1, system.clock.millis()),
                Blow::BackUp => system.cluster.back_up(system.clock.millis()),
                Blow::Restore => system.cluster.restore(system.clock.millis()),
            }
        }
    }
}

/// What is done to the cluster at an instant.
enum Blow {
    Cut,
    Compact,
    CompactToldByBookmarks,
    Elsewhere,
    BackUp,
    Restore,
}

fn blows_of(fault: &Fault) -> Vec<(Millis, Blow)> {
    match fault.what {
        What::WatchesCut | What::CacheLags(_) => vec![(fault.from, Blow::Cut)],
        What::Compaction => vec![(fault.from, Blow::Compact)],
        What::OnlyBookmarks => {
            let writes = (fault.from..fault.to).step_by(WRITES_EVERY).map(|at| (at, Blow::Elsewhere));
            writes.chain([(fault.to, Blow::CompactToldByBookmarks)]).collect()
        }
        What::EtcdRestored => vec![(fault.from, Blow::BackUp), (fault.to, Blow::Restore)],
        _ => Vec::new(),
    }
}
