//! The queues, and what the functions and the watcher have to do with them.

use crate::clock::{Clock, Millis, millis};
use crate::model::Cluster;
use crate::sent::Sent;
use crate::weather::{Pace, Weather};
use jiff::Timestamp;
use prodrome_lambda::{Delivery, Mail, Received};
use prodrome_local::mortal::Passing;
use prodrome_queue::{DeadLetters, MemoryQueue, Message, Queue, QueueName, SendError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How many messages an invocation gets.
const BATCH: usize = 10;

/// The queues, with whoever waits for a message.
#[derive(Clone)]
pub(crate) struct Posted {
    /// The queues.
    pub(crate) memory: MemoryQueue,
    clock: Clock,
    news: Arc<Notify>,
}

impl Posted {
    /// Queues in which nothing lies.
    pub(crate) fn new(memory: MemoryQueue, clock: Clock) -> Self {
        Self { memory, clock, news: Arc::default() }
    }

    /// Lets whoever waits look again.
    pub(crate) fn tell(&self) {
        self.news.notify_waiters();
    }

    /// Waits for messages of some queues, of one of them at a time; and longer, while `held` says until when at least.
    pub(crate) async fn receive(
        &self,
        from: &[QueueName],
        turn: usize,
        held: impl Fn() -> Option<Millis>,
    ) -> Vec<prodrome_queue::Delivery> {
        loop {
            if let Some(until) = held() {
                self.clock.until(until).await;
                continue;
            }
            let posted = self.news.notified();
            let mut posted = std::pin::pin!(posted);
            posted.as_mut().enable();
            for n in 0..from.len() {
                let queue = from[(turn + n) % from.len()];
                let messages = self.memory.receive(queue, self.clock.now(), BATCH);
                if !messages.is_empty() {
                    return messages;
                }
            }
            let ready = from.iter().filter_map(|queue| self.memory.next_ready_in(*queue)).min();
            match ready {
                None => posted.await,
                Some(ready) => _ = timeout(self.wait_for(ready), posted).await,
            }
        }
    }

    fn wait_for(&self, ready: Timestamp) -> Duration {
        millis((Clock::since_begin(ready) - self.clock.millis()).max(1))
    }
}

impl Queue for Posted {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.memory.set_now(self.clock.now());
        let sent = self.memory.send(to, messages).await;
        self.tell();
        sent
    }
}

impl DeadLetters for Posted {
    async fn send_to_dead_letters(&self, of: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.memory.set_now(self.clock.now());
        self.memory.send_to_dead_letters(of, messages).await
    }
}

/// The queues as the watcher has them: their answers may take a while.
#[derive(Clone)]
pub(crate) struct Far {
    /// The queues.
    pub(crate) queue: Posted,
    /// What is sent to them.
    pub(crate) sent: Sent,
    /// Of which cluster.
    pub(crate) cluster: Cluster,
    /// What goes wrong.
    pub(crate) weather: Weather,
}

impl Queue for Far {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        let (there, back) = self.weather.sends_take();
        let made = self.queue.clock.millis();
        pass(there).await;
        self.sent.note(&self.cluster, &messages, made);
        let sent = self.queue.send(to, messages).await;
        pass(back).await;
        sent
    }
}

async fn pass(time: Millis) {
    if time > 0 {
        sleep(millis(time)).await;
    }
}

/// The queues, as the functions say what becomes of the messages that they took.
pub(crate) struct Letters {
    /// The queues.
    pub(crate) queue: Posted,
    /// The time that this takes.
    pub(crate) pace: Pace,
}

impl Letters {
    /// Says something of a message, unless the queue does not answer.
    async fn say(
        &self,
        received: &Received,
        what: impl FnOnce(&MemoryQueue, u64) -> bool,
    ) -> Result<(), String> {
        self.pace.pass().await;
        if self.pace.weather.refuses() {
            return Err("a fault was injected".to_owned());
        }
        self.queue.memory.set_now(self.queue.clock.now());
        let number = received.delivery.id.parse::<u64>().map_err(|error| error.to_string())?;
        let is_there = what(&self.queue.memory, number);
        self.queue.tell();
        self.pace.pass().await;
        if is_there { Ok(()) } else { Err("it has gone".to_owned()) }
    }
}

impl Mail for Letters {
    async fn put_aside(&self, received: &Received, error: String) -> Result<(), String> {
        self.say(received, |queue, number| queue.put_aside(number, error)).await
    }

    async fn postpone(&self, received: &Received, wait: Duration) -> Result<(), String> {
        self.say(received, |queue, number| queue.postpone(number, wait)).await
    }
}

/// A message as it reaches a function.
pub(crate) fn received(message: &prodrome_queue::Delivery) -> Received {
    let id = message.id.to_string();
    let error = message.attributes.iter().find(|(name, _)| name == "error").map(|(_, error)| error.clone());
    let delivery = Delivery {
        id: id.clone(),
        body: message.body.clone(),
        attempt: message.attempt,
        sent_at: Some(message.sent_at),
    };
    Received { delivery, source: String::new(), receipt: id, error }
}
