//! Clocks of a cluster that are wrong by minutes: the watcher's, and those of whoever writes times into objects. What is
//! measured here is measured by the clock here.

use crate::truth::Pod;
use crate::world::{World, at, rules};
use prodrome_model::{EndReason, Ended, FindingState};
use serde_json::{Value, json};

const RULES: &str = "
Unready:
  { resource: Pod, duration: 5m, resolveAfter: 2m, checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
";
const SINCE: &str = "
NotReady:
  { resource: Pod, duration: 3m, resolveAfter: 1m, since: { field: [status, since] },
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
Often:
  { resource: Pod, frequency: { count: 2, within: 10m }, resolveAfter: 1m, since: { field: [status, since] },
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
";

fn pod(version: u64, ready: bool) -> Value {
    Pod { uid: "u1".into(), created: 0, phase: "Running", ready, config: "settings" }.json("a", version)
}

/// The same, which says since when it is so.
fn pod_since(version: u64, ready: bool, since: i64) -> Value {
    let mut pod = pod(version, ready);
    pod["status"]["since"] = json!(at(since).to_string());
    pod
}

fn found(world: &World) -> Vec<(&str, Option<&Ended>)> {
    let found = world.findings.iter().map(|finding| match &finding.state {
        FindingState::Firing => (finding.rule.as_str(), None),
        FindingState::Ended(ended) => (finding.rule.as_str(), Some(ended)),
    });
    found.collect()
}

#[tokio::test]
async fn what_lasts_and_what_is_over_is_told_in_time_whatever_the_watchers_clock_shows() {
    for ahead in [-300, -60, 0, 60, 300] {
        let mut world = World::new(rules(RULES));
        world.watch_ahead = Some(ahead);
        world.apply("Pod", &pod(2, false)).await;
        world.until(299).await;
        assert_eq!(found(&world), [], "{ahead}: it has not lasted");
        world.until(302).await;
        assert_eq!(found(&world), [("Unready", None)], "{ahead}");
        assert_eq!(world.findings[0].since, at(0), "{ahead}");
        world.until(400).await;
        world.apply("Pod", &pod(3, true)).await;
        world.until(519).await;
        assert_eq!(world.findings.len(), 1, "{ahead}: it may come back");
        world.until(522).await;
        let ended = Ended { at: at(400), reason: EndReason::Recovered };
        assert_eq!(found(&world)[1..], [("Unready", Some(&ended))], "{ahead}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_while_something_lasts_makes_no_news_old() {
    for (before, after) in [(300, 0), (-300, 0), (0, 300), (0, -300), (-300, 300), (300, -300)] {
        let mut world = World::new(rules(RULES));
        world.watch_ahead = Some(before);
        world.apply("Pod", &pod(2, false)).await;
        world.until(100).await;
        // Nobody can look: what is told has to be believed.
        world.set_unreadable(1, 100);
        // By its next sign of life it is known.
        world.watch_ahead = Some(after);
        world.tell(&[]).await;
        world.until(101).await;
        world.apply("Pod", &pod(3, true)).await;
        world.until(110).await;
        assert_eq!(world.checks(), [], "{before} {after}: it is over");
        world.set_unreadable(1, 0);
        world.apply("Pod", &pod(4, false)).await;
        world.until(409).await;
        assert_eq!(found(&world), [], "{before} {after}");
        world.until(412).await;
        assert_eq!(found(&world), [("Unready", None)], "{before} {after}");
    }
}

#[tokio::test]
async fn a_time_in_an_object_that_has_not_come_yet_delays_nothing() {
    for ahead in [0, 300, 3_600] {
        let mut world = World::new(rules(SINCE));
        let unready = |version, second: i64| pod_since(version, false, second + ahead);
        world.apply("Pod", &unready(2, 0)).await;
        world.until(60).await;
        assert_eq!(found(&world), [], "{ahead}: it began once, however often it is looked at");
        world.apply("Pod", &pod_since(3, true, 60 + ahead)).await;
        world.until(100).await;
        world.apply("Pod", &unready(4, 100)).await;
        world.until(105).await;
        assert_eq!(found(&world), [("Often", None)], "{ahead}: it began twice");
        world.until(282).await;
        assert_eq!(found(&world), [("Often", None), ("NotReady", None)], "{ahead}");
        // The first begin leaves the window.
        world.until(672).await;
        let ended = Ended { at: at(600), reason: EndReason::Recovered };
        assert_eq!(found(&world)[2..], [("Often", Some(&ended))], "{ahead}");
    }
}

#[tokio::test]
async fn what_begins_unseen_after_a_clock_that_was_ahead_is_set_right_is_counted() {
    let mut world = World::new(rules(SINCE));
    world.apply("Pod", &pod_since(2, false, 300)).await;
    world.until(60).await;
    assert_eq!(found(&world), [], "it began once");
    // It was ready in between, which nobody was told of.
    world.apply("Pod", &pod_since(4, false, 100)).await;
    world.until(105).await;
    assert_eq!(found(&world), [("Often", None)], "it began twice");
}
