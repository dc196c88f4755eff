//! The stream of one collection, as an explicit state machine.

mod returning;
#[cfg(test)]
mod tests;

use crate::api::{Api, ApiError, Events, Listed, Page};
use crate::backoff::Backoff;
use crate::chain::chain;
use crate::collection::Collection;
use crate::event::{Event, Reader};
use crate::finalizers::Holding;
use crate::heard::{self, Hearsay};
use crate::hub::Hub;
use crate::listed_under::ListedUnder;
use crate::metrics::{KindState, Metrics, Restart};
use crate::trouble::DeniedKind;
use crate::waiting::{Mark, StreamId};
use crate::watermark::Version;
use prodrome_scan::ScanError;
use returning::is_break;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// How many objects a page of a list holds.
const PAGE_OBJECTS: u32 = 500;
/// How much longer than it was asked to keep a watch up the stream may be silent before it is taken for dead.
const WATCH_GRACE: Duration = Duration::from_secs(30);
/// How long an answer, or the next piece of a list, may take.
const ANSWER_WAIT: Duration = Duration::from_mins(1);
/// A watch that ends sooner than this without an event did not go well.
const WATCH_LASTS_MIN: Duration = Duration::from_secs(5);
const FAILURE_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
const DENIED_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));
/// So many denials in a row are one that somebody must hear of. An API server that has just started denies
/// everything until it has read the roles and accounts, which takes it some seconds.
const DENIALS_BELIEVED: u32 = 4;
/// A watch that the API server ends before its time goes on within so long: where it shuts down, all end at once.
const EARLY_WAIT: Duration = Duration::from_secs(1);
/// The longest wait that an API server may ask for.
const THROTTLED_WAIT_MAX: Duration = Duration::from_mins(2);
/// After so many streamed lists in a row that broke, or that the server's cache was behind for, one is read in pages.
const STREAM_TRIES: u32 = 2;
/// A page that is refused so often begins its list anew.
const PAGE_TRIES: u32 = 4;
/// A line that cannot be read is asked for again so often before it is skipped.
const MALFORMED_TRIES: u32 = 3;
/// After so many answers that a version is not yet, everything is listed anew.
const AHEAD_TRIES: u32 = 3;

/// What a stream does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing is known but where the last run came to, if there was one.
    Start { place: Option<Version> },
    /// Reading all objects as events, and following changes after that, in one.
    Streaming { list: Arc<str> },
    /// Reading all objects, page by page. `version` is that of the first page: the watch goes on from there.
    Listing { list: Arc<str>, next: Option<String>, version: Option<String> },
    /// After a break: asking whether the cluster is still as far as it was, before changes are followed from there.
    Returning { from: Version },
    /// Following changes from a version.
    Watching { from: Version },
    /// Waiting before going on.
    BackingOff { wait: Duration, then: Box<State> },
    /// The cluster does not serve the kind here (any more): the end of the stream.
    NotServed,
}

/// What the streams of a run have in common.
pub(crate) struct Common<A> {
    pub(crate) api: A,
    pub(crate) hub: Arc<Hub>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) epoch: u64,
    /// How long the API server is asked to keep a watch up, at least; up to half as long again is added at random.
    pub(crate) watch_lasts: Duration,
    /// How many lists this run has begun. A list's name must not come back, whichever stream begins it: what an
    /// earlier one named would count as there.
    pub(crate) lists: AtomicU64,
    /// So many lists are read at once: a cold start of forty kinds must not fill the memory.
    pub(crate) lists_at_once: Semaphore,
    /// Whether lists are streamed where the API server can.
    pub(crate) stream_lists: bool,
    /// Called when the definition of a custom resource comes, changes or goes: kinds may have come with it.
    pub(crate) definitions: Notify,
    /// What is heard of the rules.
    pub(crate) hearsay: Hearsay,
}

/// The stream of one collection.
pub(crate) struct Stream<A> {
    common: Arc<Common<A>>,
    collection: Collection,
    kind: String,
    id: StreamId,
    reader: Reader,
    failures: Backoff,
    denials: Backoff,
    listed: Arc<ListedUnder>,
    hearsay: Hearsay,
    /// Whether lists are streamed, and how many of them have broken in a row.
    streams_lists: bool,
    broken_lists: u32,
    /// How often in a row the next page of a list was refused.
    refused_pages: u32,
    /// Where deletions are held.
    holding: Option<Holding>,
    /// Where a line could not be read, and how often.
    malformed: Option<(Version, u32)>,
}

