//! A receiver that is down for a while.

use crate::shared::{failed, lines, system, well};
use prodrome_alerting::{Delivery, Head, keys};
use prodrome_e2e::{Mood, until};
use std::collections::BTreeSet;

const NAMESPACE: &str = "flaky";

/// The failures in a row of all deliveries to the receiver.
fn failures() -> u32 {
    let system = system();
    let episodes = system.episodes().unwrap();
    let mut failures = 0;
    for bucket in prodrome_alerting::due_buckets() {
        for record in system.due(&episodes, &bucket).unwrap() {
            if keys::is_delivery(&record.key.sort) && record.key.sort.ends_with("#flaky") {
                let delivery: Delivery = serde_json::from_str(&record.data).unwrap();
                failures += delivery.failures;
            } else if record.key.sort == keys::HEAD {
                let _: Head = serde_json::from_str(&record.data).unwrap();
            }
        }
    }
    failures
}

#[test]
fn a_channel_that_is_down_loses_nothing_and_hears_nothing_twice_when_it_is_back() {
    let system = system();
    let flaky = system.receiver("flaky");
    flaky.set_mood(Mood::Answering(503));
    system.apply(&failed(NAMESPACE, "a"));
    flaky.until_turned_away(1);

    let before = failures();
    flaky.go_away();
    system.apply(&failed(NAMESPACE, "b"));
    until("an attempt at the closed port", || (failures() > before).then_some(()));
    flaky.set_mood(Mood::Open);
    flaky.come_back().unwrap();
    let heard = |want: &[&str]| {
        flaky.until(&format!("{want:?}"), |told| {
            let lines = lines(told, &system.scope().cluster, NAMESPACE);
            want.iter().all(|want| lines.iter().any(|line| line == want)).then_some(())
        });
    };
    heard(&["alert PodFailed a", "alert PodFailed b"]);

    system.apply(&well(NAMESPACE, "a"));
    system.apply(&well(NAMESPACE, "b"));
    heard(&["resolved PodFailed a", "resolved PodFailed b"]);
    let told = flaky.told();
    let ids: BTreeSet<&str> = told.iter().map(|told| told.id.as_str()).collect();
    assert_eq!((ids.len(), told.len()), (4, 4), "each once: {told:#?}");
    assert_eq!(flaky.forged(), Vec::<String>::new());
}
