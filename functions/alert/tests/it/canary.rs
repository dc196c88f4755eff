//! The canary: it goes the way of any other alert, to nobody who has to act, and is counted where it arrives.

use crate::findings::{at, crashing, ended};
use crate::world::World;
use prodrome_lambda::metric;
use prodrome_model::{CANARY_RULE, EndReason, Finding, Fingerprint, ObjectRef, Severity, Subject};
use prodrome_notify::{Outcome, Reason};

const NOWHERE: &str = "
channels: { chat: { type: terminal }, phone: { type: terminal } }
deny: [ { rule: \"*\" } ]
default: [chat]
";
const TO_THE_PHONE: &str = "
channels:
  chat: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
  phone: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
default: [chat]
canary: [phone]
";

/// It breaks at a second, and that is found half a minute later.
fn canary(since: i64) -> Finding {
    let object = ObjectRef {
        api_version: "prodrome.dev/v1alpha1".into(),
        kind: "Canary".into(),
        namespace: None,
        name: "prodrome".into(),
    };
    let finding = crashing("web", "a", since);
    let subject = Subject::Object { object, uid: "uid-of-canary".into() };
    let fingerprint = Fingerprint::of_episode(&finding.scope, CANARY_RULE, &subject, at(since));
    Finding {
        rule: CANARY_RULE.into(),
        severity: Severity::P4,
        subject,
        fingerprint,
        fired_at: at(since + 30),
        ..finding
    }
}

fn counts(world: &World) -> (u64, u64) {
    (world.tally.count(metric::CANARY_ARRIVED), world.tally.count(metric::CANARY_LATE))
}

async fn rounds(world: &mut World, count: i64) {
    for round in 0..count {
        let begin = round * 600;
        world.until(begin + 31).await;
        world.send(&canary(begin)).await;
        world.until(begin + 150).await;
        world.send(&ended(&canary(begin), begin + 120, EndReason::Recovered)).await;
    }
    world.until(count * 600).await;
}

#[tokio::test]
async fn where_nobody_is_named_it_is_counted_and_told_to_nobody_whatever_the_file_silences() {
    let mut world = World::routed_by(NOWHERE);
    rounds(&mut world, 6).await;
    assert_eq!(counts(&world), (6, 0));
    assert_eq!(world.tally.canary_ms, [31_000; 6]);
    assert_eq!((world.told("chat"), world.told("phone")), (Vec::new(), Vec::new()));
    world.assert_at_rest();
}

#[tokio::test]
async fn the_channel_that_is_named_has_each_of_them_and_no_other_has_one() {
    let mut world = World::routed_by(TO_THE_PHONE);
    rounds(&mut world, 6).await;
    let told = world.told("phone");
    assert_eq!(told.len(), 12, "it comes and goes on purpose, which is no flapping: {told:#?}");
    assert_eq!(told[..2], ["31s alert P4 n=1", "150s resolved P4 n=1 ended=120s"]);
    assert_eq!(counts(&world), (6, 0));
    assert_eq!(world.told("chat"), Vec::<String>::new());
    world.send(&crashing("web", "b", 3_700)).await;
    world.until(3_800).await;
    assert_eq!(world.told("chat"), ["3600s alert P3 n=1"], "what people need goes to people, and only there");
    assert_eq!(world.told("phone").len(), 12);
}

#[tokio::test]
async fn it_has_arrived_when_its_channel_has_it_and_not_before() {
    let mut world = World::routed_by(TO_THE_PHONE);
    world.phones.0.down_until("phone", at(100_000));
    rounds(&mut world, 2).await;
    assert_eq!(counts(&world), (0, 0), "the channel is down");
    let mut world = World::routed_by(TO_THE_PHONE);
    world.phones.0.script("phone", [Outcome::RetryAfter(None, Reason::Unreachable)]);
    world.until(31).await;
    world.send(&canary(0)).await;
    world.until(900).await;
    assert_eq!(counts(&world), (1, 0), "tried once more, it arrives in time");
    world.until(2_000).await;
    world.send(&canary(1_000)).await;
    world.until(2_100).await;
    assert_eq!(counts(&world), (1, 1), "late is not in time");
}

#[tokio::test]
async fn one_that_comes_again_is_counted_once_and_another_rule_on_it_is_an_alert_like_any_other() {
    let mut world = World::routed_by(TO_THE_PHONE);
    for _ in 0..3 {
        world.send(&canary(0)).await;
    }
    world.until(10).await;
    assert_eq!(counts(&world), (1, 0));
    let other = Finding { rule: "CanaryMissingInAction".into(), ..canary(5) };
    world.send(&Finding { fingerprint: canary(7).fingerprint, ..other }).await;
    world.until(20).await;
    assert_eq!(world.told("chat").len(), 1);
    assert_eq!(counts(&world), (1, 0));
}
