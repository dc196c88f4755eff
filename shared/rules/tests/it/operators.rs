//! Each operator on the values that tell it from its neighbours.

use crate::support::{at, check, object};

/// Whether one condition on the field `x` holds where `x` is this JSON; `-` where it is absent.
fn holds(condition: &str, value: &str) -> bool {
    let object =
        if value == "-" { "{}".to_owned() } else { format!(r#"{{"x":{value},"other":5,"name":"n"}}"#) };
    check(&format!("field: [x], {condition}")).evaluate(&crate::support::object(&object), at(0)).matches
}

#[track_caller]
fn table(rows: &[(&str, &str, bool)]) {
    for (condition, value, want) in rows {
        assert_eq!(holds(condition, value), *want, "{condition} of {value}");
    }
}

#[test]
fn equal_value_is_one_of_the_texts() {
    table(&[
        ("equalValue: [a]", r#""a""#, true),
        ("equalValue: [a, b]", r#""b""#, true),
        ("equalValue: [a]", r#""A""#, false),
        ("equalValue: ['']", r#""""#, true),
        ("equalValue: [a]", r#"{"a":"a"}"#, false),
    ]);
}

#[test]
fn scalars_compare_by_their_json_text() {
    table(&[
        ("equalValue: ['false']", "false", true),
        ("equalValue: [false]", "false", true),
        ("equalValue: [false]", r#""false""#, true),
        ("equalValue: [3]", "3", true),
        ("equalValue: ['3']", "3", true),
        ("equalValue: [3]", r#""3""#, true),
        ("equalValue: [1000]", "1e3", false),
        ("equalValue: ['1e3']", "1e3", true),
        ("equalValue: [1e3]", "1e3", true),
        ("equalValue: [1.5]", "1.50", false),
        ("equalValue: [1.50]", "1.50", true),
        ("equalValue: ['-0']", "-0", true),
        ("equalValue: ['123456789012345678901234567890']", "123456789012345678901234567890", true),
        ("equalValue: ['True']", "true", false),
        // As a person writes it for a condition's status.
        ("equalValue: [True]", r#""True""#, true),
    ]);
}

#[test]
fn texts_compare_after_unescaping() {
    table(&[
        ("equalValue: ['<unknown>']", r#""\u003cunknown\u003e""#, true),
        ("equalValue: ['😀']", r#""\ud83d\ude00""#, true),
        ("likeValue: '*\n*'", r#""a\nb""#, false),
        ("regexValue: 'a\\nb'", r#""a\nb""#, true),
    ]);
}

#[test]
fn not_equal_value_needs_a_value() {
    table(&[
        ("notEqualValue: [a]", r#""b""#, true),
        ("notEqualValue: [a, b]", r#""b""#, false),
        ("notEqualValue: [a]", "-", false),
        ("notEqualValue: [a]", "null", false),
        ("notEqualValue: ['']", r#""""#, false),
        ("notEqualValue: [a]", r#""""#, true),
        ("notEqualValue: [a]", r#"{"b":1}"#, true),
    ]);
}

#[test]
fn nil_value_is_absent_null_or_empty() {
    for (value, nil) in [
        ("-", true),
        ("null", true),
        (r#""""#, true),
        ("[]", true),
        ("{}", true),
        ("0", false),
        ("false", false),
        (r#"" ""#, false),
        (r#"["a"]"#, false),
        (r#"{"a":null}"#, false),
    ] {
        table(&[("nilValue: true", value, nil), ("nilValue: false", value, !nil)]);
    }
}

#[test]
fn like_value_is_a_glob_over_the_whole_text() {
    table(&[
        ("likeValue: 'web-*'", r#""web-0""#, true),
        ("likeValue: 'web-*'", r#""a web-0""#, false),
        ("likeValue: [a, 'web-?']", r#""web-0""#, true),
        ("likeValue: '?'", r#""ü""#, true),
        ("likeValue: '??'", r#""ü""#, false),
        ("likeValue: '*'", "-", false),
        ("likeValue: '*'", r#""""#, true),
        ("likeValue: '1*'", "12", true),
        ("likeValue: '*'", r#"{"a":1}"#, false),
    ]);
}

#[test]
fn not_like_value_and_not_regex_value_ask_for_a_text_that_none_of_them_matches() {
    table(&[
        ("notLikeValue: 'web-*'", r#""web-0""#, false),
        ("notLikeValue: 'web-*'", r#""a web-0""#, true),
        ("notLikeValue: [a, 'web-?']", r#""web-0""#, false),
        ("notLikeValue: [a, 'web-?']", r#""api-0""#, true),
        ("notLikeValue: 'x'", r#""""#, true),
        ("notLikeValue: 'x'", "-", false),
        ("notRegexValue: 'no such host'", r#""dial tcp: no such host""#, false),
        ("notRegexValue: ['x', '^[0-9]+$']", "12", false),
        ("notRegexValue: ['x', '^[0-9]+$']", r#""1z""#, true),
        ("notRegexValue: '^$'", r#""""#, false),
        ("notRegexValue: 'x'", "-", false),
    ]);
}

#[test]
fn regex_value_is_found_anywhere_unless_anchored() {
    table(&[
        ("regexValue: 'no such host'", r#""dial tcp: no such host""#, true),
        ("regexValue: '^no'", r#""dial: no""#, false),
        ("regexValue: '(?i)NO'", r#""no""#, true),
        ("regexValue: ['x', '^[0-9]+$']", "12", true),
        ("regexValue: '^.$'", r#""ü""#, true),
        ("regexValue: ''", "-", false),
        ("regexValue: '.*'", r#"{"a":1}"#, false),
    ]);
}

#[test]
fn greater_and_less_compare_quantities_exactly() {
    table(&[
        ("greaterThan: 3", "4", true),
        ("greaterThan: 3", "3", false),
        ("greaterThan: 3", r#""4""#, true),
        ("greaterThan: 500m", r#""0.5""#, false),
        ("greaterThan: 500m", r#""501m""#, true),
        ("lessThan: 1Gi", r#""1023Mi""#, true),
        ("lessThan: 1Gi", r#""1024Mi""#, false),
        ("lessThan: 0", "-1", true),
        ("greaterThan: 9007199254740992", "9007199254740993", true),
        ("greaterThan: 3", r#""25%""#, false),
        ("lessThan: 3", r#""25%""#, false),
        ("lessThan: 3", r#""""#, false),
        ("lessThan: 3", "true", false),
        ("lessThan: 3", "-", false),
        ("lessThan: 3", r#"{"a":1}"#, false),
    ]);
}

#[test]
fn ages_are_counted_from_a_timestamp() {
    // Now is 2026-01-01T00:00:00Z.
    table(&[
        ("olderThan: 5m", r#""2025-12-31T23:54:59Z""#, true),
        ("olderThan: 5m", r#""2025-12-31T23:55:00Z""#, true),
        ("olderThan: 5m", r#""2025-12-31T23:55:01Z""#, false),
        ("newerThan: 5m", r#""2025-12-31T23:55:00Z""#, false),
        ("newerThan: 5m", r#""2025-12-31T23:55:01Z""#, true),
        ("newerThan: 5m", r#""2026-01-01T01:00:00Z""#, true),
        ("olderThan: 0", r#""2026-01-01T00:00:00Z""#, true),
        ("olderThan: 0", r#""2026-01-01T00:00:00.000001Z""#, false),
        ("olderThan: 5m", r#""2025-12-31T22:54:59-01:00""#, true),
        ("olderThan: 5m", "-", false),
        ("newerThan: 5m", "-", false),
        ("newerThan: 5m", r#""yesterday""#, false),
        ("olderThan: 5m", "1767225600", false),
    ]);
}

#[test]
fn expires_within_holds_ahead_of_an_instant_and_after_it() {
    table(&[
        ("expiresWithin: 1h", r#""2026-01-01T01:00:01Z""#, false),
        ("expiresWithin: 1h", r#""2026-01-01T01:00:00Z""#, true),
        ("expiresWithin: 1h", r#""2026-01-01T00:30:00Z""#, true),
        ("expiresWithin: 1h", r#""2025-06-01T00:00:00Z""#, true),
        ("expiresWithin: 1h", "-", false),
        ("expiresWithin: 1h", r#""never""#, false),
    ]);
}

#[test]
fn timestamps_at_the_ends_of_time_do_not_break_ages() {
    table(&[
        ("olderThan: 3650d", r#""9999-12-30T00:00:00Z""#, false),
        ("newerThan: 3650d", r#""9999-12-30T00:00:00Z""#, true),
        ("expiresWithin: 3650d", r#""0000-01-01T00:00:00Z""#, true),
        ("olderThan: 3650d", r#""0000-01-01T00:00:00Z""#, true),
    ]);
}

#[test]
fn fields_compare_to_other_fields() {
    let object = object(
        r#"{"ready":1,"want":2,"text":"a","same":"a","list":["a","b"],"empty":[],"hard":"10Gi","used":"9216Mi",
            "seen":"2026-01-01T00:00:00Z","wanted":"2026-01-01T00:00:01Z","one":"1000m"}"#,
    );
    for (condition, want) in [
        ("field: [ready], lessThanField: [want]", true),
        ("field: [want], lessThanField: [ready]", false),
        ("field: [want], greaterThanField: [ready]", true),
        ("field: [ready], lessThanField: [ready]", false),
        ("field: [text], equalField: [same]", true),
        ("field: [text], equalField: [ready]", false),
        ("field: [ready], notEqualField: [want]", true),
        ("field: [text], notEqualField: [same]", false),
        // Against several values: the same as one of them, another than all, less than one.
        ("field: [text], equalField: [list]", true),
        ("field: [text], notEqualField: [list]", false),
        ("field: [ready], notEqualField: [list]", true),
        // What is missing on either side satisfies nothing.
        ("field: [ready], lessThanField: [missing]", false),
        ("field: [ready], notEqualField: [missing]", false),
        ("field: [ready], notEqualField: [empty]", false),
        ("field: [missing], notEqualField: [ready]", false),
        ("field: [missing], lessThanField: [want]", false),
        ("field: [missing], default: 0, lessThanField: [want]", true),
        // Texts, unless a factor asks for quantities.
        ("field: [ready], equalField: [one]", false),
        ("field: [ready], equalField: [one], times: 1", true),
        ("field: [want], equalField: [one], times: 2", true),
        ("field: [want], notEqualField: [one], times: 2", false),
        // With a factor, what is no quantity satisfies nothing.
        ("field: [text], notEqualField: [same], times: 2", false),
        ("field: [ready], notEqualField: [list], times: 2", false),
        // With a factor.
        ("field: [used], greaterThanField: [hard], times: 0.9", false),
        ("field: [used], lessThanField: [hard], times: 0.9", false),
        ("field: [used], greaterThanField: [hard], times: 0.899", true),
        ("field: [used], equalField: [hard], times: 0.9", true),
        // Timestamps, but not with a factor.
        ("field: [seen], lessThanField: [wanted]", true),
        ("field: [wanted], lessThanField: [seen]", false),
        ("field: [seen], lessThanField: [wanted], times: 2", false),
        ("field: [seen], lessThanField: [want]", false),
        ("field: [text], lessThanField: [list]", false),
    ] {
        assert_eq!(check(condition).evaluate(&object, at(0)).matches, want, "{condition}");
    }
}
