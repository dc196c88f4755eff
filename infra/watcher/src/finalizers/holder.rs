//! Adds and removes finalizers while the watcher runs.

mod deletions;
mod kinds;

use super::apply::{Done, Target, apply};
use super::{Finalizers, LabelSelector, Meta, Wish};
use crate::api::{ApiError, Listed, Page as _};
use crate::backoff::Backoff;
use crate::chain::chain;
use crate::clock::Clock;
use crate::collection::Collection;
use crate::hub::Hub;
use crate::kube_api::KubeApi;
use crate::metrics::Metrics;
use crate::waiting::StreamId;
use deletions::{After, Deletion, Deletions};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use kinds::{Kinds, Task};
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

/// So far apart are additions, one at a time: fifty a second are nothing to an API server, and 100,000 objects have
/// theirs within the hour.
const ADD_EVERY: Duration = Duration::from_millis(20);
/// So many deletions are let go at once.
const RELEASES_AT_ONCE: usize = 8;
/// How often the addition of one that failed is tried, and with what waits between.
const ADD_TRIES: u32 = 4;
const ADD_AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// A deletion that cannot be let go is tried again ever more seldom, and for as long as it takes: its object hangs. After so
/// many tries somebody must hear of it.
const RELEASE_AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(1));
const RELEASES_BELIEVED: u32 = 5;
/// So long a queue that works may take to accept an object's last state.
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// After so many refusals in a row a kind is given up.
const REFUSALS_BELIEVED: u32 = 3;
const PAGE_OBJECTS: u32 = 500;

/// Holds deletions, for as long as [`Holder::run`] is polled.
pub(crate) struct Holder {
    api: KubeApi,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    clock: Clock,
    finalizers: Finalizers,
    kinds: Mutex<Kinds>,
    deletions: Mutex<Deletions>,
    to_add: Notify,
    to_release: Notify,
}

/// What a stream tells the holder through.
#[derive(Clone)]
pub(crate) struct Holding {
    holder: Arc<Holder>,
    stream: StreamId,
}

impl Holding {
    /// An object was seen in a state that has been handed to the hub.
    pub(crate) fn saw(&self, meta: &Meta, in_list: bool) {
        let Holder { finalizers, hub, .. } = &*self.holder;
        match meta.wish(&finalizers.selector) {
            Wish::None => {}
            // What a list names is gone through in pages: it may be a hundred thousand.
            Wish::Add | Wish::Remove if in_list => self.holder.kinds().sweep(self.stream),
            Wish::Add => self.holder.kinds().push(self.stream, Target::of(meta), true),
            Wish::Remove => self.holder.kinds().push(self.stream, Target::of(meta), false),
            Wish::Release => {
                let position = hub.look(|waiting| waiting.last_position(self.stream));
                self.holder.release(self.stream, meta, After::Position(position));
                return;
            }
        }
        self.holder.to_add.notify_one();
    }
}

impl Holder {
    pub(crate) fn new(
        api: KubeApi,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        clock: Clock,
        finalizers: Finalizers,
    ) -> Self {
        Self {
            api,
            hub,
            metrics,
            clock,
            finalizers,
            kinds: Mutex::default(),
            deletions: Mutex::default(),
            to_add: Notify::new(),
            to_release: Notify::new(),
        }
    }

    /// A stream of a kind whose deletions are held has begun. What is there is gone through: a run before may not
    /// have come to its end with it.
    pub(crate) fn holding(self: &Arc<Self>, collection: &Collection, stream: StreamId) -> Holding {
        self.kinds().begin(stream, collection.clone());
        self.to_add.notify_one();
        Holding { holder: Arc::clone(self), stream }
    }