impl<A: Api> Stream<A> {
    pub(crate) fn new(
        common: Arc<Common<A>>,
        collection: Collection,
        id: StreamId,
        reader: Reader,
        listed: Arc<ListedUnder>,
        holding: Option<Holding>,
    ) -> Self {
        let seed = common.epoch ^ (u64::from(id) << 32);
        Self {
            kind: collection.id(),
            hearsay: common.hearsay.clone(),
            streams_lists: common.stream_lists,
            broken_lists: 0,
            refused_pages: 0,
            listed,
            common,
            collection,
            id,
            reader,
            holding,
            failures: Backoff::new(FAILURE_WAIT.0, FAILURE_WAIT.1, seed),
            denials: Backoff::new(DENIED_WAIT.0, DENIED_WAIT.1, seed),
            malformed: None,
        }
    }

    /// Runs until the kind is no longer served.
    pub(crate) async fn run(mut self, place: Option<Version>) {
        let mut state = State::Start { place };
        while state != State::NotServed {
            state = self.step(state).await;
        }
    }

    /// Does what a state says; the state after it.
    pub(crate) async fn step(&mut self, state: State) -> State {
        match state {
            State::Start { place: Some(_) } | State::Returning { .. } | State::Watching { .. }
                if self.is_touched() =>
            {
                tracing::info!(kind = self.kind, "rules were pushed that touch the kind, listing anew");
                self.begin_list()
            }
            State::Start { place: Some(from) } => State::Returning { from },
            State::Start { place: None } => self.begin_list(),
            State::Returning { from } => self.returns(from).await,
            State::Streaming { list } => {
                let (started, mut named) = (Instant::now(), 0);
                let mut from = None;
                let (lasting, mut events_seen) = (self.lasting(), 0);
                let opened = self.stream_list(&list, lasting, &mut named).await;
                let end = match opened {
                    Ok((events, version)) => {
                        let from = from.insert(version);
                        self.follow(events, lasting, from, &mut events_seen).await
                    }
                    Err(error) => Err(error),
                };
                match (end, from) {
                    (Err(error), None) => self.list_broken(&error, list, named),
                    (Ok(()), Some(from)) if self.is_touched() => State::Watching { from },
                    (end, Some(from)) => self.watched(end, from, events_seen, started.elapsed()),
                    (Ok(()), None) => unreachable!("what is followed has a version"),
                }
            }
            State::Listing { list, next, version } => {
                // What was denied stays so until it is granted: the try alone changes nothing.
                if self.denials.failures() == 0 {
                    self.common.metrics.state(&self.kind, KindState::Listing);
                }
                match self.list_page(&list, next.as_deref(), version.clone()).await {
                    Ok(state) => {
                        self.refused_pages = 0;
                        state
                    }
                    // A page of a version that the store does not have any more, as it was restored, is refused for ever.
                    Err(error @ ApiError::Refused { .. }) if next.is_some() => {
                        self.refused_pages += 1;
                        let is_hopeless = self.refused_pages.is_multiple_of(PAGE_TRIES);
                        let again = if is_hopeless {
                            self.begin_list()
                        } else {
                            State::Listing { list, next, version }
                        };
                        self.failed(&error, again)
                    }
                    Err(error) => self.failed(&error, State::Listing { list, next, version }),
                }
            }
            State::Watching { mut from } => {
                let (started, mut events_seen) = (Instant::now(), 0);
                let end = self.watch(&mut from, &mut events_seen).await;
                if end.is_ok() && self.is_touched() {
                    return State::Watching { from };
                }
                self.watched(end, from, events_seen, started.elapsed())
            }
            State::BackingOff { wait, then } => {
                sleep(wait).await;
                *then
            }
            State::NotServed => State::NotServed,
        }
    }

    /// Whether rules were pushed since the last list that may match what it named.
    fn is_touched(&self) -> bool {
        let kind = self.collection.resource.group_kind();
        let touched = self.hearsay.borrow().as_ref().map_or(0, |heard| heard.touched(&kind));
        touched > self.listed.last()
    }

    fn begin_list(&self) -> State {
        self.listed.begins(heard::version(&self.hearsay));
        let number = self.common.lists.fetch_add(1, Relaxed) + 1;
        let list: Arc<str> = format!("{}/{}/{number}", self.common.epoch, self.kind).into();
        let mark = Mark::Begin { list: Arc::clone(&list) };
        _ = self.common.hub.mark(self.id, mark);
        self.read_all(list)
    }

