//! The routing file is written by people: no text may break or exhaust whoever reads it.

use prodrome_notify::Routing;
use proptest::prelude::*;

fn read(text: &str) -> bool {
    match Routing::parse("routing.yaml", text) {
        Ok(_) => true,
        Err(errors) => {
            let told = format!("{errors:?}");
            assert!(told.len() <= 64 * text.len() + 1_000_000, "{} bytes of mistakes", told.len());
            false
        }
    }
}

/// Pieces of routing files, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let known = [
        "channels",
        "routes",
        "default",
        "silences",
        "pacing",
        "a",
        "type",
        "slack",
        "webhook",
        "terminal",
        "url",
        "'https://x.example'",
        "token",
        "{ env: A }",
        "secret",
        "limit",
        "messages",
        "match",
        "severity",
        "[P1]",
        "5m",
        ": ",
        ":",
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
    fn any_text_is_read_or_refused(text in any::<String>(), pieces in pieces()) {
        read(&text);
        read(&pieces);
        read(&format!("channels:\n  a: {{ type: terminal }}\nroutes:\n{pieces}"));
    }
}

#[test]
fn a_file_that_swells_by_aliases_or_is_nested_without_end_is_refused() {
    let swells = (b'b'..=b'k').fold("a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, letter| {
        let (name, before) = (char::from(letter), char::from(letter - 1));
        let aliases = vec![format!("*{before}"); 9].join(", ");
        format!("{text}{name}: &{name} [{aliases}]\n")
    });
    for piece in ["[", "{a: ", "- ", "? "] {
        assert!(!read(&format!("channels: {}", piece.repeat(20_000))));
    }
    assert!(!read(&swells));
}
