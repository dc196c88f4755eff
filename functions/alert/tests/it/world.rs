//! The function with everything around it: its queue, its table, the sweep, and people who are told.

use crate::findings::at;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use prodrome_alert::Alerts;
use prodrome_alerting::log::{Entry, Event};
use prodrome_alerting::{Delivery, Head, due_buckets, keys};
use prodrome_lambda::{Handler, Tally};
use prodrome_local::mortal::{Mortal, dies_after};
use prodrome_model::{AlertMessage, DueMessage, Finding, Fingerprint, Notice};
use prodrome_notify::{MemoryChannels, Routing};
use prodrome_queue::{Body, MemoryQueue, Message, Queue, QueueName};
use prodrome_store::{MemoryStore, Record, Store};
use std::sync::Arc;
use std::time::Duration;

const ROUTING: &str = "
channels:
  chat: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
  phone: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
deny:
  - { namespace: sandbox }
routes:
  - { match: { severity: P2 }, channels: [phone], continue: true }
  - { channels: [chat] }
";

/// Channels in memory, with a moment before and after each sending in which the sender may die.
type Phones = Mortal<Arc<MemoryChannels>>;

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) queue: MemoryQueue,
    pub(crate) phones: Phones,
    pub(crate) alerts: Alerts<Mortal<MemoryStore>, MemoryQueue, Phones>,
    pub(crate) tally: Tally,
    pub(crate) now: Timestamp,
    next_tick: Timestamp,
    /// How many messages are handled side by side.
    pub(crate) side_by_side: usize,
    /// Says of the next handling after how many polls it dies, if it does.
    pub(crate) death: Box<dyn FnMut() -> Option<usize>>,
    pub(crate) deaths: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::routed_by(ROUTING)
    }

    pub(crate) fn routed_by(routing: &str) -> Self {
        let routing = Arc::new(Routing::parse("routing.yaml", routing).unwrap());
        let (store, queue) = (MemoryStore::new(), MemoryQueue::new(at(0)));
        let phones = Mortal::new(Arc::new(MemoryChannels::new()));
        Self {
            alerts: Alerts::new(Mortal::new(store.clone()), queue.clone(), phones.clone(), routing),
            store,
            queue,
            phones,
            tally: Tally::default(),
            now: at(0),
            next_tick: at(60),
            side_by_side: 1,
            death: Box::new(|| None),
            deaths: 0,
        }
    }

    pub(crate) async fn send(&self, finding: &Finding) {
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding.clone()))).unwrap();
        // A queue that does not accept is asked again, as `evaluate` does.
        while self.queue.send(QueueName::Findings, vec![Message::text(&*text)]).await.is_err() {}
    }

    /// Lets time pass; everything that comes and falls due until then is handled at its time.
    pub(crate) async fn until(&mut self, seconds: i64) {
        loop {
            let ready = self.queue.next_ready_in(QueueName::Findings).unwrap_or(Timestamp::MAX);
            let next = ready.min(self.next_tick);
            if next > at(seconds) {
                break;
            }
            self.now = self.now.max(next);
            self.queue.set_now(self.now);
            if ready <= self.next_tick { self.handle().await } else { self.sweep().await }
        }
        self.now = self.now.max(at(seconds));
        self.queue.set_now(self.now);
    }

    async fn handle(&mut self) {
        let deliveries = self.queue.receive(QueueName::Findings, self.now, self.side_by_side);
        let mut handlings = Vec::new();
        for delivery in deliveries {
            let message = prodrome_lambda::Delivery {
                id: delivery.id.to_string(),
                body: delivery.body,
                attempt: delivery.attempt,
                sent_at: Some(delivery.sent_at),
            };
            let death = (self.death)();
            let (alerts, now) = (&self.alerts, self.now);
            let handling = async move {
                let mut tally = Tally::default();
                let done = dies_after(death, Handler::handle(alerts, &message, now, &mut tally)).await;
                (done, tally)
            };
            handlings.push(handling.map(move |(done, tally)| (delivery.id, done, tally)));
        }
        for (id, done, tally) in futures::future::join_all(handlings).await {
            self.tally.merge(tally);
            match done {
                Some(Ok(())) => _ = self.queue.ack(id),
                Some(Err(failure)) => {
                    assert!(failure.retryable, "{failure}");
                    self.queue.nack(id, failure.to_string());
                }
                None => self.deaths += 1,
            }
        }
    }

    /// What the sweep does: hands over what falls due within three minutes, with the exact delay.
    pub(crate) async fn sweep(&mut self) {
        self.next_tick = self.now + SignedDuration::from_mins(1);
        for bucket in due_buckets() {
            let ahead = self.now + SignedDuration::from_mins(3);
            let Ok(page) = self.store.due(&bucket, ahead, 1_000, None).await else { continue };
            for record in page.records {
                let due = record.due.unwrap().at;
                let message = AlertMessage::Due(DueMessage {
                    partition: record.key.partition,
                    sort: record.key.sort,
                    at: due,
                });
                let delay = Duration::try_from(due.duration_since(self.now)).unwrap_or_default();
                let message = Message::text(serde_json::to_string(&message).unwrap()).delayed(delay);
                // What is not accepted is handed over by the next tick.
                _ = self.queue.send(QueueName::Findings, vec![message]).await;
            }
        }
    }

    /// What the people behind a channel have, a line each: `30s update P3 n=2 +b`.
    pub(crate) fn told(&self, channel: &str) -> Vec<String> {
        let attempts = self.phones.0.attempts();
        let delivered = attempts.iter().filter(|a| a.delivered && a.channel == channel);
        delivered.map(|a| format!("{}s {}", crate::findings::seconds(a.at), line(&a.notice))).collect()
    }

    /// What the people behind a channel have, whole.
    pub(crate) fn notices(&self, channel: &str) -> Vec<Notice> {
        let attempts = self.phones.0.attempts();
        attempts.into_iter().filter(|a| a.delivered && a.channel == channel).map(|a| a.notice).collect()
    }

    pub(crate) fn records(&self, prefix: &str) -> Vec<Record> {
        self.store.records().into_iter().filter(|r| r.key.partition.starts_with(prefix)).collect()
    }

    pub(crate) fn heads(&self) -> Vec<Head> {
        let heads = self.records("alert#").into_iter().filter(|r| r.key.sort == keys::HEAD);
        heads.map(|r| serde_json::from_str(&r.data).unwrap()).collect()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let deliveries = self.records("alert#").into_iter().filter(|r| keys::is_delivery(&r.key.sort));
        deliveries.map(|r| serde_json::from_str(&r.data).unwrap()).collect()
    }

    pub(crate) fn log(&self, alert: &Fingerprint) -> Vec<Event> {
        let partition = keys::log_partition(alert);
        let records = self.records(&partition).into_iter();
        records.map(|r| serde_json::from_str::<Entry>(&r.data).unwrap().event).collect()
    }

    /// Everything is quiet: no alert is open, nobody is owed anything, nothing waits.
    pub(crate) fn assert_at_rest(&self) {
        assert!(self.heads().iter().all(|head| head.alert.is_none()), "{:#?}", self.heads());
        for delivery in self.deliveries() {
            assert_eq!((&delivery.pending, &delivery.claim), (&None, &None));
        }
        let due: Vec<_> = self.store.records().into_iter().filter(|r| r.due.is_some()).collect();
        assert_eq!(due, [], "nothing is due any more");
        assert_eq!(self.queue.waiting(QueueName::Findings), 0);
        assert_eq!(self.queue.dead_letters(QueueName::Findings), []);
    }
}

pub(crate) fn line(notice: &Notice) -> String {
    let joined: Vec<&str> = notice.joined.iter().map(|joiner| joiner.object.name.as_str()).collect();
    let parts = [
        Some(format!("{} {} n={}", notice.kind.as_str(), notice.severity, notice.count)),
        (!joined.is_empty()).then(|| format!("+{}", joined.join(","))),
        notice.ended.map(|ended| format!("ended={}s", crate::findings::seconds(ended))),
        notice.flapping.then(|| "flapping".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

pub(crate) fn text(message: &AlertMessage) -> Body {
    Body::Text(serde_json::to_string(message).unwrap())
}
