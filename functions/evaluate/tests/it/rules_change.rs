//! Rules that change while the system runs.

use crate::world::{Told, World, at, seconds};
use prodrome_lambda::metric;
use prodrome_lifecycle::{Phase, keys};
use prodrome_model::{ChangeKind, EndReason, Finding, FindingState};
use prodrome_store::Fault;
use serde_json::{Value, json};

/// A rule on pods that are not ready, with these keys besides.
fn unready(keys: &str) -> String {
    format!(
        "Unready: {{ resource: Pod, {keys}, checkField: [ {{ field: [status, ready], equalValue: ['false'] }} ] }}\n"
    )
}

/// One that looks for something else.
fn failed(keys: &str) -> String {
    unready(keys).replace("[status, ready], equalValue: ['false']", "[status, phase], equalValue: [Failed]")
}

const OTHER: &str =
    "Other: { resource: ConfigMap, checkField: [ { field: [data, bad], equalValue: ['true'] } ] }\n";

fn pod(version: u64, ready: bool, phase: &str) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": "web-0", "uid": "u-1", "resourceVersion": version.to_string() },
        "status": { "ready": ready, "phase": phase },
    })
}

impl World {
    /// The watcher hears of a version: a sign of life of its own, and all pods are listed anew if they are touched.
    async fn hears_of(&mut self, version: u64, pods: &[&Value]) {
        self.heard_of = version;
        self.tell(&[]).await;
        let list = Some(format!("1/pods/{version}"));
        let mark = |kind| Told { kind, of: "Pod", object: None, list: list.clone() };
        let mut told = vec![mark(ChangeKind::ListBegin)];
        for pod in pods {
            told.push(Told { kind: ChangeKind::Applied, of: "Pod", object: Some(pod), list: list.clone() });
        }
        if !pods.is_empty() {
            self.tell(&told).await;
            self.tell(&[mark(ChangeKind::ListEnd)]).await;
        }
    }

    /// What was told: when, of which rule, and how it ended, if that is what was told.
    fn told(&self) -> Vec<(i64, &str, Option<EndReason>)> {
        let told = |finding: &Finding| match &finding.state {
            FindingState::Firing => (finding.fired_at, None),
            FindingState::Ended(ended) => (ended.at, Some(ended.reason)),
        };
        let all = self.findings.iter().map(|finding| (told(finding), finding.rule.as_str()));
        all.map(|((when, reason), rule)| (when.duration_since(at(0)).as_secs(), rule, reason)).collect()
    }

    /// What staged rules would have told.
    fn staged(&self) -> Vec<Finding> {
        let records = self.store.records().into_iter();
        let staged = records.filter(|record| record.key.partition == keys::shadow_partition("Unready"));
        staged.map(|record| serde_json::from_str(&record.data).unwrap()).collect()
    }
}

#[tokio::test]
async fn a_broken_object_that_nobody_touches_is_seen_by_a_rule_that_is_pushed() {
    let mut world = World::following(OTHER, 1);
    let broken = pod(1, false, "Running");
    world.apply("Pod", &broken).await;
    world.until(100).await;
    assert_eq!(world.told(), []);
    world.push(&(OTHER.to_owned() + &unready("duration: 0"))).await;
    world.hears_of(1, &[&broken]).await;
    world.until(101).await;
    assert_eq!(world.told(), [(100, "Unready", None)]);
    assert_eq!(world.tally.count(metric::RULES_TAKEN_UP), 1);
    world.until(400).await;
    assert_eq!(world.told().len(), 1);
    world.assert_quiet();
}

#[tokio::test]
async fn an_instance_takes_a_version_up_within_ten_seconds_whoever_tells_it() {
    let mut world = World::following(OTHER, 1);
    let pods = |version| pod(version, false, "Running");
    world.apply("Pod", &pods(1)).await;
    world.until(100).await;
    world.push(&unready("duration: 0")).await;
    // Changes come each second, and nobody speaks of a version.
    for second in 101..=109 {
        world.apply("Pod", &pods(u64::try_from(second).unwrap())).await;
        world.until(second).await;
    }
    let [(fired, "Unready", None)] = world.told()[..] else { panic!("{:?}", world.told()) };
    assert!(fired <= 105, "{fired}");
}

