//! What people are told, from the first finding to the end.

use crate::findings::{at, crashing, ended, recovered, scope};
use crate::world::{World, text};
use prodrome_alerting::log::Event;
use prodrome_alerting::{WatchSign, keys};
use prodrome_lambda::{Handler, Tally, metric};
use prodrome_model::{
    AlertMessage, Diagnosis, DueMessage, EndReason, Finding, NoticeKind, Owner, Severity, Subject,
};
use prodrome_queue::Body;
use prodrome_store::{Expect, Record, Store, Write};

#[tokio::test]
async fn a_fault_is_told_at_once_followed_and_ended() {
    let mut world = World::new();
    let (a, b) = (crashing("web", "a", 0), crashing("web", "b", 10));
    world.send(&a).await;
    world.until(10).await;
    world.send(&b).await;
    world.until(100).await;
    world.send(&recovered(&a, 100)).await;
    world.send(&recovered(&b, 100)).await;
    world.until(200).await;
    assert_eq!(
        world.told("chat"),
        ["0s alert P3 n=1", "30s update P3 n=2 +b", "100s resolved P3 n=2 ended=100s"]
    );
    assert_eq!(world.told("phone"), Vec::<String>::new());
    world.assert_at_rest();
    let receipts: Vec<_> = world.phones.0.attempts().into_iter().map(|a| a.receipt).collect();
    assert_eq!(receipts, [None, Some("receipt-1".to_owned()), Some("receipt-1".to_owned())]);
    assert_eq!(world.tally.count(metric::ALERTS_OPENED), 1);
    assert_eq!(world.tally.count(metric::NOTICES_SENT), 3);
}

#[tokio::test]
async fn one_group_is_one_alert_and_two_are_two() {
    let mut world = World::new();
    world.send(&crashing("web", "a", 0)).await;
    world.send(&crashing("db", "b", 0)).await;
    world.send(&Finding { rule: "PodNotReady".into(), ..crashing("web", "c", 0) }).await;
    world.until(60).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1"; 3]);
}

#[tokio::test]
async fn five_hundred_pods_are_one_alert_and_a_bounded_number_of_updates() {
    let mut world = World::new();
    let pods: Vec<Finding> =
        (0..500).map(|i| crashing("web", &format!("pod-{i}"), i64::from(i) / 5)).collect();
    for (i, pod) in (0_i64..).zip(&pods) {
        world.until(i / 5).await;
        world.send(pod).await;
    }
    world.until(3_600).await;
    let told = world.told("chat");
    assert_eq!(told[0], "0s alert P3 n=1");
    assert!(told.len() <= 5, "{told:#?}");
    assert!(told[1..].iter().all(|line| line.contains("update")), "{told:#?}");
    let largest = world.store.records().iter().map(|r| r.data.len()).max().unwrap();
    assert!(largest < 40_000, "the largest record has {largest} bytes");
    for pod in &pods {
        world.send(&recovered(pod, 3_600)).await;
    }
    world.until(3_700).await;
    let after = &world.told("chat")[told.len()..];
    assert_eq!(after.len(), 1);
    assert!(after[0].starts_with("3600s resolved P3 n=500"), "{after:#?}");
    world.assert_at_rest();
}

#[tokio::test]
async fn forty_pods_of_six_apps_with_one_cause_are_one_alert_that_says_so() {
    let mut world = World::new();
    let refused = |nth: i64| {
        let app = format!("app-{}", nth % 6);
        let mut finding = crashing(&app, &format!("pod-{nth}"), nth / 10);
        let workload = Some(finding.group.owner.clone());
        let shared = Some("registry r.example".to_owned());
        finding.cause = Some("registry-unavailable".into());
        finding.owner = Owner::Platform;
        finding.group.key = "cause/registry-unavailable/shared/registry r.example".into();
        finding.diagnosis = Some(Box::new(Diagnosis { shared, workload, ..Diagnosis::default() }));
        finding
    };
    let pods: Vec<Finding> = (0..40).map(refused).collect();
    for (nth, pod) in (0_i64..).zip(&pods) {
        world.until(nth / 10).await;
        world.send(pod).await;
    }
    world.until(600).await;
    let told = world.notices("chat");
    assert_eq!(told.iter().filter(|notice| notice.kind == NoticeKind::Alert).count(), 1, "{told:#?}");
    let last = told.last().unwrap();
    assert_eq!((last.count, last.apps, last.namespaces, last.owner), (40, 6, 1, Owner::Platform));
    assert!(told.iter().all(|notice| notice.fingerprint == told[0].fingerprint));
    let receipts: Vec<_> = world.phones.0.attempts().into_iter().map(|a| a.receipt).collect();
    assert!(receipts.iter().skip(1).all(|receipt| *receipt == Some("receipt-1".to_owned())), "{receipts:?}");
    for pod in &pods {
        world.send(&recovered(pod, 600)).await;
    }
    world.until(700).await;
    assert_eq!(world.told("chat").last().unwrap(), "600s resolved P3 n=40 ended=600s");
    world.assert_at_rest();
}

