//! What a list names, and what it does not.

use crate::truth::{Config, Pod, RULES};
use crate::world::{Told, World, rules};
use prodrome_lifecycle::Phase;
use prodrome_model::ChangeKind::{Applied, ListBegin, ListEnd};
use prodrome_model::EndReason;
use prodrome_queue::QueueName;

/// A configuration that is bad goes, and only a list tells of it: what was told of the pod that refers to it is over, and that
/// it is missing begins, as where its deletion is told.
#[tokio::test]
async fn what_goes_unseen_wakes_those_that_refer_to_it_as_a_deletion_does() {
    let pod = Pod { uid: "a".into(), created: 0, phase: "Running", ready: true, config: "settings" };
    let bad = Config::Bad.json("settings", 1);
    for is_told in [true, false] {
        let mut world = World::new(rules(RULES));
        world.apply("ConfigMap", &bad).await;
        world.apply("Pod", &pod.json("a", 2)).await;
        world.until(1_000).await;
        assert_eq!(world.of("Misconfigured").len(), 1, "{:#?}", world.findings);
        if is_told {
            world.delete("ConfigMap", &bad).await;
        } else {
            world.live_without("ConfigMap", &bad);
            let list = || Some("1/configmaps/1".to_owned());
            let mark = |kind| Told { kind, of: "ConfigMap", object: None, list: list() };
            world.tell(&[mark(ListBegin), mark(ListEnd)]).await;
        }
        world.until(1_250).await;
        let ends: Vec<_> = world.of("Misconfigured").iter().filter_map(|(.., reason)| *reason).collect();
        assert_eq!(ends, [EndReason::Recovered], "told: {is_told}");
        assert_eq!(world.of("Unconfigured").len(), 1, "told: {is_told}");
        world.assert_quiet();
    }
}

/// A pod that failed was replaced, as a look finds, and the queue does not accept its end. It is back, as the cluster is set
/// back, and a list names it in the version that was known; then the end is carried on by late news of the other.
#[tokio::test]
async fn what_is_back_while_its_end_is_on_its_way_is_told_again() {
    let pod = |uid: &str, phase, version| {
        Pod { uid: uid.into(), created: 0, phase, ready: true, config: "settings" }.json("a", version)
    };
    let (failed, other) = (pod("u1", "Failed", 80), pod("u2", "Running", 90));
    let mut world = World::new(rules(RULES));
    world.apply("Pod", &failed).await;
    world.until(400).await;
    world.queue.set_refusing(QueueName::Findings, Some("down".to_owned()));
    world.live_without("Pod", &failed);
    world.live("Pod", &other);
    world.until(700).await;
    let is_ending = |world: &World| {
        world.checks().iter().any(|c| c.rule == "Failed" && matches!(c.phase, Phase::Ending { .. }))
    };
    assert!(is_ending(&world), "{:#?}", world.checks());
    world.queue.set_refusing(QueueName::Findings, None);
    world.live_without("Pod", &other);
    world.live("Pod", &failed);
    let list = || Some("1/pods/1".to_owned());
    let told = |kind, object| Told { kind, of: "Pod", object, list: list() };
    world.tell(&[told(ListBegin, None), told(Applied, Some(&failed)), told(ListEnd, None)]).await;
    world.tell_of_before(450, &[Told { kind: Applied, of: "Pod", object: Some(&other), list: None }]).await;
    world.until(1_000).await;
    let reasons: Vec<_> = world.of("Failed").iter().map(|(uid, .., reason)| (*uid, *reason)).collect();
    assert_eq!(reasons, [("u1", None), ("u1", Some(EndReason::Deleted)), ("u1", None)]);
}
