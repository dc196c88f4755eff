//! Names are not identities: what is told of another object under the same name, in a cluster that is well, in one that was
//! set back, and in one that cannot be read.

use crate::truth::Pod;
use crate::world::{Told, World, at, rules};
use prodrome_lambda::metric;
use prodrome_lifecycle::Check;
use prodrome_model::{ChangeKind, EndReason, FindingState};
use serde_json::{Value, json};

const RULES: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
Unready:
  { resource: Pod, duration: 5m, resolveAfter: 2m, checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
";

fn world() -> World {
    World::new(rules(RULES))
}

/// The pod of that name: who it is, whether it is well.
fn pod(uid: &str, version: u64, phase: &'static str, ready: bool) -> Value {
    let pod = Pod { uid: uid.into(), created: 0, phase, ready, config: "settings" };
    let mut pod = pod.json("a", version);
    pod["metadata"]["labels"] = json!({ "of": uid });
    pod
}

fn of_a_pod(kind: ChangeKind, object: &Value) -> Told<'_> {
    Told { kind, of: "Pod", object: Some(object), list: None }
}

impl World {
    /// The watcher tells of it, and nobody handles that for so long.
    async fn tell_late(&mut self, changes: &[Told<'_>], seconds: i64) {
        self.tell(changes).await;
        self.now = self.now.saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        self.queue.set_now(self.now);
    }

    /// The watcher has seen it at that second, and its pack comes now.
    pub(crate) async fn tell_of_before(&mut self, second: i64, changes: &[Told<'_>]) {
        let now = std::mem::replace(&mut self.now, at(second));
        self.tell(changes).await;
        self.now = now;
    }

    /// What was told by a rule: of whom, when, since when; or that it is over, and why.
    pub(crate) fn of(&self, rule: &str) -> Vec<(&str, i64, i64, Option<EndReason>)> {
        let seconds = |t: jiff::Timestamp| t.duration_since(at(0)).as_secs();
        let of_it = self.findings.iter().filter(|finding| finding.rule == rule);
        let told = of_it.map(|finding| match &finding.state {
            FindingState::Firing => {
                (finding.subject.uid(), seconds(finding.fired_at), seconds(finding.since), None)
            }
            FindingState::Ended(end) => {
                (finding.subject.uid(), seconds(end.at), seconds(finding.since), Some(end.reason))
            }
        });
        told.collect()
    }

    fn only_check(&self) -> Check {
        let [check] = &self.checks()[..] else { panic!("{:#?}", self.checks()) };
        check.clone()
    }
}

#[tokio::test]
async fn late_news_of_another_from_before_the_cluster_was_set_back_end_nothing_and_begin_nothing() {
    for (phase, ready) in [("Failed", false), ("Running", true)] {
        let mut world = world();
        world.apply("Pod", &pod("u1", 5, "Failed", false)).await;
        world.until(100).await;
        assert_eq!((world.of("Failed").len(), world.of("Unready").len()), (1, 0));
        // Of one that had the name before the cluster was set back to a time when this one had it.
        let stray = pod("u0", 90, phase, ready);
        for second in [101, 200, 450] {
            world.until(second).await;
            world.tell(&[of_a_pod(ChangeKind::Applied, &stray)]).await;
        }
        world.until(1_000).await;
        assert_eq!(world.of("Failed"), [("u1", 0, 0, None)], "{phase}");
        let [("u1", _, _, None)] = world.of("Unready")[..] else { panic!("{:?}", world.of("Unready")) };
        for check in world.checks() {
            assert_eq!((&*check.uid, check.resource_version, &check.rumour), ("u1", 5, &None));
            assert_eq!(check.metadata.labels["of"], "u1");
        }
        world.assert_quiet();
    }
}

#[tokio::test]
async fn the_next_of_the_name_begins_when_it_was_seen_though_its_news_come_alone_and_late() {
    let mut world = world();
    world.apply("Pod", &pod("u1", 5, "Failed", false)).await;
    world.until(100).await;
    // The watcher keeps the latest of a name while the queue is slow. By the time of the look it has changed again.
    world.live("Pod", &pod("u2", 12, "Failed", false));
    world.tell_late(&[of_a_pod(ChangeKind::Applied, &pod("u2", 10, "Failed", false))], 20).await;
    world.until(1_000).await;
    let ended = Some(EndReason::Deleted);
    assert_eq!(world.of("Failed"), [("u1", 0, 0, None), ("u1", 100, 0, ended), ("u2", 120, 100, None)]);
    assert_eq!(world.of("Unready"), [("u2", 400, 100, None)]);
    world.assert_quiet();
}

#[tokio::test]
async fn where_nobody_can_look_what_is_said_to_be_anothers_waits_and_is_told_once_somebody_has() {
    let mut world = world();
    world.apply("Pod", &pod("u1", 5, "Failed", false)).await;
    world.until(100).await;
    world.set_unreadable(1, 100);
    let (gone, next) = (pod("u1", 8, "Failed", false), pod("u2", 9, "Failed", false));
    world.live("Pod", &next);
    // In the wrong order.
    world.tell(&[of_a_pod(ChangeKind::Applied, &next)]).await;
    world.until(110).await;
    world.tell(&[of_a_pod(ChangeKind::Deleted, &gone)]).await;
    world.until(1_000).await;
    assert_eq!((world.of("Failed"), world.of("Unready")), (vec![("u1", 0, 0, None)], vec![]));
    world.set_unreadable(0, 0);
    world.until(1_100).await;
    let [("u1", 0, 0, None), ("u1", 100, 0, Some(EndReason::Deleted)), ("u2", fired, 100, None)] =
        world.of("Failed")[..]
    else {
        panic!("{:?}", world.of("Failed"))
    };
    assert!((1_000..1_062).contains(&fired), "{fired}");
    assert_eq!(world.of("Unready"), [("u2", fired, 100, None)], "it has lasted for long enough");
    world.assert_quiet();
}

#[tokio::test]
async fn where_nobody_can_look_it_is_not_tried_with_each_of_the_news() {
    let mut world = world();
    world.apply("Pod", &pod("u1", 5, "Failed", false)).await;
    world.until(100).await;
    world.set_unreadable(1, 100);
    let looks = |world: &World| world.tally.count(metric::CHECKS_LOOKED_AT);
    let before = looks(&world);
    for second in 100..130 {
        world.until(second).await;
        world.apply("Pod", &pod("u2", second.unsigned_abs(), "Failed", false)).await;
    }
    world.until(130).await;
    let tried = looks(&world) - before;
    assert!((4..=8).contains(&tried), "{tried} of two checks");
    // The next that is told has it looked at, and it began when it was told of first.
    world.set_unreadable(0, 0);
    world.until(135).await;
    world.apply("Pod", &pod("u2", 135, "Failed", false)).await;
    world.until(136).await;
    assert_eq!(world.of("Failed")[1..], [("u1", 100, 0, Some(EndReason::Deleted)), ("u2", 135, 100, None)]);
    world.until(500).await;
    assert_eq!(world.of("Unready"), [("u2", 400, 100, None)]);
    world.assert_quiet();
}

#[tokio::test]
async fn late_news_of_itself_from_before_the_cluster_was_set_back_end_nothing() {
    for uid in ["u1", "u0"] {
        let mut world = world();
        // Told of, and looked at, after the cluster was set back.
        world.apply("Pod", &pod("u1", 5, "Failed", false)).await;
        world.until(100).await;
        let (well, gone) = (pod(uid, 90, "Running", true), pod(uid, 91, "Running", true));
        for second in [100, 250, 299] {
            world.until(second).await;
            for stray in [of_a_pod(ChangeKind::Applied, &well), of_a_pod(ChangeKind::Deleted, &gone)] {
                world.tell_of_before(-50, &[stray]).await;
            }
        }
        world.until(1_000).await;
        assert_eq!(world.of("Failed"), [("u1", 0, 0, None)], "{uid}");
        assert_eq!(world.of("Unready"), [("u1", 300, 0, None)], "{uid}");
        // And what is news is.
        let gone = pod("u1", 6, "Failed", false);
        world.delete("Pod", &gone).await;
        world.until(1_001).await;
        assert_eq!((world.findings.len(), world.checks()), (4, vec![]));
    }
}

#[tokio::test]
async fn late_news_of_before_the_cluster_was_set_back_begin_nothing_that_is_over() {
    for uid in ["u1", "u0"] {
        let mut world = world();
        world.apply("Pod", &pod("u1", 5, "Failed", false)).await;
        world.until(100).await;
        world.apply("Pod", &pod("u1", 6, "Running", true)).await;
        world.until(400).await;
        assert_eq!((world.findings.len(), world.checks()), (2, vec![]));
        world.set_unreadable(1, 100);
        world.tell_of_before(-400, &[of_a_pod(ChangeKind::Applied, &pod(uid, 90, "Failed", false))]).await;
        world.until(800).await;
        assert_eq!(world.findings.len(), 2, "{uid}");
        world.set_unreadable(0, 0);
        world.until(900).await;
        assert_eq!((world.findings.len(), world.checks()), (2, vec![]), "{uid}");
    }
}

#[tokio::test]
async fn what_fires_unread_was_looked_at_by_nobody() {
    let mut world = world();
    world.apply("Pod", &pod("u1", 5, "Running", false)).await;
    world.until(100).await;
    world.set_unreadable(1, 100);
    world.until(310).await;
    assert_eq!(world.of("Unready"), [("u1", 300, 0, None)]);
    let gone = pod("u1", 6, "Running", false);
    world.tell_of_before(290, &[of_a_pod(ChangeKind::Deleted, &gone)]).await;
    world.until(311).await;
    assert_eq!(world.of("Unready").last(), Some(&("u1", 290, 0, Some(EndReason::Deleted))));
}

const BACK_OFF: &str = "
BackOff:
  { resource: Event, duration: 0s, resolveAfter: 1m, checkField: [ { field: [reason], equalValue: [BackOff] } ] }
";

pub(crate) fn event(name: &str, of: &str, version: u64, seen: i64) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": name, "uid": name, "resourceVersion": version.to_string() },
        "involvedObject":
            { "kind": "Pod", "apiVersion": "v1", "namespace": "shop", "name": "a", "uid": of },
        "reason": "BackOff", "type": "Warning", "message": "Back-off", "count": 1,
        "firstTimestamp": at(seen).to_string(), "lastTimestamp": at(seen).to_string(),
    })
}