#[tokio::test]
async fn the_alert_of_a_rule_that_is_deleted_ends_at_once() {
    let mut world = World::following(&unready("duration: 0"), 2);
    let broken = pod(1, false, "Running");
    world.apply("Pod", &broken).await;
    world.until(100).await;
    assert_eq!(world.told(), [(0, "Unready", None)]);
    world.push(OTHER).await;
    world.hears_of(1, &[]).await;
    world.until(101).await;
    assert_eq!(world.told()[1..], [(100, "Unready", Some(EndReason::RuleGone))]);
    assert_eq!(world.findings[0].fingerprint, world.findings[1].fingerprint);
    assert!(world.checks().is_empty());
    // It comes back, and what it finds is another episode.
    world.push(&unready("duration: 0")).await;
    world.hears_of(2, &[&broken]).await;
    world.until(102).await;
    assert_eq!(world.told()[2..], [(101, "Unready", None)]);
    assert_ne!(world.findings[2].fingerprint, world.findings[0].fingerprint);
    world.assert_quiet();
}

#[tokio::test]
async fn switched_off_is_deleted() {
    let mut world = World::following(&unready("duration: 0"), 1);
    world.apply("Pod", &pod(1, false, "Running")).await;
    world.until(100).await;
    world.push(&(unready("duration: 0, enabled: false") + OTHER)).await;
    world.hears_of(1, &[]).await;
    world.until(101).await;
    assert_eq!(world.told()[1..], [(100, "Unready", Some(EndReason::RuleGone))]);
}

#[tokio::test]
async fn what_waits_goes_on_waiting_unless_the_rule_looks_for_something_else() {
    for (name, then, fires) in [
        ("other words", unready("duration: 5m, severity: P1"), 300),
        ("a shorter time", unready("duration: 4m"), 240),
        ("a time that is over", unready("duration: 1m"), 200),
        ("another meaning, which holds too", failed("duration: 5m"), 500),
    ] {
        let mut world = World::following(&unready("duration: 5m"), 2);
        let broken = pod(1, false, "Failed");
        world.apply("Pod", &broken).await;
        world.until(200).await;
        world.push(&then).await;
        world.hears_of(1, &[&broken]).await;
        world.until(1_000).await;
        assert_eq!(world.told(), [(fires, "Unready", None)], "{name}");
        world.assert_quiet();
    }
    // Another meaning, which does not hold.
    let mut world = World::following(&unready("duration: 5m"), 2);
    let broken = pod(1, false, "Running");
    world.apply("Pod", &broken).await;
    world.until(200).await;
    world.push(&failed("duration: 5m")).await;
    world.hears_of(1, &[&broken]).await;
    world.until(201).await;
    assert!(world.checks().is_empty(), "{:?}", world.checks());
}

/// What was seen last was seen by the rule as it was, and the cluster cannot be read.
#[tokio::test]
async fn what_waits_does_not_fire_unread_by_a_rule_that_looks_for_something_else() {
    let mut world = World::following(&unready("duration: 5m"), 2);
    world.apply("Pod", &pod(1, false, "Running")).await;
    world.until(100).await;
    world.set_unreadable(1, 100);
    world.push(&failed("duration: 0")).await;
    world.hears_of(1, &[]).await;
    world.until(1_000).await;
    assert_eq!(world.told(), [], "the pod has not failed");
    world.set_unreadable(1, 0);
    world.until(1_200).await;
    assert_eq!((world.told(), world.checks()), (vec![], vec![]));
}

