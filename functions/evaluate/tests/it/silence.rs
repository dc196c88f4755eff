//! A cluster that goes silent: it is told, and what waits there neither fires nor ends by mistake.

use crate::truth::{Pod, RULES};
use crate::world::{World, at, rules, seconds};
use prodrome_ledger::{Forgotten, Ledger};
use prodrome_model::{EndReason, Finding, FindingState, Severity};
use prodrome_rules::RuleSet;
use prodrome_store::{Fault, OperationKind};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

const SILENT: &str = "ClusterSilent";

fn watched(rules: &Arc<RuleSet>) -> World {
    let mut world = World::new(Arc::clone(rules));
    (world.counts, world.lag_seconds) = (true, Some(0));
    world
}

/// The watcher sends what it sends where nothing changes, once a minute.
async fn heartbeats(world: &mut World, from: i64, to: i64) {
    for second in (from..to).step_by(60) {
        world.until(second).await;
        world.tell(&[]).await;
    }
}

fn pod(phase: &'static str, ready: bool, version: u64) -> serde_json::Value {
    Pod { uid: "u".into(), created: 0, phase, ready, config: "settings" }.json("a", version)
}

/// What was told of the cluster: each thing once, however often it was handed over.
fn told(world: &World) -> Vec<Finding> {
    let mut told: Vec<Finding> = Vec::new();
    for finding in world.findings.iter().filter(|finding| finding.rule == SILENT) {
        if !told.contains(finding) {
            told.push(finding.clone());
        }
    }
    told
}

/// Since when, when it fired, and when and why it ended.
fn lines(world: &World) -> Vec<String> {
    let line = |finding: &Finding| {
        let (since, fired) = (seconds(finding.since), seconds(finding.fired_at));
        match &finding.state {
            FindingState::Firing => format!("since {since} fired {fired}"),
            FindingState::Ended(end) => format!("since {since} ended {} {:?}", seconds(end.at), end.reason),
        }
    };
    told(world).iter().map(line).collect()
}

/// Heard for a minute, silent for eleven, and heard again.
async fn episode(world: &mut World) {
    heartbeats(world, 0, 61).await;
    heartbeats(world, 730, 860).await;
    world.until(1_000).await;
}

const TOLD: [&str; 2] = ["since 60 fired 660", "since 60 ended 730 Recovered"];
/// From here on something happens.
const INTERESTING: i64 = 600;

#[tokio::test]
async fn a_cluster_that_goes_silent_is_told_once_and_ends_when_it_is_heard() {
    let mut world = watched(&rules(RULES));
    episode(&mut world).await;
    assert_eq!(lines(&world), TOLD);
    let [begun, ended] = told(&world).try_into().unwrap();
    assert_eq!((begun.severity, &begun.scope), (Severity::P1, &world.scope));
    assert_eq!(begun.summary, "nothing was heard of the cluster kind for 10 minutes: nobody looks after it");
    assert_eq!(begun.fingerprint, ended.fingerprint);
    assert_eq!(world.findings.len(), 2, "once each");
    world.until(1_500).await;
    assert_eq!(lines(&world)[2..], ["since 850 fired 1500"], "another silence is another alert");
}

#[tokio::test]
async fn two_sweeps_at_once_tell_one_story() {
    let mut world = watched(&rules(RULES));
    world.sweeps = 2;
    episode(&mut world).await;
    assert_eq!(lines(&world), TOLD);
}

#[tokio::test]
async fn a_death_at_any_moment_loses_nothing_and_tells_one_story() {
    let rules = rules(RULES);
    let handlings = Arc::new(AtomicUsize::new(0));
    let mut deaths = 0;
    for sweeps in [1, 2] {
        for victim in 0.. {
            for polls in 0.. {
                let mut world = watched(&rules);
                world.sweeps = sweeps;
                handlings.store(0, Ordering::Relaxed);
                let (counted, queue) = (Arc::clone(&handlings), world.queue.clone());
                world.death = Box::new(move || {
                    let is_counted = queue.now() >= at(INTERESTING);
                    (is_counted && counted.fetch_add(1, Ordering::Relaxed) == victim).then_some(polls)
                });
                episode(&mut world).await;
                if world.deaths == 0 {
                    break;
                }
                deaths += 1;
                assert_story(&world, &format!("{sweeps} sweeps, death {victim} after {polls} polls"));
            }
            if handlings.load(Ordering::Relaxed) <= victim {
                break;
            }
        }
    }
    assert!(deaths > 300, "only {deaths} deaths");
}

#[tokio::test]
async fn a_fault_at_any_operation_loses_nothing_and_tells_one_story() {
    let rules = rules(RULES);
    let mut faults = 0;
    for fault in [Fault::Unavailable, Fault::Conflict, Fault::AnswerLost, Fault::ConflictAfterCommit] {
        for number in 0.. {
            let mut world = watched(&rules);
            let (hit, hits) = mpsc::channel();
            world.store.set_script(move |operation| {
                let now = operation.number == number && operation.kind != OperationKind::Due;
                now.then(|| hit.send(()).map(|()| fault)).transpose().unwrap()
            });
            episode(&mut world).await;
            assert_story(&world, &format!("{fault:?} at operation {number}"));
            faults += hits.try_iter().count();
            if number >= world.store.operations() {
                break;
            }
        }
    }
    assert!(faults > 300, "only {faults} faults");
}

