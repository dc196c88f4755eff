//! What time alone ends while nobody looks is over since then, and not only since somebody looks.

use crate::identity::event;
use crate::truth::Pod;
use crate::world::{Told, World, at, rules};
use prodrome_lifecycle::{Check, Phase};
use prodrome_model::{ChangeKind, EndReason, FindingState};
use prodrome_store::{Fault, OperationKind};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const BACK_OFF: &str = "
BackOff:
  { resource: Event, duration: 5m, gapTolerance: 2m, checkField: [ { field: [reason], equalValue: [BackOff] } ] }
";

/// The pod of that name.
fn pod(uid: &str, phase: &'static str, version: u64) -> Value {
    Pod { created: 0, phase, uid: uid.into(), ready: true, config: "" }.json("a", version)
}

impl World {
    /// No function is invoked until then.
    fn stand_still_until(&mut self, second: i64) {
        self.now = at(second);
        self.queue.set_now(self.now);
    }
}

#[tokio::test]
async fn an_event_that_is_seen_again_after_its_window_has_not_lasted() {
    let mut world = World::new(rules(BACK_OFF));
    world.live("Pod", &pod("u", "Running", 1));
    world.apply("Event", &event("a.1", "u", 2, 0)).await;
    world.until(60).await;
    world.stand_still_until(900);
    world.until(960).await;
    world.apply("Event", &event("a.1", "u", 3, 990)).await;
    world.until(1_200).await;
    assert!(world.findings.is_empty(), "{:#?}", world.findings);
}

#[tokio::test]
async fn what_time_has_ended_is_over_since_then() {
    let young = "
Young:
  { resource: Pod, duration: 1m, resolveAfter: 2m, checkField:
    [ { field: [status, phase], equalValue: [Failed] }, { field: [metadata, creationTimestamp], newerThan: 5m } ] }
";
    let mut world = World::new(rules(young));
    world.apply("Pod", &pod("u", "Failed", 1)).await;
    world.until(150).await;
    assert_eq!(world.findings.len(), 1);
    world.stand_still_until(900);
    world.until(930).await;
    let [_, end] = &world.findings[..] else { panic!("{:#?}", world.findings) };
    let FindingState::Ended(end) = &end.state else { panic!("{end:#?}") };
    assert_eq!((end.at, end.reason), (at(300), EndReason::Recovered));
}

const FAILED: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
";

/// A pod has failed and gone: its end is written, and could not be sent. Now the cluster cannot be read.
async fn with_an_end_on_its_way() -> World {
    let mut world = World::new(rules(FAILED));
    world.apply("Pod", &pod("u", "Failed", 10)).await;
    world.until(100).await;
    let commits = Arc::new(AtomicUsize::new(0));
    world.store.set_script(move |operation| {
        let is_late = operation.kind == OperationKind::Commit && commits.fetch_add(1, Ordering::Relaxed) > 0;
        is_late.then_some(Fault::Unavailable)
    });
    world.delete("Pod", &pod("u", "Failed", 20)).await;
    world.until(101).await;
    assert!(
        matches!(world.checks()[..], [Check { phase: Phase::Ending { .. }, .. }]),
        "{:#?}",
        world.checks()
    );
    world.store.clear_script();
    world.set_unreadable(1, 100);
    world
}

/// How often a begin was told.
fn begun(world: &World) -> usize {
    world.findings.iter().filter(|finding| finding.state == FindingState::Firing).count()
}

/// The last that is known of an object whose end is on its way is no news of it.
#[tokio::test]
async fn an_end_that_is_carried_on_unread_begins_nothing() {
    for next in [None, Some("v")] {
        let mut world = with_an_end_on_its_way().await;
        if let Some(next) = next {
            world.apply("Pod", &pod(next, "Failed", 30)).await;
        }
        world.until(600).await;
        world.set_unreadable(1, 0);
        world.until(1_200).await;
        let uids: Vec<String> = world.checks().into_iter().map(|check| check.uid).collect();
        assert_eq!(uids, Vec::from_iter(next.map(str::to_owned)), "{:#?}", world.checks());
        assert_eq!(begun(&world), 1 + usize::from(next.is_some()), "{:#?}", world.findings);
    }
}