#[tokio::test]
async fn what_was_told_is_not_told_again() {
    for (name, then, ends) in [
        ("other words", unready("duration: 0, severity: P1"), None),
        ("another time", unready("duration: 10m"), None),
        ("another meaning, which holds too", failed("duration: 0"), None),
        (
            "another meaning, which does not",
            failed("duration: 0").replace("Failed", "Unknown"),
            Some(EndReason::Recovered),
        ),
    ] {
        let mut world = World::following(&unready("duration: 0"), 2);
        let broken = pod(1, false, "Failed");
        world.apply("Pod", &broken).await;
        world.until(100).await;
        world.push(&then).await;
        world.hears_of(1, &[&broken]).await;
        world.until(3_000).await;
        let rest: Vec<_> = world.told()[1..].iter().map(|(_, _, reason)| *reason).collect();
        assert_eq!(rest, ends.map(Some).into_iter().collect::<Vec<_>>(), "{name}");
        world.assert_quiet();
    }
}

/// What was counted together was counted by another rule. What goes on begins to count by this one, and those that are
/// counted together now are not ended one by one before the last of them has been counted.
#[tokio::test]
async fn what_was_told_is_counted_anew_by_a_rule_that_counts_it_with_others() {
    let counting = |by: &str, resolve_after: &str| {
        let frequency = format!("frequency: {{ count: 3, within: 10m, by: {by} }}");
        unready(&format!("duration: 0, resolveAfter: {resolve_after}, {frequency}"))
    };
    for (by, resolve_after, ends) in [
        ("[spec, node]", "1m", [700, 700, 700]),
        ("[spec, node]", "0", [700, 700, 700]),
        // Each on its own: there are not enough by that.
        ("object", "0", [130, 130, 130]),
    ] {
        let what = format!("{by} {resolve_after}");
        let mut world = World::following(&counting("namespace", resolve_after), 2);
        for name in ["a", "b", "c"] {
            let mut broken = pod(1, false, "Running");
            (broken["metadata"]["name"], broken["metadata"]["uid"]) = (json!(name), json!(name));
            broken["spec"] = json!({ "node": "n1" });
            world.apply("Pod", &broken).await;
        }
        world.until(100).await;
        assert_eq!(world.told().len(), 3, "{what}");
        world.push(&counting(by, resolve_after)).await;
        world.hears_of(1, &[]).await;
        world.until(2_000).await;
        let told: Vec<_> = world.told()[3..].iter().map(|(_, _, reason)| *reason).collect();
        assert_eq!(told, [Some(EndReason::Recovered); 3], "{what}: {:?}", world.told());
        let ended: Vec<_> = world.told()[3..].iter().map(|(when, ..)| *when).collect();
        assert_eq!(ended, ends, "{what}");
        world.assert_quiet();
    }
}

#[tokio::test]
async fn a_staged_rule_runs_and_tells_nobody() {
    let mut world = World::following(OTHER, 1);
    let broken = pod(1, false, "Running");
    world.push(&unready("duration: 1m, resolveAfter: 1m, mode: shadow")).await;
    world.hears_of(1, &[]).await;
    world.apply("Pod", &broken).await;
    world.until(100).await;
    let [finding] = &world.staged()[..] else { panic!("{:?}", world.staged()) };
    assert_eq!((seconds(finding.fired_at), &finding.state), (60.0, &FindingState::Firing));
    assert_eq!(
        (world.tally.count(metric::FINDINGS_STAGED), world.tally.count(metric::FINDINGS_FIRED)),
        (1, 0)
    );
    world.apply("Pod", &pod(2, true, "Running")).await;
    world.until(1_000).await;
    let [finding] = &world.staged()[..] else { panic!("{:?}", world.staged()) };
    assert!(matches!(&finding.state, FindingState::Ended(ended) if ended.at == at(100)), "{finding:?}");
    assert_eq!(world.told(), []);
    assert!(world.checks().is_empty());
}

