use crate::run::{command, folder, prodrome, within};
use jiff::{SignedDuration, Timestamp};
use prodrome_recording::play::{Clock, PlayOptions, PlayServer};
use prodrome_recording::{Body, Recording, Timeline, WatchKind, builtin_of_path};
use serde_json::{Value, json};
use std::process::{Child, Stdio};
use std::time::Duration;
use tokio::time::{interval, timeout};

const PATIENCE: Duration = Duration::from_mins(1);

fn pod(phase: &str) -> String {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "n", "uid": "a" },
            "status": { "phase": phase } })
    .to_string()
}

fn begin() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

async fn play(timeline: &Timeline) -> PlayServer {
    let options = PlayOptions { clock: Clock::Manual, bookmark_every: None, ..PlayOptions::default() };
    PlayServer::start(timeline, begin(), options).await.unwrap()
}

/// Looks again and again until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        let mut look = interval(Duration::from_millis(20));
        while !holds() {
            look.tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// What stands in a recording so far: type and object of each event.
fn events(out: &str) -> Vec<(WatchKind, Value)> {
    let Ok(recording) = Recording::open(out) else { return Vec::new() };
    // A recording that still grows breaks off at its end.
    let items = recording.items().into_iter().flatten().map_while(Result::ok);
    items
        .filter_map(|item| match item.body {
            Body::Event { kind, object } => Some((kind, serde_json::from_str(object.get()).unwrap())),
            _ => None,
        })
        .collect()
}

fn interrupt(child: &Child) {
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_replays_as_it_happened() {
    let server = play(&Timeline::default()).await;
    let pods = builtin_of_path("", "v1", "pods").unwrap();
    let secrets = builtin_of_path("", "v1", "secrets").unwrap();
    server.apply(&pods, &pod("Pending"));
    server.apply(
        &secrets,
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n","uid":"s","annotations":{"last":"hunter2"}},"data":{"password":"hunter2"}}"#,
    );
    let rules =
        "PodFailed:\n  resource: Pod\n  checkField: [{ field: [status, phase], equalValue: [Failed] }]\n";
    let dir = folder(&[("kubeconfig", &server.kubeconfig()), ("rules.yaml", rules)]);
    let out = within(&dir, "recording");
    let child = command()
        .args([
            "record",
            "--kubeconfig",
            &within(&dir, "kubeconfig"),
            "--out",
            &out,
            "--kinds",
            "Pod,v1/Secret",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    until("both kinds are watched", || server.open_watches() >= 2 && !events_opened(&out).is_empty()).await;
    server.apply(&pods, &pod("Failed"));
    until("the change is written", || {
        events(&out).iter().any(|(_, object)| object["status"]["phase"] == "Failed")
    })
    .await;
    // A watch that breaks goes on, and one whose place is gone begins anew: nothing is missed.
    server.drop_watches();
    server.apply(&pods, &pod("Succeeded"));
    until("the next one is written", || {
        events(&out).iter().any(|(_, o)| o["status"]["phase"] == "Succeeded")
    })
    .await;
    server.delete(&pods, &pod("Succeeded"));
    until("the end is written", || events(&out).iter().any(|(kind, _)| *kind == WatchKind::Deleted)).await;

    interrupt(&child);
    let status =
        timeout(PATIENCE, tokio::task::spawn_blocking(move || child.wait_with_output())).await.unwrap();
    let output = status.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("of 2 kinds"), "{output:?}");

    let recording = Recording::open(&out).unwrap();
    assert!(recording.end() >= recording.start());
    let items: Vec<_> = recording.items().unwrap().collect::<Result<_, _>>().expect("the recording is whole");
    assert!(items.is_sorted_by_key(|item| item.t));
    let lists = items.iter().filter(|item| matches!(item.body, Body::List { .. }));
    let listed: Vec<&str> = lists.map(|item| &*item.resource.kind).collect();
    assert!(listed.contains(&"Pod") && listed.contains(&"Secret"), "{listed:?}");
    assert!(!format!("{items:?}").contains("hunter2"), "no value of a Secret is written");

    let replayed = prodrome(&["replay", &out, "--rules", &within(&dir, "rules.yaml"), "--output", "json"]);
    assert_eq!(replayed.code, 1, "{replayed:?}");
    let alert = &replayed.json_lines()[0];
    assert_eq!((&alert["rule"], &alert["object"]["name"]), (&json!("PodFailed"), &json!("a")));

    let again =
        prodrome(&["record", "--kubeconfig", &within(&dir, "kubeconfig"), "--out", &out, "--kinds", "Pod"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("there is a recording already"), "{again:?}");
    assert_eq!(Recording::open(&out).unwrap().items().unwrap().count(), items.len(), "it is as it was");
}

/// The watches that a recording says were opened.
fn events_opened(out: &str) -> Vec<String> {
    let Ok(recording) = Recording::open(out) else { return Vec::new() };
    let items = recording.items().into_iter().flatten().map_while(Result::ok);
    items.filter(|item| matches!(item.body, Body::Opened { .. })).map(|item| item.resource.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_all_that_the_rules_name_tells_the_same_faults() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/recordings/crash-exit-1");
    let timeline = Timeline::merge([Recording::open(shipped).unwrap()]);
    let server = play(&timeline).await;
    let length = timeline.length();
    server.advance_to(length / 2);
    let dir = folder(&[("kubeconfig", &server.kubeconfig())]);
    let out = within(&dir, "recording");
    let mut child = command()
        .args(["record", "--kubeconfig", &within(&dir, "kubeconfig"), "--out", &out])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let watched = || events_opened(&out).contains(&"Pod".to_owned());
    until("pods are watched", watched).await;
    server.advance_to(length + SignedDuration::from_secs(1));
    until("changes are written", || events(&out).iter().any(|(_, object)| object["kind"] == "Pod")).await;
    interrupt(&child);
    let code = timeout(PATIENCE, tokio::task::spawn_blocking(move || child.wait())).await.unwrap();
    assert!(code.unwrap().unwrap().success());
    let recording = Recording::open(&out).unwrap();
    let kinds: std::collections::BTreeSet<String> =
        recording.items().unwrap().map(|item| item.unwrap().resource.kind).collect();
    for kind in ["Pod", "Deployment", "Node", "Event"] {
        assert!(kinds.contains(kind), "{kind} is missing among {kinds:?}");
    }
    assert!(!kinds.contains("Lease"), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_ends_by_itself_and_unknown_kinds_are_refused() {
    let server = play(&Timeline::default()).await;
    let dir = folder(&[("kubeconfig", &server.kubeconfig())]);
    let (kubeconfig, out) = (within(&dir, "kubeconfig"), within(&dir, "recording"));
    let record = |kinds: &'static str| {
        let (kubeconfig, out) = (kubeconfig.clone(), out.clone());
        tokio::task::spawn_blocking(move || {
            prodrome(&["record", "--kubeconfig", &kubeconfig, "--out", &out, "--for", "1s", "--kinds", kinds])
        })
    };
    let refused = record("Pod,Rollout").await.unwrap();
    assert!(refused.code == 2 && refused.stderr.contains("Rollout"), "{refused:?}");
    assert!(Recording::open(&out).is_err());
    let ran = record("Pod").await.unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    let recording = Recording::open(&out).unwrap();
    assert!(recording.length() >= SignedDuration::from_secs(1));
    assert!(recording.items().unwrap().all(|item| item.is_ok()));
}
