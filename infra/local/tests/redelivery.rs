//! What is counted counts once, however often it is delivered.
#![allow(missing_docs, reason = "a test")]

use jiff::{SignedDuration, Timestamp};
use prodrome_local::{Change, Notices, World};
use prodrome_model::{ChangeKind, NoticeKind, Resource};
use prodrome_rules::{SourceFile, load};
use prodrome_store::Unkindness;
use std::sync::Arc;

const RULES: &str = "
Flaps:
  resource: Pod
  checkField: [{ field: [status, phase], equalValue: [Failed] }]
  frequency: { count: 3, within: 1h }
Killed:
  resource: Event
  checkField: [{ field: [reason], equalValue: [Killing] }]
  frequency: { count: 3, within: 1h }
";

fn resource(kind: &str) -> Resource {
    Resource {
        group: String::new(),
        version: "v1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced: true,
    }
}

fn pod(version: u32, phase: &str) -> Change {
    let object = format!(
        r#"{{"metadata":{{"name":"web-0","namespace":"shop","uid":"p","resourceVersion":"{version}"}},"status":{{"phase":"{phase}"}}}}"#
    );
    change("Pod", object)
}

fn event(version: u32, count: u32) -> Change {
    let object = format!(
        r#"{{"metadata":{{"name":"web-0.1","namespace":"shop","uid":"e","resourceVersion":"{version}"}},"reason":"Killing","count":{count},
            "involvedObject":{{"apiVersion":"v1","kind":"Pod","namespace":"shop","name":"web-0","uid":"p"}},
            "firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:0{count}Z"}}"#
    );
    change("Event", object)
}

fn change(kind: &str, object: String) -> Change {
    Change { at: start(), resource: resource(kind), kind: ChangeKind::Applied, object: object.into_bytes() }
}

fn start() -> Timestamp {
    Timestamp::constant(1_767_225_600, 0)
}

/// The rules that fired when these changes came, ten seconds apart.
async fn told(changes: Vec<Change>) -> Vec<String> {
    told_over(changes, Unkindness::NONE).await
}

/// The same over a store that conflicts, is away, and loses answers to what it did.
async fn told_over(changes: Vec<Change>, unkindness: Unkindness) -> Vec<String> {
    let rules = Arc::new(load(&[SourceFile::new("r.yaml", RULES)]).rules);
    let notices = Notices::default();
    let mut world = World::new(rules, start(), |episodes, queue| notices.alerts(episodes, queue));
    world.checks.set_unkindness(unkindness);
    let mut now = start();
    for change in changes {
        now += SignedDuration::from_secs(10);
        world.run_until(now).await;
        assert!(world.apply(&[Change { at: now, ..change }]).await.is_empty(), "the objects are sound");
    }
    world.run_until(now + SignedDuration::from_mins(5)).await;
    let alerts = notices.take().into_iter().filter(|notice| notice.kind == NoticeKind::Alert);
    alerts.map(|notice| notice.rule).collect()
}

#[tokio::test]
async fn a_begin_that_is_delivered_again_is_no_other_begin() {
    let twice = vec![pod(1, "Failed"), pod(2, "Running"), pod(3, "Failed"), pod(4, "Running")];
    let again = [twice.clone(), twice.clone(), twice.clone()].concat();
    assert_eq!(told(again.clone()).await, [""; 0]);
    assert_eq!(told([again, vec![pod(5, "Failed")]].concat()).await, ["Flaps"]);
}

#[tokio::test]
async fn whatever_the_store_does_two_begins_are_not_three() {
    let twice = vec![pod(1, "Failed"), pod(2, "Running"), pod(3, "Failed"), pod(4, "Running")];
    let events = vec![event(5, 1), event(6, 2), event(5, 1)];
    let changes = [twice.clone(), events, twice].concat();
    for seed in 0..40 {
        let told = told_over(changes.clone(), Unkindness::of_seed(seed)).await;
        assert_eq!(told, [""; 0], "seed {seed}");
    }
}

#[tokio::test]
async fn an_event_counts_by_the_difference_of_its_counts() {
    let pod = pod(1, "Running");
    let twice = vec![pod.clone(), event(2, 1), event(2, 1), event(3, 2), event(2, 1), event(3, 2)];
    assert_eq!(told(twice.clone()).await, [""; 0]);
    assert_eq!(told([twice, vec![event(4, 3)]].concat()).await, ["Killed"]);
    assert_eq!(told(vec![pod, event(9, 3)]).await, ["Killed"], "one update for three");
}