/// One begin and one end of one identity; a tick that was lost, or a pack that came late, moves them by a minute or so.
fn assert_story(world: &World, what: &str) {
    let told = told(world);
    let [begun, ended] = &told[..] else { panic!("{what}: {:?}", lines(world)) };
    assert_eq!(begun.fingerprint, ended.fingerprint, "{what}");
    assert!(begun.fired_at >= at(600) && begun.fired_at <= at(720), "{what}: {:?}", lines(world));
    let FindingState::Ended(end) = &ended.state else { panic!("{what}: {:?}", lines(world)) };
    assert!(end.reason == EndReason::Recovered && end.at >= at(730), "{what}: {:?}", lines(world));
}

#[tokio::test]
async fn a_watcher_that_lives_and_sees_nothing_of_its_cluster_is_a_silence_too() {
    let mut world = watched(&rules(RULES));
    heartbeats(&mut world, 0, 301).await;
    for second in (360..1_261).step_by(60) {
        world.until(second).await;
        world.lag_seconds = Some(u32::try_from(second - 300).unwrap());
        world.tell(&[]).await;
    }
    world.until(1_270).await;
    assert_eq!(lines(&world), ["since 300 fired 960"]);
    assert!(told(&world)[0].summary.contains("has seen nothing of it for 11 minutes"), "{:#?}", told(&world));
    world.lag_seconds = Some(0);
    heartbeats(&mut world, 1_320, 1_400).await;
    world.until(1_500).await;
    assert_eq!(lines(&world)[1..], ["since 300 ended 1320 Recovered"]);
}

#[tokio::test]
async fn a_cluster_that_is_forgotten_ends_its_silence_and_one_that_is_off_the_ledger_does_not() {
    let mut world = watched(&rules(RULES));
    heartbeats(&mut world, 0, 301).await;
    world.until(1_000).await;
    let month = 30 * 24 * 3_600;
    world.store.forget_expired(at(month));
    world.until(1_200).await;
    assert_eq!(lines(&world), ["since 300 fired 900"], "after weeks nobody knows more than before");
    let forgotten = Ledger::new(world.store.clone()).forget(&world.scope, world.now).await.unwrap();
    assert_eq!(forgotten, Forgotten::Done { runs: 0, was_silent: true });
    world.until(1_300).await;
    assert_eq!(lines(&world)[1..], ["since 300 ended 1200 Deleted"]);
}

/// What fired of objects, by rule and second, and by whether the cluster could be read then.
fn fired(world: &World) -> BTreeSet<(String, i64, bool)> {
    let fired = world.findings.iter().filter(|f| f.rule != SILENT && f.state == FindingState::Firing);
    let second = |finding: &Finding| finding.fired_at.duration_since(at(0)).as_secs();
    fired.map(|finding| (finding.rule.clone(), second(finding), finding.stale.is_some())).collect()
}

fn of_unready(world: &World) -> Vec<(i64, bool)> {
    let fired = fired(world).into_iter().filter(|(rule, ..)| rule == "Unready");
    fired.map(|(_, second, stale)| (second, stale)).collect()
}

/// Unready at 100, which has to last until 400; the watcher is heard at 100 for the last time.
async fn falls_silent(unreadable: bool) -> World {
    let mut world = watched(&rules(RULES));
    world.apply("Pod", &pod("Running", true, 1)).await;
    world.until(100).await;
    world.apply("Pod", &pod("Running", false, 2)).await;
    world.until(101).await;
    world.set_unreadable(1, if unreadable { 100 } else { 0 });
    world
}

#[tokio::test]
async fn what_waits_in_a_silent_cluster_fires_by_the_live_object_and_not_by_what_was_known_last() {
    let mut world = falls_silent(true).await;
    world.until(1_200).await;
    assert_eq!(of_unready(&world), [], "it may have recovered");
    assert_eq!(lines(&world).len(), 1, "that nobody knows is told");
    world.set_unreadable(0, 0);
    world.until(1_300).await;
    let [(second, false)] = of_unready(&world)[..] else { panic!("{:?}", fired(&world)) };
    assert!((1_200..1_270).contains(&second), "{second}");

    let mut readable = falls_silent(false).await;
    readable.until(1_200).await;
    assert_eq!(of_unready(&readable), [(400, false)], "what can be read need not wait");
}

#[tokio::test]
async fn what_recovered_in_a_silent_cluster_never_fires() {
    let mut world = falls_silent(true).await;
    world.live("Pod", &pod("Running", true, 3));
    world.until(1_200).await;
    world.apply("Pod", &pod("Running", true, 3)).await;
    heartbeats(&mut world, 1_210, 1_900).await;
    world.set_unreadable(0, 0);
    heartbeats(&mut world, 1_930, 2_500).await;
    assert_eq!(of_unready(&world), []);
}

#[tokio::test]
async fn what_was_seen_to_last_fires_though_its_cluster_cannot_be_read() {
    // By a watcher that is heard: it would have told of a recovery.
    let mut world = falls_silent(true).await;
    heartbeats(&mut world, 160, 500).await;
    let [(second, true)] = of_unready(&world)[..] else { panic!("{:?}", fired(&world)) };
    assert!((400..=460).contains(&second), "{second}");
    // By one that is late, and had seen enough.
    let mut world = falls_silent(true).await;
    world.until(470).await;
    assert_eq!(of_unready(&world), []);
    world.lag_seconds = Some(65);
    world.tell(&[]).await;
    world.until(540).await;
    let [(second, true)] = of_unready(&world)[..] else { panic!("{:?}", fired(&world)) };
    assert!((470..=530).contains(&second), "{second}");
}
