use crate::backoff::Backoff;
use crate::canary::Canary;
use crate::chain::chain;
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::finalizers::{Finalizers, Holder};
use crate::heard::{Hearsay, silence};
use crate::hub::Hub;
use crate::kind_pattern::KindPattern;
use crate::kube_api::KubeApi;
use crate::lease::{Lease, LeaseLost};
use crate::metrics::{Metrics, Role};
use crate::places::{PlaceError, PlaceStore, Places};
use crate::sender::Sender;
use crate::status::Status;
use crate::stream::Common;
use crate::supervisor::{Roster, Supervisor, Watched};
use kube::Client;
use prodrome_model::{SHARDS_DEFAULT, Scope};
use prodrome_queue::Queue;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// How long a watch is asked to last, unless told otherwise.
const WATCH_LASTS: Duration = Duration::from_mins(5);
/// How often the place is saved, at most,
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// but for kinds that had none, which a run that is killed would have to list again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many kinds are listed at once.
const LISTS_AT_ONCE: usize = 3;
/// At the start: how long it waits to hear of the rules.
const HEAR_WAIT: Duration = Duration::from_secs(5);
/// At the end: how long the queue has to accept what waits, and then the place to be saved.
const FLUSH_WAIT: Duration = Duration::from_secs(15);
const SAVE_WAIT: Duration = Duration::from_secs(5);
/// So often the place is asked for, and the epoch saved, before the start is given up.
const START_TRIES: u32 = 5;

/// What to watch and how to send it on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which cluster this is.
    pub scope: Scope,
    /// The kinds to watch.
    pub kinds: Vec<KindPattern>,
    /// The namespaces to watch; none: all. Kinds without a namespace are watched in either case.
    pub namespaces: Vec<String>,
    /// How many shards the keys are spread over; the same as `evaluate` has.
    pub shards: u16,
    /// How many bytes of changes may wait for the queue, before streams are held back.
    pub waiting_bytes_max: usize,
    /// How many while the queue is down, compressed object by object.
    pub outage_bytes_max: usize,
    /// Whether `metadata.managedFields` is sent along.
    pub keep_managed_fields: bool,
    /// How long the API server is asked to keep a watch up, at least; up to half as long again is added at random,
    /// so that not all end at once. Longer saves requests; shorter notices sooner that a connection is dead.
    pub watch_lasts: Duration,
    /// Whether the API server is asked to stream lists, where it can, rather than for pages.
    pub stream_lists: bool,
    /// Which deletions wait for their objects' last states to be on their way; none unless told so.
    pub finalizers: Finalizers,
    /// How often the canary is broken; never unless told so.
    pub canary: Option<Duration>,
}

impl Settings {
    /// The usual settings for these kinds of all namespaces.
    pub fn new(scope: Scope, kinds: Vec<KindPattern>) -> Self {
        Self {
            scope,
            kinds,
            namespaces: Vec::new(),
            shards: SHARDS_DEFAULT,
            waiting_bytes_max: 8 * 1024 * 1024,
            outage_bytes_max: 20 * 1024 * 1024,
            keep_managed_fields: false,
            watch_lasts: WATCH_LASTS,
            stream_lists: true,
            finalizers: Finalizers::default(),
            canary: None,
        }
    }
}

/// Forwards a cluster's changes to the queue. See the crate's documentation.
pub struct Watcher<Q, P> {
    client: Client,
    queue: Q,
    places: P,
    settings: Settings,
    clock: Clock,
    status: Status,
    hearsay: Hearsay,
    lease: Option<Lease>,
}

/// Why a watcher ended without having been asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The place cannot be read or saved at the start, or another watcher has taken it over.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another watcher has the lease, or may have it soon.
    #[error(transparent)]
    Lease(#[from] LeaseLost),
}

