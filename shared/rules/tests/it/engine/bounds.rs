//! What is no JSON, what is written strangely, what is large; and where the values stand that matched.

use super::{by_program, by_tree, difference, program};
use crate::support::{at, load_one};
use prodrome_model::GroupKind;
use prodrome_rules::engine::{Level, Scratch};
use prodrome_rules::json::JsonFault;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

fn pod() -> GroupKind {
    GroupKind::core("Pod")
}

/// The texts at the places of the first rule that matches.
fn places(rules: &str, object: &str) -> Vec<String> {
    let program = program(&Arc::new(load_one(rules)), &pod(), Level::Best);
    let mut scratch = Scratch::default();
    let verdicts = program.run(object.as_bytes(), at(0), &mut scratch).unwrap();
    let (_, verdict) = verdicts.iter().next().unwrap();
    verdicts.places(verdict).into_iter().map(|place| object.get(place).unwrap().to_owned()).collect()
}

#[test]
fn when_an_object_s_own_timestamps_turn_a_verdict_is_known_without_a_second_look() {
    let looks = |check: &str, object: &str| {
        let rules = load_one(&format!("R:\n  resource: Pod\n  checkField: [{check}]"));
        let program = program(&Arc::new(rules), &pod(), Level::Best);
        let mut scratch = Scratch::default();
        let verdicts = program.run(object.as_bytes(), at(0), &mut scratch).unwrap();
        let turns_at = verdicts.iter().next().and_then(|(_, verdict)| verdict.turns_at);
        (turns_at, scratch.effort().looks)
    };
    let (old, new) = ("{ field: [t], olderThan: 100 }", "{ field: [t], newerThan: 300 }");
    let object = format!(r#"{{"t":["{}","{}"],"c":[{{"t":"{}"}}]}}"#, at(-10), at(-40), at(-20));
    assert_eq!(looks(old, &object), (Some(at(60)), 0));
    assert_eq!(looks(new, &object), (Some(at(290)), 0));
    assert_eq!(looks("{ field: [t], olderThan: 100, match: all }", &object), (Some(at(90)), 2));
    assert_eq!(
        looks("{ field: [c], each: [{ subField: [t], olderThan: 100 }] }", &object),
        (Some(at(80)), 1)
    );
    // Both at once: from when the second holds until the first no longer does.
    let (from, to) = ("{ field: [t], olderThan: 200 }", "{ field: [t], newerThan: 30 }");
    assert_eq!(looks(&format!("{from}, {to}"), &object), (None, 0));
    assert_eq!(looks(&format!("{{ anyOf: [[{from}], [{to}]] }}"), &object), (Some(at(20)), 0));
}

#[test]
fn a_text_is_asked_all_that_its_place_is_asked() {
    // A rule alone, as what is asked beside it decides how a text is read.
    for condition in [
        "{ field: [a], equalValue: [x] }",
        "{ field: [a], notEqualValue: [x] }",
        "{ field: [a, b], nilValue: true }",
        "{ field: [a], likeValue: 'x*' }",
        "{ field: [a], greaterThan: 3 }",
        "{ field: [a], olderThan: 5 }",
        "{ field: [a], lessThanField: [c] }",
        "{ field: [a], match: all, equalValue: [x] }",
        "{ field: [a], each: [{ subField: [b], nilValue: true }] }",
        "{ field: [a], subIdentifierName: name, subIdentifierValue: [x], subField: [b], nilValue: true }",
    ] {
        let rules = Arc::new(load_one(&format!("R:\n  resource: Pod\n  checkField: [{condition}]")));
        let program = program(&rules, &pod(), Level::Best);
        let mut scratch = Scratch::default();
        for text in ["x", "xy", "", "4", r"\u0078", "1970-01-01T00:00:00Z"] {
            let [one, list] = [format!(r#"{{"a":"{text}","c":5}}"#), format!(r#"{{"a":["{text}"],"c":5}}"#)];
            // Its keys are known from the second time on.
            for object in [&one, &one, &list, &list] {
                let found = difference(&rules, &program, &mut scratch, &pod(), object.as_bytes(), at(60));
                assert_eq!(found, None, "{condition}");
            }
        }
    }
}

#[test]
fn the_values_that_matched_are_pointed_at() {
    let one = |condition: &str| format!("R:\n  resource: Pod\n  checkField: [{condition}]");
    for (condition, object, want) in [
        ("{ field: [a], equalValue: [x] }", r#"{"b":"x","a":"x"}"#, &["x"][..]),
        ("{ field: [a, b], greaterThan: 3 }", r#"{"a":[{"b":1},{"b":5},{"b":7}]}"#, &["5"]),
        ("{ field: [a], nilValue: false }", r#"{"a":{"b":[1]}}"#, &[r#"{"b":[1]}"#]),
        ("{ field: [a], nilValue: true }", r#"{"b":1}"#, &[]),
        ("{ field: [a], equalValue: ['a<b'] }", r#"{"a":"a\u003cb"}"#, &[r"a\u003cb"]),
        (
            "{ field: [c], subIdentifierName: name, subIdentifierValue: [side], subField: [ready], equalValue: [false] }",
            r#"{"c":[{"name":"app","ready":"false"},{"ready":false,"name":"side"}]}"#,
            &["false"],
        ),
        (
            "{ field: [c], each: [{ subField: [t], equalValue: [Ready] }, { subField: [s], notEqualValue: ['True'] }] }",
            r#"{"c":[{"t":"Ready","s":"True"},{"t":"X","s":"No"},{"t":"Ready","s":"False"}]}"#,
            &["Ready", "False"],
        ),
        (
            "{ anyOf: [[{ field: [a], equalValue: [1] }], [{ field: [b], equalValue: [2] }]] }",
            r#"{"a":3,"b":2}"#,
            &["2"],
        ),
    ] {
        assert_eq!(places(&one(condition), object), want, "{condition} of {object}");
    }
}

#[test]
fn what_is_cut_short_is_refused_wherever_the_cut_is() {
    let rules = Arc::new(load_one(
        "R:\n  resource: Pod\n  checkField: [{ field: [a, b], equalValue: [x] }, { field: [s], nilValue: true }]",
    ));
    let program = program(&rules, &pod(), Level::Best);
    let object = r#" {"a":[{"b":"\"x"},{"k":{"l":["}",1.5e3,true,null]},"b":"x"}],"z":"ü\\","n":-12} "#;
    let mut scratch = Scratch::default();
    assert!(program.run(object.as_bytes(), at(0), &mut scratch).is_ok());
    for end in 0..object.trim_end().len() {
        let error = program.run(&object.as_bytes()[..end], at(0), &mut scratch).map(|_| ()).unwrap_err();
        let cut_in_a_character = std::str::from_utf8(&object.as_bytes()[..end]).is_err();
        let want = if cut_in_a_character { JsonFault::NotUtf8 } else { JsonFault::CutShort };
        assert_eq!(error.fault, want, "{}", String::from_utf8_lossy(&object.as_bytes()[..end]));
    }
}

#[test]
fn broken_json_is_refused_with_its_place() {
    let rules = Arc::new(load_one("R:\n  resource: Pod\n  checkField: [{ field: [a, b], equalValue: [x] }]"));
    let program = program(&rules, &pod(), Level::Best);
    let deep = |inner: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(inner), "]".repeat(inner));
    let visited = |inner: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(inner), "]".repeat(inner));
    let bytes = |text: &str| text.as_bytes().to_vec();
    for (json, want) in [
        (bytes(r#"{"a":1} x"#), Some((JsonFault::Trailing, 8))),
        (bytes(r#"{"a":tru}"#), Some((JsonFault::Unexpected, 5))),
        (bytes(r#"{"a" 1}"#), Some((JsonFault::Unexpected, 5))),
        (bytes(r#"{"a":{"b":"\x"}}"#), Some((JsonFault::BadEscape, 11))),
        (bytes(r#"{"a":1,}"#), Some((JsonFault::Unexpected, 7))),
        (b"{\"q\":\"\xff\"}".to_vec(), Some((JsonFault::NotUtf8, 6))),
        (bytes(&deep(127)), None),
        (bytes(&deep(128)), Some((JsonFault::TooDeep, 132))),
        (bytes(&visited(127)), None),
        (bytes(&visited(128)), Some((JsonFault::TooDeep, 132))),
        (bytes(&deep(100_000)), Some((JsonFault::TooDeep, 132))),
    ] {
        let got = program.run(&json, at(0), &mut Scratch::default()).map(|_| ()).err();
        assert_eq!(
            got.map(|e| (e.fault, e.offset)),
            want,
            "{}",
            String::from_utf8_lossy(&json[..json.len().min(80)])
        );
    }
}

#[test]
fn ten_thousand_rules_compile_and_run() {
    let mut text = String::new();
    for index in 0..10_000 {
        let check = match index % 5 {
            0 => json!([{"field": ["metadata", "labels", "app"], "equalValue": [format!("app-{index}")]}]),
            1 => json!([{"field": ["metadata", "labels", "app"], "likeValue": format!("app-{index}*")}]),
            2 => {
                json!([{"field": ["spec", format!("f{index}")], "nilValue": true}, {"field": ["spec", "n"], "greaterThan": index}])
            }
            3 => {
                json!([{"field": ["status", "c"], "each": [{"subField": ["t"], "equalValue": [index]}, {"subField": ["s"], "olderThan": index}]}])
            }
            _ => {
                json!([{"field": ["status", "c"], "subIdentifierName": "t", "subIdentifierValue": [index], "subField": ["s"], "notEqualValue": ["x"]}])
            }
        };
        let rule = json!({format!("R{index}"): {"resource": "Pod", "checkField": check}});
        writeln!(text, "{rule}").unwrap();
    }
    let rules = Arc::new(load_one(&text));
    let program = program(&rules, &pod(), Level::Best);
    let objects = [
        json!({"metadata": {"labels": {"app": "app-5005"}}, "spec": {"n": 77, "f7": 1}, "status": {"c": [{"t": 4, "s": "y"}, {"t": 3, "s": "2025-01-01T00:00:00Z"}]}}),
        json!({"spec": {"n": "0"}}),
        json!({}),
    ];
    let mut scratch = Scratch::default();
    for object in objects.map(|object: Value| object.to_string().into_bytes()) {
        assert_eq!(
            by_program(&program, &mut scratch, &object, at(0)).unwrap(),
            by_tree(&rules, &pod(), &object, at(0)).unwrap()
        );
    }
}

#[test]
fn a_field_of_a_megabyte_is_looked_at_as_any_other() {
    let rules = "R:\n  resource: Pod\n  checkField: [{ field: [a], regexValue: ['xyz$'] }, { field: [a], likeValue: '*z' }]";
    let rules = Arc::new(load_one(rules));
    let program = program(&rules, &pod(), Level::Best);
    let object =
        format!(r#"{{"a":"{}xyz","b":"{}"}}"#, "\\u003c<".repeat(150_000), "\\\\\\\"".repeat(200_000));
    let mut scratch = Scratch::default();
    assert!(!program.run(object.as_bytes(), at(0), &mut scratch).unwrap().is_silent());
}

#[test]
fn nothing_of_one_object_is_left_for_the_next() {
    let rules = "R:\n  resource: Pod\n  checkField: [{ field: [a], equalValue: [x] }, { field: [c], each: [{ subField: [d], equalValue: [1] }, { subField: [e], equalValue: [2] }] }, { field: [f], lessThanField: [g] }]";
    let rules = Arc::new(load_one(rules));
    let program = program(&rules, &pod(), Level::Best);
    let mut scratch = Scratch::default();
    let parts = [
        r#"{"a":"x"}"#,
        r#"{"c":[{"d":1}]}"#,
        r#"{"c":[{"e":2}]}"#,
        r#"{"f":1}"#,
        r#"{"g":3}"#,
        r#"{"a":"x","c":[{"d":1},{"e":2}],"f":1,"g":2}"#,
    ];
    for _ in 0..2 {
        for part in parts {
            assert!(program.run(part.as_bytes(), at(0), &mut scratch).unwrap().is_silent(), "{part}");
        }
        assert!(program.run(br#"{"a":["#, at(0), &mut scratch).is_err());
        let whole = br#"{"a":"x","c":[{"d":1,"e":2}],"f":1,"g":2}"#;
        assert!(!program.run(whole, at(0), &mut scratch).unwrap().is_silent());
    }
}
