//! Rules on events, and rules with a frequency, as far as one event tells.

use crate::support::{at, load_one, object};
use jiff::SignedDuration;
use prodrome_rules::{CountBy, Rule};

fn event_rule(keys: &str) -> Rule {
    let text = format!(
        "R:\n  resource: Event\n  checkField: [{{ field: [reason], equalValue: [FailedMount] }}]\n  {keys}"
    );
    load_one(&text).rules()[0].clone()
}

#[test]
fn an_event_matches_for_a_while_after_it_was_last_seen() {
    let rule = event_rule("gapTolerance: 60s");
    for (times, until) in [
        (r#""lastTimestamp":"2026-01-01T00:00:10Z","eventTime":null"#, 70),
        (
            r#""lastTimestamp":null,"eventTime":"2026-01-01T00:00:01Z","series":{"lastObservedTime":"2026-01-01T00:00:20Z"}"#,
            80,
        ),
        (r#""eventTime":"2026-01-01T00:00:05Z""#, 65),
        (r#""metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"}"#, 60),
    ] {
        let event = object(&format!(r#"{{"reason":"FailedMount",{times}}}"#));
        let evaluation = rule.evaluate(&event, at(30));
        assert!(evaluation.matches, "{times}");
        assert_eq!(evaluation.turns_at, Some(at(until)), "{times}");
        assert!(!rule.evaluate(&event, at(until)).matches, "{times}");
    }
    assert!(
        !rule.evaluate(&object(r#"{"reason":"FailedMount"}"#), at(0)).matches,
        "an event without any time"
    );
}

#[test]
fn the_window_is_said_or_that_of_the_frequency_or_ten_minutes_or_the_duration() {
    for (keys, seconds) in [
        ("duration: 0", 600),
        ("duration: 1h", 600),
        ("duration: 1m", 60),
        ("gapTolerance: 90s", 90),
        ("frequency: { count: 3, within: 1h }", 3600),
    ] {
        let rule = event_rule(keys);
        assert!(rule.is_about_events());
        assert_eq!(rule.event_window(), SignedDuration::from_secs(seconds), "{keys}");
    }
}

#[test]
fn the_namespace_and_the_name_are_the_involved_objects() {
    let rule = event_rule("namespaces: [shop]");
    let event = |namespace: &str| {
        object(&format!(
            r#"{{"metadata":{{"namespace":"default","name":"web-0.17"}},"reason":"FailedMount","eventTime":"2026-01-01T00:00:00Z",
                "involvedObject":{{"kind":"Pod","name":"web-0","namespace":"{namespace}"}}}}"#
        ))
    };
    assert!(rule.evaluate(&event("shop"), at(0)).matches);
    assert!(!rule.evaluate(&event("default"), at(0)).matches);
    assert_eq!(rule.summary(&event("shop")), "R: shop/web-0");
}

#[test]
fn what_is_counted_comes_from_the_object() {
    let rule = event_rule(
        "frequency: { count: 3, within: 1h, by: [source, host], distinct: [involvedObject, namespace] }",
    );
    let frequency = rule.frequency().unwrap();
    assert_eq!(*frequency.by(), CountBy::Value(vec!["source".into(), "host".into()]));
    let event = object(r#"{"source":{"host":"node-a"},"involvedObject":{"namespace":"shop"}}"#);
    assert_eq!(frequency.group_value(&event).as_deref(), Some("node-a"));
    assert_eq!(frequency.distinct_value(&event).as_deref(), Some("shop"));
    assert_eq!(frequency.distinct_value(&object("{}")), None);
}

#[test]
fn a_frequency_in_words() {
    let rule = event_rule("frequency: { count: 3, within: 1h, by: [source, host] }");
    insta::assert_snapshot!(rule.describe().to_string(), @r##"
    R: Event, P3, owner platform
      what is wrong
        reason is "FailedMount"
      the event was last seen less than 1h ago
      the match has to begin 3 times within 1h, of objects with the same source.host
      it fires at once; it resolves when it has not held for 2m
    "##);
}
