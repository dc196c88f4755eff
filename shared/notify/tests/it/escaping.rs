//! Whatever a tenant writes: nothing is markup, mentions anybody, steers a terminal, or exceeds a limit.

use crate::channels::{Rendered, names, render};
use crate::sample;
use prodrome_model::{Diagnosis, Evidence, Notice, NoticeKind, ObjectRef, RuledOut, Unseen};
use prodrome_notify::{RECEIPT_BYTES_MAX, Request};
use proptest::prelude::*;
use serde_json::Value;

/// Texts made of what is dangerous somewhere, and of anything else.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "<",
            ">",
            "&",
            "<!channel>",
            "<@U1>",
            "@here",
            "@all",
            "`",
            "```",
            "*",
            "_",
            "~",
            "[x](https://e.example)",
            "![x](https://e.example)",
            "https://e.example",
            "#",
            "\n",
            "\n# ",
            "\r",
            "\t",
            "\"",
            "\\",
            "|",
            "\u{1b}[2J",
            "\u{9b}",
            "\u{7f}",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{feff}",
            "\u{e0041}",
            "\u{2028}",
            "\0",
            "鑑",
            "🟠",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

fn notices() -> impl Strategy<Value = Notice> {
    (texts(), any::<bool>(), 0..3_u8).prop_map(|(text, long, kind)| {
        let text = if long { text.repeat(60) } else { text };
        let hostile = sample::hostile(&text);
        let kind = match kind {
            0 => NoticeKind::Alert,
            1 => NoticeKind::Update,
            _ => NoticeKind::Resolved,
        };
        let lists = Notice {
            kind,
            evidence: vec![text.clone(); if long { 60 } else { 2 }],
            events: vec![hostile.events[0].clone(); if long { 60 } else { 2 }],
            joined: vec![hostile.joined[0].clone(); if long { 60 } else { 2 }],
            also: vec![hostile.also[0].clone(); if long { 60 } else { 2 }],
            ..hostile
        };
        Notice { ended: (kind == NoticeKind::Resolved).then(sample::now), ..lists }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_more_than_text(notice in notices()) {
        for channel in names() {
            holds(&channel, &notice);
        }
    }
}

/// A diagnosis of which all that a plugin can quote is this text.
fn diagnosed(text: &str, named: bool) -> Notice {
    let object = ObjectRef {
        api_version: "v1".to_owned(),
        kind: text.to_owned(),
        namespace: Some(text.to_owned()),
        name: text.to_owned(),
    };
    let words = || Evidence::new(text, text).on(object.clone());
    let diagnosis = Diagnosis {
        cause: named.then(|| text.to_owned()),
        confidence: 0.9,
        summary: text.to_owned(),
        evidence: vec![words(); 3],
        facts: vec![words(); 3],
        remediation: vec![text.to_owned(), format!("see https://evil.example/{text}")],
        faulty: Some(object.clone()),
        shared: Some(text.to_owned()),
        ruled_out: vec![RuledOut { cause: text.to_owned(), reason: text.to_owned() }; 3],
        not_looked_at: vec![Unseen { what: text.to_owned(), reason: text.to_owned() }; 3],
        ..Diagnosis::default()
    };
    let cause = named.then(|| text.to_owned());
    Notice { cause, apps: 2, diagnosis: Some(Box::new(diagnosis)), ..sample::hostile(text) }
}

#[test]
fn what_a_plugin_quotes_is_text_and_no_address_in_it_a_link() {
    for named in [true, false] {
        for notice in [diagnosed(sample::HOSTILE, named), diagnosed("https://evil.example", named)] {
            for channel in names() {
                holds(&channel, &notice);
                let Rendered::Request(request) = render(&channel, &notice, None, sample::now()) else {
                    continue;
                };
                let body = String::from_utf8(request.body.clone()).unwrap();
                let links: &[&str] = match channel.as_str() {
                    "slack" | "slack-edit" | "slack-webhook" => &["<https://evil", "<http"],
                    "dingtalk" => &["](https://evil"],
                    // What is plain text there may hold an address; what is made to be opened may not.
                    _ => &["\"href\":\"https://evil", "runbook_url\":\"https://evil"],
                };
                let body = body.replace("<https://runbooks.example/node#not-ready>", "");
                for link in links {
                    assert!(!body.contains(link), "{channel}: {link} in {body}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_diagnosis_is_more_than_text(text in texts(), named in any::<bool>()) {
        for channel in names() {
            holds(&channel, &diagnosed(&text, named));
        }
    }
}

#[test]
fn the_samples_stay_within_the_limits() {
    for (_, notice) in sample::all() {
        for channel in names() {
            holds(&channel, &notice);
        }
    }
}

/// As long as it can be, of characters that take much room: in bytes, in JSON, as an escape.
#[test]
fn the_widest_texts_stay_within_the_limits() {
    for piece in ["鑑", "🟠", "&", "<", "\"", "\\", "a\n", "_", "https://e.example ", "a"] {
        let text = piece.repeat(5_000);
        let hostile = sample::hostile(&text);
        let notice = Notice {
            rule: text.clone(),
            evidence: vec![text.clone(); 60],
            events: vec![hostile.events[0].clone(); 60],
            joined: vec![hostile.joined[0].clone(); 60],
            also: vec![hostile.also[0].clone(); 60],
            runbook: Some(vec![text; 20].join("\n")),
            ..hostile
        };
        for channel in names() {
            // A rule's author may write links and markup into a runbook; this is about its size.
            let Rendered::Request(request) = render(&channel, &notice, None, sample::now()) else { continue };
            let bytes = request.body.len();
            match channel.as_str() {
                "dingtalk" => assert!(bytes <= 20_000, "{bytes} bytes of {piece:?}"),
                "slack" | "slack-edit" | "slack-webhook" => {
                    slack_sizes(&serde_json::from_slice(&request.body).unwrap());
                }
                "pagerduty" | "webhook" => assert!(bytes < 512 * 1024, "{bytes} bytes of {piece:?}"),
                "alertmanager" => assert!(bytes < 128 * 1024, "{bytes} bytes of {piece:?}"),
                other => panic!("what must hold for {other}?"),
            }
        }
    }
}

fn holds(channel: &str, notice: &Notice) {
    let request = match render(channel, notice, None, sample::now()) {
        Rendered::Request(request) => request,
        Rendered::Lines(lines) => return on_a_terminal(&lines, channel == "terminal-colour"),
    };
    assert!(request.receipt.as_ref().is_none_or(|receipt| receipt.len() <= RECEIPT_BYTES_MAX));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    match channel {
        "slack" | "slack-edit" | "slack-webhook" => in_slack(&body),
        "dingtalk" => in_dingtalk(&body, &request),
        "pagerduty" => in_pagerduty(&body, &request),
        "alertmanager" => in_alertmanager(&body, notice),
        "webhook" => assert!(request.body.len() < 256 * 1024, "{} bytes", request.body.len()),
        other => panic!("what must hold for {other}?"),
    }
}

fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(map) => map.values().for_each(|value| strings(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn all_strings(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    strings(value, &mut found);
    found
}

/// No control characters but our own line ends, and nothing that hides or turns around.
fn is_visible(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    })
}

fn on_a_terminal(lines: &str, colour: bool) {
    let mut text = lines.to_owned();
    if colour {
        for ours in ["\u{1b}[1;31m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[34m", "\u{1b}[0m"] {
            text = text.replacen(ours, "", 1);
        }
    }
    assert!(is_visible(&text), "{lines:?}");
    // Only our own line ends: each line is the headline or begins with a name of ours.
    let names = ["summary", "cause", "new", "also", "evidence", "event", "runbook", "note"];
    for line in lines.lines().skip(1) {
        assert!(names.iter().any(|name| line.starts_with(&format!("    {name:<9} "))), "{line:?}");
    }
}

fn in_slack(body: &Value) {
    slack_sizes(body);
    for text in all_strings(body) {
        assert!(is_visible(text), "{text:?}");
        // Without the dates and the runbook's links, which are ours, no markup is left.
        let rest = text.replace("<!date^", "").replace("UTC>", "UTC");
        let rest = rest.replacen("<https://runbooks.example/node#not-ready>", "", 1);
        assert!(!rest.contains('<') && !rest.contains('>'), "{text:?}");
    }
    for section in body["blocks"].as_array().unwrap().iter().filter_map(|block| block["text"].as_object()) {
        // One pair of fences at most, around all that follows the title: a tenant closes none.
        let text = section["text"].as_str().unwrap();
        let fences = if section["type"] == "mrkdwn" { text.matches("```").count() } else { 0 };
        assert!(fences == 0 || (fences == 2 && text.ends_with("```")), "{text:?}");
    }
    for mentions in ["@here", "@channel", "@everyone", "@all"] {
        assert!(!body["text"].as_str().unwrap().contains(mentions));
    }
}

fn slack_sizes(body: &Value) {
    let blocks = body["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    let length = |value: &Value| value.as_str().unwrap().chars().count();
    assert!(length(&body["text"]) <= 4_000);
    let mut total = 0;
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => assert!((1..=150).contains(&length(&block["text"]["text"]))),
            "section" if block["fields"].is_array() => {
                let fields = block["fields"].as_array().unwrap();
                assert!((1..=10).contains(&fields.len()));
                assert!(fields.iter().all(|field| (1..=2_000).contains(&length(&field["text"]))));
            }
            "section" => assert!((1..=3_000).contains(&length(&block["text"]["text"]))),
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=10).contains(&elements.len()));
                assert!(elements.iter().all(|element| (1..=2_000).contains(&length(&element["text"]))));
            }
            other => panic!("block {other}"),
        }
        total += all_strings(block).iter().map(|text| text.chars().count()).sum::<usize>();
    }
    // Slack refuses about 13,200 characters in all blocks together, though its documents do not say so.
    assert!(total < 12_000, "{total} characters");
}

fn in_dingtalk(body: &Value, request: &Request) {
    assert!(request.body.len() <= 20_000, "{} bytes", request.body.len());
    assert_eq!(body["at"]["isAtAll"], false);
    let text = body["markdown"]["text"].as_str().unwrap();
    // The rule's own runbook may be a link.
    let runbook = "[runbooks.example/node＃not-ready](https://runbooks.example/node#not-ready)";
    let text = &*text.replacen(runbook, "", 1);
    for text in [text, body["markdown"]["title"].as_str().unwrap()] {
        assert!(is_visible(text), "{text:?}");
        for sign in ["@", "](", "[", "<", ">", "`", "|", "~", "\\", "&", "://"] {
            assert!(!text.contains(sign), "{sign} in {text:?}");
        }
    }
    // Stars and headings are ours, at the begin of a line or around our own words.
    for line in text.lines().skip(1) {
        assert!(!line.starts_with('#') && !line.contains("# "), "{line:?}");
    }
}

fn in_pagerduty(body: &Value, request: &Request) {
    assert!(request.body.len() < 512 * 1024);
    assert!(body["dedup_key"].as_str().unwrap().chars().count() <= 255);
    let payload = &body["payload"];
    if body["event_action"] == "trigger" {
        assert!((1..=1_024).contains(&payload["summary"].as_str().unwrap().chars().count()));
        assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
        assert!(!payload["source"].as_str().unwrap().is_empty(), "a source is required");
    }
    assert!(all_strings(body).into_iter().all(is_visible));
}

fn in_alertmanager(body: &Value, notice: &Notice) {
    for alert in body.as_array().unwrap() {
        for part in ["labels", "annotations"] {
            for (name, value) in alert[part].as_object().unwrap() {
                let mut bytes = name.bytes();
                let first = bytes.next().unwrap();
                assert!(first.is_ascii_alphabetic() || first == b'_', "{name}");
                assert!(bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{name}");
                assert!(!name.starts_with("__"), "{name}");
                assert!(is_visible(value.as_str().unwrap()) && !value.as_str().unwrap().is_empty());
            }
        }
        let name = alert["labels"]["alertname"].as_str().unwrap();
        assert_eq!(name.get(..12), notice.rule.get(..12), "no label of a rule takes its place");
    }
}
