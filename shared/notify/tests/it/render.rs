//! Snapshots of what every channel makes of every notice.

use crate::channels::{Rendered, names, render};
use crate::sample;
use prodrome_model::Notice;
use prodrome_notify::Request;

#[test]
fn every_channel_tells_every_notice() {
    for channel in names() {
        for (name, notice) in sample::all() {
            insta::assert_snapshot!(format!("{channel}-{name}"), shown(&channel, &notice, None));
        }
    }
}

#[test]
fn what_follows_joins_what_was_sent() {
    let receipts = [
        ("slack", "C0ALERTS:1503435956.000247"),
        ("slack-edit", "C0ALERTS:1503435956.000247"),
        ("alertmanager", r#"{"alertname":"PodCrashLooping","severity":"P2"}"#),
    ];
    for (channel, receipt) in receipts {
        for (name, notice) in [("update", sample::update()), ("resolved", sample::resolved())] {
            insta::assert_snapshot!(
                format!("{channel}-{name}-joins"),
                shown(channel, &notice, Some(receipt))
            );
        }
    }
}

#[test]
fn a_receipt_that_is_none_is_left_aside() {
    for receipt in ["", ":", "C1", "C1:", "C1:1 or 1", "C1/../x:1.2", "{\"a\":1}"] {
        let with = shown("slack", &sample::update(), Some(receipt));
        assert_eq!(with, shown("slack", &sample::update(), None), "{receipt}");
    }
    for receipt in ["", "{", "[1]", "{\"a\":1}"] {
        let with = shown("alertmanager", &sample::update(), Some(receipt));
        assert_eq!(with, shown("alertmanager", &sample::update(), None), "{receipt}");
    }
}

fn shown(channel: &str, notice: &Notice, receipt: Option<&str>) -> String {
    match render(channel, notice, receipt, sample::now()) {
        Rendered::Request(request) => shown_request(&request),
        Rendered::Lines(lines) => collapsed(&lines).replace('\u{1b}', "␛"),
    }
}

fn shown_request(request: &Request) -> String {
    let Request { method, url, headers, body, receipt } = request;
    let headers: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    let body = serde_json::to_string_pretty(&body).unwrap();
    let receipt = receipt.as_ref().map(|receipt| format!("\n\nreceipt: {receipt}")).unwrap_or_default();
    collapsed(&format!("{method} {}\n{}\n\n{body}{receipt}", url.url(), headers.join("\n")))
}

/// Long runs of one character, or of one escape, as their number.
fn collapsed(text: &str) -> String {
    let text = text.replace("&amp;", "&");
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut run = 1;
        while chars.next_if_eq(&c).is_some() {
            run += 1;
        }
        match run {
            ..=20 => out.extend(std::iter::repeat_n(c, run)),
            _ => out.extend([c.to_string(), format!("({run} times)")]),
        }
    }
    out
}
