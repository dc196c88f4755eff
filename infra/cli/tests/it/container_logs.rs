//! What containers wrote, in a `logs.json` beside files of objects.

use crate::run::{Ran, folder, prodrome, within};
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T00:15:00Z";
const LOGS: &str =
    r#"{ "shop/web/main": { "previous": "panic: dial tcp 10.96.7.7:5432: connect: connection refused" } }"#;

/// A pod that crashes; its objects say nothing of why.
fn pod() -> String {
    let ended = json!({ "exitCode": 2, "reason": "Error", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z" });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "nodeName": "n1", "containers": [{ "name": "main", "image": "registry.example.com/shop/web:1" }] },
        "status": { "phase": "Running", "startTime": "2026-01-01T00:00:00Z", "containerStatuses": [{
            "name": "main", "ready": false, "restartCount": 7, "image": "registry.example.com/shop/web:1",
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container" } },
            "lastState": { "terminated": ended },
        }] },
    })
    .to_string()
}

fn scan(from: &[&str]) -> Ran {
    prodrome(&[&["scan", "--now", NOW, "--output", "json", "--from"], from].concat())
}

fn cause(ran: &Ran) -> Value {
    let lines = ran.json_lines();
    let crashing = lines.iter().find(|line| line["rule"] == "PodCrashLooping");
    crashing.unwrap_or_else(|| panic!("{ran:?}"))["cause"].clone()
}

#[test]
fn a_log_beside_files_of_objects_says_why() {
    let dir = folder(&[
        ("without/pod.json", &pod()),
        ("bundle/pod.json", &pod()),
        ("bundle/logs.json", LOGS),
        ("deep/shop/pod.json", &pod()),
        ("deep/shop/logs.json", LOGS),
    ]);
    let at = |name| within(&dir, name);
    assert_eq!(cause(&scan(&[&at("without")])), "app-error");
    let all = [at("bundle/logs.json"), at("bundle/pod.json")];
    for from in [&[at("bundle")][..], &[at("bundle/pod.json")], &[at("deep")], &all] {
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        let ran = scan(&from);
        assert_eq!((ran.code, &*ran.stderr), (1, ""), "the log is no object file: {from:?}: {ran:?}");
        assert_eq!(cause(&ran), "app-dependency-unreachable", "{from:?}: {ran:?}");
    }
    for from in [at("bundle"), at("bundle/pod.json")] {
        let asked = ["diagnose", "pod/web", "--now", NOW, "--output", "json", "--from", &from];
        let ran = prodrome(&asked);
        assert_eq!(ran.json_lines()[0]["cause"], "app-dependency-unreachable", "{from}: {ran:?}");
    }
}

#[test]
fn a_log_file_that_cannot_be_read_is_told_and_does_not_take_the_objects_down() {
    let dir = folder(&[("pod.json", &pod()), ("logs.json", r#"{ "shop/web/main": { "previous": 7 } }"#)]);
    let (bundle, file) = (within(&dir, "."), within(&dir, "pod.json"));
    let asked = ["diagnose", "pod/web", "--now", NOW, "--output", "json", "--from", &file];
    for ran in [scan(&[&bundle]), scan(&[&file, &file]), prodrome(&asked)] {
        assert_eq!(ran.code, 2, "not all could be read: {ran:?}");
        assert_eq!(ran.json_lines()[0]["cause"], "app-error", "{ran:?}");
        assert_eq!(ran.stderr.matches("logs.json: expected").count(), 1, "{ran:?}");
        for words in
            ["namespace/pod/container", "shop/web/main.previous: invalid type: integer `7`", "line 1"]
        {
            assert!(ran.stderr.contains(words), "expected {words:?} in {ran:?}");
        }
    }
}

#[test]
fn a_log_file_that_is_named_for_objects_is_told_what_it_is() {
    let dir = folder(&[("logs.json", LOGS)]);
    let ran = scan(&[&within(&dir, "logs.json")]);
    assert!(ran.code == 2 && ran.stderr.contains("read with the objects' file beside it"), "{ran:?}");
}
