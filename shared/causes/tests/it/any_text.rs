//! Texts are written by tenants: no text may break, slow down or escape from the classifier.

use prodrome_causes::{Kind, Text, classify, classify_all};
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Waiting), Just(Kind::Event), Just(Kind::Condition), Just(Kind::Log)]
}

/// Pieces of real messages, in any order, so that rules fire in the middle of nonsense.
fn pieces() -> impl Strategy<Value = String> {
    let corpus: Vec<String> = include_str!("corpus.jsonl")
        .lines()
        .flat_map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["text"]
                .as_str()
                .unwrap()
                .split(' ')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    prop::collection::vec(prop_oneof![3 => prop::sample::select(corpus), 1 => any::<String>()], 0..60)
        .prop_map(|words| words.join(" "))
}

fn holds(kind: Kind, reason: &str, text: &str) {
    let why = classify(&Text { kind, reason, text });
    assert!((0.0..=1.0).contains(&why.confidence));
    assert_eq!(why.cause.is_some(), why.owner.is_some());
    assert!(why.cause.is_none() || (why.confidence >= 0.3 && !why.remediation.is_empty()));
    let texts = why.facts.values.values().chain([&why.quote, &why.summary]);
    for text in texts {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.chars().count() <= 1_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(kind in kind(), reason in any::<String>(), text in any::<String>()) {
        holds(kind, &reason, &text);
    }

    #[test]
    fn pieces_of_messages_get_an_answer(kind in kind(), text in pieces()) {
        holds(kind, "", &text);
    }

    #[test]
    fn bytes_that_are_no_text_get_an_answer(kind in kind(), bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        holds(kind, "", &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn the_order_of_texts_does_not_change_the_cause(mut texts in prop::collection::vec(pieces(), 1..5)) {
        let cause = |texts: &[String]| classify_all(texts.iter().map(|text| Text::event("", text))).best.confidence;
        let forward = cause(&texts);
        texts.reverse();
        prop_assert!((cause(&texts) - forward).abs() < 1e-9);
    }
}

#[test]
fn terminal_escapes_neither_hide_nor_survive() {
    let why = classify(&Text::log(
        "\u{1b}[31mlisten tcp :80: \u{1b}[1mbind: address already in use\u{1b}[0m\u{1b}]0;own\u{7}",
    ));
    assert_eq!(why.id(), "app-port-in-use");
    assert!(!why.quote.contains('\u{1b}') && !why.quote.contains("own"));
}

/// Texts that are made to be slow: repeated beginnings of templates, and many of them.
#[test]
fn huge_and_hostile_texts_cost_no_more_than_the_bound() {
    let lines = include_str!("corpus.jsonl");
    let beginnings = [
        "exceeded quota: ".repeat(70_000),
        "error mounting \"".repeat(70_000),
        "lookup ".repeat(150_000),
        "x".repeat(1 << 20),
        "\u{1b}[".repeat(1 << 19),
        " \"a".repeat(400_000),
        "body={".repeat(200_000),
        "?a=".repeat(400_000),
        "connected\n connection refused\n".repeat(40_000),
        "0/9 nodes are available: ".to_owned() + &"1 Insufficient cpu, ".repeat(60_000),
        lines.repeat(12),
    ];
    for text in &beginnings {
        assert!(text.len() > 900_000);
        let begin = Instant::now();
        classify(&Text::log(text));
        // Tests are built without optimisation; the text is cut to 64 KiB, whatever its length.
        assert!(begin.elapsed() < Duration::from_secs(5), "{:.40}: {:?}", text, begin.elapsed());
    }
}

#[test]
fn of_a_huge_log_the_end_is_read() {
    let text =
        format!("{}\npanic: boom\nlisten tcp :80: bind: address already in use", "fine\n".repeat(300_000));
    assert_eq!(classify(&Text::log(&text)).id(), "app-port-in-use");
}