    /// By which way all objects are read.
    fn read_all(&self, list: Arc<str>) -> State {
        if self.streams_lists && self.broken_lists < STREAM_TRIES {
            return State::Streaming { list };
        }
        State::Listing { list, next: None, version: None }
    }

    /// Reads all objects as events, counting them; what follows, and the version from which it does.
    async fn stream_list(
        &mut self,
        list: &Arc<str>,
        lasting: Duration,
        named: &mut u64,
    ) -> Result<(A::Events, Version), ApiError> {
        let common = Arc::clone(&self.common);
        let _permit = common.lists_at_once.acquire().await;
        if self.denials.failures() == 0 {
            common.metrics.state(&self.kind, KindState::Listing);
        }
        let mut events = in_time(common.api.stream(&self.collection, lasting), ANSWER_WAIT).await?;
        loop {
            let Some(line) = in_time(events.next(), ANSWER_WAIT).await? else {
                return Err(ApiError::Broken("the list ended before all had come".to_owned()));
            };
            match self.reader.event(&line, Some(list), Instant::now()) {
                Ok(Event::Change(change)) => {
                    *named += 1;
                    common.metrics.seen(&self.kind, false);
                    let stays = !change.deleted;
                    common.hub.put(self.id, change).await;
                    if stays {
                        self.saw(&line, true);
                    }
                }
                Ok(Event::Ignored { .. }) => common.metrics.seen(&self.kind, true),
                Ok(Event::Bookmark { ends_list: false, .. }) => {}
                Ok(Event::Bookmark { version, ends_list: true }) => {
                    self.listed_up_to(list, &version);
                    return Ok((events, version));
                }
                // The stream as such is sound, so this one object is broken: the others must not suffer.
                Err(ApiError::Malformed(error)) => self.skipped(&error),
                Err(error) => return Err(error),
            }
        }
    }

    /// A list that is streamed has failed: what comes next.
    fn list_broken(&mut self, error: &ApiError, list: Arc<str>, named: u64) -> State {
        if let ApiError::Refused { status: 400..500, .. } = error {
            tracing::info!(
                kind = self.kind,
                error = chain(error),
                "lists are not streamed here, reading pages"
            );
            self.streams_lists = false;
            return self.read_all(list);
        }
        // Whoever does not know what it was asked for sends what changes, and never an end.
        self.streams_lists &= !matches!(error, ApiError::Silent(_));
        let is_broken = matches!(error, ApiError::Broken(_) | ApiError::Malformed(_) | ApiError::Ahead(_));
        self.broken_lists += u32::from(is_broken);
        // What a list has named it must name again: it begins anew, under another name.
        let again = if named > 0 { self.begin_list() } else { self.read_all(list) };
        self.failed(error, again)
    }

    /// All objects as of a version have come.
    fn listed_up_to(&mut self, list: &Arc<str>, from: &Version) {
        let mark = Mark::End { list: Arc::clone(list), version: Arc::clone(from) };
        let end = self.common.hub.mark(self.id, mark);
        if let Some(end) = end {
            self.listed.ends(end);
        }
        self.broken_lists = 0;
        self.reached();
        tracing::info!(kind = self.kind, resource_version = &**from, "listed");
    }

    async fn list_page(
        &mut self,
        list: &Arc<str>,
        next: Option<&str>,
        version: Option<String>,
    ) -> Result<State, ApiError> {
        let common = Arc::clone(&self.common);
        let _permit = common.lists_at_once.acquire().await;
        let mut page =
            in_time(self.common.api.list(&self.collection, PAGE_OBJECTS, next), ANSWER_WAIT).await?;
        loop {
            match in_time(page.next(), ANSWER_WAIT).await? {
                Listed::Item(item) => match self.reader.item(&item, list, Instant::now()) {
                    Ok(change) => {
                        self.common.metrics.seen(&self.kind, change.is_none());
                        if let Some(change) = change {
                            self.common.hub.put(self.id, change).await;
                            self.saw(&item, true);
                        }
                    }
                    // The list as such is sound, so this one object is broken: the others must not suffer.
                    Err(error) => self.skipped(&error),
                },
                Listed::End { version: page_version, next } => {
                    let version = version.unwrap_or(page_version);
                    if next.is_some() {
                        return Ok(State::Listing { list: Arc::clone(list), next, version: Some(version) });
                    }
                    let from: Version = version.into();
                    self.listed_up_to(list, &from);
                    return Ok(State::Watching { from });
                }
            }
        }
    }

