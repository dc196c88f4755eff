//! The watcher's processes: the real one, which is killed, stands still, and is started again; one, or two that share a
//! lease.

use crate::api;
use crate::clock::{Clock, Millis, millis};
use crate::fault::{Caller, Fault, What};
use crate::plan::Plan;
use crate::post::Far;
use crate::system::{SHARDS, System, scope};
use futures::future::select;
use prodrome_watcher::{
    ASK_EVERY, Clock as WatchClock, ConfigMapPlaces, Lease, Settings, Status, Watcher, listen_to,
};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Where they keep what they share.
const NAMESPACE: &str = "prodrome";

/// The watchers, until this is dropped.
pub(crate) struct Watching {
    _processes: JoinSet<()>,
    statuses: Vec<Known>,
}

/// How a process is doing, once it has begun.
type Known = Arc<Mutex<Option<Status>>>;

/// What it takes to start a process.
#[derive(Clone)]
struct Host {
    system: System,
    number: usize,
    /// Whether it shares a lease with others.
    shares: bool,
    /// Whether it watches events.
    events: bool,
    waiting_bytes_max: usize,
    status: Known,
    /// When its processes stand still.
    stops: Vec<(Millis, Millis)>,
    /// When its clock is ahead, and by how much.
    clocks: Vec<(Millis, Millis, Millis)>,
}

impl Watching {
    pub(crate) fn begin(system: &System, plan: &Plan) -> Self {
        let (mut processes, mut statuses) = (JoinSet::new(), Vec::new());
        for number in 0..plan.watchers {
            let struck = |what| {
                let of_it = plan.faults.iter().filter(move |fault| fault.what == what);
                of_it.filter(move |fault| host_of(fault, plan.watchers) == number)
            };
            let clock = |fault: &Fault| match fault.what {
                What::WatchClock(by) if host_of(fault, plan.watchers) == number => {
                    Some((fault.from, fault.to, by.into()))
                }
                _ => None,
            };
            let host = Host {
                system: system.clone(),
                number,
                shares: plan.watchers > 1,
                events: plan.events,
                waiting_bytes_max: plan.waiting_bytes_max,
                status: Arc::default(),
                clocks: plan.faults.iter().filter_map(clock).collect(),
                stops: struck(What::WatcherSuspended).map(|fault| (fault.from, fault.to)).collect(),
            };
            let mut kills: Vec<_> =
                struck(What::WatcherKilled).map(|fault| (fault.from, fault.to, fault.forgets())).collect();
            kills.sort_unstable();
            statuses.push(Arc::clone(&host.status));
            processes.spawn_local(host.live(kills));
        }
        Self { _processes: processes, statuses }
    }

    /// How many bytes wait in the one that holds most.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let lock = |known: &Known| {
            let status = known.lock().unwrap_or_else(PoisonError::into_inner);
            status.as_ref().map_or(0, Status::waiting_bytes)
        };
        self.statuses.iter().map(lock).max().unwrap_or(0)
    }
}

/// Which of so many watchers a fault strikes.
fn host_of(fault: &Fault, watchers: usize) -> usize {
    usize::try_from(fault.seed >> 32).unwrap_or(0) % watchers
}

impl Host {
    /// Its process, which is killed now and then, and started again later: where so told, all that is past is forgotten
    /// then.
    async fn live(self, kills: Vec<(Millis, Millis, bool)>) {
        let clock = self.system.clock;
        for (from, to, forgets) in kills {
            if from > clock.millis() {
                let process: JoinHandle<()> = tokio::task::spawn_local(self.clone().watch());
                // Somewhere in that second, wherever it is.
                let odd = i64::try_from(self.system.weather.draw(1_000)).unwrap_or(0);
                clock.until(from + odd).await;
                process.abort();
                _ = process.await;
            }
            clock.until(to).await;
            if forgets {
                self.system.cluster.compact();
            }
        }
        self.watch().await;
    }

    /// A process of the watcher, which is started again where it gives up.
    async fn watch(self) {
        let clock = self.system.clock;
        loop {
            let watcher = self.watcher();
            *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher.status());
            let (watcher, listening) = self.listening(watcher);
            let run = pin!(watcher.run(std::future::pending()));
            _ = with_stops(clock, &self.stops, select(run, pin!(listening))).await;
            tokio::time::sleep(millis(10_000)).await;
        }
    }

    /// The watcher hearing of the rules that are pushed, and what tells it, where any are.
    fn listening(
        &self,
        watcher: Watcher<Far, ConfigMapPlaces>,
    ) -> (Watcher<Far, ConfigMapPlaces>, impl Future + use<>) {
        let press = self.system.press.clone();
        let (tell, hearsay) = watch::channel(None);
        let watcher = if press.is_some() { watcher.hearing(hearsay) } else { watcher };
        let listening = async move {
            match press {
                Some(press) => listen_to(press.book(), scope(), tell, ASK_EVERY).await,
                None => std::future::pending().await,
            }
        };
        (watcher, listening)
    }

    /// What its host shows: of several amounts that it is wrong by, the one that came last.
    fn clock(&self) -> WatchClock {
        let (clock, clocks) = (self.system.clock, self.clocks.clone());
        WatchClock::new(move || {
            let now = clock.millis();
            let wrong = clocks.iter().filter(|(from, to, _)| (*from..*to).contains(&now));
            clock.skewed(wrong.max_by_key(|(from, ..)| *from).map_or(0, |(.., by)| *by))
        })
    }

    fn watcher(&self) -> Watcher<Far, ConfigMapPlaces> {
        let Self { system, number, shares, events, waiting_bytes_max, .. } = self;
        let client = api::client(&system.cluster, &system.weather, system.clock, Caller::Watcher);
        let places = ConfigMapPlaces::new(client.clone(), NAMESPACE, "watcher-place");
        let kinds = ["Pod", "ConfigMap"].into_iter().chain(events.then_some("Event"));
        let kinds = kinds.map(|kind| kind.parse().expect("a kind's name is a pattern"));
        let mut settings = Settings::new(scope(), kinds.collect());
        settings.shards = SHARDS;
        settings.waiting_bytes_max = *waiting_bytes_max;
        settings.outage_bytes_max = *waiting_bytes_max;
        let clock = self.clock();
        let System { queue, weather, sent, cluster, .. } = system.clone();
        let queue = Far { queue, sent, cluster, weather };
        let watcher = Watcher::new(client.clone(), queue, places, settings, clock.clone());
        if !shares {
            return watcher;
        }
        let identity = format!("watcher-{number}_{}", system.clock.millis());
        watcher.led_by(Lease::new(client, NAMESPACE, "watcher", identity, clock))
    }
}

/// Runs a process that stands still at these times, and goes on where it was.
async fn with_stops<T>(clock: Clock, stops: &[(Millis, Millis)], process: impl Future<Output = T>) -> T {
    let mut process = pin!(process);
    let mut still = None;
    poll_fn(|context| {
        let now = clock.millis();
        let Some((_, to)) = stops.iter().find(|(from, to)| (*from..*to).contains(&now)) else {
            still = None;
            return process.as_mut().poll(context);
        };
        let to = *to;
        let still = still.insert(Box::pin(clock.until(to)));
        _ = still.as_mut().poll(context); // it is woken then
        Poll::Pending
    })
    .await
}
