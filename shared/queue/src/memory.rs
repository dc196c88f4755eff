mod unkindness;

pub use unkindness::QueueUnkindness;

use crate::limits::{Wire, to_wire};
use crate::{Body, DeadLetters, FailedMessage, Message, Queue, QueueName, SendError};
use jiff::Timestamp;
use prodrome_model::later;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use unkindness::Chance;

/// The [`Queue`]s of the system in memory, on virtual time, with the limits of SQS and, when asked, its
/// [`QueueUnkindness`].
///
/// A clone is a handle to the same queues. Time is what [`MemoryQueue::set_now`] and
/// [`MemoryQueue::receive`] last said; it never goes back.
#[derive(Debug, Clone)]
pub struct MemoryQueue {
    inner: Arc<Mutex<Inner>>,
}

/// How a queue delivers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// A message that was received and not acknowledged is delivered again after this time.
    pub visibility: Duration,
    /// A message that was received so often without being acknowledged is a dead letter. At least 1.
    pub receives_max: u32,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { visibility: Duration::from_mins(3), receives_max: 5 }
    }
}

/// A message as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names the message at each of its deliveries.
    pub id: u64,
    /// The content.
    pub body: Body,
    /// The attributes as they were sent.
    pub attributes: Vec<(String, String)>,
    /// Which delivery this is, from 1.
    pub attempt: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// A message that nobody could handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message at its last delivery.
    pub delivery: Delivery,
    /// What the last [`MemoryQueue::nack`] said; or that nobody answered.
    pub reason: String,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// A copy of a message that a queue took in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Which queue.
    pub queue: QueueName,
    /// Whether it was put among its dead letters at once.
    pub is_dead: bool,
    /// The content.
    pub body: Body,
    /// The attributes.
    pub attributes: Vec<(String, String)>,
}

#[derive(Debug)]
struct Inner {
    now: Timestamp,
    lanes: BTreeMap<QueueName, Lane>,
    /// Which queue a message is in.
    places: HashMap<u64, QueueName>,
    last_id: u64,
    sent: u64,
    chance: Chance,
    /// Of what was taken in, where they are kept.
    copies: Option<Vec<Copied>>,
}

/// One queue.
#[derive(Debug, Default)]
struct Lane {
    settings: QueueSettings,
    schedule: BTreeSet<Slot>,
    messages: HashMap<u64, Held>,
    dead: Vec<DeadLetter>,
    refusing: Option<String>,
}

/// When a message is delivered next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    ready: Timestamp,
    /// Decides among those that are ready at the same instant.
    order: u64,
    id: u64,
}

#[derive(Debug)]
struct Held {
    body: Body,
    attributes: Vec<(String, String)>,
    sent_at: Timestamp,
    receives: u32,
    slot: Slot,
    reason: Option<String>,
}

impl MemoryQueue {
    /// Empty queues that deliver each message once, in order.
    pub fn new(now: Timestamp) -> Self {
        Self::with_unkindness(now, QueueUnkindness::NONE)
    }