impl<Q: Queue, P: PlaceStore> Watcher<Q, P> {
    /// A watcher that has not begun.
    pub fn new(client: Client, queue: Q, places: P, settings: Settings, clock: Clock) -> Self {
        let metrics = Arc::new(Metrics::default());
        let bytes_max = (settings.waiting_bytes_max, settings.outage_bytes_max);
        let hub = Arc::new(Hub::new(settings.shards, bytes_max, Arc::clone(&metrics)));
        let (status, hearsay) = (Status { metrics, hub }, silence());
        Self { client, queue, places, settings, clock, status, hearsay, lease: None }
    }

    /// The same, which forwards only while it holds a lease. The place must be one that all who share it can see.
    #[must_use]
    pub fn led_by(self, lease: Lease) -> Self {
        Self { lease: Some(lease), ..self }
    }

    /// The same, hearing of the rules that are pushed.
    #[must_use]
    pub fn hearing(self, hearsay: Hearsay) -> Self {
        Self { hearsay, ..self }
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Runs until `stop`; then sends what waits, within a bound, saves the place, and gives the lease back. Dropped,
    /// it ends at once: the next run reads on from the place that was saved last.
    ///
    /// # Errors
    /// Where the place cannot be read or saved at the start, or another watcher has taken over. Nothing else ends
    /// it: a cluster or queue out of reach is waited for.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut stop = std::pin::pin!(stop);
        let Some(mut lease) = self.lease.take() else { return Ok(Box::pin(self.forward(stop)).await?) };
        let metrics = Arc::clone(&self.status.metrics);
        metrics.role(Role::Waits);
        tokio::select! {
            () = lease.acquire() => {}
            () = &mut stop => return Ok(()),
        }
        metrics.role(Role::Leads);
        let ended = tokio::select! {
            biased; // who was suspended finds out first that it leads no more
            // Whatever is under way is dropped with it: nothing may be sent or saved any more.
            lost = lease.keep() => return Err(lost.into()),
            ended = Box::pin(self.forward(stop)) => ended,
        };
        lease.release().await;
        Ok(ended?)
    }

    async fn forward(self, stop: impl Future<Output = ()>) -> Result<(), PlaceError> {
        let Self { client, queue, places, settings, clock, status, mut hearsay, lease: _ } = self;
        let Status { metrics, hub } = status;
        let Settings {
            scope,
            kinds,
            namespaces,
            shards,
            waiting_bytes_max: _,
            outage_bytes_max: _,
            keep_managed_fields,
            watch_lasts,
            stream_lists,
            finalizers,
            canary,
        } = settings;

        let begun = begin(&places, &clock).await?;
        // So that what is named is not taken for what nobody watches, and not listed twice. An error: never.
        _ = timeout(HEAR_WAIT, hearsay.wait_for(Option::is_some)).await;
        let epoch = begun.epoch;
        metrics.began(epoch);
        tracing::info!(cluster = scope.cluster, epoch, known_kinds = begun.versions.len(), "watcher begins");

        let api = KubeApi::new(client);
        let discovery = Discovery::new(api.clone());
        let canary = canary.map(|every| Canary::new(api.clone(), clock.clone(), every));
        let singing = async {
            match canary {
                Some(canary) => canary.run().await,
                None => std::future::pending().await,
            }
        };
        let held_kinds = finalizers.kinds.clone();
        let holder =
            Holder::new(api.clone(), Arc::clone(&hub), Arc::clone(&metrics), clock.clone(), finalizers);
        let holder = Arc::new(holder);
        let common = Arc::new(Common {
            api,
            hub: Arc::clone(&hub),
            metrics: Arc::clone(&metrics),
            epoch,
            watch_lasts,
            stream_lists,
            lists: AtomicU64::default(),
            lists_at_once: Semaphore::new(LISTS_AT_ONCE),
            definitions: Notify::new(),
            hearsay: hearsay.clone(),
        });
        let roster = Arc::new(Roster::new(begun.versions.clone(), begun.rules));
        let watched = Watched {
            kinds,
            namespaces,
            keep_managed_fields,
            own_object: places.own_object(),
            held_kinds,
            holder: Arc::clone(&holder),
        };
        let supervisor = Supervisor::new(Arc::clone(&common), Arc::clone(&roster), watched, discovery);
        let mut saver = Saver { places, metrics: Arc::clone(&metrics), clock: clock.clone(), saved: begun };
        let sender = Sender { hub, queue, metrics, clock, scope, shards, epoch, hearsay };

        let (stop_sending, stopped) = watch::channel(false);
        let mut sending = Box::pin(sender.run(stopped));
        let outcome = tokio::select! {
            biased; // so that the same comes of the same: a simulation is repeated by its seed
            () = supervisor.run() => unreachable!("it runs until it is dropped"),
            () = holder.run() => unreachable!("it runs until it is dropped"),
            () = singing => unreachable!("it runs until it is dropped"),
            () = &mut sending => unreachable!("it was not told to stop"),
            error = saver.run(|| roster.places(&common)) => Err(error),
            () = stop => Ok(()),
        };
        // The streams ended with the supervisor; what they brought is sent, then the place is exact.
        outcome?;
        tracing::info!("watcher stops: sending what waits");
        stop_sending.send_replace(true);
        if timeout(FLUSH_WAIT, &mut sending).await.is_err() {
            tracing::warn!("the queue did not accept all in time; the next run reads it again");
        }
        let last = roster.places(&common);
        match timeout(SAVE_WAIT, saver.save(last)).await {
            Ok(Err(error)) if !error.is_retryable() => return Err(error),
            Ok(_) => {}
            Err(_) => {
                tracing::warn!("the place was not saved in time; the next run reads some changes again");
            }
        }
        tracing::info!("watcher stopped");
        Ok(())
    }
}