    /// Follows changes until the API server ends the watch; moves `from` along and counts the events.
    async fn watch(&mut self, from: &mut Version, events_seen: &mut u64) -> Result<(), ApiError> {
        let lasting = self.lasting();
        let events = in_time(self.common.api.watch(&self.collection, from, lasting), ANSWER_WAIT).await?;
        self.follow(events, lasting, from, events_seen).await
    }

    /// How long the next watch is asked to last.
    fn lasting(&mut self) -> Duration {
        let lasts = self.common.watch_lasts;
        lasts + self.failures.jittered(lasts / 2)
    }

    async fn follow(
        &mut self,
        mut events: A::Events,
        lasting: Duration,
        from: &mut Version,
        events_seen: &mut u64,
    ) -> Result<(), ApiError> {
        let silence_max = lasting + WATCH_GRACE;
        self.common.metrics.state(&self.kind, KindState::Watching);
        self.reached();
        loop {
            let line = tokio::select! {
                biased; // so that the same comes of the same; and however busy the kind is, news are heard
                () = heard::news(&mut self.hearsay) => {
                    if self.is_touched() {
                        return Ok(());
                    }
                    continue;
                }
                line = in_time(events.next(), silence_max) => line?,
            };
            let Some(line) = line else { return Ok(()) };
            match self.reader.event(&line, None, Instant::now()) {
                Ok(event) => {
                    let stays = matches!(&event, Event::Change(change) if !change.deleted);
                    *from = self.take_in(event).await;
                    if stays {
                        self.saw(&line, false);
                    }
                    *events_seen += 1;
                    self.failures.reset();
                }
                Err(ApiError::Malformed(error)) if self.gives_up_on(from) => self.skipped(&error),
                Err(error) => return Err(error),
            }
        }
    }

    async fn take_in(&self, event: Event) -> Version {
        let Common { hub, metrics, .. } = &*self.common;
        match event {
            Event::Change(change) => {
                metrics.seen(&self.kind, false);
                let version = Arc::clone(&change.version);
                hub.put(self.id, change).await;
                if self.collection.resource.kind == "CustomResourceDefinition" {
                    self.common.definitions.notify_one();
                }
                version
            }
            Event::Ignored { version } => {
                metrics.seen(&self.kind, true);
                hub.pass(self.id, Arc::clone(&version));
                version
            }
            Event::Bookmark { version, .. } => {
                hub.pass(self.id, Arc::clone(&version));
                version
            }
        }
    }

    /// Where deletions are held: the object that was read last, and is in the hub.
    fn saw(&self, json: &[u8], in_list: bool) {
        if let Some(holding) = &self.holding
            && let Some(meta) = self.reader.meta(json)
        {
            holding.saw(&meta, in_list);
        }
    }

    /// A watch is over: what comes next.
    fn watched(
        &mut self,
        end: Result<(), ApiError>,
        from: Version,
        events_seen: u64,
        lasted: Duration,
    ) -> State {
        let again = State::Watching { from: Arc::clone(&from) };
        match end {
            // Not even a bookmark came. The cluster may be quiet; or its etcd was restored and counts from an
            // earlier version again, and a watch of a version to come brings nothing for a long time.
            Ok(()) | Err(ApiError::Silent(_)) if events_seen == 0 && lasted >= self.common.watch_lasts => {
                self.common.metrics.restarted(Restart::Ended);
                State::Returning { from }
            }
            // One that always ends its watches at once is not asked twice each time.
            Ok(()) if events_seen == 0 && lasted < WATCH_LASTS_MIN => {
                let is_first = self.failures.failures() == 0;
                let again = if is_first { State::Returning { from } } else { again };
                self.failed(&ApiError::Broken("the watch ended at once".to_owned()), again)
            }
            Ok(()) if lasted < self.common.watch_lasts => {
                let wait = self.failures.jittered(EARLY_WAIT);
                let again = self.go_on(State::Returning { from });
                State::BackingOff { wait, then: Box::new(again) }
            }
            Ok(()) => self.go_on(again),
            Err(error) if is_break(&error) => self.failed(&error, State::Returning { from }),
            Err(error) => self.failed(&error, again),
        }
    }

    /// The watch ended as watches do.
    fn go_on(&self, again: State) -> State {
        self.common.metrics.restarted(Restart::Ended);
        tracing::debug!(kind = self.kind, "watch goes on");
        again
    }

