//! The contract over memory, and what memory does besides.

use crate::contract::{Bench, RECEIVES_MAX, Received, VISIBILITY, contract};
use jiff::Timestamp;
use prodrome_queue::{
    Body, DeadLetters, Delivery, MemoryQueue, Message, Queue, QueueName, QueueSettings, QueueUnkindness,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const QUEUE: QueueName = QueueName::Checks;

struct OnMemory(MemoryQueue);

impl OnMemory {
    fn receive_at(&self, from: QueueName, at: Option<Timestamp>) -> Vec<Delivery> {
        self.0.receive(from, at.unwrap_or(self.0.now()), 10)
    }
}

impl Bench for OnMemory {
    fn queue(&self) -> &impl DeadLetters {
        &self.0
    }

    async fn receive(&self, from: QueueName) -> Vec<Received> {
        let mut deliveries = Vec::new();
        // The last receive of a dead letter brings nothing.
        while let Some(ready) = self.0.next_ready_in(from)
            && deliveries.is_empty()
        {
            deliveries = self.receive_at(from, Some(ready.max(self.0.now())));
        }
        deliveries.into_iter().map(received).collect()
    }

    async fn ack(&self, _from: QueueName, received: &Received) {
        assert!(self.0.ack(received.receipt.parse().unwrap()));
    }

    async fn dead(&self, queue: QueueName) -> Vec<Received> {
        self.0.dead_letters(queue).into_iter().map(|dead| received(dead.delivery)).collect()
    }

    fn elapsed(&self) -> Duration {
        self.0.now().duration_since(Timestamp::UNIX_EPOCH).unsigned_abs()
    }
}

fn received(delivery: Delivery) -> Received {
    let Delivery { id, body, attributes, attempt, sent_at: _ } = delivery;
    Received { receipt: id.to_string(), body, attributes, attempt }
}

async fn run(_name: &str, test: impl AsyncFn(OnMemory)) {
    let queue = MemoryQueue::new(Timestamp::UNIX_EPOCH);
    for name in QueueName::ALL {
        queue.configure(name, QueueSettings { visibility: VISIBILITY, receives_max: RECEIVES_MAX });
    }
    test(OnMemory(queue)).await;
}

contract!(run);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn texts(deliveries: &[Delivery]) -> Vec<String> {
    let text = |delivery: &Delivery| match &delivery.body {
        Body::Text(text) => text.clone(),
        Body::Pack(pack) => panic!("{pack:?}"),
    };
    deliveries.iter().map(text).collect()
}

async fn send(queue: &MemoryQueue, texts: impl IntoIterator<Item = (&str, u64)>) {
    let message = |(text, delay)| Message::text(text).delayed(Duration::from_secs(delay));
    queue.send(QUEUE, texts.into_iter().map(message).collect()).await.unwrap();
}

#[tokio::test]
async fn a_driver_can_jump_to_what_is_ready_next() {
    let queue = MemoryQueue::new(at(100));
    assert_eq!(queue.next_ready(), None);
    send(&queue, [("c", 30), ("a", 0), ("b", 10), ("a2", 0)]).await;
    queue.send(QueueName::Findings, vec![Message::text("f").delayed(Duration::from_secs(20))]).await.unwrap();
    let mut log = Vec::new();
    while let Some(ready) = queue.next_ready() {
        for name in QueueName::ALL {
            for delivery in queue.receive(name, ready, 10) {
                log.push((ready.as_second(), texts(std::slice::from_ref(&delivery)).remove(0)));
                assert_eq!(delivery.sent_at, at(100));
                assert!(queue.ack(delivery.id) && !queue.ack(delivery.id));
            }
        }
    }
    let want = [(100, "a"), (100, "a2"), (110, "b"), (120, "f"), (130, "c")];
    assert_eq!(log, want.map(|(second, text)| (second, text.to_owned())));
    assert_eq!((queue.now(), queue.sent()), (at(130), 5));
}

#[tokio::test]
async fn time_never_goes_back() {
    let queue = MemoryQueue::new(at(100));
    queue.set_now(at(50));
    assert_eq!(queue.now(), at(100));
    queue.clone().set_now(at(150));
    send(&queue, [("a", 5)]).await;
    assert_eq!(queue.next_ready(), Some(at(155)));
    assert!(queue.receive(QUEUE, at(120), 1).is_empty());
    assert_eq!(queue.receive(QUEUE, at(155), 1).len(), 1);
    assert_eq!(queue.now(), at(155));
}

#[tokio::test]
async fn a_message_that_failed_comes_again_until_it_is_dead_with_its_reason() {
    let queue = MemoryQueue::new(at(0));
    queue.configure(QUEUE, QueueSettings { visibility: Duration::from_mins(1), receives_max: 3 });
    send(&queue, [("poison", 0)]).await;
    for attempt in 1..=3 {
        let ready = queue.next_ready().unwrap();
        assert_eq!(ready, at(60 * i64::from(attempt - 1)));
        let delivery = queue.receive(QUEUE, ready, 1).remove(0);
        assert_eq!(delivery.attempt, attempt);
        assert!(queue.nack(delivery.id, format!("failure {attempt}")));
        assert_eq!(queue.waiting(QUEUE), usize::from(attempt < 3));
    }
    assert_eq!(queue.next_ready(), None);
    let dead = queue.dead_letters(QUEUE).remove(0);
    assert_eq!((dead.reason.as_str(), dead.died_at, dead.delivery.attempt), ("failure 3", at(120), 3));
    assert!(!queue.nack(dead.delivery.id, "again"));
}

#[tokio::test]
async fn copies_are_kept_of_what_passes_however_soon_it_is_done_with() {
    let queue = MemoryQueue::new(at(0));
    send(&queue, [("before", 0)]).await;
    queue.keep_copies();
    send(&queue, [("a", 0)]).await;
    for delivery in queue.receive(QUEUE, at(0), 10) {
        queue.ack(delivery.id);
    }
    let dead = Message::text("b").with_attribute("error", "why");
    queue.send_to_dead_letters(QUEUE, vec![dead]).await.unwrap();
    let copies = queue.take_copies().into_iter();
    let copies: Vec<_> = copies.map(|copied| (copied.is_dead, copied.body, copied.attributes)).collect();
    let text = |text: &str| Body::Text(text.to_owned());
    let why = vec![("error".to_owned(), "why".to_owned())];
    assert_eq!(copies, [(false, text("a"), Vec::new()), (true, text("b"), why)]);
    assert_eq!(queue.take_copies(), []);
}

#[tokio::test]
async fn a_message_whose_receiver_died_comes_again_and_says_so_when_dead() {
    let queue = MemoryQueue::new(at(0));
    queue.configure(QUEUE, QueueSettings { visibility: Duration::from_secs(10), receives_max: 2 });
    send(&queue, [("a", 0)]).await;
    assert_eq!(queue.receive(QUEUE, at(0), 1).len(), 1);
    assert!(queue.receive(QUEUE, at(9), 1).is_empty());
    assert_eq!(queue.receive(QUEUE, at(10), 1).len(), 1);
    assert!(queue.receive(QUEUE, at(20), 1).is_empty());
    assert_eq!(queue.dead_letters(QUEUE)[0].reason, "received 2 times, never answered");
}

#[tokio::test]
async fn a_message_comes_again_when_it_was_said_to() {
    let queue = MemoryQueue::new(at(0));
    queue.configure(QUEUE, QueueSettings { visibility: Duration::from_mins(3), receives_max: 5 });
    send(&queue, [("a", 0), ("b", 0)]).await;
    let [a, b] = &queue.receive(QUEUE, at(0), 2)[..] else { panic!("both") };
    assert!(queue.postpone(a.id, Duration::from_mins(10)) && queue.postpone(b.id, Duration::ZERO));
    let again = queue.receive(QUEUE, at(1), 2);
    assert_eq!((texts(&again), again[0].attempt), (vec!["b".to_owned()], 2));
    assert!(queue.ack(b.id) && !queue.postpone(b.id, Duration::ZERO), "what is done with stays so");
    assert!(queue.receive(QUEUE, at(599), 2).is_empty());
    assert_eq!(texts(&queue.receive(QUEUE, at(600), 2)), ["a"]);
}

#[tokio::test]
async fn what_is_put_aside_is_a_dead_letter_and_goes_once_it_is_acknowledged() {
    let queue = MemoryQueue::new(at(0));
    send(&queue, [("a", 0)]).await;
    let received = queue.receive(QUEUE, at(5), 1).remove(0);
    assert!(queue.put_aside(received.id, "it is no JSON"));
    assert_eq!(queue.waiting(QUEUE), 1);
    assert!(queue.ack(received.id) && !queue.put_aside(received.id, "again"));
    let [dead] = &queue.dead_letters(QUEUE)[..] else { panic!("one") };
    assert_eq!((dead.reason.as_str(), dead.died_at, queue.waiting(QUEUE)), ("it is no JSON", at(5), 0));
    assert_eq!((queue.redrive(QUEUE), texts(&queue.receive(QUEUE, at(5), 1))), (1, vec!["a".to_owned()]));
}

#[tokio::test]
async fn a_late_answer_counts() {
    // The first receiver was slow, the message is with a second one already.
    let queue = MemoryQueue::new(at(0));
    queue.configure(QUEUE, QueueSettings { visibility: Duration::from_secs(10), receives_max: 5 });
    send(&queue, [("a", 0)]).await;
    let first = queue.receive(QUEUE, at(0), 1).remove(0);
    let second = queue.receive(QUEUE, at(10), 1).remove(0);
    assert_eq!(first.id, second.id);
    assert!(queue.ack(first.id));
    assert!(!queue.ack(second.id));
    assert_eq!(queue.next_ready(), None);
}

#[tokio::test]
async fn a_refusing_queue_accepts_nothing_and_says_why() {
    let queue = MemoryQueue::new(at(0));
    queue.set_refusing(QUEUE, Some("out of reach".to_owned()));
    let error = queue.send(QUEUE, vec![Message::text("a"), Message::text("")]).await.unwrap_err();
    let failed: Vec<_> = error.failed.iter().map(|f| (f.index, f.retryable, f.reason.as_str())).collect();
    assert_eq!(failed, [(0, true, "out of reach"), (1, false, "the text is empty")]);
    queue.send(QueueName::Findings, vec![Message::text("a")]).await.unwrap();
    queue.set_refusing(QUEUE, None);
    send(&queue, [("a", 0)]).await;
    assert_eq!(queue.waiting(QUEUE), 1);
}

/// Sends 200 messages under `unkindness`, repeating what was not accepted, and takes them all.
async fn storm(unkindness: QueueUnkindness) -> Vec<(i64, String)> {
    let queue = MemoryQueue::with_unkindness(at(0), unkindness);
    for i in 0..200 {
        queue.set_now(at(i / 10));
        while queue.send(QUEUE, vec![Message::text(format!("{i:03}"))]).await.is_err() {}
    }
    let mut log = Vec::new();
    while let Some(ready) = queue.next_ready() {
        for delivery in queue.receive(QUEUE, ready, 3) {
            log.push((queue.now().as_millisecond(), texts(std::slice::from_ref(&delivery)).remove(0)));
            queue.ack(delivery.id);
        }
    }
    log
}

#[tokio::test]
async fn every_unkindness_shows_and_nothing_is_lost() {
    let all: BTreeSet<_> = (0..200).map(|i| format!("{i:03}")).collect();
    let kind = storm(QueueUnkindness::NONE).await;
    assert_eq!(
        kind.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>(),
        all.iter().cloned().collect::<Vec<_>>()
    );

    let none = QueueUnkindness { seed: 9, ..QueueUnkindness::NONE };
    for (name, unkindness, repeats, reorders, delays) in [
        ("duplicate", QueueUnkindness { duplicate_percent: 20, ..none }, true, false, false),
        ("reorder", QueueUnkindness { reorder: true, ..none }, false, true, false),
        ("delay", QueueUnkindness { delay_max: Duration::from_secs(5), ..none }, false, true, true),
        ("answer lost", QueueUnkindness { answer_lost_percent: 20, ..none }, true, false, false),
        ("refused", QueueUnkindness { refused_percent: 20, ..none }, false, false, false),
        ("all", QueueUnkindness::of_seed(9), true, true, true),
    ] {
        let log = storm(unkindness).await;
        let mut counts = BTreeMap::new();
        for (_, text) in &log {
            *counts.entry(text.clone()).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().cloned().collect::<BTreeSet<_>>(), all, "{name}");
        assert_eq!(counts.values().any(|count| *count > 1), repeats, "{name} repeats");
        assert_eq!(!log.is_sorted_by_key(|(_, text)| text), reorders, "{name} reorders");
        let last = log.last().unwrap().0;
        assert_eq!(
            last > 19_000,
            delays,
            "{name} delays: the last message was sent at 19 s, came at {last} ms"
        );
        assert_eq!(log, storm(unkindness).await, "{name} is the same for the same seed");
        if repeats || reorders {
            let other = QueueUnkindness { seed: 10, ..unkindness };
            assert_ne!(log, storm(other).await, "{name} hangs on the seed");
        }
    }
}