#[tokio::test]
async fn a_rule_tells_what_still_holds_once_it_is_staged_no_more_and_ends_it_when_it_is_again() {
    let mut world = World::following(&unready("duration: 1m, mode: shadow"), 2);
    let broken = pod(1, false, "Running");
    world.apply("Pod", &broken).await;
    world.until(200).await;
    assert_eq!((world.staged().len(), world.told()), (1, vec![]));
    world.push(&unready("duration: 1m")).await;
    world.hears_of(1, &[&broken]).await;
    world.until(300).await;
    assert_eq!(world.told(), [(200, "Unready", None)]);
    assert_eq!(world.findings[0].since, at(0), "it has lasted since");
    world.push(&unready("duration: 1m, mode: shadow")).await;
    world.hears_of(2, &[&broken]).await;
    world.until(301).await;
    assert_eq!(world.told()[1..], [(300, "Unready", Some(EndReason::RuleGone))]);
    world.until(900).await;
    assert_eq!((world.staged().len(), world.told().len()), (2, 2), "it runs on, and nobody hears of it");
    world.assert_quiet();
}

/// One instance has looked at the version just before another was pushed, and goes by it for some seconds.
#[tokio::test]
async fn an_instance_with_older_rules_cancels_nothing_of_newer_ones() {
    let mut world = World::following(OTHER, 2);
    let broken = |version| pod(version, false, "Running");
    world.only = Some(0);
    world.apply("Pod", &broken(1)).await;
    world.until(100).await;
    world.only = Some(1);
    world.tell(&[]).await;
    world.until(101).await;
    world.only = Some(0);
    world.tell(&[]).await;
    world.until(101).await;
    // Both have looked. Now the rule is pushed, and only the first hears of it.
    world.push(&(OTHER.to_owned() + &unready("duration: 1m"))).await;
    world.hears_of(1, &[&broken(1)]).await;
    world.until(102).await;
    let [check] = &world.checks()[..] else { panic!("{:?}", world.checks()) };
    assert_eq!((check.rules, &check.phase), (1, &Phase::Pending { turns_at: None }));
    // The second knows no such rule. It is told of the pod by a watcher that has heard of nothing, and of the check.
    world.only = Some(1);
    world.heard_of = 0;
    world.apply("Pod", &broken(2)).await;
    world.until(103).await;
    assert_eq!(world.checks().len(), 1);
    world.until(200).await;
    let [(fired, "Unready", None)] = world.told()[..] else { panic!("{:?}", world.told()) };
    assert!((160..=162).contains(&fired), "{fired}");
    world.assert_quiet();
}

#[tokio::test]
async fn an_instance_that_lacks_a_rule_puts_its_due_check_off_for_half_a_minute_and_no_more() {
    let mut world = World::new(crate::world::rules(&unready("duration: 5m")));
    world.and_one_with(OTHER);
    world.only = Some(0);
    world.apply("Pod", &pod(1, false, "Running")).await;
    world.until(290).await;
    world.only = Some(1);
    world.until(310).await;
    assert!(world.told().is_empty());
    world.only = Some(0);
    world.until(400).await;
    let [(fired, "Unready", None)] = world.told()[..] else { panic!("{:?}", world.told()) };
    assert_eq!(fired, 330);
    world.assert_quiet();
}

#[tokio::test]
async fn where_the_table_of_rules_is_out_of_reach_the_rules_at_hand_go_on() {
    let mut world = World::following(&unready("duration: 0, resolveAfter: 1m"), 2);
    world.push(&unready("duration: 1m, resolveAfter: 1m")).await;
    world.only = Some(0);
    world.apply("Pod", &pod(1, false, "Running")).await;
    world.until(30).await;
    assert_eq!(world.checks()[0].rules, 1);
    // The second begins while the table is away, with what it came with.
    world.rule_table.set_script(|_| Some(Fault::Unavailable));
    world.only = Some(1);
    world.heard_of = 1;
    world.apply("Pod", &pod(2, true, "Running")).await;
    world.until(31).await;
    assert!(world.tally.count(metric::RULES_UNREADABLE) > 0, "it was handled by the rules at hand");
    assert_eq!(world.queue.waiting(prodrome_queue::QueueName::Changes), 1, "and comes again for the others");
    assert_eq!(world.checks().len(), 1, "what newer rules decided on is left alone");
    world.rule_table.clear_script();
    world.until(400).await;
    assert_eq!((world.told(), world.checks()), (vec![], vec![]), "the recovery was not lost");
    world.assert_quiet();
}

