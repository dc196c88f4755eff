//! Dying at every point between two operations, and failing at each.

use crate::truth::{Config, Pod, RULES};
use crate::world::{Told, World, at, rules};
use prodrome_model::{ChangeKind, EndReason, Ended, Finding, FindingState};
use prodrome_queue::QueueName;
use prodrome_rules::RuleSet;
use prodrome_store::{Fault, OperationKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

fn pod(phase: &'static str, ready: bool) -> Pod {
    Pod { uid: "u".into(), created: 0, phase, ready, config: "settings" }
}

/// A pod that fails at once, is unready for long, recovers; and loses its configuration for a while.
async fn episode(world: &mut World) {
    world.apply("ConfigMap", &Config::Good.json("settings", 1)).await;
    world.apply("Pod", &pod("Running", true).json("a", 2)).await;
    world.until(100).await;
    world.apply("Pod", &pod("Failed", false).json("a", 3)).await;
    world.until(1_200).await;
    world.apply("Pod", &pod("Running", true).json("a", 4)).await;
    world.until(1_300).await;
    world.delete("ConfigMap", &Config::Good.json("settings", 5)).await;
    world.until(2_400).await;
    world.apply("ConfigMap", &Config::Good.json("settings", 6)).await;
    world.until(3_000).await;
}

/// What was told of each episode: by rule, the distinct findings and ends.
fn told(world: &World) -> BTreeMap<String, (Vec<Finding>, Vec<Ended>)> {
    let mut told: BTreeMap<String, (Vec<Finding>, Vec<Ended>)> = BTreeMap::new();
    for finding in &world.findings {
        let (begun, ended) = told.entry(finding.rule.clone()).or_default();
        match &finding.state {
            FindingState::Firing if !begun.contains(finding) => begun.push(finding.clone()),
            FindingState::Ended(end) if !ended.contains(end) => ended.push(end.clone()),
            _ => {}
        }
    }
    told
}

fn assert_told(world: &World, what: &str) {
    let told = told(world);
    let rules: Vec<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(rules, ["Failed", "Flapping", "Unconfigured", "Unready"], "{what}");
    for (rule, (begun, ended)) in &told {
        assert_eq!((begun.len(), ended.len()), (1, 1), "{what}: {rule}: {begun:#?} {ended:#?}");
    }
    let since = |rule: &str| told[rule].0[0].since;
    assert_eq!([since("Failed"), since("Unready"), since("Flapping")], [at(100); 3], "{what}");
    assert_eq!(world.checks(), [], "{what}");
    assert_eq!(world.records(), [], "{what}");
    world.assert_quiet();
}

fn the_rules() -> Arc<RuleSet> {
    rules(RULES)
}

#[tokio::test]
async fn a_death_at_any_moment_loses_nothing_and_tells_one_story() {
    let rules = the_rules();
    let mut deaths = 0;
    for victim in 0.. {
        let handlings = Arc::new(AtomicUsize::new(0));
        // Each poll ends at a moment before or after an operation, so these are all of them.
        for polls in 0.. {
            let mut world = World::new(Arc::clone(&rules));
            handlings.store(0, Ordering::Relaxed);
            let counted = Arc::clone(&handlings);
            world.death =
                Box::new(move || (counted.fetch_add(1, Ordering::Relaxed) == victim).then_some(polls));
            episode(&mut world).await;
            if world.deaths == 0 {
                break;
            }
            deaths += 1;
            assert_told(&world, &format!("death of handling {victim} after {polls} polls"));
        }
        if handlings.load(Ordering::Relaxed) <= victim {
            break;
        }
    }
    assert!(deaths > 300, "only {deaths} deaths");
}

#[tokio::test]
async fn a_fault_at_any_operation_loses_nothing_and_tells_one_story() {
    let rules = the_rules();
    let mut faults = 0;
    for fault in [Fault::Unavailable, Fault::Conflict, Fault::AnswerLost, Fault::ConflictAfterCommit] {
        let mut number = 0;
        loop {
            let mut world = World::new(Arc::clone(&rules));
            let (hit, hits) = mpsc::channel();
            world.store.set_script(move |operation| {
                let now = operation.number == number && operation.kind != OperationKind::Due;
                now.then(|| hit.send(()).map(|()| fault)).transpose().unwrap()
            });
            episode(&mut world).await;
            let operations = world.store.operations();
            assert_told(&world, &format!("{fault:?} at operation {number}"));
            faults += hits.try_iter().count();
            number += 1;
            if number >= operations {
                break;
            }
        }
    }
    assert!(faults > 300, "only {faults} faults");
}

#[tokio::test]
async fn whatever_conflicts_the_next_of_the_same_name_begins_when_it_was_seen() {
    let rules = the_rules();
    let mut conflicts = 0;
    for number in 0.. {
        let mut world = World::new(Arc::clone(&rules));
        let (hit, hits) = mpsc::channel();
        world.store.set_script(move |operation| {
            let now = operation.number == number && operation.kind == OperationKind::Commit;
            now.then(|| hit.send(()).map(|()| Fault::Conflict)).transpose().unwrap()
        });
        let old = pod("Running", false);
        let new = Pod { uid: "v".into(), ..old.clone() };
        world.apply("ConfigMap", &Config::Good.json("settings", 1)).await;
        world.apply("Pod", &old.json("a", 2)).await;
        world.until(400).await;
        let (gone, there) = (old.json("a", 3), new.json("a", 4));
        world.live("Pod", &there);
        world.tell(&[(ChangeKind::Deleted, &gone), (ChangeKind::Applied, &there)].map(of_a_pod)).await;
        world.until(1_000).await;
        let told: Vec<_> = world.findings.iter().filter(|finding| finding.rule == "Unready").collect();
        let episode =
            |uid: &'static str| told.iter().copied().filter(move |finding| finding.subject.uid() == uid);
        let end = Ended { at: at(400), reason: EndReason::Deleted };
        assert!(episode("u").any(|finding| finding.state == FindingState::Ended(end.clone())), "{told:#?}");
        let begun: Vec<_> = episode("v").map(|finding| (finding.since, finding.fired_at)).collect();
        assert_eq!(begun[..1], [(at(400), at(700))], "a conflict at operation {number}");
        conflicts += hits.try_iter().count();
        if number >= world.store.operations() {
            break;
        }
    }
    assert!(conflicts > 10, "only {conflicts} conflicts");
}

fn of_a_pod((kind, object): (ChangeKind, &Value)) -> Told<'_> {
    Told { kind, of: "Pod", object: Some(object), list: None }
}

#[tokio::test]
async fn queues_that_accept_nothing_for_a_while_delay_and_lose_nothing() {
    let rules = the_rules();
    for (queue, from, to) in [
        (QueueName::Findings, 90, 200),
        (QueueName::Findings, 390, 600),
        (QueueName::Findings, 1_250, 1_500),
        (QueueName::Checks, 90, 500),
        (QueueName::Checks, 1_000, 1_600),
    ] {
        let mut world = World::new(Arc::clone(&rules));
        // The episode up to then, with the queue down in between: time is let pass by the episode itself.
        let down = world.queue.clone();
        world.death = Box::new(move || {
            let now = down.now();
            let is_down = now >= at(from) && now < at(to);
            down.set_refusing(queue, is_down.then(|| "down".to_owned()));
            None
        });
        episode(&mut world).await;
        assert_told(&world, &format!("{queue:?} down from {from} s to {to} s"));
    }
}
