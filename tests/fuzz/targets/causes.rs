//! The classifier of messages: any text gets an answer of bounded size, without control characters. The first line says
//! what kind of text it is and the machine's word beside it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prodrome_causes::{Kind, Text, classify, classify_all};

const WORDS_MAX: usize = 1_000;

fuzz_target!(|input: &str| {
    let (head, text) = input.split_once('\n').unwrap_or(("", input));
    let (kind, reason) = head.split_once(' ').unwrap_or((head, ""));
    let kind = match kind {
        "waiting" => Kind::Waiting,
        "condition" => Kind::Condition,
        "log" => Kind::Log,
        _ => Kind::Event,
    };
    let text = Text { kind, reason, text };
    for why in [classify(&text), classify_all([text, Text { kind: Kind::Log, ..text }]).best] {
        assert!((0.0..=1.0).contains(&why.confidence));
        assert_eq!(why.cause.is_some(), why.owner.is_some());
        assert!(why.cause.is_none() || (why.confidence >= 0.3 && !why.remediation.is_empty()));
        for words in why.facts.values.values().chain([&why.quote, &why.summary]).chain(&why.remediation) {
            assert!(!words.chars().any(char::is_control), "{words:?}");
            assert!(words.chars().count() <= WORDS_MAX, "{words:.200}");
        }
    }
});
