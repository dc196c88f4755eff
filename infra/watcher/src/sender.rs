//! Makes packs of what waits and hands them to the queue.

#[cfg(test)]
mod tests;

use crate::backoff::Backoff;
use crate::chain::chain;
use crate::clock::Clock;
use crate::heard::{self, Hearsay};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::waiting::{Item, Ticket, Waiting};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use prodrome_model::{ChangeKind, Scope, Source, Waybill};
use prodrome_queue::pack::{COMPRESSED_GOAL, ChangeHead, Pack, PackBuilder, PackHead, made_anew};
use prodrome_queue::{Message, Queue, QueueName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long changes are gathered for a pack, at most. After a pause this long a change leaves at once.
pub(crate) const GATHER: Duration = Duration::from_millis(500);
/// So many packs are under way at once: while the queue is slow the others wait as changes, latest only.
const UNDER_WAY_MAX: usize = 4;
/// After so long without a pack an empty one says that the watcher lives.
const HEARTBEAT: Duration = Duration::from_mins(1);
/// One try of sending takes no longer.
const SEND_WAIT: Duration = Duration::from_secs(30);
const FAILURE_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(20));
/// How well changes shrink, before the first pack is known: compressed ÷ raw.
const FIRST_SHRINK: (usize, usize) = (1, 8);

/// Sends until it is told to stop, and then what is left.
pub(crate) struct Sender<Q> {
    pub(crate) hub: Arc<Hub>,
    pub(crate) queue: Q,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) scope: Scope,
    pub(crate) shards: u16,
    pub(crate) epoch: u64,
    /// What is heard of the rules: packs say which version that is, and the first that does leaves at once.
    pub(crate) hearsay: Hearsay,
}

/// Counts that a run of the sender keeps.
struct Course {
    /// The number of the last change that has one.
    sequence: u64,
    /// How many of the numbers are those of marks of lists.
    marks: u64,
    packs: u64,
    /// The packs that the queue has not accepted, and the number of the first change of each.
    under_way: BTreeMap<u64, u64>,
    /// How well the last packs have shrunk: compressed ÷ raw bytes.
    shrink: (usize, usize),
    /// When the last round began: what had arrived by then is sent without waiting for more.
    round: Option<Instant>,
    last_pack: Instant,
}

/// A pack on its way.
struct Parcel {
    id: u64,
    pack: Pack,
    made: Moment,
    tickets: Vec<Ticket>,
}

/// What the clock showed at an instant. A pack tells all its times by one such reading, however often the clock is set: who
/// has the pack knows how far that was from the time of the queue.
#[derive(Clone, Copy)]
struct Moment {
    instant: Instant,
    shown: Timestamp,
}

impl Moment {
    fn read(clock: &Clock) -> Self {
        Self { instant: Instant::now(), shown: clock.now() }
    }

    /// What it would show at another instant.
    fn shown_at(self, instant: Instant) -> Timestamp {
        let ago = self.instant.saturating_duration_since(instant);
        let ahead = instant.saturating_duration_since(self.instant);
        self.shown.saturating_sub(ago).and_then(|shown| shown.saturating_add(ahead)).unwrap_or(self.shown)
    }
}

