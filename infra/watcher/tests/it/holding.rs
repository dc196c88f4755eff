//! Deletions that are held: how quickly finalizers are added, and for how long one holds.

use crate::fake_api::{CONFIG_MAP, FakeApi, Running};
use crate::world::{Run, TestQueue, client, settings};
use jiff::{SignedDuration, Timestamp};
use prodrome_watcher::{Clock, FINALIZER, FilePlaces, Finalizers, Settings, Watcher};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// So far apart are additions.
const ADD_EVERY: Duration = Duration::from_millis(20);
/// So long the queue is given for a deletion of before.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

struct World {
    server: Running,
    queue: TestQueue,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let server = FakeApi::start(&[CONFIG_MAP]).await;
        Self { server, queue: TestQueue::new(), folder: tempfile::tempdir().unwrap() }
    }

    /// Runs at a time that stands still.
    async fn run(&self, hold: Duration) -> Run {
        let kinds = vec!["ConfigMap".parse().unwrap()];
        let finalizers = Finalizers { kinds, hold, ..Finalizers::default() };
        let settings = Settings { finalizers, ..settings(&["ConfigMap"]) };
        let client = client(&format!("http://{}", self.server.address)).await;
        let places = FilePlaces::new(self.folder.path().join("place.json"));
        Run::of(Watcher::new(client, self.queue.clone(), places, settings, Clock::new(now)))
    }

    fn has(&self, name: &str) -> bool {
        self.server.api.object(&CONFIG_MAP, "shop", name).is_some()
    }

    /// Makes an object whose deletion is held, and began so long ago.
    fn dies(&self, name: &str, ago: SignedDuration) {
        let metadata = json!({
            "finalizers": [FINALIZER],
            "deletionTimestamp": (now() - ago).to_string(),
            "deletionGracePeriodSeconds": 0,
        });
        self.server.api.apply(&CONFIG_MAP, "shop", name, json!({ "metadata": metadata }));
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

#[tokio::test]
async fn no_more_than_fifty_finalizers_are_added_a_second_whatever_comes() {
    let world = World::new().await;
    let api = &world.server.api;
    let add = |prefix: &str| {
        for i in 0..100 {
            api.apply(&CONFIG_MAP, "shop", &format!("{prefix}-{i}"), json!({}));
        }
    };
    add("there");
    let begun = Instant::now();
    let run = world.run(Duration::from_secs(30)).await;
    world.queue.until("the list", |received| received.ended.len() == 1).await;
    add("late");
    let is_held = |prefix: &str, i: usize| {
        let object = api.object(&CONFIG_MAP, "shop", &format!("{prefix}-{i}")).unwrap();
        object["metadata"]["finalizers"] == json!([FINALIZER])
    };
    run.until("all have theirs", |_| (0..100).all(|i| is_held("there", i) && is_held("late", i))).await;
    let (took, patched) = (begun.elapsed(), api.patched());
    run.end().await.unwrap();
    // Each is sent a tick after the one before. A slow machine stretches that, and never shortens it; but the first of a
    // second may have been on its way for long, so that the next followed closely.
    assert!(patched.len() >= 200 && took >= ADD_EVERY * 199, "{} in {took:?}", patched.len());
    for (n, first) in patched.iter().enumerate() {
        let within = patched[n..].iter().take_while(|at| **at < *first + Duration::from_secs(1)).count();
        assert!(within <= 52, "{within} within a second");
    }
}

#[tokio::test]
async fn a_deletion_of_before_is_held_from_when_it_began_and_until_a_queue_that_works_has_it() {
    let world = World::new().await;
    let hour = SignedDuration::from_hours(1);
    let counts = |run: &Run, name: &str| {
        let metrics = run.status.render();
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("prodrome_watcher_{name} ")));
        line.unwrap().parse::<u64>().unwrap()
    };
    // Its time was over before the watcher began.
    world.dies("told", hour);
    let long = Duration::from_mins(10);
    let run = world.run(long).await;
    run.until("it is let go", |_| !world.has("told")).await;
    run.until("it is counted", |_| counts(&run, "deletions_released_total") == 1).await;
    assert_eq!(counts(&run, "deletions_overdue_total"), 0, "the queue had it");
    run.end().await.unwrap();

    world.queue.down.store(true, Ordering::Relaxed);
    world.dies("old", hour);
    world.dies("new", SignedDuration::ZERO);
    // As an API server says whose clock is ahead.
    world.dies("ahead", -hour);
    let begun = Instant::now();
    let run = world.run(long).await;
    run.until("it is let go", |_| !world.has("old")).await;
    assert!(begun.elapsed() >= QUEUE_WAIT, "{:?}", begun.elapsed());
    run.until("it is counted", |_| counts(&run, "deletions_overdue_total") == 1).await;
    assert!(world.has("new") && world.has("ahead"), "their time has begun just now");
    run.kill().await;

    let run = world.run(Duration::from_secs(1)).await;
    run.until("no clock holds it longer", |_| !world.has("new") && !world.has("ahead")).await;
    run.kill().await;
}
