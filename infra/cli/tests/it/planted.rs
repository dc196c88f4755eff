//! Secrets that stand in objects, events and logs are in nothing that the command says of them.

use crate::run::{Ran, folder, prodrome, within};
use serde_json::{Value, json};

const PASSWORD: &str = "Tr0ub4dor-and-3";
/// An environment variable's value, which no shape gives away.
const ENVIRONMENT: &str = "plain-words-of-the-environment";

/// Rules that look at the very places where secrets stand.
const RULES: &str = "\
HasEnvironment:
  resource: Pod
  checkField: [{ field: [spec, containers, env, value], regexValue: ['.'] }]
  summary: '{metadata.name} runs {spec.containers.args}'
HasNote:
  resource: Pod
  checkField: [{ field: [metadata, annotations, example.com/note], nilValue: false }]
  summary: '{metadata.name}: {metadata.annotations}'
SaysSo:
  resource: Event
  checkField: [{ field: [message], likeValue: ['it said*'] }]
  summary: '{message}'
";

/// A token of a known shape, put together here so that no scanner of repositories takes it for real.
fn token() -> String {
    ["ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].concat()
}

fn text() -> String {
    format!("git {}, postgres://shop:{PASSWORD}@db:5432/shop, password={PASSWORD}", token())
}

fn pod() -> Value {
    let text = text();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": { "example.com/note": text, "example.com/applied":
                json!({ "env": [{ "name": "GREETING", "value": ENVIRONMENT }] }).to_string() },
        },
        "spec": { "containers": [{
            "name": "main", "image": "registry.example.com/shop/web:1", "args": ["--password", PASSWORD, text],
            "env": [{ "name": "GREETING", "value": ENVIRONMENT }, { "name": "TOKEN", "value": text }],
        }] },
        "status": { "phase": "Running", "startTime": "2026-01-01T00:00:00Z", "containerStatuses": [{
            "name": "main", "ready": false, "restartCount": 7, "image": "registry.example.com/shop/web:1",
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": format!("back-off: {text}") } },
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error", "message": text,
                "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z" } },
        }] },
    })
}

fn event() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "BackOff", "count": 3,
        "metadata": { "name": "web.1", "namespace": "shop", "uid": "e1", "resourceVersion": "9" },
        "involvedObject": { "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web", "uid": "u1" },
        "message": format!("it said: {}", text()),
        "firstTimestamp": "2026-01-01T00:00:05Z", "lastTimestamp": "2026-01-01T00:10:00Z",
    })
}

fn shows_none(what: &str, ran: &Ran, says: &str) {
    assert!(ran.stdout.contains(says), "{what} says nothing of the fault: {ran:?}");
    for secret in [PASSWORD, ENVIRONMENT, &token()] {
        let piece = secret.get(4..14).unwrap();
        assert!(!ran.stdout.contains(piece) && !ran.stderr.contains(piece), "{what} tells {secret}: {ran:?}");
    }
}

#[test]
fn a_secret_in_an_object_an_event_or_a_log_is_in_no_output() {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": "shop" },
        "stringData": { "password": PASSWORD } });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [pod(), event(), secret] });
    let change = |kind: &str, t: u32, object: Value| json!({ "t": t, "path": format!("/api/v1/{kind}"), "event": { "type": "ADDED", "object": object } });
    let watch = format!("{}\n{}\n", change("pods", 1, pod()), change("events", 2, event()));
    let logs = json!({ "shop/web/main": { "current": "boot", "previous": format!("fatal: login failed: {}", text()) } });
    let dir = folder(&[
        ("rules.yaml", RULES),
        ("list.json", &list.to_string()),
        ("pod.json", &pod().to_string()),
        ("recording/watch.jsonl", &watch),
        ("recording/logs.json", &logs.to_string()),
        ("recording/meta.json", r#"{ "start": "2026-01-01T00:10:00Z", "end": "2026-01-01T00:30:00Z" }"#),
    ]);
    let [rules, list, object, recording] =
        ["rules.yaml", "list.json", "pod.json", "recording"].map(|name| within(&dir, name));
    for output in ["text", "json", "sarif"] {
        let scan = ["scan", "--from", &list, "--now", "2026-01-01T00:15:00Z", "--output", output];
        shows_none("scan", &prodrome(&scan), "PodCrashLooping");
        let own = prodrome(&[&scan[..], &["--rules", &rules]].concat());
        for rule in ["HasEnvironment", "HasNote", "SaysSo"] {
            shows_none("scan --rules", &own, rule);
        }
    }
    for output in ["text", "json"] {
        let replay = ["replay", &recording, "--output", output];
        shows_none("replay", &prodrome(&replay), "PodCrashLooping");
        shows_none("replay --rules", &prodrome(&[&replay[..], &["--rules", &rules]].concat()), "HasNote");
    }
    shows_none("explain", &prodrome(&["rules", "explain", &rules, "--object", &object]), "✓ HasNote matches");
    let drafted = prodrome(&["rules", "new", "--from", &object, "--to", &within(&dir, "drafts")]);
    shows_none("new", &drafted, "wrote ");
    for path in drafted.stdout.lines().filter_map(|line| line.strip_prefix("wrote ")) {
        let written = Ran { code: 0, stdout: std::fs::read_to_string(path).unwrap(), stderr: String::new() };
        shows_none(path, &written, "o"); // whatever it is, it is not empty
    }
}
