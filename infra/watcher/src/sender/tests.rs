#![expect(
    clippy::type_complexity,
    clippy::format_collect,
    clippy::cast_possible_truncation,
    reason = "a test's noise"
)]
//! When packs leave, and what is in them, on virtual time.

use super::*;
use crate::metrics::KindState;
use crate::waiting::{Change, StreamId};
use jiff::Timestamp;
use prodrome_model::Resource;
use prodrome_queue::pack::{UNCOMPRESSED_MAX, decode};
use prodrome_queue::{Body, FailedMessage, SendError};
use std::sync::Mutex;

/// A queue that notes what it accepts, and when; it can be down.
#[derive(Clone)]
struct Noting {
    accepted: Arc<Mutex<Vec<(Duration, Vec<u8>)>>>,
    down: Arc<Mutex<bool>>,
    began: Instant,
}

impl Queue for Noting {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        assert_eq!(to, QueueName::Changes);
        if *self.down.lock().unwrap() {
            let failed = FailedMessage { index: 0, reason: "down".to_owned(), retryable: true };
            return Err(SendError { queue: to, total: messages.len(), failed: vec![failed] });
        }
        for message in messages {
            let Body::Pack(bytes) = message.body else { panic!("a pack is sent as a pack") };
            self.accepted.lock().unwrap().push((self.began.elapsed(), bytes));
        }
        Ok(())
    }
}

/// A clock that goes with the virtual time.
fn clock() -> Clock {
    let began = Instant::now();
    Clock::new(move || Timestamp::UNIX_EPOCH + jiff::SignedDuration::try_from(began.elapsed()).unwrap())
}

/// A pack as it was accepted: after how many milliseconds, its shard, the objects in it.
type Accepted = (u128, Option<u16>, Vec<String>);

struct Bench {
    hub: Arc<Hub>,
    queue: Noting,
    stream: StreamId,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<()>,
}

