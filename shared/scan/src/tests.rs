//! Laws of the scanner, checked against `serde_json` on random texts: any order of keys, keys that occur twice,
//! escapes, white space, depth; and every prefix of a text.

use crate::{Found, ListSplitter, Plan, ScanError, cut, find, skip_value, text};
use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Write as _;

/// JSON as it is written, keys in order and possibly twice.
#[derive(Debug, Clone)]
enum Json {
    Scalar(&'static str),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

const KEYS: [&str; 6] = ["a", "b", "metadata", "k8s.io/é\"\\", "", "{[,:"];

fn json() -> impl Strategy<Value = Json> {
    let scalar = prop::sample::select(vec!["0", "-1.5e3", "true", "false", "null", "18446744073709551615"]);
    let text = prop::string::string_regex(r#"[a-z"\\{}\[\],:\u{1}é😀 ]{0,12}"#).unwrap();
    let leaf = prop_oneof![scalar.prop_map(Json::Scalar), text.prop_map(Json::Text)];
    leaf.prop_recursive(5, 60, 5, |inner| {
        let member = (prop::sample::select(KEYS.to_vec()), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Json::Array),
            prop::collection::vec(member, 0..6)
                .prop_map(|m| Json::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Json> {
    let member = (prop::sample::select(KEYS.to_vec()), json());
    prop::collection::vec(member, 0..6)
        .prop_map(|m| Json::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
}

/// Writes it, with white space and needless escapes as the dice fall.
fn print(json: &Json, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    let mut space = |out: &mut String| {
        out.push_str(["", "", "", " ", "\n\t", "\r\n  "][usize::from(dice.next().unwrap() % 6)]);
    };
    space(out);
    match json {
        Json::Scalar(s) => out.push_str(s),
        Json::Text(s) => print_text(s, dice, out),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                print(item, dice, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (i, (key, value)) in members.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                print(&Json::Text(key.clone()), dice, out);
                out.push(':');
                print(value, dice, out);
            }
            out.push('}');
        }
    }
    out.push_str(["", "", " ", "\n"][usize::from(dice.next().unwrap() % 4)]);
}

fn print_text(s: &str, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        if matches!(c, '"' | '\\') || c.is_control() || dice.next().unwrap().is_multiple_of(5) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").unwrap();
            }
        } else {
            out.push(c);
        }
    }
    out.push('"');
}

fn written(of: impl Strategy<Value = Json>) -> impl Strategy<Value = String> {
    (of, prop::collection::vec(any::<u8>(), 1..64)).prop_map(|(json, dice)| {
        let mut out = String::new();
        print(&json, &mut dice.into_iter().cycle(), &mut out);
        out
    })
}

fn path() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(KEYS.to_vec()), 1..4)
}

fn walk<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.as_object()?.get(*key))
}

fn without(mut value: Value, path: &[&str]) -> Value {
    let (last, above) = path.split_last().unwrap();
    let parent = above.iter().try_fold(&mut value, |value, key| value.as_object_mut()?.get_mut(*key));
    if let Some(parent) = parent.and_then(Value::as_object_mut) {
        parent.remove(*last);
    }
    value
}

