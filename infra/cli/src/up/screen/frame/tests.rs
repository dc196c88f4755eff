use super::*;
use crate::up::live_rules::RulesNews;
use prodrome_lifecycle::Terms;
use prodrome_model::Fingerprint;
use prodrome_watcher::Trouble;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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

/// How long a rule waits.
fn terms(rule: &str, seconds: i64, references: bool) -> Arc<BTreeMap<String, Terms>> {
    let (duration, zero) = (SignedDuration::from_secs(seconds), SignedDuration::ZERO);
    let terms = Terms { duration, gap_tolerance: zero, resolve_after: zero, references };
    Arc::new(BTreeMap::from([(rule.to_owned(), terms)]))
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
        checks: vec![check("Other", "b", 160), check("PodPending", "a", 130)],
        terms: terms("PodPending", 150, false),
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
            "  PodPending Pod shop/a for 2m, may fire in 20s",
            "  Other Pod shop/b for 2m",
        ]
    );
    assert_eq!(
        shown(&told, &look, (44, 10))[3..],
        [
            "Alerts  2 open, 1 over",
            "  P1 NodeNotReady Deployment shop… for 2m […",
            "  and 2 more: 1 P3, 1 over",
            "",
            "Checks that wait  2",
            "  PodPending Pod shop/a for 2m, may fire in…",
            "  Other Pod shop/b for 2m",
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

/// With a cause.
fn known(severity: &str, name: &str, since: i64) -> Notice {
    let mut notice = notice(severity, "PodCrashLooping", name, "alert", since);
    notice.cause = Some("app-error".to_owned());
    notice.diagnosis = Some(Box::default());
    notice
}

/// How many lines of a kind there are.
fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

#[test]
fn many_alerts_are_the_worst_with_their_causes_and_a_count() {
    let mut notices: Vec<Notice> = (0..27).map(|i| known("P3", &format!("app-{i:02}"), -i)).collect();
    notices.extend([known("P1", "core", -1), notice("P3", "PodNotReady", "gone", "resolved", -30)]);
    let told = told(notices);
    let checks = (0..9).map(|i| check("PodNotReady", &format!("c{i}"), 200 + i)).collect();
    let look = Look { checks, ..Look::default() };
    for ((width, height), alerts, more) in [
        ((80, 24), 7, "  and 22 more: 21 P3, 1 over"),
        ((90, 36), 13, "  and 16 more: 15 P3, 1 over"),
        ((200, 50), 20, "  and 9 more: 8 P3, 1 over"),
    ] {
        let lines = shown(&told, &look, (width, height));
        let text = lines.join("\n");
        assert_eq!(lines.len(), height, "{text}");
        assert_eq!(
            (count(&lines, "PodCrashLooping"), count(&lines, "why: app-error")),
            (alerts, alerts),
            "{text}"
        );
        assert_eq!(lines.iter().filter(|line| *line == more).count(), 1, "{text}");
        assert!(
            lines[4].contains("P1 PodCrashLooping Deployment shop/core") && lines[5].contains("why:"),
            "{text}"
        );
        assert!(
            text.contains("Checks that wait  9\n  PodNotReady Pod shop/c0")
                && count(&lines, "and 7 more") == 1,
            "{text}"
        );
    }
}

#[test]
fn where_there_is_room_summaries_and_checks_share_it() {
    let told = told((0..8).map(|i| known("P3", &format!("app-{i}"), -i)).collect());
    let checks = (0..13).map(|i| check("PodNotReady", &format!("c{i:02}"), 200 + i)).collect();
    let look = Look { checks, ..Look::default() };
    let parts = |height| {
        let lines = shown(&told, &look, (90, height));
        let text = lines.join("\n");
        assert_eq!((count(&lines, "PodCrashLooping"), count(&lines, "why:")), (8, 8), "{text}");
        (count(&lines, "is broken"), count(&lines, "Pod shop/c"))
    };
    assert_eq!(parts(25), (0, 2));
    assert_eq!(parts(30), (4, 3));
    assert_eq!(parts(36), (7, 6));
    assert_eq!(parts(60), (8, 13));
}

#[test]
fn a_kind_that_is_not_served_is_said() {
    let look =
        |n: usize| Look { unserved: (0..n).map(|i| format!("db.example/K{i}")).collect(), ..Look::default() };
    let shown = |n| shown(&told(Vec::new()), &look(n), (100, 24));
    assert_eq!(
        shown(1)[2],
        "rules: the cluster serves no db.example/K0: what rules say of it waits until it does"
    );
    assert!(shown(9)[2..4].join("").contains("db.example/K2 and 6 more"), "{:?}", shown(9));
    assert_eq!(shown(0)[2], "");
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

#[test]
fn a_check_that_time_alone_never_begins_has_no_instant() {
    let watching = |turns_at: Timestamp| {
        let mut check = check("PodReadinessFlaps", "a", 1_000_000);
        check.phase = Phase::Watching { turns_at };
        let look = Look { checks: vec![check], ..Look::default() };
        shown(&told(Vec::new()), &look, (80, 24)).pop().unwrap()
    };
    assert_eq!(watching(Timestamp::MAX), "  PodReadinessFlaps Pod shop/a seen, waits for more of them");
    assert_eq!(watching(at(160)), "  PodReadinessFlaps Pod shop/a may begin in 1m");
    assert_eq!(watching(at(100)), "  PodReadinessFlaps Pod shop/a may begin now");
    let look = Look { checks: vec![check("PodNotReady", "a", 99)], ..Look::default() };
    let last = shown(&told(Vec::new()), &look, (80, 24)).pop().unwrap();
    assert_eq!(last, "  PodNotReady Pod shop/a for 2m, due now");
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let unseen = vec!["open checks cannot be read: the table is\u{1b}[2J gone".to_owned()];
    let look = Look { unseen, ..Look::default() };
    assert_eq!(
        shown(&told(Vec::new()), &look, (80, 24))[1..3],
        [
            "0 changes (0/s), lag 0.0s, 0 open checks, not all can be seen",
            "open checks cannot be read: the table is [2J gone",
        ]
    );
}

#[test]
fn a_check_says_when_it_fires_and_not_when_it_is_looked_at() {
    let last = |change: &dyn Fn(&mut Check), duration| {
        let mut check = check("ConfigMapUnused", "a", 140);
        change(&mut check);
        let terms = terms("ConfigMapUnused", duration, false);
        let look = Look { checks: vec![check], terms, ..Look::default() };
        shown(&told(Vec::new()), &look, (80, 24)).pop().unwrap()
    };
    let week = 7 * 24 * 3600;
    let own = |text: &str| format!("  ConfigMapUnused Pod shop/a {text}");
    assert_eq!(last(&|_| (), week), own("for 2m, may fire in 6d 23h"));
    assert_eq!(last(&|check| check.since = at(100 - week), week), own("for 7d, looked at again in 40s"));
    assert_eq!(
        last(&|check| (check.since, check.due) = (at(100 - week), at(100)), week),
        own("for 7d, due now")
    );
    let ends = |check: &mut Check| check.phase = Phase::Pending { turns_at: Some(at(160)) };
    assert_eq!(last(&ends, week), own("for 2m, may end by itself in 1m"));
    assert_eq!(last(&ends, 150), own("for 2m, may fire in 20s"));
}

#[test]
fn what_only_waits_for_a_first_look_at_its_references_is_no_fault_yet() {
    let opened = |name: &str, look_again: i64| {
        let mut check = check("RoleBindingRoleMissing", name, look_again);
        (check.since, check.opened_at) = (at(90), at(90));
        check
    };
    // The first look, thirty seconds after it was opened, puts the next one off by minutes.
    let checks = vec![opened("new", 120), opened("looked-at", 700)];
    let shown = |references| {
        let terms = terms("RoleBindingRoleMissing", 60, references);
        let look = Look { checks: checks.clone(), terms, ..Look::default() };
        let lines = shown(&told(Vec::new()), &look, (80, 24));
        (
            lines[1].clone(),
            lines.into_iter().skip_while(|line| !line.starts_with("Checks")).collect::<Vec<_>>(),
        )
    };
    let looked_at = "  RoleBindingRoleMissing Pod shop/looked-at for 10s, may fire in 50s";
    let new = "  RoleBindingRoleMissing Pod shop/new for 10s, may fire in 50s";
    let (status, lines) = shown(true);
    assert_eq!(lines, ["Checks that wait  1, and 1 not looked at yet", looked_at]);
    assert!(status.ends_with("1 open check and 1 to be looked at"), "{status}");
    let (status, lines) = shown(false);
    assert_eq!(lines, ["Checks that wait  2", new, looked_at]);
    assert!(status.ends_with("2 open checks"), "{status}");
}

#[test]
fn what_is_not_seen_of_the_cluster_is_said() {
    let denied = "may not watch Pod, Deployment and 53 other kinds (forbidden)";
    let refused =
        Trouble::NoAnswer("the connection failed: tcp connect error: Connection refused".to_owned());
    let silence = Silence::of(Duration::from_secs(40), Some(refused));
    let look = Look { denied: Some(denied.to_owned()), silence, ..Look::default() };
    assert_eq!(
        shown(&told(Vec::new()), &look, (80, 24))[1..5],
        [
            "0 changes (0/s), lag 0.0s, 0 open checks, not all can be seen",
            "no contact with the API server for 40s: tcp connect error: Connection refused",
            "may not watch Pod, Deployment and 53 other kinds (forbidden)",
            "",
        ]
    );
}