impl Bench {
    fn new(bytes_max: usize) -> Self {
        let metrics = Arc::new(Metrics::default());
        let hub = Arc::new(Hub::new(4, (bytes_max, bytes_max), Arc::clone(&metrics)));
        let resource = Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "Pod".into(),
            plural: "pods".into(),
            namespaced: true,
        };
        let stream = hub.open_stream(Arc::new(resource), Some("0".into()));
        let queue = Noting { accepted: Arc::default(), down: Arc::default(), began: Instant::now() };
        let sender = Sender {
            hub: Arc::clone(&hub),
            queue: queue.clone(),
            metrics: Arc::clone(&metrics),
            clock: clock(),
            scope: Scope::new("default", "local", "test"),
            shards: 4,
            epoch: 7,
            hearsay: crate::heard::silence(),
        };
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(async move { sender.run(stopped).await });
        Self { hub, queue, stream, metrics, stop, running }
    }

    async fn put(&self, name: &str, version: u64, bytes: usize) {
        // Bytes that do not shrink much, so that sizes tell something.
        let mut noise = Backoff::new(Duration::from_secs(1), Duration::from_secs(1), version);
        let filling: String = (0..bytes / 8)
            .map(|_| format!("{:08x}", noise.jittered(Duration::from_secs(1 << 20)).as_nanos() as u32))
            .collect();
        let object =
            format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}},"x":"{filling}"}}"#);
        let change = Change {
            deleted: false,
            namespace: Some("shop".into()),
            name: name.into(),
            uid: name.into(),
            version: version.to_string().into(),
            list: None,
            object: object.into_bytes().into(),
            observed_at: Instant::now(),
        };
        self.hub.put(self.stream, change).await;
    }

    fn accepted(&self) -> Vec<Accepted> {
        let accepted = self.queue.accepted.lock().unwrap();
        let read = accepted.iter().map(|(after, bytes)| {
            let pack = decode(bytes, UNCOMPRESSED_MAX).unwrap();
            let names = pack.changes.iter().map(|change| {
                let object = change.as_ref().unwrap().object.as_ref().unwrap().get();
                let object: serde_json::Value = serde_json::from_str(object).unwrap();
                let metadata = &object["metadata"];
                format!(
                    "{}@{}",
                    metadata["name"].as_str().unwrap(),
                    metadata["resourceVersion"].as_str().unwrap()
                )
            });
            (after.as_millis(), pack.head.shard, names.collect())
        });
        read.collect()
    }

    fn place(&self) -> String {
        self.hub.look(|waiting| waiting.place(self.stream).unwrap().to_string())
    }

    async fn finish(self) -> Vec<Accepted> {
        self.stop.send_replace(true);
        self.running.await.unwrap();
        let accepted = self.queue.accepted.lock().unwrap().len();
        assert_eq!(u64::try_from(accepted).unwrap(), self.metrics.packs_sent());
        Bench { running: tokio::spawn(async {}), ..self }.accepted()
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_change_leaves_at_once_and_what_follows_soon_is_gathered() {
    let bench = Bench::new(1 << 20);
    sleep(Duration::from_secs(5)).await;
    bench.put("a", 1, 0).await;
    sleep(Duration::from_millis(10)).await;
    for (name, version) in [("b", 2), ("c", 3), ("b", 4)] {
        bench.put(name, version, 0).await;
        sleep(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(2)).await;
    bench.put("a", 5, 0).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.place(), "5");
    let accepted = bench.accepted();
    let at: Vec<_> = accepted.iter().map(|(after, _, _)| *after).collect();
    assert_eq!(at, [5000, 5500, 7310], "{accepted:?}");
    assert!(accepted[0].1.is_some(), "one object is of one shard");
    let mut gathered = accepted[1].2.clone();
    gathered.sort();
    assert_eq!(gathered, ["b@4", "c@3"], "the latest version of each");
    assert_eq!(bench.metrics.changes_coalesced(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_changes_fill_packs_by_shard_and_do_not_wait() {
    let bench = Bench::new(8 << 20);
    bench.put("first", 1, 0).await;
    sleep(Duration::from_millis(1)).await;
    for i in 0..1200 {
        bench.put(&format!("web-{i}"), 2 + i, 4000).await;
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(1)).await;
    let accepted = bench.accepted();
    let total: usize = accepted.iter().map(|(_, _, names)| names.len()).sum();
    assert_eq!(total, 1201);
    let of_one_shard = accepted.iter().filter(|(_, shard, _)| shard.is_some()).count();
    assert!(of_one_shard * 10 >= accepted.len() * 8, "{of_one_shard} of {}", accepted.len());
    assert!(
        accepted.iter().filter(|(after, _, _)| *after < 400).count() > 5,
        "full packs leave before the time is up"
    );
    let sizes: Vec<_> = bench.queue.accepted.lock().unwrap().iter().map(|(_, bytes)| bytes.len()).collect();
    assert!(sizes.iter().all(|&bytes| bytes < 70 * 1024), "{sizes:?}");
    assert!(sizes.iter().filter(|&&bytes| bytes > 40 * 1024).count() * 2 > sizes.len(), "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn changes_that_shrink_well_share_a_pack_once_that_is_known() {
    let bench = Bench::new(16 << 20);
    let burst = async |of: &str| {
        let before = bench.accepted().len();
        for number in 0..100 {
            // All of one version: alike to the byte, but for the name.
            bench.put(&format!("{of}-{number}"), 1, 14 * 1024).await;
        }
        sleep(GATHER * 3).await;
        bench.accepted().len() - before
    };
    // The first pack is of one shard, the second of all that is left.
    assert_eq!(burst("a").await, 2);
    assert_eq!(burst("b").await, 1);
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_queue_is_down_the_latest_versions_wait_within_their_bound_and_none_is_lost() {
    let bench = Bench::new(100_000);
    *bench.queue.down.lock().unwrap() = true;
    for version in 1..=500 {
        bench.put(&format!("web-{}", version % 20), version, 400).await;
        sleep(Duration::from_millis(100)).await;
        assert!(bench.hub.look(Waiting::bytes) <= 100_000);
    }
    assert_eq!(bench.place(), "0", "nothing was accepted");
    assert!(bench.metrics.changes_coalesced() > 300);
    *bench.queue.down.lock().unwrap() = false;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(bench.place(), "500");
    let accepted = bench.accepted();
    for object in 0..20_u64 {
        let last = (481..=500).find(|version| version % 20 == object).unwrap();
        let want = format!("web-{object}@{last}");
        assert!(accepted.iter().any(|(_, _, names)| names.contains(&want)), "{want} is missing");
    }
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bound_a_stream_is_held_back_until_there_is_room() {
    let bench = Bench::new(20_000);
    *bench.queue.down.lock().unwrap() = true;
    let flood = async {
        for version in 1..=1_000 {
            bench.put(&format!("web-{version}"), version, 1000).await;
        }
    };
    let mut flood = Box::pin(flood);
    assert!(timeout(Duration::from_secs(30), &mut flood).await.is_err(), "it must be held back");
    assert!(bench.hub.look(Waiting::bytes) <= 20_000);
    *bench.queue.down.lock().unwrap() = false;
    flood.await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(bench.place(), "1000");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watcher_says_that_it_lives() {
    let bench = Bench::new(1 << 20);
    sleep(Duration::from_secs(150)).await;
    let accepted = bench.accepted();
    assert_eq!(accepted, [(60_000, None, vec![]), (120_000, None, vec![])]);
}

#[tokio::test(start_paused = true)]
async fn each_pack_says_how_far_behind_its_watcher_is() {
    let bench = Bench::new(1 << 20);
    let lags = |bench: &Bench| -> Vec<Option<u32>> {
        let accepted = bench.queue.accepted.lock().unwrap();
        accepted.iter().map(|(_, bytes)| decode(bytes, UNCOMPRESSED_MAX).unwrap().lag_seconds).collect()
    };
    bench.metrics.began(1);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(lags(&bench), [Some(60)], "it has not reached the cluster yet");
    bench.metrics.state("pods", KindState::Watching);
    bench.metrics.state("nodes", KindState::BackingOff);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(lags(&bench)[1..], [Some(0)], "one kind is followed");
    sleep(Duration::from_secs(9)).await;
    bench.metrics.state("pods", KindState::BackingOff);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(lags(&bench)[2..], [Some(50)], "none is any more, for as long");
    bench.metrics.state("pods", KindState::Watching);
    *bench.queue.down.lock().unwrap() = true;
    for version in 1..=8 {
        bench.put("a", version, 0).await;
        sleep(Duration::from_secs(5)).await;
    }
    *bench.queue.down.lock().unwrap() = false;
    sleep(Duration::from_mins(2)).await;
    let later = &lags(&bench)[3..];
    assert!(later.iter().any(|lag| *lag >= Some(5)), "one was made while others waited: {later:?}");
    assert_eq!(lags(&bench).last(), Some(&Some(0)), "all has gone");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_what_waits_is_sent() {
    let bench = Bench::new(1 << 20);
    bench.put("a", 1, 0).await;
    sleep(Duration::from_millis(1)).await;
    bench.put("b", 2, 0).await;
    let accepted = bench.finish().await;
    let names: Vec<_> = accepted.into_iter().map(|(after, _, names)| (after, names)).collect();
    assert_eq!(names, [(0, vec!["a@1".to_owned()]), (1, vec!["b@2".to_owned()])]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_no_message_can_carry_is_dropped_and_counted() {
    let bench = Bench::new(8 << 20);
    bench.put("huge", 1, 3 << 20).await;
    bench.put("small", 2, 0).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.place(), "2", "the place is not held up");
    let accepted = bench.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].2, ["small@2"]);
    let status = bench.metrics.render(crate::metrics::Gauges::default());
    assert!(status.contains("prodrome_watcher_changes_too_large_total 1\n"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn changes_are_numbered_without_a_hole_and_each_pack_says_what_was_accepted_before() {
    let bench = Bench::new(4 << 20);
    for round in 0..3_u64 {
        *bench.queue.down.lock().unwrap() = round == 1;
        for n in 0..40 {
            bench.put(&format!("o{n}"), 1 + n + round * 100, 4_000).await;
        }
        // No message can carry this one: it takes no number.
        bench.put("huge", 90 + round * 100, 3 << 20).await;
        sleep(Duration::from_secs(40)).await;
    }
    sleep(Duration::from_mins(2)).await;
    let mut packs: Vec<(Waybill, u64)> = Vec::new();
    for (_, bytes) in bench.queue.accepted.lock().unwrap().iter() {
        let pack = decode(bytes, UNCOMPRESSED_MAX).unwrap();
        packs.push((pack.waybill.unwrap(), pack.changes.len() as u64));
    }
    packs.sort_by_key(|(waybill, changes)| (waybill.first, *changes));
    let mut next = 1;
    for (waybill, changes) in &packs {
        assert_eq!((waybill.epoch, waybill.first), (7, next), "{packs:?}");
        assert!(waybill.accepted < waybill.first, "{packs:?}");
        next += changes;
    }
    let last = packs.iter().map(|(waybill, _)| *waybill).max_by_key(|waybill| waybill.accepted).unwrap();
    assert_eq!((last.accepted, next - 1), (bench.metrics.changes_sent(), bench.metrics.changes_sent()));
    let read = next - 1 + last.overtaken + 3;
    let want = Waybill { epoch: 7, first: next, accepted: next - 1, read, dropped: 3, ..last };
    assert_eq!((last, last.ignored, last.held()), (want, 0, 0), "what is dropped is said");
}

#[tokio::test(start_paused = true)]
async fn a_pack_that_is_sent_once_more_says_when_that_is_and_how_far_behind_the_watcher_is_by_then() {
    let bench = Bench::new(1 << 20);
    *bench.queue.down.lock().unwrap() = true;
    bench.put("a", 1, 0).await;
    sleep(Duration::from_secs(90)).await;
    *bench.queue.down.lock().unwrap() = false;
    sleep(Duration::from_secs(30)).await;
    let accepted = bench.queue.accepted.lock().unwrap().clone();
    let packs = accepted.iter().map(|(after, bytes)| (*after, decode(bytes, UNCOMPRESSED_MAX).unwrap()));
    let with_a = packs.filter(|(_, pack)| !pack.changes.is_empty()).collect::<Vec<_>>();
    let [(after, pack)] = &with_a[..] else { panic!("{with_a:?}") };
    assert!(*after >= Duration::from_secs(90), "{after:?}");
    let shown = pack.made_at.unwrap().duration_since(Timestamp::UNIX_EPOCH);
    assert_eq!(shown.as_secs(), i64::try_from(after.as_secs()).unwrap());
    assert_eq!(u64::from(pack.lag_seconds.unwrap()), after.as_secs());
}
