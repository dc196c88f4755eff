//! What chance makes too rarely to wait for it.

use prodrome_sim::{Away, Caller, Deed, DeedKind, Edit, Fault, Function, Millis, Phase, Plan, What, run};

const MINUTE: Millis = 60_000;

fn fault(from: Millis, to: Millis, what: What) -> Fault {
    Fault { from, to, what, seed: 1 }
}

/// These deeds in forty minutes without a fault, under one watcher.
fn calm(deeds: impl IntoIterator<Item = (Millis, DeedKind)>) -> Plan {
    Plan {
        seed: 1,
        length: 40 * MINUTE,
        deeds: deeds.into_iter().map(|(at, what)| Deed { at, what }).collect(),
        faults: Vec::new(),
        waiting_bytes_max: 8 << 20,
        watchers: 1,
        counts: false,
        events: false,
        streams_lists: false,
    }
}

/// The same, of a pod `a` that is made at an instant, ready or not.
fn one_pod(made: Millis, ready: bool, deeds: impl IntoIterator<Item = (Millis, DeedKind)>) -> Plan {
    let first = [
        (0, DeedKind::Config("settings", Some(false))),
        (made, DeedKind::Create("a", Phase::Running, ready, "settings")),
    ];
    calm(first.into_iter().chain(deeds))
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
        length: 30 * MINUTE,
        faults: vec![
            fault(5 * MINUTE, 7 * MINUTE, What::EtcdRestored),
            fault(2 * MINUTE, 20 * MINUTE, What::QueueRefuses(100)),
        ],
        ..calm(deeds)
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(
        outcome.findings, 4,
        "three rules see that it is unready, and nothing is heard of the cluster for long"
    );
}

/// A pod has failed; it is made anew, and etcd is restored to when it was not. The news of the other come minutes later, of a
/// higher version than what is there.
#[test]
fn what_comes_late_of_another_ends_nothing_after_etcd_was_restored() {
    let outcome = run(&Plan {
        faults: vec![
            fault(5 * MINUTE, 7 * MINUTE, What::EtcdRestored),
            fault(6 * MINUTE, 7 * MINUTE - 5_000, What::Delays(900)),
        ],
        ..one_pod(
            1_000,
            true,
            [
                (2 * MINUTE, DeedKind::Phase("a", Phase::Failed)),
                (6 * MINUTE + 30_000, DeedKind::Create("a", Phase::Running, true, "settings")),
            ],
        )
    });
    assert_eq!(outcome.complaints, []);
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
    let outcome = run(&calm(deeds));
    assert_eq!(outcome.complaints, []);
    assert_eq!((outcome.findings, outcome.alerts), (9, 6));
}

/// A configuration becomes good, and the pods that refer to it change before anybody has looked at them: what they tell of
/// themselves says nothing of what they refer to, and puts nothing off.
#[test]
fn a_change_of_a_pod_does_not_put_off_what_a_change_of_its_configuration_woke() {
    let pods = ["a", "b", "c", "d", "e", "f"];
    let all = |at: Millis, what: fn(&'static str) -> DeedKind| pods.map(|pod| (at, what(pod)));
    let mut deeds = vec![(0, DeedKind::Config("settings", Some(false)))];
    deeds.extend(all(1_000, |pod| DeedKind::Create(pod, Phase::Running, true, "settings")));
    deeds.push((4 * MINUTE, DeedKind::Config("settings", Some(true))));
    // What follows the first news within half a second comes in one pack with those of its shard.
    deeds.extend(all(10 * MINUTE, DeedKind::Touch));
    deeds.push((10 * MINUTE + 100, DeedKind::Config("settings", Some(false))));
    deeds.extend(all(10 * MINUTE + 200, DeedKind::Touch));
    let outcome = run(&calm(deeds));
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, pods.len());
}