proptest! {
    #[test]
    fn a_skip_ends_where_the_value_ends(json in written(json()), rest in "[,}\\] ]?[a-z\"{]{0,3}") {
        let begin = json.len() - json.trim_start().len();
        let value = json.trim();
        let rest = if rest.starts_with([',', '}', ']', ' ']) { rest } else { String::new() };
        let end = skip_value(format!("{value}{rest}").as_bytes(), 0);
        prop_assert_eq!(end, Ok(value.len()));
        prop_assert_eq!(skip_value(json.as_bytes(), begin), Ok(begin + value.len()));
    }

    #[test]
    fn what_is_found_is_what_serde_json_finds(json in written(json()), paths in prop::collection::vec(path(), 1..5)) {
        let value: Value = serde_json::from_str(&json).unwrap();
        let slices: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
        let mut distinct = slices.clone();
        distinct.sort();
        distinct.dedup();
        let plan = Plan::new(&distinct, &[]);
        let mut found = Found::default();
        let end = plan.run(json.as_bytes(), &mut found).unwrap();
        prop_assert_eq!(end, json.trim_end().len());
        for (i, path) in distinct.iter().enumerate() {
            let ours = found.raw(json.as_bytes(), i).map(|raw| serde_json::from_slice::<Value>(raw).unwrap());
            prop_assert_eq!(ours.as_ref(), walk(&value, path), "{:?} in {}", path, &json);
            prop_assert_eq!(find(json.as_bytes(), path).unwrap(), found.range(i));
            let as_text = walk(&value, path).and_then(Value::as_str).map(str::to_owned);
            prop_assert_eq!(found.text(json.as_bytes(), i).map(String::from), as_text);
        }
    }

    #[test]
    fn a_cut_removes_the_members_and_nothing_else(json in written(object()), paths in prop::collection::vec(path(), 1..4)) {
        let slices: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
        let rest = cut(json.as_bytes(), &slices).unwrap();
        let expected = paths.iter().fold(serde_json::from_str(&json).unwrap(), |v, path| without(v, path));
        // A key that occurs twice is cut twice: with the last gone, the first must not show.
        prop_assert_eq!(serde_json::from_slice::<Value>(&rest).unwrap(), expected, "{} became {}", &json, String::from_utf8_lossy(&rest));
        let mut kept = rest.iter();
        let mut next = kept.next();
        for byte in json.as_bytes() {
            if next == Some(byte) {
                next = kept.next();
            }
        }
        prop_assert_eq!(next, None, "no byte is added or moved");
    }

    #[test]
    fn what_is_not_there_is_cut_without_a_trace(json in written(object())) {
        prop_assert_eq!(cut(json.as_bytes(), &[&["absent"], &["a", "absent"]]).unwrap(), json.as_bytes());
    }

    #[test]
    fn text_that_is_cut_short_is_an_error(json in written(object()), at in any::<prop::sample::Index>()) {
        let json = json.trim_end();
        let end = at.index(json.len());
        let short = &json.as_bytes()[..end];
        let mut found = Found::default();
        let got = Plan::new(&[&["a", "b"], &["metadata"]], &[&["b"]]).run(short, &mut found);
        prop_assert_eq!(got, Err(ScanError::Truncated { at: end }), "{}", String::from_utf8_lossy(short));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0a1 \xff".to_vec()), 0..40)) {
        let mut found = Found::default();
        if let Ok(end) = Plan::new(&[&["a"], &["a", "a"]], &[&["0"]]).run(&bytes, &mut found) {
            prop_assert!(end <= bytes.len());
            let mut rest = Vec::new();
            found.copy_rest(&bytes, 0..end, &mut rest);
            prop_assert!(rest.len() <= end);
        }
        let mut list = ListSplitter::default();
        for piece in bytes.chunks(7) {
            list.push(piece);
            while let Ok(Some(_)) = list.next_item() {}
        }
        prop_assert!(text(&bytes).is_none_or(|t| t.len() <= 3 * bytes.len()));
    }

    #[test]
    fn a_list_comes_apart_however_it_arrives(
        items in prop::collection::vec(written(object()), 0..5),
        place in 0_usize..4,
        pieces in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let items: Vec<&str> = items.iter().map(|item| item.trim()).collect();
        let mut members = [r#""kind":"PodList""#.to_owned(), r#""n": 12"#.to_owned(), r#""metadata": {"resourceVersion":"7","items":[1]}"#.to_owned()].to_vec();
        members.insert(place, format!("\"items\" :[ {} ]", items.join(" ,\n")));
        let json = format!(" {{ {} }}\n", members.join(" , "));

        let mut list = ListSplitter::default();
        let mut got = Vec::new();
        let mut rest = json.as_bytes();
        for size in pieces.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            list.push(piece);
            while let Some(item) = list.next_item().unwrap() {
                got.push(String::from_utf8(item.to_vec()).unwrap());
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(got, items);
        prop_assert_eq!(list.finish().unwrap(), br#"{"resourceVersion":"7","items":[1]}"#);
    }
}

#[test]
fn escaped_quotes_and_brackets_inside_of_strings_do_not_end_a_value() {
    let json = br#"{"f":{"k:{\"name\":\"app\"}":{"\\":"}\\\""}},"metadata":{"name":"x"}}"#;
    let range = find(json, &["metadata", "name"]).unwrap().unwrap();
    assert_eq!(&json[range], br#""x""#);
}

#[test]
fn an_escaped_key_is_the_key() {
    let json = br#"{"meta\u0064ata":{"n\u0061me":"x","managed\u0046ields":[1]}}"#;
    assert!(find(json, &["metadata", "name"]).unwrap().is_some());
    assert_eq!(
        cut(json, &[&["metadata", "managedFields"]]).unwrap(),
        br#"{"meta\u0064ata":{"n\u0061me":"x"}}"#
    );
}

#[test]
fn a_hundred_thousand_brackets_are_skipped_without_a_stack() {
    let json = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let range = find(json.as_bytes(), &["b"]).unwrap().unwrap();
    assert_eq!(&json.as_bytes()[range], b"1");
}

#[test]
fn the_contents_of_secrets_and_config_maps_are_cut() {
    let secret = br#"{"data":{"p":"aHVudGVyMg=="},"metadata":{"annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{\"stringData\":{\"p\":\"hunter2\"}}"},"name":"s"},"stringData":{"p":"hunter2"},"type":"Opaque"}"#;
    let rest = cut(secret, crate::private_parts("", "Secret")).unwrap();
    assert_eq!(
        String::from_utf8(rest).unwrap(),
        r#"{"metadata":{"annotations":{"a":"b"},"name":"s"},"type":"Opaque"}"#
    );
    let config = br#"{"binaryData":{"p":"aHVudGVyMg=="},"data":{"p":"hunter2"},"metadata":{"name":"c"}}"#;
    let rest = cut(config, crate::private_parts("", "ConfigMap")).unwrap();
    assert_eq!(String::from_utf8(rest).unwrap(), r#"{"metadata":{"name":"c"}}"#);
    assert!(crate::private_parts("example.com", "Secret").is_empty(), "another group's kind of that name");
}

#[test]
fn a_malformed_list_says_where() {
    let cases = [
        ("[1]", 0),
        (r#"{"items":[1]}"#, 10),
        (r#"{"items":[{} {}]}"#, 13),
        (r#"{"items":[{}],}"#, 14),
        (r#"{"items"[]}"#, 8),
    ];
    for (json, at) in cases {
        let mut list = ListSplitter::default();
        list.push(json.as_bytes());
        let error = loop {
            match list.next_item() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{json} passed"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ScanError::Malformed { at: a, .. } if a == at), "{json}: {error}");
    }
}