#[tokio::test]
async fn what_events_tell_of_the_next_of_the_name_is_told_once_it_is_known_whose_that_is() {
    for unreadable in [0, 100] {
        let mut world = World::new(rules(BACK_OFF));
        world.live("Pod", &pod("u1", 1, "Running", true));
        world.apply("Event", &event("a.1", "u1", 2, 0)).await;
        world.until(60).await;
        // One of before, and there is none of that name.
        world.apply("Event", &event("a.0", "u0", 3, 60)).await;
        world.until(90).await;
        assert_eq!(world.of("BackOff"), [("u1", 0, 0, None)]);
        world.set_unreadable(1, unreadable);
        world.live("Pod", &pod("u2", 4, "Running", true));
        world.apply("Event", &event("a.2", "u2", 5, 90)).await;
        world.until(150).await;
        world.set_unreadable(0, 0);
        world.until(250).await;
        let [("u1", 0, 0, None), ("u1", 90, 0, Some(EndReason::Deleted)), ("u2", _, 90, None)] =
            world.of("BackOff")[..]
        else {
            panic!("{unreadable}: {:?}", world.of("BackOff"))
        };
        assert_eq!(world.only_check().event.unwrap().uid, "a.2");
    }
}

#[tokio::test]
async fn what_the_next_of_the_name_begins_counts_once() {
    let often = "
Often:
  { resource: Pod, frequency: { count: 3, within: 10m, by: namespace }, resolveAfter: 1m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
";
    let mut world = World::new(rules(often));
    world.apply("Pod", &pod("u1", 5, "Running", false)).await;
    world.until(60).await;
    world.live("Pod", &pod("u2", 12, "Running", false));
    world.tell_late(&[of_a_pod(ChangeKind::Applied, &pod("u2", 10, "Running", false))], 5).await;
    world.until(120).await;
    assert_eq!(world.of("Often"), [], "two began");
    world.apply("Pod", &pod("u3", 15, "Running", false)).await;
    world.until(180).await;
    assert_eq!(world.of("Often"), [("u3", 120, 120, None)]);
}
