//! Keeps a stream running for each kind that is to be watched and that the cluster serves.

use crate::api::Api;
use crate::chain::chain;
use crate::collection::Collection;
use crate::discovery::Discovery;
use crate::event::Reader;
use crate::finalizers::Holder;
use crate::heard::{self, Heard};
use crate::kind_pattern::KindPattern;
use crate::listed_under::ListedUnder;
use crate::metrics::KindState;
use crate::places::Places;
use crate::stream::{Common, Stream};
use crate::trim::{OwnObject, Trim};
use crate::waiting::{Mark, StreamId};
use futures::FutureExt;
use prodrome_model::{GroupKind, Resource};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How soon kinds that are missing are looked for again, at first and at last.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Which streams run, and where those that do not yet run were left.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    inner: Mutex<RosterInner>,
}

#[derive(Debug, Default)]
struct RosterInner {
    running: BTreeMap<String, Running>,
    saved: BTreeMap<String, String>,
    /// The version of the rules up to which all that they touch has been listed.
    rules: u64,
    /// Whether what is to run was begun: before, nothing that runs is behind, and all is.
    begun: bool,
}

#[derive(Debug, Clone)]
struct Running {
    stream: StreamId,
    kind: GroupKind,
    listed: Arc<ListedUnder>,
}

impl Roster {
    pub(crate) fn new(saved: BTreeMap<String, String>, rules: u64) -> Self {
        Self { inner: Mutex::new(RosterInner { saved, rules, ..RosterInner::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, RosterInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places as of now.
    pub(crate) fn places<A>(&self, common: &Common<A>) -> Places {
        let mut inner = self.lock();
        let mut versions = inner.saved.clone();
        let heard = common.hearsay.borrow().clone().unwrap_or_default();
        let mut is_listed = inner.begun && heard.version > inner.rules;
        for (id, Running { stream, kind, listed }) in &inner.running {
            let place = common.hub.look(|waiting| waiting.place(*stream).cloned());
            let accepted = |position| common.hub.look(|waiting| waiting.has_accepted(*stream, position));
            is_listed &= heard.touched(kind) <= listed.accepted(accepted);
            match place {
                Some(place) => versions.insert(id.clone(), place.to_string()),
                None => versions.remove(id),
            };
        }
        if is_listed {
            inner.rules = heard.version;
        }
        Places { epoch: common.epoch, versions, rules: inner.rules }
    }
}

/// Which kinds are to be watched, and how.
pub(crate) struct Watched {
    pub(crate) kinds: Vec<KindPattern>,
    pub(crate) namespaces: Vec<String>,
    pub(crate) keep_managed_fields: bool,
    pub(crate) own_object: Option<OwnObject>,
    /// The kinds whose deletions are held, and who does that.
    pub(crate) held_kinds: Vec<KindPattern>,
    pub(crate) holder: Arc<Holder>,
}

pub(crate) struct Supervisor<A> {
    common: Arc<Common<A>>,
    roster: Arc<Roster>,
    watched: Watched,
    discovery: Discovery,
    streams: JoinSet<Collection>,
    /// Those that ended as their kind was not served, until the discovery says the same.
    ended: BTreeMap<String, Collection>,
    /// When the last one did.
    last_end: Option<Instant>,
    /// What was last said of kinds that are not served.
    unserved: Vec<String>,
}

impl<A: Api + 'static> Supervisor<A> {
    pub(crate) fn new(
        common: Arc<Common<A>>,
        roster: Arc<Roster>,
        watched: Watched,
        discovery: Discovery,
    ) -> Self {
        let (streams, ended) = (JoinSet::new(), BTreeMap::new());
        Self { common, roster, watched, discovery, streams, ended, last_end: None, unserved: Vec::new() }
    }

    /// Runs until it is dropped, and all streams with it.
    pub(crate) async fn run(mut self) {
        let common = Arc::clone(&self.common);
        let mut hearsay = common.hearsay.clone();
        let mut wait = LOOK_AGAIN.0;
        let mut look = Some(Instant::now());
        loop {
            tokio::select! {
                biased; // so that the same comes of the same: a simulation is repeated by its seed
                () = sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {
                    let complete = self.look().await;
                    look = (!complete).then(|| Instant::now() + wait);
                    wait = (wait * 2).min(LOOK_AGAIN.1);
                }
                Some(ended) = self.streams.join_next(), if !self.streams.is_empty() => {
                    if let Ok(collection) = ended {
                        self.ended.insert(collection.id(), collection);
                    }
                    let now = Instant::now();
                    // The first at once; but one that ends again and again must not spin.
                    if self.last_end.is_none_or(|last| now - last > 2 * LOOK_AGAIN.1) {
                        wait = LOOK_AGAIN.0;
                        look = Some(now);
                    } else {
                        look = Some(now + wait);
                        wait = (wait * 2).min(LOOK_AGAIN.1);
                    }
                    self.last_end = Some(now);
                }
                () = common.definitions.notified() => {
                    wait = LOOK_AGAIN.0;
                    look = Some(Instant::now() + wait);
                }
                () = heard::news(&mut hearsay) => {
                    wait = LOOK_AGAIN.0;
                    look = Some(Instant::now());
                }
            }
        }
    }

    /// Starts what can be started; whether there is nothing left to look for.
    async fn look(&mut self) -> bool {
        let served = match self.discovery.served().await {
            Ok(served) => served,
            Err(error) => {
                self.common.metrics.failed((&error).into());
                tracing::warn!(error = chain(&error), "the kinds of the cluster cannot be discovered");
                return false;
            }
        };
        let mut wanted: BTreeSet<&Resource> = BTreeSet::new();
        let mut unresolved = Vec::new();
        let heard = self.common.hearsay.borrow().as_ref().map(Heard::wanted).unwrap_or_default();
        let Watched { kinds, held_kinds, .. } = &self.watched;
        let held: BTreeSet<_> = held_kinds.iter().flat_map(|pattern| pattern.resolve(&served)).collect();
        let held: BTreeSet<GroupKind> = held.into_iter().map(Resource::group_kind).collect();
        let kinds: BTreeSet<KindPattern> = kinds.iter().chain(held_kinds).cloned().chain(heard).collect();
        for pattern in &kinds {
            let meant = pattern.resolve(&served);
            if meant.is_empty() {
                unresolved.push(pattern.to_string());
            }
            wanted.extend(meant);
        }
        let mut ids = BTreeSet::new();
        for resource in wanted {
            for collection in Collection::of(resource, &self.watched.namespaces) {
                let id = collection.id();
                if ids.insert(id.clone()) {
                    let is_held = held.contains(&collection.resource.group_kind());
                    self.keep_running(id, collection, is_held);
                }
            }
        }
        for (_, collection) in std::mem::take(&mut self.ended) {
            self.gone(&collection);
        }
        // What was saved of other kinds is not needed any more: nobody watches them.
        let mut roster = self.roster.lock();
        roster.saved.clear();
        roster.begun = true;
        drop(roster);
        let complete = unresolved.is_empty() && !kinds.iter().any(KindPattern::is_open);
        if self.unserved != unresolved {
            if unresolved.is_empty() {
                tracing::info!("the cluster serves all kinds now that are to be watched");
            } else {
                let kinds = unresolved.join(", ");
                tracing::info!(
                    kinds,
                    "the cluster does not serve these kinds; they are watched once it does"
                );
            }
            self.unserved.clone_from(&unresolved);
        }
        self.common.metrics.discovered(unresolved);
        complete
    }

    #[expect(clippy::needless_pass_by_value, reason = "the id goes into the roster")]
    fn keep_running(&mut self, id: String, collection: Collection, is_held: bool) {
        let mut roster = self.roster.lock();
        let hub = &self.common.hub;
        let (running, place) = match roster.running.get(&id) {
            // It ended, yet is served: in another version, or after all.
            Some(running) if self.ended.remove(&id).is_some() => {
                hub.reopen_stream(running.stream, Arc::new(collection.resource.clone()));
                (running.clone(), hub.look(|waiting| waiting.place(running.stream).cloned()))
            }
            Some(_) => return,
            None => {
                let place = roster.saved.remove(&id).map(Arc::from);
                let stream = hub.open_stream(Arc::new(collection.resource.clone()), place.clone());
                let listed = Arc::new(ListedUnder::under(roster.rules));
                let running = Running { stream, kind: collection.resource.group_kind(), listed };
                roster.running.insert(id.clone(), running.clone());
                (running, place)
            }
        };
        drop(roster);
        self.common.metrics.state(&id, KindState::Starting);
        tracing::info!(kind = id, resource_version = place.as_deref(), "watching");
        let Watched { keep_managed_fields, own_object, holder, .. } = &self.watched;
        let reader = Reader::new(Trim::of(&collection.resource, *keep_managed_fields, own_object.as_ref()));
        let Running { stream, listed, .. } = running;
        let holding = is_held.then(|| holder.holding(&collection, stream));
        let common = Arc::clone(&self.common);
        let stream = Stream::new(common, collection.clone(), stream, reader, listed, holding);
        self.streams.spawn(async move {
            // A mistake in the reading of one kind must not end the others; it starts again from its place.
            if AssertUnwindSafe(stream.run(place)).catch_unwind().await.is_err() {
                tracing::error!(kind = collection.id(), "the stream of a kind panicked");
            }
            collection
        });
    }

    /// A kind is no longer served: an empty list says that all of its objects are gone.
    fn gone(&self, collection: &Collection) {
        let id = collection.id();
        let Some(Running { stream, .. }) = self.roster.lock().running.remove(&id) else { return };
        tracing::info!(kind = id, "the cluster no longer serves this kind");
        let Common { hub, epoch, .. } = &*self.common;
        let list: Arc<str> = format!("{epoch}/{id}/gone/{stream}").into();
        _ = hub.mark(stream, Mark::Begin { list: Arc::clone(&list) });
        _ = hub.mark(stream, Mark::End { list, version: "0".into() });
        hub.close_stream(stream);
        self.common.metrics.forget(&id);
    }
}