/// What becomes of a pod that is unready from the first second on, when these versions are pushed.
fn pushed(pushes: &[(Millis, &'static str, Option<Edit>)], faults: Vec<Fault>) -> prodrome_sim::Outcome {
    let pushes = pushes.iter().map(|(at, rule, edit)| (*at, DeedKind::Push(rule, *edit)));
    run(&Plan { faults, ..one_pod(1_000, false, pushes) })
}

/// Three rules see it. One is changed when it has told of it, or while it waits.
#[test]
fn what_a_version_makes_of_a_rule_is_told_once() {
    let (told, waiting) = (10 * MINUTE, 2 * MINUTE);
    for (name, pushes, findings) in [
        ("longer", vec![(told, "Unready", Some(Edit::Longer))], 3),
        ("longer, while it waits", vec![(waiting, "Unready", Some(Edit::Longer))], 3),
        ("something else", vec![(waiting, "Unready", Some(Edit::OtherMeaning))], 2),
        ("deleted", vec![(waiting, "Unready", Some(Edit::Deleted))], 2),
        ("and back", vec![(told, "Unready", Some(Edit::Deleted)), (15 * MINUTE, "Unready", None)], 4),
        (
            "staged, and told again",
            vec![(told, "Unready", Some(Edit::Staged)), (15 * MINUTE, "Unready", None)],
            4,
        ),
    ] {
        let outcome = pushed(&pushes, Vec::new());
        assert_eq!(outcome.complaints, [], "{name}");
        assert_eq!(outcome.findings, findings, "{name}");
    }
}

/// The watcher lists for a rule that is new while no instance of evaluate can read it.
#[test]
fn what_is_listed_for_a_rule_that_cannot_be_read_yet_is_not_lost() {
    let away = (0..3).map(|instance| fault(14 * MINUTE, 17 * MINUTE, What::RulesUnreadable(instance)));
    let pushes = [(10 * MINUTE, "Unready", Some(Edit::Deleted)), (15 * MINUTE, "Unready", None)];
    let outcome = pushed(&pushes, away.collect());
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 4);
}

/// A pod becomes unready three times within ten minutes, which a rule counts.
#[test]
fn what_begins_often_is_told_once() {
    let blink = |n: Millis| {
        [(2 * n * MINUTE, false), (2 * n * MINUTE + 30_000, true)]
            .map(|(at, ready)| (at, DeedKind::Ready("a", ready)))
    };
    let outcome = run(&Plan { counts: true, ..one_pod(1_000, true, (1..=3).flat_map(blink)) });
    assert_eq!(outcome.complaints, []);
    assert_eq!((outcome.findings, outcome.alerts), (1, 1));
}

/// It is unready still when what was told of it is over, and has changed meanwhile: that is no fourth begin.
#[test]
fn what_goes_on_when_its_alert_is_over_has_not_begun_again() {
    let ready = |at, ready| (at, DeedKind::Ready("a", ready));
    let outcome = run(&Plan {
        counts: true,
        ..one_pod(
            7_000,
            false,
            [
                ready(69_000, true),
                ready(505_000, false),
                ready(524_000, true),
                ready(535_000, false),
                (635_000, DeedKind::Touch("a")),
                ready(700_000, true),
            ],
        )
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!((outcome.findings, outcome.alerts), (1, 1));
}

/// Evaluate is not invoked while a pod is unready for six minutes. What the news of that say is over when they are read; who
/// went by them alone would tell of it.
#[test]
fn what_is_over_when_the_news_of_it_are_read_is_not_told() {
    let outcome = run(&Plan {
        faults: vec![fault(210_000, 12 * MINUTE, What::NotInvoked(Function::Evaluate))],
        ..one_pod(
            1_000,
            true,
            [
                (4 * MINUTE, DeedKind::Ready("a", false)),
                (5 * MINUTE, DeedKind::Touch("a")),
                (6 * MINUTE, DeedKind::Touch("a")),
                (10 * MINUTE, DeedKind::Ready("a", true)),
            ],
        )
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 0);
}

/// Nothing ticks while a pod is unready, ready for longer than its rule forgives, and unready again.
#[test]
fn a_break_that_nobody_looked_at_in_time_counts() {
    let outcome = run(&Plan {
        faults: vec![fault(3 * MINUTE, 13 * MINUTE, What::NoSweep)],
        ..one_pod(
            1_000,
            true,
            [
                (4 * MINUTE, DeedKind::Ready("a", false)),
                (6 * MINUTE, DeedKind::Ready("a", true)),
                (10 * MINUTE, DeedKind::Ready("a", false)),
                (14 * MINUTE, DeedKind::Ready("a", true)),
            ],
        )
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 1, "by the one rule that waits for three minutes");
}

/// The event of a pod is seen until the pod is replaced by one of its name, and that one's soon after: what was seen of the
/// first says nothing of the second.
#[test]
fn what_events_told_of_a_pod_that_has_gone_is_not_taken_for_what_they_tell_of_the_next() {
    let seen = |at| (at, DeedKind::Seen("a"));
    let outcome = run(&Plan {
        events: true,
        ..one_pod(
            1_000,
            true,
            [
                seen(MINUTE),
                seen(150_000),
                seen(4 * MINUTE),
                (250_000, DeedKind::Create("a", Phase::Running, true, "settings")),
                seen(5 * MINUTE),
                seen(390_000),
            ],
        )
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 0);
}

/// The event of a pod is seen again and again, and expires each time: that takes nothing back.
#[test]
fn what_an_event_told_that_expired_counts() {
    let seen = |n: Millis| [(n * MINUTE, DeedKind::Seen("a")), (n * MINUTE + 10_000, DeedKind::Expired("a"))];
    let outcome = run(&Plan { events: true, ..one_pod(1_000, true, (1..=8).flat_map(seen)) });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 1);
}

/// A pod is ready again, and the cluster cannot be read, when a rule that forgives short breaks would fire: what is known
/// last is that it does not match.
#[test]
fn a_break_is_no_match_where_the_cluster_cannot_be_read() {
    let outcome = run(&Plan {
        faults: vec![fault(270_000, 8 * MINUTE, What::ApiDown(Caller::Functions, Away::Refuses))],
        ..one_pod(1_000, false, [(280_000, DeedKind::Ready("a", true))])
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 1, "by the one rule that waits for three minutes");
}

/// The watch cache of an API server that streams lists is behind for a quarter of an hour, and the watcher has to list: a pod
/// that is unready meanwhile is told of, as lists are read in pages then.
#[test]
fn a_cache_that_is_behind_keeps_no_list_away() {
    let outcome = run(&Plan {
        streams_lists: true,
        faults: vec![
            fault(4 * MINUTE, 19 * MINUTE, What::CacheLags(50)),
            fault(5 * MINUTE, 5 * MINUTE, What::Compaction),
        ],
        ..one_pod(
            1_000,
            true,
            [(6 * MINUTE, DeedKind::Ready("a", false)), (18 * MINUTE, DeedKind::Ready("a", true))],
        )
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 3);
}

/// A configuration that is bad goes while the watcher is away, and all that is past is forgotten then: only a list tells.
#[test]
fn what_a_list_does_not_name_of_what_others_refer_to_wakes_them() {
    let away = Fault { seed: 2, ..fault(15 * MINUTE, 15 * MINUTE + 20_000, What::WatcherKilled) };
    let outcome = run(&Plan {
        faults: vec![away],
        ..one_pod(
            1_000,
            true,
            [
                (5 * MINUTE, DeedKind::Config("settings", Some(true))),
                (15 * MINUTE + 10_000, DeedKind::Config("settings", None)),
            ],
        )
    });
    assert_eq!(outcome.complaints, []);
    assert_eq!(outcome.findings, 2, "that it was bad, and that it is missing");
}

/// For a quarter of an hour nothing is heard of a cluster in which all is well, in one way or another.
#[test]
fn a_cluster_that_is_silent_for_long_is_told_and_nothing_else() {
    for what in [
        What::WatcherKilled,
        What::WatcherSuspended,
        What::ApiDown(Caller::Watcher, Away::Refuses),
        What::NotInvoked(Function::Evaluate),
    ] {
        let faults = vec![fault(5 * MINUTE, 20 * MINUTE, what)];
        let outcome = run(&Plan { faults, ..one_pod(1_000, true, []) });
        assert_eq!(outcome.complaints, [], "{what:?}");
        assert_eq!((outcome.findings, outcome.alerts), (1, 1), "{what:?}");
    }
}

/// A pod is unready for four minutes, for which one rule of three waits, and later for eight. The clock of the watcher's host
/// is wrong by five minutes all the while, or is set in the midst of it; or those of the nodes are, which write since when.
#[test]
fn whatever_a_clock_of_the_cluster_shows_nothing_lasts_longer_or_less_long_for_it() {
    let (behind, ahead) = (What::WatchClock(-300_000), What::WatchClock(300_000));
    for (what, wrong) in [
        ("behind", vec![fault(0, 40 * MINUTE, behind)]),
        ("ahead", vec![fault(0, 40 * MINUTE, ahead)]),
        ("set right while it lasts", vec![fault(0, 6 * MINUTE, behind)]),
        ("set right before it is over", vec![fault(0, 15 * MINUTE, ahead)]),
        (
            "set back and forth",
            (4..20).step_by(2).map(|n| fault(n * MINUTE, (n + 1) * MINUTE, ahead)).collect(),
        ),
        ("set wrong while it lasts", vec![fault(5 * MINUTE, 40 * MINUTE, behind)]),
        ("of the nodes", vec![fault(0, 40 * MINUTE, What::NodeClocks(300_000))]),
    ] {
        let ready = |at, ready| (at * MINUTE, DeedKind::Ready("a", ready));
        let deeds = [ready(4, false), ready(8, true), ready(12, false), ready(20, true)];
        let outcome = run(&Plan { faults: wrong, ..one_pod(1_000, true, deeds) });
        assert_eq!(outcome.complaints, [], "{what}");
        assert_eq!(outcome.findings, 4, "{what}");
    }
}
