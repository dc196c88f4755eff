//! Since when a match holds, and when time alone turns it.

use crate::support::{at, check, object, rule};
use jiff::{SignedDuration, Timestamp};

fn since(keys: &str, text: &str, now: Timestamp) -> Option<Timestamp> {
    let rule = rule(&format!("since: {keys}\ncheckField: [{{ field: [a], nilValue: true }}]"));
    let evaluation = rule.evaluate(&object(text), now);
    assert!(evaluation.matches);
    evaluation.since
}

const CONDITIONS: &str = r#"{
    "metadata": {"creationTimestamp": "2026-01-01T00:00:05Z"},
    "status": {"conditions": [
        {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:01:00Z"},
        {"type": "Synced", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"},
        {"type": "Healthy", "status": "False", "lastTransitionTime": "2026-01-01T00:02:00Z"},
        {"type": "Odd", "status": "False", "lastTransitionTime": "lately"}]}}"#;

#[test]
fn since_is_a_timestamp_of_the_object() {
    let now = at(1000);
    for (keys, want) in [
        ("[metadata, creationTimestamp]", Some(at(5))),
        ("{ field: [metadata, creationTimestamp] }", Some(at(5))),
        // Of several, the earliest.
        ("[status, conditions, lastTransitionTime]", Some(at(10))),
        ("{ field: [status, conditions], subField: [lastTransitionTime] }", Some(at(10))),
        (
            "{ field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready, Healthy], subField: [lastTransitionTime] }",
            Some(at(60)),
        ),
        (
            "{ field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Odd], subField: [lastTransitionTime] }",
            None,
        ),
        (
            "{ field: [status, conditions], each: [{ subField: [status], equalValue: ['False'] }, { subField: [type], notEqualValue: [Ready] }], subField: [lastTransitionTime] }",
            Some(at(120)),
        ),
        ("[metadata, missing]", None),
        ("{ field: [status, conditions, lastTransitionTime], take: latest }", Some(at(120))),
        (
            "{ latest: [[status, conditions, lastTransitionTime], [metadata, creationTimestamp]] }",
            Some(at(120)),
        ),
        (
            "{ earliest: [{ field: [status, conditions], subField: [lastTransitionTime] }, [metadata, creationTimestamp]] }",
            Some(at(5)),
        ),
        ("[{ latest: [[metadata, missing]] }, [metadata, creationTimestamp]]", Some(at(5))),
        // The first of a list that yields one.
        ("[[metadata, missing], [metadata, creationTimestamp]]", Some(at(5))),
        (
            "[{ field: [status, startTime] }, { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready], subField: [lastTransitionTime] }, [metadata, creationTimestamp]]",
            Some(at(60)),
        ),
    ] {
        assert_eq!(since(keys, CONDITIONS, now), want, "{keys}");
    }
}

#[test]
fn a_since_in_the_future_is_the_same_whenever_it_is_looked_at() {
    for now in [0, 3, 9] {
        assert_eq!(since("[metadata, creationTimestamp]", CONDITIONS, at(now)), Some(at(5)));
    }
}

#[test]
fn only_a_match_has_a_since_and_evidence() {
    let rule = rule("since: [t]\ncheckField: [{ field: [a], nilValue: false }]");
    let evaluation = rule.evaluate(&object(r#"{"t":"2026-01-01T00:00:00Z"}"#), at(0));
    assert_eq!((evaluation.matches, evaluation.since, evaluation.evidence.len()), (false, None, 0));
}

#[test]
fn durations_default_as_the_catalogue_says() {
    for (keys, duration, gap, resolve) in [
        ("", 0, 0, 120),
        ("duration: 300", 300, 0, 150),
        ("duration: 1m", 60, 0, 120),
        ("duration: 1h", 3600, 0, 900),
        ("duration: 10m\ngapTolerance: 90s", 600, 90, 300),
        ("duration: 10m\nresolveAfter: 0", 600, 0, 0),
        ("resolveAfter: 1h", 0, 0, 3600),
    ] {
        let rule = rule(&format!("{keys}\ncheckField: [{{ field: [a], nilValue: true }}]"));
        let found =
            (rule.duration().as_secs(), rule.gap_tolerance().as_secs(), rule.resolve_after().as_secs());
        assert_eq!(found, (duration, gap, resolve), "{keys}");
    }
}

#[test]
fn time_turns_a_verdict_at_the_instant_that_the_operator_says() {
    let text = r#"{"a":"2026-01-01T00:01:40Z","b":"2026-01-01T00:03:20Z","x":1}"#;
    for (condition, now, matches, turns_at) in [
        ("field: [a], olderThan: 10s", 0, false, Some(110)),
        ("field: [a], olderThan: 10s", 110, true, None),
        ("field: [a], newerThan: 10s", 0, true, Some(110)),
        ("field: [a], newerThan: 10s", 110, false, None),
        ("field: [a], expiresWithin: 10s", 0, false, Some(90)),
        ("field: [a], expiresWithin: 10s", 90, true, None),
        ("field: [x], equalValue: [1]", 0, true, None),
        ("field: [missing], olderThan: 10s", 0, false, None),
        ("field: [x], olderThan: 10s", 0, false, None),
        ("field: [missing], default: '2026-01-01T00:01:40Z', olderThan: 10s", 0, false, Some(110)),
    ] {
        let evaluation = check(condition).evaluate(&object(text), at(now));
        assert_eq!(
            (evaluation.matches, evaluation.turns_at),
            (matches, turns_at.map(at)),
            "{condition} at {now}"
        );
    }
}

#[test]
fn an_instant_that_decides_nothing_is_not_named() {
    let text =
        object(r#"{"a":"2026-01-01T00:01:40Z","b":["2026-01-01T00:03:20Z","2026-01-01T00:05:00Z"],"x":1}"#);
    for (conditions, matches, turns_at) in [
        // The other condition fails for good.
        ("[{ field: [a], olderThan: 0 }, { field: [x], equalValue: [2] }]", false, None),
        // Both must turn: the later one decides.
        ("[{ field: [a], olderThan: 0 }, { field: [b], olderThan: 0 }]", false, Some(200)),
        // The first ends it before the second would.
        ("[{ field: [a], newerThan: 0 }, { field: [b], newerThan: 0 }]", true, Some(100)),
        // It would end before it began.
        ("[{ field: [a], newerThan: 0 }, { field: [b], olderThan: 0 }]", false, None),
        // Any of several values; all of them.
        ("[{ field: [b], olderThan: 0 }]", false, Some(200)),
        ("[{ field: [b], olderThan: 0, match: all }]", false, Some(300)),
        // One alternative hands over to the next without a break.
        ("[{ anyOf: [[{ field: [a], newerThan: 100s }], [{ field: [b], olderThan: 0 }]] }]", true, None),
        ("[{ anyOf: [[{ field: [a], newerThan: 99s }], [{ field: [b], olderThan: 0 }]] }]", true, Some(199)),
        // Within elements.
        ("[{ field: [b], each: [{ olderThan: 0 }, { newerThan: 10s }] }]", false, Some(200)),
    ] {
        let rule = rule(&format!("checkField: {conditions}"));
        let evaluation = rule.evaluate(&text, at(0));
        assert_eq!((evaluation.matches, evaluation.turns_at), (matches, turns_at.map(at)), "{conditions}");
    }
}

#[test]
fn beyond_many_instants_one_is_named_that_is_early_enough() {
    let stamps: Vec<String> = (0..200).map(|n| format!(r#""{}""#, at(n))).collect();
    let text = object(&format!(r#"{{"a":[{}]}}"#, stamps.join(",")));
    let rule = check("field: [a], olderThan: 0, match: all");
    let mut now = at(-1);
    let mut looks = 0;
    loop {
        let evaluation = rule.evaluate(&text, now);
        if evaluation.matches {
            break;
        }
        now = evaluation.turns_at.unwrap();
        looks += 1;
    }
    assert_eq!((now, looks), (at(199), 4));
}

#[test]
fn a_namespace_left_out_has_nothing_to_wait_for() {
    let rule = rule("namespaces: [shop]\ncheckField: [{ field: [a], olderThan: 0 }]");
    let elsewhere = object(r#"{"metadata":{"namespace":"x"},"a":"2026-01-01T01:00:00Z"}"#);
    assert_eq!(rule.evaluate(&elsewhere, at(0)).turns_at, None);
}

#[test]
fn the_end_of_what_was_deleted_waits_for_a_successor_unless_being_deleted_was_what_was_wrong() {
    for (name, keys, is_about_deletions) in [
        ("what is there", "checkField: [{ field: [status, phase], equalValue: [Failed] }]", false),
        (
            "left alone while it goes",
            "checkField: [{ field: [metadata, deletionTimestamp], nilValue: true }]",
            false,
        ),
        ("on its way out", "checkField: [{ field: [metadata, deletionTimestamp], nilValue: false }]", true),
        ("for long", "checkField: [{ field: [metadata, deletionTimestamp], olderThan: 15m }]", true),
        (
            "where an absent one counts",
            "checkField: [{ field: [metadata, deletionTimestamp], default: x, notEqualValue: [y] }]",
            false,
        ),
        (
            "filtered",
            "filterField: [{ field: [metadata, deletionTimestamp], olderThan: 1s }]\ncheckField: [{ field: [metadata, finalizers], nilValue: false }]",
            true,
        ),
        (
            "one way or the other",
            "checkField: [{ anyOf: [[{ field: [a], nilValue: false }, { field: [metadata, deletionTimestamp], olderThan: 1m }], [{ field: [metadata, deletionTimestamp], nilValue: false }]] }]",
            true,
        ),
        (
            "or something else",
            "checkField: [{ anyOf: [[{ field: [a], nilValue: false }], [{ field: [metadata, deletionTimestamp], nilValue: false }]] }]",
            false,
        ),
        ("of another thing", "checkField: [{ field: [status, deletionTimestamp], nilValue: false }]", false),
    ] {
        let rule = rule(&format!("{keys}\nduration: 6m"));
        let hold = if is_about_deletions { SignedDuration::ZERO } else { SignedDuration::from_mins(9) };
        assert_eq!((rule.is_about_deletions(), rule.hold_down()), (is_about_deletions, hold), "{name}");
    }
}
