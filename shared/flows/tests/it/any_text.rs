//! Flows are written by people, and pushed to running systems: no text may break or exhaust whoever reads it.

use prodrome_flows::{Catalogue, SourceFile, load};
use proptest::prelude::*;

fn read(text: &str) {
    let loaded = load(&[SourceFile::new("flow.yaml", text)], &Catalogue::new());
    assert!(loaded.diagnostics.len() <= 1_000, "{} mistakes", loaded.diagnostics.len());
}

fn with_condition(when: &str) -> String {
    let when = serde_json::Value::from(when);
    format!(
        "flow: a\nnodes:\n  text: {{ plugin: status-text }}\n  next: {{ plugin: image-pull, after: [text], when: {when} }}\n"
    )
}

/// Pieces of flows and of conditions, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let known = [
        "flow",
        "nodes",
        "text",
        "plugin",
        "status-text",
        "after",
        "when",
        "timeout",
        "retries",
        "params",
        ": ",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "&a ",
        "*a",
        "<<",
        "? ",
        "| ",
        "> ",
        "text.verdict == 'cause'",
        "&&",
        "||",
        "!",
        "(",
        ")",
        ".exists(x, ",
        "x",
        "5m",
        "-1",
        "1e999",
        "null",
        "~",
        "---",
        "...",
        "#",
        "%YAML",
        "\t",
        "é",
        "\u{feff}",
        "true",
        ",",
    ];
    prop::collection::vec(prop::sample::select(known.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn pieces_of_flows_are_read_or_refused(text in pieces()) {
        read(&text);
        read(&format!("flow: a\nnodes:\n{text}"));
    }

    #[test]
    fn any_condition_is_read_or_refused(when in any::<String>(), pieces in pieces()) {
        read(&with_condition(&when));
        read(&with_condition(&pieces));
    }
}

#[test]
fn a_condition_that_is_nested_deeply_is_refused() {
    for (open, middle, close) in [
        ("(", "true", ")"),
        ("!", "true", ""),
        ("-", "1", ""),
        ("[", "1", "]"),
        ("size(", "[]", ")"),
        ("{1:", "1", "}"),
        ("true ? ", "true", " : true"),
        ("", "text", ".a"),
        ("", "text", "[0]"),
        ("true && ", "true", ""),
        ("[1].all(x,", "true", ")"),
    ] {
        let times = 990 / (open.len() + close.len());
        read(&with_condition(&format!("{}{middle}{}", open.repeat(times), close.repeat(times))));
    }
}

#[test]
fn a_file_that_swells_by_aliases_or_is_nested_without_end_is_refused() {
    let swells = (b'b'..=b'k').fold("a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, letter| {
        let (name, before) = (char::from(letter), char::from(letter - 1));
        let aliases = vec![format!("*{before}"); 9].join(", ");
        format!("{text}{name}: &{name} [{aliases}]\n")
    });
    let nested = ["[", "{a: ", "- ", "? "].map(|piece| format!("nodes: {}", piece.repeat(20_000)));
    let params = format!(
        "flow: a\nnodes:\n  text: {{ plugin: status-text, params: {}1{} }}\n",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    for text in nested.iter().chain([&swells, &params]) {
        let loaded = load(&[SourceFile::new("flow.yaml", text.as_str())], &Catalogue::new());
        assert!(!loaded.diagnostics.is_empty() && loaded.diagnostics.len() < 100);
    }
}
