//! What chance makes too rarely to wait for it.

use prodrome_sim::{Deed, DeedKind, Fault, Millis, Phase, Plan, What, run};

const MINUTE: Millis = 60_000;

fn fault(from: Millis, to: Millis, what: What) -> Fault {
    Fault { from, to, what, seed: 1 }
}

/// While the queue is down a pod is unready, becomes ready, and etcd is restored to when it was not. What waits then is of a
/// higher version than what the list names, and of a time that never was; taken for news, nobody would hear of the pod.
#[test]
fn what_waits_for_the_queue_does_not_stand_against_the_list_after_etcd_was_restored() {
    let created = |name| DeedKind::Create(name, Phase::Running, true, "settings");
    let mut deeds =
        vec![(0, DeedKind::Config("settings", Some(false))), (1_000, created("a")), (2_000, created("b"))];
    // As many packs as may be under way are, so that the rest waits.
    deeds.extend((0..6).map(|n| (3 * MINUTE + 5_000 * n, DeedKind::Touch("b"))));
    deeds.extend([(4 * MINUTE, DeedKind::Ready("a", false)), (6 * MINUTE, DeedKind::Ready("a", true))]);
    let outcome = run(&Plan {
        seed: 1,
        length: 30 * MINUTE,
        deeds: deeds.into_iter().map(|(at, what)| Deed { at, what }).collect(),
        faults: vec![
            fault(5 * MINUTE, 7 * MINUTE, What::EtcdRestored),
            fault(2 * MINUTE, 20 * MINUTE, What::QueueRefuses(100)),
        ],
        waiting_bytes_max: 8 << 20,
        watchers: 1,
    });
    assert_eq!(outcome.complaints, Vec::<String>::new());
    assert_eq!(
        outcome.findings, 4,
        "three rules see that it is unready, and nothing is heard of the cluster for long"
    );
}

/// Three rules see that pods are unready: of two that have one owner each is one alert, and one that has none has its own.
#[test]
fn several_pods_of_one_owner_are_one_alert() {
    let created = |name| DeedKind::Create(name, Phase::Running, false, "settings");
    let deeds = [
        (0, DeedKind::Config("settings", Some(false))),
        (1_000, created("a")),
        (20_000, created("b")),
        (40_000, created("d")),
        (15 * MINUTE, DeedKind::Ready("a", true)),
        (25 * MINUTE, DeedKind::Ready("b", true)),
    ];
    let outcome = run(&Plan {
        seed: 1,
        length: 40 * MINUTE,
        deeds: deeds.into_iter().map(|(at, what)| Deed { at, what }).collect(),
        faults: Vec::new(),
        waiting_bytes_max: 8 << 20,
        watchers: 1,
    });
    assert_eq!(outcome.complaints, Vec::<String>::new());
    assert_eq!((outcome.findings, outcome.alerts), (9, 6));
}
