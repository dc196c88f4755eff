//! Channels that are down, slow, forgetful or revoked.

use crate::findings::{at, crashing, recovered};
use crate::world::World;
use jiff::SignedDuration;
use prodrome_alerting::log::Event;
use prodrome_lambda::metric;
use prodrome_model::{Finding, Severity};
use prodrome_notify::{Outcome, Reason};

fn urgent(pod: &str, since: i64) -> Finding {
    Finding { severity: Severity::P1, ..crashing("web", pod, since) }
}

#[tokio::test]
async fn a_channel_that_is_down_gets_the_last_word_when_it_is_back_and_others_do_not_wait() {
    let mut world = World::new();
    world.phones.0.down_until("phone", at(3_000));
    world.send(&urgent("a", 0)).await;
    world.until(10).await;
    world.send(&urgent("b", 10)).await;
    world.until(7_200).await;
    assert_eq!(world.told("chat")[..2], ["0s alert P1 n=1", "30s update P1 n=2 +b"]);
    let phone = world.told("phone");
    assert!(phone[0].ends_with("alert P1 n=2 +b"), "begin and news in one: {phone:#?}");
    let back: i64 = phone[0].split_once('s').unwrap().0.parse().unwrap();
    assert!((3_000..3_000 + 1_350).contains(&back), "{phone:#?}");
    let attempts = world.phones.0.attempts();
    let in_vain = attempts.iter().filter(|a| a.channel == "phone" && !a.delivered).count();
    assert!((5..20).contains(&in_vain), "{in_vain} attempts in vain");
}

#[tokio::test]
async fn what_began_and_ended_while_a_channel_was_down_is_told_once_as_over() {
    let mut world = World::new();
    world.phones.0.down_until("chat", at(600));
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(100).await;
    world.send(&recovered(&a, 100)).await;
    world.until(3_000).await;
    let told = world.told("chat");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].ends_with("resolved P3 n=1 ended=100s"), "{told:#?}");
    world.assert_at_rest();
}

#[tokio::test]
async fn a_receiver_that_says_when_is_asked_then() {
    let mut world = World::new();
    let pause = Outcome::RetryAfter(Some(SignedDuration::from_secs(90)), Reason::RateLimited);
    world.phones.0.script("chat", [pause]);
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(1_000).await;
    let attempts: Vec<i64> =
        world.phones.0.attempts().iter().map(|a| crate::findings::seconds(a.at)).collect();
    assert_eq!(attempts.len(), 2);
    assert!((90..140).contains(&attempts[1]), "{attempts:?}");
    assert!(matches!(
        &world.log(&a.fingerprint)[..],
        [.., Event::Failed { reason, retry_at: Some(_), .. }, Event::Told { attempt: 2, .. }] if reason == "rateLimited"
    ));
}

#[tokio::test]
async fn a_revoked_token_is_asked_again_for_a_day_and_seen() {
    let mut world = World::new();
    world.phones.0.script("chat", std::iter::repeat_n(Outcome::Refused(Reason::Unauthorized), 500));
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(50 * 3_600).await;
    let attempts = world.phones.0.attempts();
    // P3 is told again after a day, and that is tried for another day.
    let first_day = attempts.iter().filter(|x| x.at < at(86_400)).count();
    assert!((90..=97).contains(&first_day), "{first_day}: every quarter of an hour");
    let log = world.log(&a.fingerprint);
    let failed = log.iter().filter(|e| matches!(e, Event::Failed { reason, .. } if reason == "unauthorized"));
    assert_eq!(failed.count(), attempts.len());
    assert_eq!(world.tally.count(metric::NOTICES_REFUSED), attempts.len() as u64);
    assert!(log.iter().any(|e| matches!(e, Event::Failed { retry_at: None, .. })), "given up in the end");
}

#[tokio::test]
async fn a_token_that_is_renewed_finds_its_notice() {
    let mut world = World::new();
    world.phones.0.script("chat", std::iter::repeat_n(Outcome::Refused(Reason::Unauthorized), 3));
    world.send(&crashing("web", "a", 0)).await;
    world.until(3_600).await;
    assert_eq!(world.told("chat"), ["2700s alert P3 n=1"]);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_the_one_thing_told_twice() {
    let mut world = World::new();
    world.phones.0.lose_answers("chat", 1);
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(100).await;
    let delivered = world.phones.0.delivered();
    assert_eq!(delivered.len(), 2);
    assert_eq!(delivered[0], delivered[1], "the very same notice, so that a receiver can tell");
}

#[tokio::test]
async fn a_channel_that_gives_no_answer_is_left_alone_for_a_while() {
    let mut world = World::new();
    world.phones.0.down_until("chat", at(12));
    for i in 0..50 {
        world.send(&crashing(&format!("app-{i}"), &format!("app-{i}-a"), 0)).await;
    }
    world.until(14).await;
    let attempts = world.phones.0.attempts();
    assert_eq!(attempts.len(), 1, "fifty wait for one that was tried");
    world.until(600).await;
    assert_eq!(world.told("chat").len(), 50);
}

#[tokio::test]
async fn a_rate_limit_is_respected_and_nobody_is_forgotten() {
    let mut world = World::routed_by(
        "
channels: { chat: { type: terminal, limit: { messages: 10, per: 1m, burst: 5 } } }
default: [chat]
",
    );
    let findings: Vec<Finding> =
        (0..100).map(|i| crashing(&format!("app-{i}"), &format!("app-{i}-a"), 0)).collect();
    for finding in &findings {
        world.send(finding).await;
    }
    let before = world.store.operations();
    world.until(3_600).await;
    let attempts = world.phones.0.attempts();
    assert_eq!(attempts.len(), 100);
    for (i, attempt) in attempts.iter().enumerate() {
        let window = attempts[i..].iter().take_while(|a| a.at < attempt.at + SignedDuration::from_secs(60));
        assert!(window.count() <= 15, "from {}", attempt.at);
    }
    let operations = world.store.operations() - before;
    assert!(operations < 20_000, "{operations} operations for a hundred alerts");
    let last = crate::findings::seconds(attempts[99].at);
    assert!(last < 1_800, "the last is told at {last} s; ten minutes are the least");
}

#[tokio::test]
async fn a_channel_that_forgets_is_reminded_and_told_the_end() {
    let mut world = World::routed_by(
        "
channels: { manager: { type: alertmanager, url: \"http://127.0.0.1:9093\", expireAfter: 30m } }
default: [manager]
",
    );
    let a = crashing("web", "a", 0);
    world.send(&a).await;
    world.until(1_900).await;
    world.send(&recovered(&a, 1_900)).await;
    world.until(10_000).await;
    assert_eq!(
        world.told("manager"),
        [
            "0s alert P3 n=1",
            "600s alert P3 n=1",
            "1200s alert P3 n=1",
            "1800s alert P3 n=1",
            "1900s resolved P3 n=1 ended=1900s"
        ]
    );
    world.assert_at_rest();
}

#[tokio::test]
async fn a_queue_that_accepts_nothing_delays_and_loses_nothing() {
    let mut world = World::new();
    world.phones.0.down_until("chat", at(2));
    world.send(&crashing("web", "a", 0)).await;
    world.queue.set_refusing(prodrome_queue::QueueName::Findings, Some("down".into()));
    world.until(50).await;
    assert_eq!(world.told("chat"), Vec::<String>::new());
    world.queue.set_refusing(prodrome_queue::QueueName::Findings, None);
    world.until(60).await;
    assert_eq!(world.told("chat"), ["60s alert P3 n=1"], "the sweep hands it over");
}