/// What meets an end on its way and was seen before it is no news either, be it of a lower version than the end, or of a
/// higher one, as etcd may have been restored.
#[tokio::test]
async fn what_is_of_before_an_end_that_is_on_its_way_begins_nothing_unread() {
    for (uid, version, seen) in [("u", 90, -50), ("v", 90, -50), ("u", 15, 99)] {
        let mut world = with_an_end_on_its_way().await;
        let stray = pod(uid, "Failed", version);
        let told = Told { kind: ChangeKind::Applied, of: "Pod", object: Some(&stray), list: None };
        world.tell_of_before(seen, &[told]).await;
        for until in [600, 1_200] {
            world.until(until).await;
            assert_eq!(begun(&world), 1, "{uid} {version}: {:#?}", world.findings);
            world.set_unreadable(0, 0);
        }
        assert_eq!(world.checks(), [], "{uid} {version}");
    }
}

/// Nor is it known any more whether something goes on that time alone has ended.
#[tokio::test]
async fn what_time_has_ended_does_not_fire_unread() {
    let mut world = World::new(rules(BACK_OFF));
    world.live("Pod", &pod("u", "Running", 1));
    for (version, second) in [(2, 0), (3, 90), (4, 170)] {
        world.until(second).await;
        world.apply("Event", &event("a.1", "u", version, second)).await;
    }
    world.until(180).await;
    world.set_unreadable(1, 100);
    world.until(500).await;
    assert!(world.findings.is_empty(), "{:#?}", world.findings);
    // It is seen again after a break that counts: a new begin.
    world.apply("Event", &event("a.1", "u", 5, 500)).await;
    world.until(600).await;
    assert!(world.findings.is_empty(), "{:#?}", world.findings);
}

/// What the words of before have seen in an event says nothing of those of now.
#[tokio::test]
async fn an_event_is_no_memory_of_another_rule() {
    let rule = |reason: &str| {
        format!(
            "
BackOff:
  {{ resource: Event, duration: 1m, gapTolerance: 10m, checkField: [ {{ field: [reason], equalValue: [{reason}] }} ] }}
"
        )
    };
    let mut world = World::following(&rule("BackOff"), 1);
    world.live("Pod", &pod("u", "Running", 1));
    world.apply("Event", &event("a.1", "u", 2, 0)).await;
    world.until(30).await;
    world.push(&rule("FailedMount")).await;
    world.until(1_000).await;
    assert!(world.findings.is_empty(), "{:#?}", world.findings);
}

/// What a look finds to have been so for a while is known since the look, and not since it is so.
#[tokio::test]
async fn what_was_seen_before_a_late_look_is_older_than_that() {
    let slow = "
Slow:
  { resource: Pod, duration: 1m, resolveAfter: 1m, checkField: [
    { field: [status, phase], equalValue: [Pending] }, { field: [metadata, creationTimestamp], olderThan: 10m } ] }
";
    let mut world = World::new(rules(slow));
    world.apply("Pod", &pod("u", "Pending", 5)).await;
    world.until(60).await;
    world.stand_still_until(900);
    world.until(901).await;
    let told =
        |world: &World| world.of("Slow").iter().map(|(_, _, since, end)| (*since, *end)).collect::<Vec<_>>();
    assert_eq!(told(&world), [(600, None)]);
    // Of before the cluster was set back, while nobody looked.
    let gone = pod("u", "Pending", 90);
    for kind in [ChangeKind::Deleted, ChangeKind::Applied] {
        world.tell_of_before(800, &[Told { kind, of: "Pod", object: Some(&gone), list: None }]).await;
        world.until(910).await;
        assert_eq!(told(&world), [(600, None)]);
        assert_eq!(world.checks()[0].resource_version, 5);
    }
}