impl<Q: Queue> Sender<Q> {
    /// Sends what comes; returns once `stop` was set and all that waited has been accepted. Cancel it to give
    /// up on the rest.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let now = Instant::now();
        let mut course = Course {
            sequence: 0,
            marks: 0,
            packs: 0,
            under_way: BTreeMap::new(),
            shrink: FIRST_SHRINK,
            round: None,
            last_pack: now,
        };
        let mut under_way = FuturesUnordered::new();
        let mut hearsay = self.hearsay.clone();
        loop {
            let stopping = *stop.borrow_and_update();
            if stopping && under_way.is_empty() && self.hub.look(Waiting::is_empty) {
                return;
            }
            let may_send = under_way.len() < UNDER_WAY_MAX;
            let next = if may_send { self.next_pack_at(&course, stopping) } else { None };
            if next.is_some_and(|at| at <= Instant::now()) {
                if let Some(parcel) = self.fill(&mut course) {
                    under_way.push(self.deliver(parcel));
                }
                continue;
            }
            let heartbeat = course.last_pack + HEARTBEAT;
            tokio::select! {
                biased; // so that the same comes of the same: a simulation is repeated by its seed
                Some(Parcel { id, pack, tickets, made: _ }) = under_way.next(), if !under_way.is_empty() => {
                    course.under_way.remove(&id);
                    self.hub.accepted(id, &tickets);
                    self.metrics.pack_sent(pack.changes, pack.bytes.len(), pack.raw_bytes);
                }
                () = sleep_until(next.unwrap_or(heartbeat)), if next.is_some() => {}
                () = sleep_until(heartbeat), if may_send && !stopping => {
                    let parcel = self.heartbeat(&mut course);
                    under_way.push(self.deliver(parcel));
                }
                () = heard::news(&mut hearsay), if may_send && !stopping => {
                    let parcel = self.heartbeat(&mut course);
                    under_way.push(self.deliver(parcel));
                }
                () = self.hub.work() => {}
                changed = stop.changed(), if !stopping => if changed.is_err() { return },
            }
        }
    }

    /// When the next pack is to be made: now where one would be full, or where the round that has begun is not
    /// through, else when enough time was given to gather.
    fn next_pack_at(&self, course: &Course, stopping: bool) -> Option<Instant> {
        let now = Instant::now();
        self.hub.look(|waiting| {
            if waiting.is_idle() {
                return None;
            }
            let in_round =
                course.round.is_some_and(|round| waiting.oldest().is_some_and(|oldest| oldest <= round));
            let full = waiting.fullest_shard().is_some_and(|(_, bytes)| course.fills_a_pack(bytes));
            if stopping || in_round || full || waiting.is_half_full() {
                return Some(now);
            }
            Some(course.round.map_or(now, |round| round + GATHER))
        })
    }

    /// Makes a pack: of everything where that fits into one, else of the shard of which most waits.
    fn fill(&self, course: &mut Course) -> Option<Parcel> {
        let now = Instant::now();
        let (all, fullest, only) = self.hub.look(|waiting| {
            let fullest = waiting.fullest_shard();
            let only = fullest.filter(|&(_, bytes)| bytes == waiting.raw_bytes()).map(|(shard, _)| shard);
            (waiting.raw_bytes(), fullest.map(|(shard, _)| shard), only)
        });
        if course.round.is_none_or(|round| round + GATHER <= now) {
            course.round = Some(now);
        }
        let shard = if course.fills_a_pack(all) { fullest } else { only };
        let head = PackHead { scope: self.scope.clone(), shard, shards: self.shards };
        let made = Moment::read(&self.clock);
        let mut builder = self.begin_pack(&head, course, made);
        course.packs += 1;
        let id = course.packs;
        let before = (course.sequence, course.marks);
        let tickets = self.hub.take(id, shard, |item| self.pack(&mut builder, course, made, &item));
        course.last_pack = now;
        match builder.finish() {
            Ok(pack) if pack.changes > 0 => {
                course.learn(&pack);
                course.under_way.insert(id, before.0 + 1);
                Some(Parcel { id, pack, made, tickets })
            }
            Ok(_) => {
                self.hub.accepted(id, &tickets);
                None
            }
            // One object that no message can carry. Kept, it would hold up the place for ever.
            Err(error) => {
                self.metrics.too_large();
                (course.sequence, course.marks) = before; // the numbers of what is sent have no hole
                tracing::error!(error = chain(&error), "a change is too large for a message and is dropped");
                self.hub.accepted(id, &tickets);
                None
            }
        }
    }

    fn pack(&self, builder: &mut PackBuilder, course: &mut Course, made: Moment, item: &Item<'_>) -> bool {
        if !builder.fits(item.bytes()) {
            return false;
        }
        course.sequence += 1;
        course.marks += u64::from(matches!(item.kind, ChangeKind::ListBegin | ChangeKind::ListEnd));
        let head = ChangeHead {
            kind: item.kind,
            resource: item.resource,
            epoch: self.epoch,
            sequence: course.sequence,
            observed_at: made.shown_at(item.observed_at),
            source: &Source::Watch,
            list: item.list,
        };
        builder.push_raw(&head, item.object);
        true
    }

    fn begin_pack(&self, head: &PackHead, course: &Course, made: Moment) -> PackBuilder {
        let waybill = Waybill {
            epoch: self.epoch,
            first: course.sequence + 1,
            accepted: course.accepted(),
            marks: course.marks,
            ..self.metrics.counts()
        };
        let (lag_seconds, rules) = (self.lag_seconds(), heard::version(&self.hearsay));
        PackBuilder::of_timed_watcher(head, lag_seconds, rules, waybill, made.shown)
    }

    fn heartbeat(&self, course: &mut Course) -> Parcel {
        let head = PackHead { scope: self.scope.clone(), shard: None, shards: self.shards };
        let made = Moment::read(&self.clock);
        let pack = self.begin_pack(&head, course, made).finish();
        let pack = pack.expect("a pack without changes is small");
        course.packs += 1;
        course.last_pack = Instant::now();
        Parcel { id: course.packs, pack, made, tickets: Vec::new() }
    }

    /// How far behind the cluster this watcher is now: it holds changes that the queue has not accepted, or it is
    /// cut off from the cluster and may hold none of what happens there.
    fn lag_seconds(&self) -> u32 {
        let now = Instant::now();
        let waiting =
            self.hub.oldest().map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
        let lag = waiting.max(self.metrics.cut_off_for(now));
        u32::try_from(lag.as_secs()).unwrap_or(u32::MAX)
    }

    /// Tries until the queue has accepted it.
    async fn deliver(&self, mut parcel: Parcel) -> Parcel {
        let mut backoff = Backoff::new(FAILURE_WAIT.0, FAILURE_WAIT.1, self.epoch ^ parcel.id);
        loop {
            let message = Message::pack(parcel.pack.bytes.clone());
            let reason = match timeout(SEND_WAIT, self.queue.send(QueueName::Changes, vec![message])).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer for {} s", SEND_WAIT.as_secs()),
            };
            self.metrics.send_failed();
            self.hub.queue_is_down(true);
            let wait = backoff.next_wait();
            let (attempt, wait_ms) = (backoff.failures(), wait.as_millis());
            tracing::warn!(reason, attempt, wait_ms, "the queue did not accept a pack");
            sleep(wait).await;
            let shown = parcel.made.shown_at(Instant::now());
            match made_anew(&parcel.pack.bytes, self.lag_seconds(), shown) {
                Ok(bytes) => parcel.pack.bytes = bytes,
                Err(error) => tracing::warn!(error = chain(&error), "a pack is sent once more as it was"),
            }
        }
        self.hub.queue_is_down(false);
        if backoff.failures() > 0 {
            tracing::info!(attempt = backoff.failures() + 1, "the queue accepted the pack");
        }
        parcel
    }
}

impl Course {
    /// Up to which number the queue has accepted everything.
    fn accepted(&self) -> u64 {
        self.under_way.values().min().map_or(self.sequence, |first| first - 1)
    }

    fn fills_a_pack(&self, raw_bytes: usize) -> bool {
        let (compressed, of) = self.shrink;
        raw_bytes.saturating_mul(compressed) >= COMPRESSED_GOAL.saturating_mul(of)
    }

    /// Only a pack with some changes in it tells how well they shrink; a lone one shrinks little.
    fn learn(&mut self, pack: &Pack) {
        if pack.bytes.len() >= COMPRESSED_GOAL / 4 || pack.raw_bytes >= COMPRESSED_GOAL * 4 {
            self.shrink = (pack.bytes.len(), pack.raw_bytes.max(1));
        }
    }
}