    fn kinds(&self) -> MutexGuard<'_, Kinds> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deletions(&self) -> MutexGuard<'_, Deletions> {
        self.deletions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn selector(&self) -> &LabelSelector {
        &self.finalizers.selector
    }

    fn release(&self, stream: StreamId, meta: &Meta, after: After) {
        let until = Instant::now() + held_for(self.finalizers.hold, meta.deleted_at(), self.clock.now());
        self.deletions().put(stream, Target::of(meta), after, until);
        self.metrics.deletions_held(self.deletions().len());
        self.to_release.notify_one();
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(&self) {
        tokio::join!(self.add_all(), self.release_all());
    }

    async fn add_all(&self) {
        let mut pace = interval(ADD_EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let task = self.kinds().next();
            let Some(task) = task else {
                self.to_add.notified().await;
                continue;
            };
            pace.tick().await;
            match task {
                Task::Apply { stream, collection, target, holds } => {
                    self.add(stream, &collection, &target, holds).await;
                }
                Task::Page { stream, collection, next } => self.page(stream, &collection, next).await,
            }
        }
    }

    async fn add(&self, stream: StreamId, collection: &Collection, target: &Target, holds: bool) {
        let mut backoff = Backoff::new(ADD_AGAIN.0, ADD_AGAIN.1, u64::from(stream));
        let error = loop {
            match apply(&self.api, &collection.resource, target, holds).await {
                Ok(done) => {
                    if let Done::Yes = done {
                        self.metrics.finalizer_applied(holds);
                    }
                    self.kinds().agreed(stream);
                    return;
                }
                Err(error) if is_retryable(&error) && backoff.failures() + 1 < ADD_TRIES => {
                    sleep(backoff.next_wait()).await;
                }
                Err(error) => break error,
            }
        };
        self.metrics.finalizer_refused();
        let refusals = self.kinds().refused(stream);
        let kind = collection.id();
        if refusals == REFUSALS_BELIEVED {
            self.kinds().give_up(stream);
            let needed = needed(collection);
            tracing::error!(
                kind,
                error = chain(&error),
                needed,
                "finalizers are refused for a kind, which is given up"
            );
        } else {
            tracing::debug!(kind, name = &*target.name, error = chain(&error), "a finalizer was refused");
        }
    }

    /// Goes through a page of what is there.
    async fn page(&self, stream: StreamId, collection: &Collection, next: Option<String>) {
        #[derive(Deserialize)]
        struct Object {
            metadata: Meta,
        }
        let listed = async {
            let (path, next) = (collection.path(), next.as_deref());
            let mut page = self.api.list_metadata(&path, "", PAGE_OBJECTS, next).await?;
            let mut targets = Vec::new();
            loop {
                match page.next().await? {
                    Listed::Item(item) => {
                        let Ok(Object { metadata }) = serde_json::from_slice(&item) else { continue };
                        match metadata.wish(self.selector()) {
                            Wish::None => {}
                            Wish::Add => targets.push((Target::of(&metadata), true)),
                            Wish::Remove => targets.push((Target::of(&metadata), false)),
                            Wish::Release => {
                                let version = metadata.resource_version.parse().unwrap_or(u64::MAX);
                                self.release(stream, &metadata, After::Version(version));
                            }
                        }
                    }
                    Listed::End { next, .. } => return Ok::<_, ApiError>((targets, next)),
                }
            }
        };
        match listed.await {
            Ok((targets, next)) => self.kinds().paged(stream, targets, next),
            // The pages are of too long ago: those that have theirs by now are soon gone through.
            Err(ApiError::Gone) => self.kinds().sweep(stream),
            Err(error) => {
                let (kind, wait) = (collection.id(), self.kinds().page_failed(stream, next));
                let Some(wait) = wait else {
                    tracing::warn!(
                        kind,
                        error = chain(&error),
                        "a kind cannot be gone through for finalizers"
                    );
                    return;
                };
                sleep(wait).await;
            }
        }
    }

    /// Lets deletions go, as soon as their objects' states are on their way or their time is up.
    async fn release_all(&self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            let now = Instant::now();
            while under_way.len() < RELEASES_AT_ONCE {
                let is_accepted = |stream, after| self.is_accepted(stream, after);
                let Some(deletion) = self.deletions().take_due(now, is_accepted) else { break };
                under_way.push(self.let_go(deletion));
            }
            let next = self.deletions().next_at(now);
            tokio::select! {
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                () = self.to_release.notified() => {}
                () = self.hub.progress() => {}
                () = sleep_until(next.unwrap_or(now)), if next.is_some() && under_way.len() < RELEASES_AT_ONCE => {}
            }
            self.metrics.deletions_held(self.deletions().len() + under_way.len());
        }
    }

    fn is_accepted(&self, stream: StreamId, after: After) -> bool {
        self.hub.look(|waiting| match after {
            After::Position(position) => waiting.has_accepted(stream, position),
            After::Version(version) => {
                let place = waiting.place(stream).and_then(|place| place.parse::<u64>().ok());
                place.is_some_and(|place| place >= version)
            }
        })
    }

    async fn let_go(&self, deletion: Deletion) {
        let Some(collection) = self.kinds().collection(deletion.stream) else { return };
        let kind = collection.id();
        let error = match apply(&self.api, &collection.resource, &deletion.target, false).await {
            Ok(done) => {
                self.metrics.deletion_released(deletion.is_overdue);
                if matches!(done, Done::Yes) && self.kinds().keeps(deletion.stream, false) {
                    tracing::info!(kind, "deletions of a kind can be let go again");
                }
                return;
            }
            Err(error) => error,
        };
        let is_believed = deletion.tries + 1 == RELEASES_BELIEVED;
        if is_believed {
            self.metrics.deletion_refused();
        }
        let Target { namespace, name, .. } = &deletion.target;
        let (namespace, name) = (namespace.as_deref(), &**name);
        if is_believed && self.kinds().keeps(deletion.stream, true) {
            let needed = needed(&collection);
            tracing::error!(
                kind,
                namespace,
                name,
                error = chain(&error),
                needed,
                "deletions of a kind cannot be let go, and are tried on: end what refuses that, or take the finalizers out by hand"
            );
        } else {
            tracing::debug!(kind, namespace, name, error = chain(&error), "a deletion could not be let go");
        }
        let wait = self.release_wait(deletion.tries);
        self.deletions().again(deletion, Instant::now() + wait);
    }

    /// How long a deletion waits that was tried in vain so often. However many there are, no more are tried a second than
    /// finalizers are added.
    fn release_wait(&self, tries: u32) -> Duration {
        let mut backoff = Backoff::new(RELEASE_AGAIN.0, RELEASE_AGAIN.1, u64::from(tries));
        let waits = std::iter::repeat_with(|| backoff.next_wait());
        let wait = waits.take(tries.min(16) as usize + 1).last().unwrap_or_default();
        let held = u32::try_from(self.deletions().len()).unwrap_or(u32::MAX);
        wait.max(ADD_EVERY.saturating_mul(held))
    }
}

/// How long a deletion is held that is seen now: as long as it may be, from when it began; by a clock that differs from
/// the API server's no longer than from now on, and long enough for a queue that works.
fn held_for(hold: Duration, deleted_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let age = deleted_at.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
    let age = age.unwrap_or_default();
    hold.saturating_sub(age).max(hold.min(QUEUE_WAIT))
}

/// Whether the same may work soon. A webhook that is down answers 500.
fn is_retryable(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::Throttled { .. }
            | ApiError::Broken(_)
            | ApiError::Silent(_)
            | ApiError::Refused { status: 500.., .. }
    )
}

/// The RBAC rule without which finalizers cannot be changed.
fn needed(collection: &Collection) -> String {
    let Collection { resource, .. } = collection;
    format!("apiGroups: [\"{}\"], resources: [\"{}\"], verbs: [patch]", resource.group, resource.plural)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_is_held_from_when_it_began_whatever_run_sees_it_and_whatever_the_clock_says() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let hold = Duration::from_secs(30);
        for (what, ago, hold, want) in [
            ("it begins", Some(0), hold, 30),
            ("it has begun", Some(12), hold, 18),
            ("the queue has a while", Some(28), hold, 5),
            ("an hour ago, or by a clock that is ahead", Some(3600), hold, 5),
            ("by a clock that is behind", Some(-3600), hold, 30),
            ("nobody knows when", None, hold, 30),
            ("never longer than the bound", Some(3600), Duration::from_secs(2), 2),
        ] {
            let deleted_at = ago.map(|ago| now - jiff::SignedDuration::from_secs(ago));
            assert_eq!(held_for(hold, deleted_at, now), Duration::from_secs(want), "{what}");
        }
    }
}
