//! What holds of any text.

use prodrome_redact::{redact, redact_named};
use proptest::prelude::*;

/// Pieces that mean something here, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let known = [
        "password",
        "token",
        "secret",
        "Authorization",
        "auth",
        "name",
        "value",
        "Cookie",
        "PWD",
        "sig",
        "=",
        ":",
        ": ",
        " = ",
        "=>",
        "\"",
        "\\\"",
        "'",
        "\\",
        "\\n",
        "\n",
        " ",
        ",",
        "&",
        ";",
        "%3D",
        "%26",
        "\\u003d",
        "\\u0026",
        "{",
        "}",
        "[",
        "]",
        "--",
        "-u ",
        "://",
        ":\\/\\/",
        "@",
        "@tcp(",
        ":thin:",
        "user",
        "hunter2",
        "***",
        "xxx",
        "Bearer ",
        "Basic ",
        "c2hvcDpodW50ZXIy",
        "eyJhbGciOiJIUzI1NiJ9",
        ".",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_",
        "sk-",
        "glpat-",
        "-----BEGIN ",
        "RSA PRIVATE KEY",
        "-----",
        "-----END ",
        "MIIEvQIBADAN",
        "LS0tLS1CRUdJTi",
        "é",
        "hooks.slack.com/",
        "identified by ",
        "0123456789abcdef0123456789abcdef",
    ];
    let piece =
        prop_oneof![6 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("{{\"log\":\"{escaped}\",\"level\":\"info\"}}")
}

/// A string of JSON and nothing else between these quotes: no escape is cut in two.
fn is_whole(line: &str) -> bool {
    let Some(inner) =
        line.strip_prefix("{\"log\":\"").and_then(|rest| rest.strip_suffix("\",\"level\":\"info\"}"))
    else {
        return false;
    };
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return false,
            c if c < ' ' => return false,
            '\\' => match chars.next() {
                Some('"' | '\\' | 'n') => {}
                Some('u') if (0..4).all(|_| chars.next().is_some_and(|c| c.is_ascii_hexdigit())) => {}
                _ => return false,
            },
            _ => {}
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer_that_is_not_much_longer(text in any::<String>(), name in any::<String>()) {
        prop_assert!(redact(&text).len() <= 4 * text.len() + 3);
        redact_named(&name, &text);
    }

    #[test]
    fn what_was_redacted_is_not_redacted_further_for_long(text in pieces()) {
        let (mut now, mut rounds) = (redact(&text).into_owned(), 0);
        while redact(&now) != now {
            now = redact(&now).into_owned();
            rounds += 1;
            prop_assert!(rounds < 40, "{text:?}\n{now:?}");
        }
    }

    #[test]
    fn a_line_of_json_is_one_afterwards(text in pieces()) {
        let line = quoted(&text);
        prop_assert!(is_whole(&line));
        let clean = redact(&line);
        prop_assert!(is_whole(&clean), "{line}\n{clean}");
    }
}

#[test]
fn a_secret_that_ends_with_a_backslash_ends_with_its_line_of_json() {
    let line = quoted("-u 'A:hunter2\\");
    assert_eq!(redact(&line), line.replace("hunter2", "***"));
}

/// Texts made to be slow. Were the time not in proportion to the length, this would take hours.
#[test]
fn a_long_hostile_text_is_gone_through_once() {
    const BYTES: usize = 1 << 18;
    for piece in [
        "token:",
        "token: a ",
        "password=\"",
        "\"token\":\"a b c d",
        "://",
        "://a:b",
        "a@tcp(",
        ":thin:@",
        "eyJ",
        "eyJaaaaaaaa.",
        "eyJ-",
        "sk-",
        "ghp_",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----!",
        "--token ",
        "-",
        "=",
        ":",
        "\\",
        "name: a, value: ",
        ",",
        "token=,",
        "%3D",
        "Bearer ",
        "Basic ",
        "LS0tLS1CRUdJTi",
        "AKIA",
        "value",
        "a/",
        "Cookie: a=",
        "Authorization: Bearer ",
        "identified by '",
        "password=a,a,a",
        "password=))))",
    ] {
        let text = piece.repeat(BYTES / piece.len());
        assert!(redact(&text).len() <= 4 * text.len());
    }
}