#[tokio::test]
async fn a_rise_of_the_level_wakes_somebody() {
    let mut world = World::new();
    world.send(&crashing("web", "a", 0)).await;
    world.until(100).await;
    let worse = Finding { severity: Severity::P1, ..crashing("web", "b", 100) };
    world.send(&worse).await;
    world.until(110).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "100s update P1 n=2 +b"]);
    assert_eq!(world.told("phone"), ["100s alert P1 n=2 +b"], "for the phone it is the begin");
}

#[tokio::test]
async fn who_is_silenced_is_not_told_and_not_counted() {
    let mut world = World::new();
    let mut finding = crashing("web", "a", 0);
    let Subject::Object { object, .. } = &mut finding.subject;
    object.namespace = Some("sandbox".into());
    world.send(&finding).await;
    world.until(60).await;
    assert_eq!(world.told("chat"), Vec::<String>::new());
    assert_eq!(world.store.len(), 0);
}

#[tokio::test]
async fn no_alert_ends_while_the_watcher_is_behind() {
    let mut world = World::new();
    let sign = |seen: i64, lag_seconds| {
        let data = serde_json::to_string(&WatchSign { seen_at: at(seen), lag_seconds }).unwrap();
        Write::Put(Record::new(keys::watch(&scope()), data), Expect::Anything)
    };
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.store.commit(vec![sign(95, 600)]).await.unwrap();
    world.until(100).await;
    world.send(&recovered(&a, 100)).await;
    world.until(300).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1"]);
    world.store.commit(vec![sign(300, 3)]).await.unwrap();
    world.until(400).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "340s resolved P3 n=1 ended=100s"]);
    assert_eq!(world.log(&a.fingerprint).iter().filter(|e| **e == Event::Held).count(), 1);
    world.assert_at_rest();
}

#[tokio::test]
async fn no_alert_ends_while_the_watcher_is_not_heard() {
    let mut world = World::new();
    let heard = |seen: i64| {
        let data = serde_json::to_string(&WatchSign { seen_at: at(seen), lag_seconds: 0 }).unwrap();
        Write::Put(Record::new(keys::watch(&scope()), data), Expect::Anything)
    };
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.store.commit(vec![heard(0)]).await.unwrap();
    world.until(400).await;
    // By then nothing has been heard for longer than any sign counts.
    world.send(&recovered(&a, 100)).await;
    world.until(3_600).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1"]);
    world.store.commit(vec![heard(3_600)]).await.unwrap();
    world.until(3_700).await;
    let [alert, over] = &world.told("chat")[..] else {
        panic!("its end is told once: {:?}", world.told("chat"))
    };
    assert_eq!(alert, "0s alert P3 n=1");
    assert!(over.contains("resolved P3 n=1 ended=100s"), "{over}");
    world.assert_at_rest();
}

/// What is told of the cluster itself does not wait for its watcher: of one that is forgotten it would wait for ever.
#[tokio::test]
async fn the_silence_of_a_cluster_ends_though_its_watcher_is_not_heard() {
    let mut world = World::new();
    let data = serde_json::to_string(&WatchSign { seen_at: at(-900), lag_seconds: 0 }).unwrap();
    let sign = Write::Put(Record::new(keys::watch(&scope()), data), Expect::Anything);
    world.store.commit(vec![sign]).await.unwrap();
    let subject = Subject::Object { object: scope().object(), uid: scope().to_string() };
    let silent = Finding { subject, ..crashing("web", "a", 0) };
    world.send(&silent).await;
    world.until(100).await;
    world.send(&ended(&silent, 100, EndReason::Deleted)).await;
    world.until(400).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "220s resolved P3 n=1 ended=100s"]);
}

#[tokio::test]
async fn a_sign_of_life_that_cannot_be_read_holds_nothing_up() {
    let mut world = World::new();
    let sign = Record::new(keys::watch(&scope()), "{]");
    world.store.commit(vec![Write::Put(sign, Expect::Absent)]).await.unwrap();
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(100).await;
    world.send(&recovered(&a, 100)).await;
    world.until(200).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "100s resolved P3 n=1 ended=100s"]);
}

#[tokio::test]
async fn pods_that_are_replaced_keep_their_alert_open() {
    let mut world = World::new();
    let (a, b) = (crashing("web", "a", 0), crashing("web", "b", 150));
    world.send(&a).await;
    world.until(100).await;
    world.send(&ended(&a, 100, EndReason::Deleted)).await;
    world.until(150).await;
    world.send(&b).await;
    world.until(300).await;
    world.send(&ended(&b, 300, EndReason::Deleted)).await;
    world.until(1_000).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "420s resolved P3 n=2 +b ended=300s"]);
    world.assert_at_rest();
}

#[tokio::test]
async fn an_end_that_overtakes_its_finding_suppresses_it_for_fifteen_days() {
    let mut world = World::new();
    let a = crashing("web", "a", 0);
    world.send(&recovered(&a, 50)).await;
    world.until(100).await;
    world.send(&a).await;
    world.until(200).await;
    assert_eq!(world.told("chat"), Vec::<String>::new());
    assert!(matches!(&*world.log(&a.fingerprint), [Event::Suppressed { .. }]));
    let day = 86_400;
    world.until(14 * day).await;
    world.send(&a).await;
    world.until(15 * day + 1).await;
    assert_eq!(world.told("chat"), Vec::<String>::new());
    world.send(&a).await;
    world.until(15 * day + 2).await;
    assert_eq!(world.told("chat").len(), 1, "the store still has the record, but it has expired");
}

