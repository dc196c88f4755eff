use crate::metrics::Metrics;
use crate::waiting::{Change, Item, Mark, Put, StreamId, Ticket, Waiting};
use crate::watermark::Version;
use prodrome_model::Resource;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Between the streams, which put, and the sender, which takes. Holds back whoever would exceed the bound.
#[derive(Debug)]
pub(crate) struct Hub {
    waiting: Mutex<Waiting>,
    /// Since when the oldest change of each pack under way has waited.
    under_way: Mutex<BTreeMap<u64, Instant>>,
    room: Notify,
    work: Notify,
    progress: Notify,
    metrics: Arc<Metrics>,
}

impl Hub {
    pub(crate) fn new(shards: u16, bytes_max: (usize, usize), metrics: Arc<Metrics>) -> Self {
        Self {
            waiting: Mutex::new(Waiting::new(shards, bytes_max.0, bytes_max.1)),
            under_way: Mutex::default(),
            room: Notify::new(),
            work: Notify::new(),
            progress: Notify::new(),
            metrics,
        }
    }

    /// Nothing panics while it holds the lock, and nothing waits.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open_stream(&self, resource: Arc<Resource>, place: Option<Version>) -> StreamId {
        self.lock().open_stream(resource, place)
    }

    pub(crate) fn reopen_stream(&self, stream: StreamId, resource: Arc<Resource>) {
        self.lock().reopen_stream(stream, resource);
    }

    pub(crate) fn close_stream(&self, stream: StreamId) {
        self.lock().close_stream(stream);
        self.work.notify_one();
    }

    /// Takes a change in as soon as there is room. Dropped before it is done, it has taken nothing.
    pub(crate) async fn put(&self, stream: StreamId, mut change: Change) {
        loop {
            // Enlisted before the look, so that room made in between is not missed.
            let room = self.room.notified();
            let mut room = std::pin::pin!(room);
            room.as_mut().enable();
            {
                let mut waiting = self.lock();
                waiting.prepare(stream, &mut change);
                if waiting.admits(stream, &change) {
                    let put = waiting.put(stream, change, Instant::now());
                    drop(waiting);
                    self.metrics.taken_in(put != Put::Waits);
                    self.work.notify_one();
                    return;
                }
            }
            self.metrics.held_back();
            room.await;
        }
    }

    pub(crate) fn mark(&self, stream: StreamId, mark: Mark) -> Option<u64> {
        let position = self.lock().put_mark(stream, mark, Instant::now());
        self.work.notify_one();
        position
    }

    pub(crate) fn pass(&self, stream: StreamId, version: Version) {
        self.lock().pass(stream, version);
    }

    /// Hands out what waits; see [`Waiting::take`]. The pack must be reported as accepted under `pack_id`.
    pub(crate) fn take(
        &self,
        pack_id: u64,
        shard: Option<u16>,
        pack: impl FnMut(Item<'_>) -> bool,
    ) -> Vec<Ticket> {
        let mut waiting = self.lock();
        let oldest = waiting.oldest();
        let tickets = waiting.take(shard, pack);
        drop(waiting);
        if let Some(oldest) = oldest {
            self.lock_under_way().insert(pack_id, oldest);
        }
        self.room.notify_waiters();
        tickets
    }

    /// The queue is down, or up again: while it is down, what waits is compressed.
    pub(crate) fn queue_is_down(&self, down: bool) {
        self.lock().pack_objects(down);
        self.room.notify_waiters();
    }

    /// The queue has accepted a pack.
    pub(crate) fn accepted(&self, pack_id: u64, tickets: &[Ticket]) {
        self.lock().accepted(tickets);
        self.lock_under_way().remove(&pack_id);
        self.progress.notify_one();
    }

    /// The queue may have accepted something since this was last awaited. One may wait for it.
    pub(crate) async fn progress(&self) {
        self.progress.notified().await;
    }

    fn lock_under_way(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may have come to be sent since this was last awaited.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }

    /// Looks at what waits.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Waiting) -> T) -> T {
        at(&self.lock())
    }

    /// Since when the oldest change that the queue has not accepted has waited.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let under_way = self.lock_under_way().values().min().copied();
        let waiting = self.lock().oldest();
        under_way.into_iter().chain(waiting).min()
    }
}