/// What was left to newer rules, as they could not be read, is looked at by those, though older news come from another side
/// and put off what was due.
#[tokio::test]
async fn what_is_left_to_newer_rules_is_looked_at_whatever_else_is_told() {
    let mut world = World::following(&unready("duration: 0"), 2);
    world.push(&unready("duration: 0, resolveAfter: 1h")).await;
    world.only = Some(0);
    world.apply("Pod", &pod(1, false, "Running")).await;
    world.until(10).await;
    let [check] = &world.checks()[..] else { panic!("{:?}", world.checks()) };
    assert_eq!((check.rules, seconds(check.due)), (1, 30.0));
    world.rule_table.set_script(|_| Some(Fault::Unavailable));
    world.only = Some(1);
    world.delete("Pod", &pod(3, true, "Running")).await;
    world.until(15).await;
    assert_eq!(world.told().len(), 1, "it is left alone");
    world.rule_table.clear_script();
    world.only = Some(0);
    let late = pod(2, true, "Running");
    world.tell(&[Told { kind: ChangeKind::Applied, of: "Pod", object: Some(&late), list: None }]).await;
    world.until(39).await;
    assert_eq!((world.told().len(), world.checks().len()), (1, 1));
    world.until(41).await;
    assert_eq!(world.told()[1..], [(15, "Unready", Some(EndReason::Deleted))], "it was well before it went");
    assert_eq!(world.checks(), []);
}

/// A rule is made to look for something else, and what it has told ends. An instance that cannot read that sees the pod as
/// before, which is no news.
#[tokio::test]
async fn what_newer_rules_have_ended_is_not_told_again_by_older_ones() {
    let mut world = World::following(&unready("duration: 0, resolveAfter: 0"), 2);
    let broken = |version| pod(version, false, "Running");
    world.apply("Pod", &broken(1)).await;
    world.until(100).await;
    world.push(&failed("duration: 0, resolveAfter: 0")).await;
    world.only = Some(0);
    world.hears_of(1, &[&broken(1)]).await;
    world.until(200).await;
    assert_eq!((world.told().len(), world.checks()), (2, vec![]), "the pod has not failed");
    assert_eq!(world.told()[1].2, Some(EndReason::Recovered));
    world.rule_table.set_script(|_| Some(Fault::Unavailable));
    world.only = Some(1);
    world.apply("Pod", &broken(2)).await;
    world.until(260).await;
    assert_eq!(world.told().len(), 2);
    let [check] = &world.checks()[..] else { panic!("{:?}", world.checks()) };
    assert_eq!(check.rules, 1, "it is left to the newer ones");
    world.rule_table.clear_script();
    world.until(1_000).await;
    assert_eq!((world.told().len(), world.checks()), (2, vec![]));
    world.assert_quiet();
}

/// A rule is made to look for something else, and what waited is over by that. An instance that cannot read that sees the
/// pod as before: it may be behind the one that took the check over.
#[tokio::test]
async fn what_newer_rules_have_closed_is_not_told_by_older_ones() {
    let mut world = World::following(&unready("duration: 1m"), 2);
    let broken = |version| pod(version, false, "Running");
    world.apply("Pod", &broken(1)).await;
    world.until(20).await;
    world.push(&failed("duration: 1m")).await;
    world.only = Some(0);
    // No watcher has heard of the version yet: the news of the pod are the first to be judged by it.
    world.apply("Pod", &broken(2)).await;
    world.until(21).await;
    assert_eq!(world.checks(), vec![], "the pod has not failed");
    world.rule_table.set_script(|_| Some(Fault::Unavailable));
    world.only = Some(1);
    world.apply("Pod", &broken(3)).await;
    world.until(600).await;
    assert_eq!(world.told(), []);
    world.rule_table.clear_script();
    world.until(2_000).await;
    assert_eq!((world.told(), world.checks()), (vec![], vec![]));
    world.assert_quiet();
}

