use super::*;
use crate::log::Event;
use prodrome_model::{Group, ObjectRef, Owner, Scope, Severity};
use std::collections::BTreeMap;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn pod(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}

fn notice(kind: NoticeKind, sequence: u32, joined: &[&str]) -> Notice {
    Notice {
        kind,
        fingerprint: serde_json::from_str("\"00ff\"").unwrap(),
        sequence,
        at: at(i64::from(sequence)),
        scope: Scope::new("default", "local", "kind"),
        rule: "PodCrashLooping".into(),
        severity: Severity::P3,
        owner: Owner::User,
        cause: None,
        diagnosis: None,
        object: pod("a"),
        group: Group { owner: pod("web"), key: "web".into() },
        count: 1,
        apps: 0,
        namespaces: 0,
        joined: joined.iter().map(|name| pod(name).into()).collect(),
        also: Vec::new(),
        since: at(0),
        ended: None,
        flapping: false,
        summary: String::new(),
        runbook: None,
        labels: BTreeMap::new(),
        object_labels: BTreeMap::new(),
        evidence: Vec::new(),
        events: Vec::new(),
        stale: None,
    }
}

fn delivery() -> Delivery {
    Delivery::new(serde_json::from_str("\"00ff\"").unwrap(), "chat".into())
}

fn claim(delivery: &mut Delivery, now: i64) -> Option<(NoticeKind, u32, Vec<String>)> {
    let (claim, _) = delivery.claim(at(now), &Policy::default());
    claim.map(|c| {
        (
            c.notice.kind,
            c.notice.sequence,
            c.notice.joined.into_iter().map(|joiner| joiner.object.name).collect::<Vec<_>>(),
        )
    })
}

fn sent() -> Settled {
    Settled::Sent { receipt: Some("thread".into()), forgets_after: None }
}

fn failed(retry_at: Option<i64>) -> Settled {
    Settled::Failed { reason: "serverError".into(), detail: None, retry_at: retry_at.map(at) }
}

use NoticeKind::{Alert, Resolved, Update};

#[test]
fn one_at_a_time_and_in_order() {
    let mut d = delivery();
    assert_eq!((claim(&mut d, 0), d.due()), (None, None));
    d.owe(notice(Alert, 0, &[]));
    assert_eq!(claim(&mut d, 0), Some((Alert, 0, vec![])));
    d.owe(notice(Update, 1, &["b"]));
    assert_eq!(claim(&mut d, 10), None, "somebody is at it");
    assert_eq!(d.due(), Some(at(60)), "the end of the lease");
    d.settle(1, sent(), at(11));
    assert_eq!(claim(&mut d, 11), Some((Update, 1, vec!["b".into()])));
    d.settle(2, sent(), at(12));
    assert_eq!((d.due(), d.receipt.as_deref(), d.told, d.told_end), (None, Some("thread"), true, false));
}

#[test]
fn newer_news_replaces_what_was_never_sent_and_loses_no_name() {
    let mut d = delivery();
    d.owe(notice(Alert, 0, &["b"]));
    claim(&mut d, 0).unwrap();
    d.owe(notice(Update, 1, &["c"]));
    d.settle(1, failed(Some(5)), at(1));
    d.owe(notice(Update, 2, &["b", "d"]));
    assert_eq!(claim(&mut d, 4), None, "not yet");
    assert_eq!(d.due(), Some(at(5)));
    let names = ["b", "c", "d"].map(str::to_owned).to_vec();
    assert_eq!(claim(&mut d, 5), Some((Alert, 2, names)), "for this channel it is the begin");
}

#[test]
fn what_was_over_before_it_could_be_told_is_told_once_as_over() {
    let mut d = delivery();
    d.owe(notice(Alert, 0, &[]));
    claim(&mut d, 0).unwrap();
    d.settle(1, failed(Some(5)), at(0));
    d.owe(notice(Resolved, 1, &[]));
    assert_eq!(claim(&mut d, 5), Some((Resolved, 1, vec![])));
    d.settle(2, sent(), at(5));
    assert_eq!((d.due(), d.told_end), (None, true));
}

