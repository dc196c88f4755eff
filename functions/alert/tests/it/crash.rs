//! Dying at every point between two writes.

use crate::findings::{caused, crashing, recovered, seen_by};
use crate::world::World;
use prodrome_model::{Finding, NoticeKind, Severity};
use prodrome_store::{Fault, OperationKind};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

/// A fault with two objects on two channels, from begin to end: seen by one rule, or by one on each.
async fn episode(world: &mut World, of_cause: bool) {
    let urgent = |pod: &str| Finding { severity: Severity::P2, ..crashing("web", pod, 0) };
    let (a, b) = if of_cause {
        let unavailable = seen_by("DeploymentUnavailable", "Deployment", "web", urgent("web"));
        // It is told to one channel first, as it is worse.
        let mild = Finding { severity: Severity::P3, ..urgent("a") };
        (caused("app-error", "web", mild), caused("app-error", "web", unavailable))
    } else {
        (urgent("a"), urgent("b"))
    };
    world.send(&a).await;
    world.until(300).await;
    world.send(&b).await;
    world.until(900).await;
    world.send(&recovered(&a, 900)).await;
    world.send(&recovered(&b, 900)).await;
    world.until(3_000).await;
}

/// How often each channel was told each notice.
fn copies(world: &World) -> BTreeMap<(String, NoticeKind, u32), usize> {
    let mut copies = BTreeMap::new();
    for (channel, notice) in world.phones.0.delivered() {
        *copies.entry((channel, notice.kind, notice.sequence)).or_insert(0) += 1;
    }
    copies
}

fn assert_told(world: &World, repeats_max: usize, what: &str) {
    let copies = copies(world);
    for channel in ["chat", "phone"] {
        let of = |kind| copies.iter().filter(move |((c, k, _), _)| c == channel && *k == kind);
        assert_eq!(of(NoticeKind::Alert).count(), 1, "{what}: {channel}: {copies:#?}");
        assert_eq!(of(NoticeKind::Resolved).count(), 1, "{what}: {channel}: {copies:#?}");
        let last = world.phones.0.delivered().into_iter().rfind(|(c, _)| c == channel).unwrap().1;
        assert_eq!(last.kind, NoticeKind::Resolved, "{what}: {channel}");
        assert_eq!(last.count, 2, "{what}: {channel}: both were counted");
    }
    let repeats: usize = copies.values().map(|n| n - 1).sum();
    assert!(repeats <= repeats_max, "{what}: {copies:#?}");
    world.assert_at_rest();
}

#[tokio::test]
async fn a_death_at_any_moment_loses_nothing_and_repeats_at_most_what_was_being_sent() {
    let mut deaths = 0;
    for of_cause in [false, true] {
        for victim in 0.. {
            let handlings = Arc::new(AtomicUsize::new(0));
            // Each poll ends at a moment before or after an operation, so these are all of them.
            for polls in 0.. {
                let mut world = World::new();
                handlings.store(0, Ordering::Relaxed);
                let counted = Arc::clone(&handlings);
                world.death =
                    Box::new(move || (counted.fetch_add(1, Ordering::Relaxed) == victim).then_some(polls));
                episode(&mut world, of_cause).await;
                if world.deaths == 0 {
                    break;
                }
                deaths += 1;
                // One death can interrupt a sending on each of the two channels.
                assert_told(&world, 2, &format!("death of handling {victim} after {polls} polls"));
            }
            if handlings.load(Ordering::Relaxed) <= victim {
                break;
            }
        }
    }
    assert!(deaths > 120, "only {deaths} deaths");
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_operation_loses_nothing_and_repeats_nothing() {
    let mut faults = 0;
    let kinds = [Fault::Unavailable, Fault::Conflict, Fault::AnswerLost, Fault::ConflictAfterCommit];
    for (fault, of_cause) in kinds.into_iter().flat_map(|fault| [(fault, false), (fault, true)]) {
        let mut number = 0;
        loop {
            let mut world = World::new();
            let (hit, hits) = mpsc::channel();
            world.store.set_script(move |operation| {
                let now = operation.number == number && operation.kind != OperationKind::Due;
                now.then(|| hit.send(()).map(|()| fault)).transpose().unwrap()
            });
            episode(&mut world, of_cause).await;
            let operations = world.store.operations();
            // A sending that cannot be written down is the one thing that may come twice, once a channel.
            assert_told(&world, 1, &format!("{fault:?} at operation {number}"));
            faults += hits.try_iter().count();
            number += 1;
            if number >= operations {
                break;
            }
        }
    }
    assert!(faults > 200, "only {faults} faults");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_others_keep_changing_is_left_for_later() {
    let mut world = World::new();
    world.store.set_script(|operation| (operation.kind == OperationKind::Commit).then_some(Fault::Conflict));
    world.send(&crashing("web", "a", 0)).await;
    world.until(10).await;
    assert_eq!(world.told("chat"), Vec::<String>::new());
    world.store.clear_script();
    world.until(400).await;
    assert_eq!(world.told("chat"), ["180s alert P3 n=1"], "when its message comes again");
}