/// Newer rules have ended what was told of one pod, and cannot be read for an hour.
#[tokio::test]
async fn an_object_that_newer_rules_are_needed_for_keeps_no_other_waiting() {
    let mut world = World::following(&unready("duration: 1m, resolveAfter: 0"), 2);
    let named = |name: &str, version: u64, phase: &str| {
        let mut pod = pod(version, false, phase);
        (pod["metadata"]["name"], pod["metadata"]["uid"]) = (json!(name), json!(format!("u-{name}")));
        pod
    };
    world.apply("Pod", &named("a", 1, "Running")).await;
    world.until(100).await;
    world.push(&failed("duration: 1m, resolveAfter: 0")).await;
    world.only = Some(0);
    world.hears_of(1, &[&named("a", 1, "Running")]).await;
    world.until(200).await;
    assert_eq!((world.told().len(), world.checks()), (2, vec![]), "the pod has not failed");
    world.heard_of = 0;
    world.rule_table.set_script(|_| Some(Fault::Unavailable));
    world.only = Some(1);
    // It has failed now, and behind it in the same pack another one; and that pack comes twice.
    let pods = [named("a", 2, "Failed"), named("b", 3, "Running")];
    for pod in &pods {
        world.live("Pod", pod);
    }
    for _ in 0..2 {
        let told = |pod| Told { kind: ChangeKind::Applied, of: "Pod", object: Some(pod), list: None };
        world.tell(&pods.iter().map(told).collect::<Vec<_>>()).await;
    }
    world.until(300).await;
    assert_eq!(world.queue.waiting(prodrome_queue::QueueName::Changes), 0, "no pack waits");
    world.until(3_800).await;
    let open = |world: &World| -> Vec<_> {
        world.checks().into_iter().map(|check| (check.object.name, check.rules)).collect()
    };
    assert_eq!(open(&world), [("a".to_owned(), 1), ("b".to_owned(), 0)]);
    assert_eq!(world.told()[2..], [(260, "Unready", None)], "the second is told by the rules at hand, once");
    world.rule_table.clear_script();
    world.until(6_000).await;
    assert_eq!(open(&world), [("a".to_owned(), 1)], "the first has failed, and the second has not");
    let rest: Vec<_> = world.told()[3..].iter().map(|(_, _, reason)| *reason).collect();
    assert_eq!(rest, [None, Some(EndReason::Recovered)]);
    world.assert_quiet();
}

/// What a rule that is deleted has told ends, and what a new one finds is told, whoever dies at whichever moment.
#[tokio::test]
async fn a_death_at_any_moment_of_a_rollout_leaves_nothing_behind() {
    let mut deaths = 0;
    for victim in 0..4 {
        for polls in 0.. {
            let mut world = World::following(&unready("duration: 0"), 2);
            let broken = pod(1, false, "Failed");
            world.apply("Pod", &broken).await;
            world.until(100).await;
            world.push(&failed("duration: 0").replace("Unready", "Failing")).await;
            let mut handlings = 0;
            world.death = Box::new(move || {
                handlings += 1;
                (handlings == victim + 1).then_some(polls)
            });
            world.hears_of(1, &[&broken]).await;
            world.until(1_000).await;
            let what = format!("death of handling {victim} after {polls} polls");
            let of = |rule: &str, ends: bool| {
                let is_end = |finding: &&Finding| (finding.state != FindingState::Firing) == ends;
                world.findings.iter().filter(|finding| finding.rule == rule).filter(is_end).count()
            };
            // One that was not heard of is sent again, under the same fingerprint.
            assert_eq!(of("Unready", false), 1, "{what}");
            assert!((1..=2).contains(&of("Unready", true)), "{what}");
            assert!((1..=2).contains(&of("Failing", false)) && of("Failing", true) == 0, "{what}");
            let open: Vec<_> = world.checks().into_iter().map(|check| check.rule).collect();
            assert_eq!(open, ["Failing"], "{what}");
            world.assert_quiet();
            if world.deaths == 0 {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 40, "only {deaths} deaths");
}