    /// After an error: to `again` after a while, or to a new list where that would not help.
    fn failed(&mut self, error: &ApiError, again: State) -> State {
        let kind = &*self.kind;
        let why = restart_for(error);
        self.common.metrics.failed(error.into());
        match error {
            ApiError::NotServed => {
                self.common.metrics.restarted(why);
                State::NotServed
            }
            ApiError::Unauthorized(_) | ApiError::Forbidden(_) => {
                self.common.metrics.restarted(why);
                let wait = self.denials.next_wait();
                if self.denials.failures() == DENIALS_BELIEVED {
                    let needed = self.permission();
                    tracing::error!(
                        kind,
                        error = chain(error),
                        needed,
                        "kind cannot be watched with these credentials"
                    );
                }
                let is_believed = self.denials.failures() >= DENIALS_BELIEVED;
                let state = if is_believed { KindState::Denied } else { KindState::BackingOff };
                self.common.metrics.state(kind, state);
                if is_believed {
                    let name = self.collection.resource.kind.clone();
                    self.common.metrics.denied(kind, DeniedKind { kind: name, why: error.into() });
                }
                State::BackingOff { wait, then: Box::new(again) }
            }
            ApiError::Gone => {
                tracing::info!(kind, "version is too old, listing anew");
                self.list_anew(why)
            }
            ApiError::Ahead(_) if self.failures.failures() >= AHEAD_TRIES => {
                tracing::warn!(kind, error = chain(error), "listing anew");
                self.list_anew(why)
            }
            _ => {
                self.common.metrics.restarted(why);
                self.common.metrics.state(kind, KindState::BackingOff);
                let asked = match error {
                    ApiError::Throttled { wait, .. } => wait.unwrap_or_default().min(THROTTLED_WAIT_MAX),
                    _ => Duration::ZERO,
                };
                let wait = self.failures.next_wait().max(asked);
                let (attempt, wait_ms) = (self.failures.failures(), wait.as_millis());
                if attempt > 1 {
                    tracing::warn!(kind, error = chain(error), attempt, wait_ms, "stream failed again");
                } else {
                    tracing::info!(kind, error = chain(error), wait_ms, "stream failed");
                }
                State::BackingOff { wait, then: Box::new(again) }
            }
        }
    }

    /// The first time at once, then with waits, lest a cluster that forgets quickly is listed without end.
    fn list_anew(&mut self, why: Restart) -> State {
        self.common.metrics.restarted(why);
        let listing = self.begin_list();
        let is_first = self.failures.failures() == 0;
        let wait = self.failures.next_wait();
        if is_first { listing } else { State::BackingOff { wait, then: Box::new(listing) } }
    }

    fn reached(&mut self) {
        if self.denials.failures() >= DENIALS_BELIEVED {
            tracing::info!(kind = self.kind, "kind can be watched again");
        }
        self.denials.reset();
        self.common.metrics.reached(&self.kind);
    }

    /// Whether a line after `from` was asked for often enough.
    fn gives_up_on(&mut self, from: &Version) -> bool {
        let tries = match self.malformed.take() {
            Some((version, tries)) if version == *from => tries + 1,
            _ => 1,
        };
        self.malformed = (tries < MALFORMED_TRIES).then(|| (Arc::clone(from), tries));
        tries >= MALFORMED_TRIES
    }

    fn skipped(&self, error: &ScanError) {
        self.common.metrics.malformed();
        tracing::error!(kind = self.kind, error = chain(&error), "a change cannot be read and is skipped");
    }

    /// The RBAC rule without which the collection cannot be watched.
    fn permission(&self) -> String {
        let Collection { resource, namespace } = &self.collection;
        let (group, plural) = (&resource.group, &resource.plural);
        let role = namespace.as_ref().map_or("ClusterRole".to_owned(), |n| format!("Role in namespace {n}"));
        format!("{role}: apiGroups: [\"{group}\"], resources: [\"{plural}\"], verbs: [list, watch]")
    }
}

/// What is asked of the API, unless it takes too long.
async fn in_time<T>(
    answer: impl Future<Output = Result<T, ApiError>>,
    wait: Duration,
) -> Result<T, ApiError> {
    timeout(wait, answer).await.unwrap_or(Err(ApiError::Silent(wait)))
}

fn restart_for(error: &ApiError) -> Restart {
    match error {
        ApiError::Gone => Restart::Gone,
        ApiError::Ahead(_) => Restart::Ahead,
        ApiError::NotServed => Restart::NotServed,
        ApiError::Unauthorized(_) | ApiError::Forbidden(_) => Restart::Denied,
        ApiError::Throttled { .. } => Restart::Throttled,
        ApiError::Refused { .. } => Restart::Refused,
        ApiError::Broken(_) => Restart::Broken,
        ApiError::Silent(_) => Restart::Silent,
        ApiError::Malformed(_) => Restart::Malformed,
    }
}