#[test]
fn a_sender_that_died_is_replaced_when_its_lease_ends() {
    let mut d = delivery();
    d.owe(notice(Alert, 0, &[]));
    claim(&mut d, 0).unwrap();
    assert_eq!(claim(&mut d, 59), None);
    let (again, log) = d.claim(at(60), &Policy::default());
    assert_eq!(
        again.map(|c| (c.attempt, c.notice)),
        Some((2, notice(Alert, 0, &[]))),
        "the very same notice"
    );
    assert!(matches!(log[0].entry.event, Event::Lost { attempt: 1, .. }));
    assert_eq!(d.settle(1, failed(None), at(61)), [], "it is no longer the dead one's to say");
    assert!(d.claim.is_some());
    d.settle(1, sent(), at(62));
    assert!(d.told && d.claim.is_some(), "but that it was told is true");
    d.settle(2, sent(), at(63));
    assert_eq!(d.due(), None);
}

#[test]
fn what_is_given_up_makes_room_for_what_comes_next() {
    let mut d = delivery();
    d.owe(notice(Alert, 0, &[]));
    claim(&mut d, 0).unwrap();
    d.settle(1, failed(None), at(0));
    assert_eq!((d.due(), d.failures, d.failing_since), (None, 0, None));
    d.owe(notice(Update, 1, &[]));
    assert_eq!(claim(&mut d, 1), Some((Alert, 1, vec![])));
}

#[test]
fn failures_are_counted_until_one_succeeds() {
    let mut d = delivery();
    d.owe(notice(Alert, 0, &[]));
    for n in 1..=3 {
        claim(&mut d, i64::from(n) * 10).unwrap();
        d.settle(n, failed(Some(i64::from(n) * 10 + 10)), at(i64::from(n) * 10));
        assert_eq!((d.failures, d.failing_since), (n, Some(at(10))));
    }
    claim(&mut d, 40).unwrap();
    d.settle(4, sent(), at(40));
    assert_eq!((d.failures, d.failing_since, d.retry_at), (0, None, None));
}

#[test]
fn what_is_pending_and_unclaimed_is_due_since_it_was_decided() {
    let mut d = delivery();
    d.owe(notice(Update, 7, &[]));
    assert_eq!(d.due(), Some(at(7)));
}

#[test]
fn what_is_put_off_is_no_failure_and_comes_later() {
    let mut d = delivery();
    d.owe(notice(Alert, 0, &[]));
    claim(&mut d, 0).unwrap();
    assert_eq!(d.settle(1, Settled::Postponed { until: at(6) }, at(0)), []);
    assert_eq!((d.due(), d.failures, d.postponed), (Some(at(6)), 0, 1));
    assert_eq!(claim(&mut d, 6), Some((Alert, 0, vec![])));
    d.settle(2, sent(), at(6));
    assert_eq!(d.postponed, 0);
}

#[test]
fn a_channel_that_forgets_is_reminded_until_the_end() {
    let forgets = || Settled::Sent { receipt: None, forgets_after: Some(SignedDuration::from_secs(100)) };
    let mut d = delivery();
    d.owe(notice(Alert, 0, &["b"]));
    claim(&mut d, 0).unwrap();
    d.settle(1, forgets(), at(0));
    assert_eq!((claim(&mut d, 99), d.due()), (None, Some(at(100))));
    assert_eq!(claim(&mut d, 100), Some((Alert, 0, vec![])), "the same, and nobody joined since");
    d.settle(2, forgets(), at(100));
    d.owe(notice(Update, 1, &[]));
    assert_eq!(claim(&mut d, 150), Some((Update, 1, vec![])));
    d.settle(3, forgets(), at(150));
    assert_eq!(d.due(), Some(at(250)), "news counts as a reminder");
    d.owe(notice(Resolved, 2, &[]));
    claim(&mut d, 250).unwrap();
    d.settle(4, forgets(), at(250));
    assert_eq!((d.due(), d.told_end), (None, true));
}
