//! Adds and removes finalizers while the watcher runs.

mod deletions;
mod kinds;

use super::apply::{Done, Target, apply};
use super::{Finalizers, LabelSelector, Meta, Wish};
use crate::api::{ApiError, Listed, Page as _};
use crate::backoff::Backoff;
use crate::chain::chain;
use crate::collection::Collection;
use crate::hub::Hub;
use crate::kube_api::KubeApi;
use crate::metrics::Metrics;
use crate::waiting::StreamId;
use deletions::{After, Deletion, Deletions};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
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
/// How often a request that failed is tried, and with what waits between.
const ADD_TRIES: u32 = 4;
const RELEASE_TRIES: u32 = 8;
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// After so many refusals in a row a kind is given up.
const REFUSALS_BELIEVED: u32 = 3;
const PAGE_OBJECTS: u32 = 500;

/// Holds deletions, for as long as [`Holder::run`] is polled.
pub(crate) struct Holder {
    api: KubeApi,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
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
    pub(crate) fn new(api: KubeApi, hub: Arc<Hub>, metrics: Arc<Metrics>, finalizers: Finalizers) -> Self {
        Self {
            api,
            hub,
            metrics,
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
        let until = Instant::now() + self.finalizers.hold;
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
        let mut backoff = Backoff::new(AGAIN.0, AGAIN.1, u64::from(stream));
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
            let next = self.deletions().next_at();
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
        match apply(&self.api, &collection.resource, &deletion.target, false).await {
            Ok(_) => self.metrics.deletion_released(deletion.is_overdue),
            Err(error) if deletion.tries + 1 < RELEASE_TRIES => {
                let mut backoff = Backoff::new(AGAIN.0, AGAIN.1, u64::from(deletion.tries));
                let mut wait = backoff.next_wait();
                for _ in 0..deletion.tries {
                    wait = backoff.next_wait();
                }
                tracing::debug!(
                    kind = collection.id(),
                    error = chain(&error),
                    "a deletion could not be let go"
                );
                self.deletions().again(deletion, Instant::now() + wait);
            }
            Err(error) => {
                self.metrics.finalizer_refused();
                let (kind, Target { namespace, name, .. }) = (collection.id(), &deletion.target);
                let (needed, namespace) = (needed(&collection), namespace.as_deref());
                tracing::error!(
                    kind,
                    namespace,
                    name = &**name,
                    error = chain(&error),
                    needed,
                    "a deletion cannot be let go: prodrome uninstall --finalizers, or take the finalizer out by hand"
                );
            }
        }
    }
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