    /// Empty queues that are as unkind as their seed makes them.
    pub fn with_unkindness(now: Timestamp, unkindness: QueueUnkindness) -> Self {
        let inner = Inner {
            now,
            lanes: QueueName::ALL.into_iter().map(|name| (name, Lane::default())).collect(),
            places: HashMap::new(),
            last_id: 0,
            sent: 0,
            chance: Chance::new(unkindness),
            copies: None,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Changes the unkindness from here on; [`QueueUnkindness::NONE`] lets a simulation come to rest.
    pub fn set_unkindness(&self, unkindness: QueueUnkindness) {
        self.lock().chance = Chance::new(unkindness);
    }

    /// Sets how a queue delivers again, from the next delivery on.
    pub fn configure(&self, queue: QueueName, settings: QueueSettings) {
        self.lock().lane(queue).settings = settings;
    }

    /// While there is a reason the queue accepts nothing, and says so.
    pub fn set_refusing(&self, queue: QueueName, reason: Option<String>) {
        self.lock().lane(queue).refusing = reason;
    }

    /// The instant it is.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Time moves on; an earlier instant changes nothing.
    pub fn set_now(&self, now: Timestamp) {
        let mut inner = self.lock();
        inner.now = inner.now.max(now);
    }

    /// Delivers what is ready at `now`, at most `max` messages, and hides them for the visibility time.
    pub fn receive(&self, from: QueueName, now: Timestamp, max: usize) -> Vec<Delivery> {
        let mut inner = self.lock();
        inner.now = inner.now.max(now);
        let now = inner.now;
        let mut deliveries = Vec::new();
        while deliveries.len() < max {
            let order = inner.next_order();
            match inner.lane(from).deliver(now, order) {
                Step::Nothing => break,
                Step::Delivered(delivery) => deliveries.push(delivery),
                Step::Died(id) => {
                    inner.places.remove(&id);
                }
            }
        }
        deliveries
    }

    /// The message is done with and never comes again. `false` where it had gone already.
    pub fn ack(&self, id: u64) -> bool {
        let mut inner = self.lock();
        let Some(queue) = inner.places.remove(&id) else { return false };
        let lane = inner.lane(queue);
        if let Some(held) = lane.messages.remove(&id) {
            lane.schedule.remove(&held.slot);
        }
        true
    }

    /// The message could not be handled: it comes again when its visibility time is over, or is a dead
    /// letter with this reason if that was the last time. `false` where it had gone already.
    pub fn nack(&self, id: u64, reason: impl Into<String>) -> bool {
        let mut inner = self.lock();
        let now = inner.now;
        let Some(queue) = inner.places.get(&id).copied() else { return false };
        let lane = inner.lane(queue);
        if let Some(held) = lane.messages.get_mut(&id) {
            held.reason = Some(reason.into());
            if held.receives >= lane.settings.receives_max {
                lane.bury(id, now);
                inner.places.remove(&id);
            }
        }
        true
    }

    /// A message that was received comes again after so long, and not when its visibility time is over. `false` where
    /// it had gone already.
    pub fn postpone(&self, id: u64, wait: Duration) -> bool {
        let mut inner = self.lock();
        let ready = later(inner.now, wait);
        let Some(queue) = inner.places.get(&id).copied() else { return false };
        let lane = inner.lane(queue);
        let Some(held) = lane.messages.get_mut(&id) else { return false };
        lane.schedule.remove(&held.slot);
        held.slot.ready = ready;
        lane.schedule.insert(held.slot);
        true
    }

    /// A copy of a message goes to the dead letters of its queue. The message is still there, until it is acknowledged.
    /// `false` where it had gone already.
    pub fn put_aside(&self, id: u64, reason: impl Into<String>) -> bool {
        let mut inner = self.lock();
        let died_at = inner.now;
        let Some(queue) = inner.places.get(&id).copied() else { return false };
        let lane = inner.lane(queue);
        let Some(held) = lane.messages.get(&id) else { return false };
        lane.dead.push(DeadLetter { delivery: held.delivery(id), reason: reason.into(), died_at });
        true
    }

    /// The earliest instant at which some queue has something to deliver, in the past if it waits already.
    pub fn next_ready(&self) -> Option<Timestamp> {
        self.lock().lanes.values().filter_map(Lane::next_ready).min()
    }

    /// The same of one queue.
    pub fn next_ready_in(&self, queue: QueueName) -> Option<Timestamp> {
        self.lock().lane(queue).next_ready()
    }

    /// How many messages of a queue are neither acknowledged nor dead.
    pub fn waiting(&self, queue: QueueName) -> usize {
        self.lock().lane(queue).messages.len()
    }

    /// How many messages were accepted so far by all queues, duplicates not counted.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// The dead letters of a queue, the first that died first.
    pub fn dead_letters(&self, queue: QueueName) -> Vec<DeadLetter> {
        self.lock().lane(queue).dead.clone()
    }

    /// From now on a copy is kept of each message that a queue takes in, for [`MemoryQueue::take_copies`]: of what passes,
    /// however soon it is done with.
    pub fn keep_copies(&self) {
        self.lock().copies.get_or_insert_default();
    }

    /// The copies since the last time.
    pub fn take_copies(&self) -> Vec<Copied> {
        self.lock().copies.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Sends the dead letters of a queue again, as new messages, as an operator does. Returns how many.
    pub fn redrive(&self, queue: QueueName) -> usize {
        let mut inner = self.lock();
        let dead = std::mem::take(&mut inner.lane(queue).dead);
        for DeadLetter { delivery: Delivery { body, attributes, .. }, .. } in &dead {
            inner.put(queue, body.clone(), attributes.clone(), Duration::ZERO);
        }
        dead.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for MemoryQueue {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.each(to, messages, Inner::accept).await
    }
}

impl DeadLetters for MemoryQueue {
    async fn send_to_dead_letters(&self, of: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.each(of, messages, Inner::accept_dead).await
    }
}

impl MemoryQueue {
    async fn each(
        &self,
        queue: QueueName,
        messages: Vec<Message>,
        accept: impl Fn(&mut Inner, QueueName, Message) -> Result<(), (String, bool)>,
    ) -> Result<(), SendError> {
        let yields = self.lock().chance.draw_yields();
        for _ in 0..yields {
            yield_once().await;
        }
        let mut inner = self.lock();
        let total = messages.len();
        let mut failed = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            if let Err((reason, retryable)) = accept(&mut inner, queue, message) {
                failed.push(FailedMessage { index, reason, retryable });
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(SendError { queue, total, failed }) }
    }
}

impl Inner {
    fn lane(&mut self, queue: QueueName) -> &mut Lane {
        self.lanes.entry(queue).or_default()
    }

    fn next_order(&mut self) -> u64 {
        self.last_id += 1;
        self.chance.draw_order(self.last_id)
    }

    /// Takes a message in, or says why not and whether trying again may help.
    fn accept(&mut self, to: QueueName, message: Message) -> Result<(), (String, bool)> {
        let wire = to_wire(message).map_err(|reason| (reason, false))?;
        if let Some(reason) = &self.lane(to).refusing {
            return Err((reason.clone(), true));
        }
        if self.chance.draw_refused() {
            return Err(("a fault was injected".to_owned(), true));
        }
        self.sent += 1;
        if self.chance.draw_duplicate() {
            self.hold(to, wire.clone());
        }
        self.hold(to, wire);
        if self.chance.draw_answer_lost() {
            return Err(("a fault was injected after the message was accepted".to_owned(), true));
        }
        Ok(())
    }

    /// The same among the dead letters.
    fn accept_dead(&mut self, of: QueueName, message: Message) -> Result<(), (String, bool)> {
        let Wire { text, pack, attributes, .. } = to_wire(message).map_err(|reason| (reason, false))?;
        if self.chance.draw_refused() {
            return Err(("a fault was injected".to_owned(), true));
        }
        let (id, died_at) = (self.next_order(), self.now);
        let reason = attributes.iter().find(|(name, _)| name == "error").map(|(_, reason)| reason.clone());
        let body = pack.map_or(Body::Text(text), Body::Pack);
        self.copy(of, true, &body, &attributes);
        let delivery = Delivery { id, body, attributes, attempt: 0, sent_at: died_at };
        self.lane(of).dead.push(DeadLetter { delivery, reason: reason.unwrap_or_default(), died_at });
        if self.chance.draw_answer_lost() {
            return Err(("a fault was injected after the message was accepted".to_owned(), true));
        }
        Ok(())
    }

    fn hold(&mut self, to: QueueName, wire: Wire) {
        let Wire { text, pack, attributes, delay, bytes: _ } = wire;
        let delay = delay + self.chance.draw_delay();
        self.put(to, pack.map_or(Body::Text(text), Body::Pack), attributes, delay);
    }

    fn put(&mut self, to: QueueName, body: Body, attributes: Vec<(String, String)>, delay: Duration) {
        self.copy(to, false, &body, &attributes);
        let order = self.next_order();
        let slot = Slot { ready: later(self.now, delay), order, id: self.last_id };
        let held = Held { body, attributes, sent_at: self.now, receives: 0, slot, reason: None };
        self.places.insert(slot.id, to);
        let lane = self.lane(to);
        lane.messages.insert(slot.id, held);
        lane.schedule.insert(slot);
    }

    fn copy(&mut self, queue: QueueName, is_dead: bool, body: &Body, attributes: &[(String, String)]) {
        if let Some(copies) = &mut self.copies {
            copies.push(Copied { queue, is_dead, body: body.clone(), attributes: attributes.to_vec() });
        }
    }
}

/// What became of the first slot of a schedule.
enum Step {
    Nothing,
    Delivered(Delivery),
    Died(u64),
}

impl Lane {
    fn next_ready(&self) -> Option<Timestamp> {
        self.schedule.first().map(|slot| slot.ready)
    }

    fn deliver(&mut self, now: Timestamp, order: u64) -> Step {
        let Some(slot) = self.schedule.first().copied().filter(|slot| slot.ready <= now) else {
            return Step::Nothing;
        };
        let held = self.messages.get_mut(&slot.id).expect("every slot is of a message that is held");
        if held.receives >= self.settings.receives_max {
            self.bury(slot.id, now);
            return Step::Died(slot.id);
        }
        held.receives += 1;
        held.slot = Slot { ready: later(now, self.settings.visibility), order, id: slot.id };
        self.schedule.remove(&slot);
        self.schedule.insert(held.slot);
        Step::Delivered(held.delivery(slot.id))
    }

    fn bury(&mut self, id: u64, now: Timestamp) {
        let Some(held) = self.messages.remove(&id) else { return };
        self.schedule.remove(&held.slot);
        let unanswered = || format!("received {} times, never answered", held.receives);
        let reason = held.reason.clone().unwrap_or_else(unanswered);
        self.dead.push(DeadLetter { delivery: held.delivery(id), reason, died_at: now });
    }
}

impl Held {
    fn delivery(&self, id: u64) -> Delivery {
        Delivery {
            id,
            body: self.body.clone(),
            attributes: self.attributes.clone(),
            attempt: self.receives,
            sent_at: self.sent_at,
        }
    }
}

/// Pending once, then ready.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
