use super::*;
use crate::up::live_rules::RulesNews;
use prodrome_model::Fingerprint;
use serde_json::json;
use std::collections::BTreeMap;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn notice(severity: &str, rule: &str, name: &str, kind: &str, since: i64) -> Notice {
    let object = json!({ "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": name });
    let ended = (kind == "resolved").then(|| at(90));
    serde_json::from_value(json!({
        "type": kind, "fingerprint": format!("{rule}{name}"), "sequence": 0, "at": at(0),
        "scope": { "tenant": "t", "region": "r", "cluster": "c" }, "rule": rule, "severity": severity,
        "owner": "user", "object": object,
        "group": { "owner": { "kind": "Deployment", "namespace": "shop", "name": name }, "key": "k" },
        "count": 1, "since": at(since), "ended": ended, "summary": format!("{name} is broken"),
    }))
    .unwrap()
}

fn check(rule: &str, name: &str, due: i64) -> Check {
    serde_json::from_value(json!({
        "layout": 1, "scope": { "tenant": "t", "region": "r", "cluster": "c" }, "rule": rule, "ruleHash": "h",
        "resource": { "group": "", "version": "v1", "kind": "Pod", "plural": "pods", "namespaced": true },
        "object": { "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": name },
        "uid": "u", "resourceVersion": 1, "phase": { "name": "pending" }, "since": at(-30), "openedAt": at(-30),
        "due": at(due), "lookAgainAt": at(due),
    }))
    .unwrap()
}

fn told(notices: Vec<Notice>) -> Told {
    let alerts: BTreeMap<Fingerprint, Notice> =
        notices.into_iter().map(|n| (n.fingerprint.clone(), n)).collect();
    Told { title: "the demo".into(), alerts, counts: [0; 3], last: None, rate: 0.0 }
}

fn shown(told: &Told, look: &Look, size: Size) -> Vec<String> {
    frame(told, look, at(100), size).iter().map(|line| line.paint(false)).collect()
}

#[test]
fn a_small_window_shows_what_matters_first() {
    let told = told(vec![
        notice("P3", "PodNotReady", "late", "alert", -200),
        notice("P3", "PodNotReady", "gone", "resolved", -30),
        notice("P1", "NodeNotReady", "web", "update", -20),
    ]);
    let look = Look {
        checks: vec![check("PodPending", "b", 160), check("PodPending", "a", 130)],
        ..Look::default()
    };
    assert_eq!(
        shown(&told, &look, (80, 24)),
        [
            "Prodrome  the demo                                                Ctrl-C ends it",
            "0 changes (0/s), lag 0.0s, 2 open checks",
            "",
            "Alerts  2 open, 1 over",
            "  P1 NodeNotReady Deployment shop/web for 2m [user]",
            "     web is broken",
            "  P3 PodNotReady Deployment shop/late for 5m [user]",
            "     late is broken",
            "  ok PodNotReady Deployment shop/gone over after 2m [user]",
            "",
            "Checks that wait  2",
            "  PodPending Pod shop/a for 2m, due in 30s",
            "  PodPending Pod shop/b for 2m, due in 1m",
        ]
    );
    assert_eq!(
        shown(&told, &look, (44, 10))[3..],
        [
            "Alerts  2 open, 1 over",
            "  P1 NodeNotReady Deployment shop… for 2m […",
            "  and 2 more",
            "",
            "Checks that wait  2",
            "  PodPending Pod shop/a for 2m, due in 30s",
            "  PodPending Pod shop/b for 2m, due in 1m",
        ]
    );
}

#[test]
fn a_mistake_in_a_rule_that_is_being_edited_is_read_to_its_end() {
    let mistake =
        "not taken up: rules/pods.yaml:14:7 PodNotReady.checkField[0].subField: expected a list of keys";
    let look = |text: &str, is_bad| Look {
        rules: Some(RulesNews { text: text.to_owned(), is_bad }),
        ..Look::default()
    };
    assert_eq!(
        shown(&told(Vec::new()), &look(mistake, true), (60, 24))[2..5],
        [
            "rules: not taken up: rules/pods.yaml:14:7",
            "  PodNotReady.checkField[0].subField: expected a list of",
            "  keys",
        ]
    );
    let shown = shown(&told(Vec::new()), &look("version 2 since 10:00:00 UTC: 1 new", false), (60, 24));
    assert_eq!(shown[2], "rules: version 2 since 10:00:00 UTC: 1 new");
}

#[test]
fn nothing_is_wider_or_longer_than_the_window() {
    let long = "名".repeat(120);
    let notices =
        (0..40).map(|i| notice("P2", "PodCrashLooping", &format!("{i}-{long}"), "alert", -i)).collect();
    let checks = (0..40).map(|i| check("PodNotReady", &format!("{i}{}", "x".repeat(250)), i)).collect();
    let look = Look { checks, dead_letters: vec![("Changes", 3)], ..Look::default() };
    let told = told(notices);
    for width in [0, 1, 2, 5, 17, 40, 79, 80, 200, 600] {
        for height in [0, 1, 2, 3, 5, 8, 13, 24, 60, 200] {
            let lines = frame(&told, &look, at(100), (width, height));
            assert!(lines.len() <= height.max(1), "{width}×{height}: {} lines", lines.len());
            for line in &lines {
                assert!(line.width() <= width, "{width}×{height}: {:?}", line.paint(false));
            }
        }
    }
    let all = shown(&told, &look, (200, 200)).join("\n");
    assert!(all.contains("3 dead letters of Changes") && !all.contains("more"), "room for everything: {all}");
}

#[test]
fn what_a_tenant_wrote_does_not_steer_the_terminal() {
    let evil = "a\u{1b}[2J\u{1b}]0;title\u{7}\r\n\u{202e}b";
    let told = told(vec![notice("P2", "PodCrashLooping", evil, "alert", 0)]);
    let look = Look { checks: vec![check("PodNotReady", evil, 1)], ..Look::default() };
    for line in frame(&told, &look, at(100), (120, 30)) {
        let text = line.paint(false);
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn nothing_yet_is_said_in_words() {
    let lines = shown(&told(Vec::new()), &Look::default(), (80, 24)).join("\n");
    assert!(lines.contains("none yet") && lines.contains("Checks that wait  0"), "{lines}");
}