/// Raises the epoch and saves it before anything is sent under it.
async fn begin(places: &impl PlaceStore, clock: &Clock) -> Result<Places, PlaceError> {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5), 0);
    loop {
        let begun = async {
            let saved = places.load().await?.unwrap_or_default();
            // Not lower than the clock, so that it rises even where the place was lost.
            let clock_epoch = u64::try_from(clock.now().as_second()).unwrap_or_default();
            let begun = Places { epoch: clock_epoch.max(saved.epoch + 1), ..saved };
            places.save(&begun).await.map(|()| begun)
        };
        match begun.await {
            Ok(begun) => return Ok(begun),
            Err(error) if error.is_retryable() && backoff.failures() < START_TRIES => {
                let wait = backoff.next_wait();
                tracing::warn!(
                    error = chain(&error),
                    wait_ms = wait.as_millis(),
                    "the place cannot be read and saved yet"
                );
                sleep(wait).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Saves the place from time to time.
struct Saver<P> {
    places: P,
    metrics: Arc<Metrics>,
    clock: Clock,
    saved: Places,
}

impl<P: PlaceStore> Saver<P> {
    /// Runs until another watcher takes over, which it returns.
    async fn run(&mut self, now: impl Fn() -> Places) -> PlaceError {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        loop {
            ticks.tick().await;
            let places = now();
            let is_first = |kind: &String| !self.saved.versions.contains_key(kind);
            if last.elapsed() < SAVE_EVERY && !places.versions.keys().any(is_first) {
                continue;
            }
            last = Instant::now();
            if let Err(error @ PlaceError::TakenOver { .. }) = self.save(places).await {
                return error;
            }
        }
    }

    async fn save(&mut self, places: Places) -> Result<(), PlaceError> {
        if places == self.saved {
            return Ok(());
        }
        match self.places.save(&places).await {
            Ok(()) => {
                self.metrics.saved(self.clock.now().as_second());
                self.saved = places;
                Ok(())
            }
            Err(error) => {
                self.metrics.save_failed();
                tracing::warn!(error = chain(&error), "the place cannot be saved; it will be tried again");
                Err(error)
            }
        }
    }
}