#[tokio::test]
async fn an_end_finds_its_beginning_though_its_group_is_named_otherwise() {
    let mut world = World::new();
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    let mut end = recovered(&a, 100);
    end.group = crashing("other", "a", 0).group;
    world.until(100).await;
    world.send(&end).await;
    world.until(200).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "100s resolved P3 n=1 ended=100s"]);
}

#[tokio::test]
async fn a_due_message_that_is_obsolete_early_or_about_nothing_does_no_harm() {
    let mut world = World::new();
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(1).await;
    world.send(&crashing("web", "b", 1)).await;
    world.until(2).await;
    let head = keys::head(&keys::group(&a));
    let due = |sort: &str, seconds| {
        let (partition, sort) = (head.partition.clone(), sort.to_owned());
        AlertMessage::Due(DueMessage { partition, sort, at: at(seconds) })
    };
    for message in
        [due("head", 29), due("head", 31), due("head", 30), due("nothing", 30), due("delivery#x#y", 30)]
    {
        let notices = world.alerts.handle(&message, at(3), &mut Tally::default()).await.unwrap();
        assert_eq!(notices, []);
    }
    assert_eq!(world.told("chat").len(), 1);
    world.until(60).await;
    assert_eq!(
        world.told("chat")[1..],
        ["30s update P3 n=2 +b"],
        "what came early was sent again, for its time"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_for_good() {
    let world = World::new();
    let mut newer = serde_json::to_value(AlertMessage::Finding(Box::new(crashing("web", "a", 0)))).unwrap();
    newer["version"] = 2.into();
    for (body, code) in [
        (Body::Text("{".into()), "finding_malformed"),
        (Body::Text(r#"{"type":"finding","version":1}"#.into()), "finding_malformed"),
        (Body::Text(newer.to_string()), "finding_version_unknown"),
        (Body::Pack(vec![1, 2, 3]), "finding_malformed"),
    ] {
        let delivery = prodrome_lambda::Delivery { id: "m".into(), body, attempt: 1, sent_at: None };
        let failure =
            Handler::handle(&world.alerts, &delivery, at(0), &mut Tally::default()).await.unwrap_err();
        assert_eq!((failure.code, failure.retryable), (code, false), "{failure}");
    }
    assert_eq!(world.store.len(), 0);
}

#[tokio::test]
async fn a_finding_too_large_for_the_table_is_refused_and_others_go_on() {
    let world = World::new();
    let mut finding = crashing("web", "a", 0);
    finding.group.key = "x".repeat(500_000);
    let message = AlertMessage::Finding(Box::new(finding));
    let delivery =
        prodrome_lambda::Delivery { id: "m".into(), body: text(&message), attempt: 1, sent_at: None };
    let failure = Handler::handle(&world.alerts, &delivery, at(0), &mut Tally::default()).await.unwrap_err();
    assert_eq!((failure.code, failure.retryable), ("record_too_large", false));
    assert_eq!(world.told("chat"), Vec::<String>::new());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_says_which() {
    let world = World::new();
    let a = crashing("web", "a", 0);
    let head = keys::head(&keys::group(&a));
    world.store.commit(vec![Write::Put(Record::new(head.clone(), "{]"), Expect::Absent)]).await.unwrap();
    let message = AlertMessage::Finding(Box::new(a));
    let error = world.alerts.handle(&message, at(0), &mut Tally::default()).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("record_malformed", false));
    assert!(error.to_string().contains(&head.partition), "{error}");
}

#[tokio::test]
async fn the_log_has_what_the_measures_need() {
    let mut world = World::new();
    let a = crashing("web", "a", -20);
    world.send(&a).await;
    world.until(100).await;
    world.send(&recovered(&a, 90)).await;
    world.until(200).await;
    let log = world.log(&a.fingerprint);
    assert!(
        matches!(
            &*log,
            [
                Event::Opened { since, .. },
                Event::Decided { .. },
                Event::Told { channel, attempt: 1, .. },
                Event::Left { ended, .. },
                Event::Decided { ended: Some(_), .. },
                Event::Told { attempt: 2, .. },
            ] if *since == at(-20) && *ended == at(90) && channel == "chat"
        ),
        "{log:#?}"
    );
    let records = world.records("log#");
    assert!(records.iter().all(|r| r.expires.is_some_and(|at_| at_ > at(89 * 86_400))));
}

#[test]
fn a_handling_can_move_between_threads() {
    fn assert_send<T: Send>(_: &T) {}
    let world = World::new();
    let message = AlertMessage::Finding(Box::new(crashing("web", "a", 0)));
    let mut tally = Tally::default();
    assert_send(&world.alerts.handle(&message, at(0), &mut tally));
}
