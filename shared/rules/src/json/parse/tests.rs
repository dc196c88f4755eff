use super::*;
use crate::json::{Node, ScalarKind, parse};
use proptest::prelude::*;

fn text(json: &str) -> String {
    match parse(json.as_bytes()).unwrap() {
        Node::Scalar(scalar) => scalar.text.into_owned(),
        node => panic!("a scalar was expected, found {node}"),
    }
}

#[test]
fn scalars_keep_their_text() {
    for (json, want, kind) in [
        ("1e3", "1e3", ScalarKind::Number),
        ("1.50", "1.50", ScalarKind::Number),
        ("-0", "-0", ScalarKind::Number),
        ("123456789012345678901234567890", "123456789012345678901234567890", ScalarKind::Number),
        ("true", "true", ScalarKind::Boolean),
        ("false", "false", ScalarKind::Boolean),
        (r#""a""#, "a", ScalarKind::String),
        (r#""""#, "", ScalarKind::String),
        (" \r\n\t\"a\" ", "a", ScalarKind::String),
    ] {
        let node = parse(json.as_bytes()).unwrap();
        assert_eq!(node, Node::Scalar(Scalar { text: want.into(), kind }), "{json}");
    }
    assert_eq!(parse(b"null"), Ok(Node::Null));
}

#[test]
fn escapes_are_undone() {
    for (json, want) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u003cunknown\u003e""#, "<unknown>"),
        (r#""\u00fC""#, "ü"),
        (r#""\ud83d\ude00!""#, "😀!"),
        // A surrogate without its other half.
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ude00""#, "\u{fffd}"),
        (r#""a\ud83dz""#, "a\u{fffd}z"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""k:{\"name\":\"app\"}""#, r#"k:{"name":"app"}"#),
        (r#""\u0000""#, "\0"),
    ] {
        assert_eq!(text(json), want, "{json}");
    }
}

#[test]
fn keys_may_be_escaped_and_the_last_of_two_counts() {
    let node = parse(br#"{"\u0061":1,"b":{},"a":2}"#).unwrap();
    assert_eq!(node.get(&["a"]).and_then(Node::text), Some("2"));
    assert_eq!(node.get(&["b", "c"]), None);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (json, fault, offset) in [
        ("", JsonFault::CutShort, 0),
        ("  ", JsonFault::CutShort, 2),
        ("{", JsonFault::CutShort, 1),
        (r#"{"a""#, JsonFault::CutShort, 4),
        (r#"{"a":"#, JsonFault::CutShort, 5),
        (r#"{"a":1"#, JsonFault::CutShort, 6),
        (r#"{"a":1,"#, JsonFault::CutShort, 7),
        (r#"{"a":1,}"#, JsonFault::Unexpected, 7),
        ("{a:1}", JsonFault::Unexpected, 1),
        (r#"{"a" 1}"#, JsonFault::Unexpected, 5),
        ("[1,]", JsonFault::Unexpected, 3),
        ("[1 2]", JsonFault::Unexpected, 3),
        ("[", JsonFault::CutShort, 1),
        ("\"abc", JsonFault::CutShort, 4),
        (r#""\"#, JsonFault::CutShort, 2),
        (r#""\u12"#, JsonFault::CutShort, 5),
        (r#""\u12x4""#, JsonFault::BadEscape, 5),
        (r#""\x""#, JsonFault::BadEscape, 2),
        ("\"a\nb\"", JsonFault::ControlCharacter, 2),
        ("01", JsonFault::BadNumber, 1),
        ("-", JsonFault::CutShort, 1),
        ("-a", JsonFault::BadNumber, 1),
        ("1.", JsonFault::CutShort, 2),
        ("1.e", JsonFault::BadNumber, 2),
        ("1e+", JsonFault::CutShort, 3),
        ("+1", JsonFault::Unexpected, 0),
        (".5", JsonFault::Unexpected, 0),
        ("tru", JsonFault::CutShort, 0),
        ("trua", JsonFault::Unexpected, 0),
        ("nul", JsonFault::CutShort, 0),
        ("NaN", JsonFault::Unexpected, 0),
        ("1 2", JsonFault::Trailing, 2),
        ("{}}", JsonFault::Trailing, 2),
        ("'a'", JsonFault::Unexpected, 0),
    ] {
        assert_eq!(parse(json.as_bytes()), Err(JsonError { fault, offset }), "{json}");
    }
    let not_utf8 = JsonError { fault: JsonFault::NotUtf8, offset: 1 };
    assert_eq!(parse(b"\"\xff\""), Err(not_utf8.clone()));
    assert_eq!(not_utf8.to_string(), "not UTF-8 at byte 1");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
    let error = JsonError { fault: JsonFault::TooDeep, offset: DEPTH_MAX };
    assert_eq!(parse(nested(DEPTH_MAX + 1).as_bytes()), Err(error));
    assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
}

/// Any JSON value.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn it_reads_what_serde_json_writes(value in any_json()) {
        for written in [value.to_string(), format!("{value:#}")] {
            let node = parse(written.as_bytes()).unwrap();
            prop_assert_eq!(&node, &Node::from(&value));
            // And what it prints itself.
            let printed = node.to_string();
            prop_assert_eq!(parse(printed.as_bytes()), Ok(node.clone()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let refused = parse(&bytes).is_err();
        let by_serde = serde_json::from_slice::<serde_json::Value>(&bytes).is_err();
        // serde_json refuses lone surrogates and numbers beyond its range; we refuse nothing that it reads.
        prop_assert!(!refused || by_serde);
    }

    #[test]
    fn whatever_is_cut_short_is_refused(value in any_json(), at in any::<prop::sample::Index>()) {
        let written = serde_json::json!([value]).to_string();
        let at = at.index(written.len());
        prop_assert!(parse(&written.as_bytes()[..at]).is_err());
    }

    #[test]
    fn changed_json_is_judged_as_serde_json_judges_it(
        value in any_json(),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(&b"{}[]\",:\\0e.-tn \n"[..]),
    ) {
        let mut bytes = value.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Ok(read) = serde_json::from_slice::<Box<serde_json::value::RawValue>>(&bytes) {
            prop_assert_eq!(parse(read.get().as_bytes()).map_err(|error| error.fault), parse(&bytes).map_err(|error| error.fault));
            prop_assert!(parse(&bytes).is_ok());
        }
    }
}
