//! The tools for who writes rules: `new`, `backtest`, `mutate`, timelines, and what `check` doubts.

use crate::run::{Ran, folder, prodrome, prodrome_reading, root, within};
use prodrome_recording::Timeline;
use prodrome_recording::play::{Clock, PlayOptions, PlayServer};
use serde_json::{Value, json};

const RULE: &str = "\
PodFailed:
  resource: Pod
  filterField: [{ field: [metadata, deletionTimestamp], nilValue: true }]
  checkField: [{ field: [status, phase], equalValue: [Failed, Lost] }]
  duration: 5m
";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: { name: a, namespace: n }\nstatus: { phase: Failed }\n";
const CASES: &str = "
- name: it fails
  steps:
    - { at: 0s, apply: failed.yaml }
    - { at: 20m, apply: { use: failed.yaml, with: { status: { phase: Running } } } }
  expect: [ { at: 5m, fires: PodFailed }, { at: 20m, resolves: PodFailed } ]
- name: it goes
  steps: [ { at: 0s, apply: { use: failed.yaml, with: { metadata: { deletionTimestamp: \"@0s\" } } } } ]
  until: 30m
  quiet: [PodFailed]
";

fn library(cases: &str) -> tempfile::TempDir {
    folder(&[("pods.yaml", RULE), ("pods.test.yaml", cases), ("testdata/failed.yaml", POD)])
}

/// What was said, the folder's own path left out.
fn said(dir: &tempfile::TempDir, arguments: &[&str]) -> Ran {
    let mut ran = prodrome(arguments);
    for text in [&mut ran.stdout, &mut ran.stderr] {
        *text = text.replace(&format!("{}/", dir.path().display()), "");
    }
    ran
}

#[test]
fn changes_that_no_case_notices_survive_and_are_told_with_their_line() {
    let dir = library(CASES);
    let ran = said(&dir, &["rules", "mutate", &within(&dir, "pods.yaml")]);
    let want = "\
survived pods.yaml:4 PodFailed.checkField[0].equalValue[1]: Lost taken out of equalValue
7 mutants: 6 killed (85 %), 1 survived; killed by sort: dropped 1 of 1, operator 2 of 2, value 1 of 2, duration 2 of 2
";
    assert_eq!((ran.code, &*ran.stdout), (1, want), "{ran:?}");
    let lost = "\n- name: it is lost\n  steps: [ { at: 0s, apply: { use: failed.yaml, with: { status: { phase: Lost } } } } ]\n  expect: [ { at: 5m, fires: PodFailed } ]\n";
    let whole = library(&format!("{CASES}{lost}"));
    let arguments =
        ["rules", "mutate", "Pod*", "--rules", whole.path().to_str().unwrap(), "--output", "json"];
    let ran = prodrome(&arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.json_lines();
    assert!(lines.len() == 7 && lines.iter().all(|line| line["survived"] == false), "{ran:?}");
    assert_eq!(
        (&lines[0]["rule"], &lines[0]["line"], &lines[0]["change"]),
        (&json!("PodFailed"), &json!(3), &json!("dropped"))
    );
    assert!(lines.iter().all(|line| line["killedByLine"].is_u64()), "{ran:?}");
}

#[test]
fn nothing_can_be_tried_on_tests_that_fail_or_are_not_there() {
    let dir = library(&CASES.replace("at: 5m, fires", "at: 4m, fires"));
    let ran = said(&dir, &["rules", "mutate", &within(&dir, "pods.yaml")]);
    assert!(ran.code == 2 && ran.stderr.contains("does not hold as it is"), "{ran:?}");
    let ran = said(&dir, &["rules", "mutate", "Node*", "--rules", &within(&dir, "pods.yaml")]);
    assert!(ran.code == 2 && ran.stderr.contains("is named like \"Node*\""), "{ran:?}");
}

#[test]
fn a_timeline_shows_what_held_when_as_text_and_as_a_picture() {
    let dir = library(CASES);
    let picture = within(&dir, "case.svg");
    let ran = said(
        &dir,
        &["rules", "test", &within(&dir, "pods.yaml"), "--case", "it fails", "--timeline", "--svg", &picture],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(&lines[..2], ["it fails", "  PodFailed on Pod n/a"]);
    assert!(
        lines[2].starts_with("    metadata.deletionTimestamp is absent or empty  █")
            && !lines[2].contains('·'),
        "{ran:?}"
    );
    assert!(lines[3].contains("█··") && lines[4].contains("matches") && lines[4].contains("█··"), "{ran:?}");
    assert!(lines[5].contains("▲ 5m fires") && lines[5].contains("▼ 20m over"), "{ran:?}");
    let drawn = std::fs::read_to_string(&picture).unwrap();
    assert!(
        drawn.starts_with("<svg ") && drawn.contains("5m fires") && drawn.contains("20m over"),
        "{drawn}"
    );
}

#[test]
fn in_a_timeline_what_no_step_applied_is_not_there() {
    let rule = "A:\n  resource: Pod\n  duration: 1m\n  reference: { resource: ConfigMap, name: [spec, config], exists: false }\n";
    let cases = "
- name: it comes late
  steps:
    - { at: 0s, apply: { apiVersion: v1, kind: Pod, metadata: { name: a, namespace: n }, spec: { config: c } } }
    - { at: 2m, apply: { apiVersion: v1, kind: ConfigMap, metadata: { name: c, namespace: n } } }
  until: 4m
  expect: [ { at: 1m, fires: A } ]
- name: it is there
  objects: [ { apiVersion: v1, kind: ConfigMap, metadata: { name: c, namespace: n } } ]
  steps: [ { at: 0s, apply: { apiVersion: v1, kind: Pod, metadata: { name: a, namespace: n }, spec: { config: c } } } ]
  quiet: [A]
";
    let dir = folder(&[("a.yaml", rule), ("a.test.yaml", cases)]);
    let ran = said(&dir, &["rules", "test", "--timeline", "--coverage", &within(&dir, "a.yaml")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let question =
        ran.stdout.lines().find(|line| line.contains("a ConfigMap that spec.config names")).unwrap();
    assert!(question.contains("█·") && !question.contains('?'), "{ran:?}");
    assert!(ran.stdout.contains("\n1 of 1 condition"), "{ran:?}");
}

#[test]
fn in_a_test_a_kind_that_no_step_applied_has_no_object_that_refers() {
    let rule = "Unused:\n  resource: PersistentVolumeClaim\n  duration: 1m\n  reference: { resource: Pod, direction: incoming, name: [spec, volumes, persistentVolumeClaim, claimName], exists: false }\n";
    let claim = "{ apiVersion: v1, kind: PersistentVolumeClaim, metadata: { name: c, namespace: n } }";
    let pod = "{ apiVersion: v1, kind: Pod, metadata: { name: p, namespace: n }, spec: { volumes: [{ persistentVolumeClaim: { claimName: c } }] } }";
    let cases = format!(
        "
- name: until a pod mounts it
  steps: [ {{ at: 0s, apply: {claim} }}, {{ at: 5m, apply: {pod} }} ]
  expect: [ {{ at: 1m, fires: Unused }} ]
- name: no pod at all
  steps: [ {{ at: 0s, apply: {claim} }} ]
  expect: [ {{ at: 1m, fires: Unused }} ]
- name: a pod mounts it
  objects: [ {pod} ]
  steps: [ {{ at: 0s, apply: {claim} }} ]
  quiet: [Unused]
"
    );
    let dir = folder(&[("a.yaml", rule), ("a.test.yaml", &cases)]);
    let ran = said(&dir, &["rules", "test", &within(&dir, "a.yaml")]);
    assert_eq!((ran.code, &*ran.stdout), (0, "3 cases in 1 file: 3 passed, 0 failed\n"), "{ran:?}");
}

#[test]
fn what_matches_and_is_told_to_nobody_says_why() {
    let rules = "\
Killed:
  resource: Event
  checkField: [{ field: [reason], equalValue: [Killing] }]
  frequency: { count: 3, within: 30m }
Failed:
  resource: Pod
  checkField: [{ field: [status, phase], equalValue: [Failed] }]
  duration: 5m
Probed:
  resource: Ingress
  period: 1m
  plugin: endpoint-probe
";
    let event = |count: u32, uid: &str| {
        format!(
            "{{ apiVersion: v1, kind: Event, metadata: {{ name: e, namespace: n }}, involvedObject: {{ apiVersion: v1, kind: Pod, name: p, namespace: n{uid} }}, reason: Killing, count: {count}, firstTimestamp: \"@0s\", lastTimestamp: \"@1m\" }}"
        )
    };
    let pod = "{ apiVersion: v1, kind: Pod, metadata: { name: p, namespace: n, uid: u1 }, status: { phase: Failed } }";
    let ingress = "{ apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: { name: i, namespace: n } }";
    let cases = format!(
        "
- name: no pod
  steps: [ {{ at: 1m, apply: {three} }} ]
  expect: [ {{ at: 1m, fires: Killed }} ]
- name: another pod
  objects: [ {pod} ]
  steps: [ {{ at: 1m, apply: {other} }} ]
  expect: [ {{ at: 1m, fires: Killed }} ]
- name: too few
  objects: [ {pod} ]
  steps: [ {{ at: 1m, apply: {two} }} ]
  expect: [ {{ at: 1m, fires: Killed }} ]
- name: enough
  objects: [ {pod} ]
  steps: [ {{ at: 1m, apply: {three} }} ]
  expect: [ {{ at: 1m, fires: Killed }} ]
- name: too short
  steps: [ {{ at: 0s, apply: {pod} }}, {{ at: 3m, delete: Pod/p }} ]
  expect: [ {{ at: 5m, fires: Failed }} ]
- name: nobody answers
  steps: [ {{ at: 0s, apply: {ingress} }} ]
  expect: [ {{ at: 5m, fires: Probed }} ]
- name: it answers
  steps: [ {{ at: 0s, apply: {ingress} }} ]
  answers:
    - {{ at: 0s, plugin: endpoint-probe, says: lb-dead, object: Ingress/other }}
    - {{ at: 5m, plugin: endpoint-probe, says: lb-dead }}
    - {{ at: 10m, plugin: endpoint-probe, says: cleared }}
  expect: [ {{ at: 6m, fires: Probed }}, {{ at: 10m, resolves: Probed }} ]
  until: 15m
",
        two = event(2, ""),
        three = event(3, ""),
        other = event(3, ", uid: u2"),
    );
    let dir = folder(&[("a.yaml", rules), ("a.test.yaml", &cases)]);
    let ran = said(&dir, &["rules", "test", "--timeline", &within(&dir, "a.yaml")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for (case, rule, object, why) in [
        ("no pod", "Killed", "Event n/e", "the Pod n/p, which the event is about, is not in this case"),
        (
            "another pod",
            "Killed",
            "Event n/e",
            "the event is about a Pod n/p of the uid u2, and that of this case has u1",
        ),
        ("too few", "Killed", "Event n/e", "2 of 3 in 30m"),
        ("too short", "Failed", "Pod n/p", "it matches for 3m at most, and the rule's duration is 5m"),
        (
            "nobody answers",
            "Probed",
            "Ingress n/i",
            "the plugin endpoint-probe answers nothing in this case (`answers`)",
        ),
    ] {
        let (_, drawn) = ran.stdout.split_once(&format!("{case}\n  {rule} on {object}\n")).unwrap();
        let told = drawn.lines().find(|line| line.starts_with("    told")).unwrap();
        assert!(told.ends_with(&format!("nothing: {why}")), "{case}: {told}");
        let failed = format!("    {rule} on {object} tells nothing: {why}\n");
        assert!(ran.stdout.contains(&failed), "{case}: {}", ran.stdout);
    }
    let (_, enough) = ran.stdout.split_once("enough\n").unwrap();
    assert!(enough.lines().nth(3).unwrap().contains("fires"), "{enough}");
    let (_, answers) = ran.stdout.split_once("it answers\n").unwrap();
    let mut lines = answers.lines().skip(1);
    let (matches, told) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(matches.contains("?█") && matches.contains("█·") && told.contains("fires"), "{answers}");
}

#[test]
fn coverage_names_the_conditions_that_were_the_same_in_every_case() {
    let dir = library(CASES);
    let ran = said(&dir, &["rules", "test", "--coverage", &within(&dir, "pods.yaml")]);
    assert_eq!(
        (ran.code, ran.stdout.lines().next()),
        (0, Some("2 of 2 conditions true in some case and false in another")),
        "{ran:?}"
    );
    let (first, _) = CASES.split_once("- name: it goes").unwrap();
    let dir = library(first);
    let ran = said(&dir, &["rules", "test", "--coverage", &within(&dir, "pods.yaml")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let want = "one-sided pods.test.yaml: PodFailed\n    never false: metadata.deletionTimestamp is absent or empty\n1 of 2 conditions";
    assert!(ran.stdout.contains(want), "{ran:?}");
}

#[test]
fn check_doubts_rules_that_never_match_or_that_others_make_needless() {
    let rules = "\
A: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }] }
B: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }], duration: 5m }
C: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }, { field: [status, phase], nilValue: true }] }
";
    let dir = folder(&[("r.yaml", rules)]);
    let ran = said(&dir, &["rules", "check", &within(&dir, "r.yaml")]);
    assert_eq!((ran.code, &*ran.stdout), (0, "3 rules in 1 file are sound, 2 warnings\n"), "{ran:?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("r.yaml:2:1 B: warning: expected a rule that says what no other says, found one that only matches where A (r.yaml:1) does"), "{ran:?}");
    assert!(lines[1].starts_with("r.yaml:3:1 C: warning: expected conditions that can hold together, found status.phase is \"Failed\", and status.phase is absent or empty;"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_a_cluster_which_kinds_it_serves() {
    let options = PlayOptions { clock: Clock::Manual, bookmark_every: None, ..PlayOptions::default() };
    let begin = "2026-01-01T00:00:00Z".parse().unwrap();
    let server = PlayServer::start(&Timeline::default(), begin, options).await.unwrap();
    let rules = "\
A: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }] }
B: { resource: example.org/Gadget, checkField: [{ field: [status, phase], equalValue: [Failed] }] }
";
    let dir = folder(&[("kubeconfig", &server.kubeconfig()), ("r.yaml", rules)]);
    let arguments = ["rules", "check", "--kubeconfig", &within(&dir, "kubeconfig"), &within(&dir, "r.yaml")];
    let ran = tokio::task::block_in_place(|| said(&dir, &arguments));
    assert_eq!((ran.code, &*ran.stdout), (0, "2 rules in 1 file are sound, 1 warning\n"), "{ran:?}");
    assert!(
        ran.stderr.contains("found example.org/Gadget; it serves no kind of the group example.org"),
        "{ran:?}"
    );
}

#[test]
fn check_reads_standard_input_as_fmt_does() {
    let rule = "A: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }] }\n";
    let ran = prodrome_reading(&["rules", "check", "-"], rule);
    assert_eq!((ran.code, &*ran.stdout), (0, "1 rule in 1 file is sound\n"), "{ran:?}");
    let ran = prodrome_reading(&["rules", "check", "-"], "A: { resource: Pod }\n");
    assert!(ran.code == 1 && ran.stderr.starts_with("-:1:"), "{ran:?}");
    let ran = prodrome_reading(&["rules", "fmt", "-"], rule);
    assert!(ran.code == 0 && ran.stdout.starts_with("A:\n  resource: Pod\n"), "{ran:?}");
}

#[test]
fn a_draft_of_a_kind_that_is_none_blames_the_kind() {
    let object = json!({ "apiVersion": "a.example/v1", "kind": "../../etc/x", "metadata": { "name": "o" }, "status": { "phase": "Failed" } }).to_string();
    let ran = prodrome_reading(&["rules", "new", "--from", "-", "--print"], &object);
    assert!(ran.code == 2 && ran.stderr.contains("kind: expected CamelCase"), "{ran:?}");
    assert!(!ran.stderr.contains("xNotReady") && !ran.stderr.contains("--name:"), "{ran:?}");
}

/// Objects of many makes, each with a fault, and what the rule drafted from it is called and asks.
fn broken() -> Vec<(&'static str, &'static str, Value)> {
    let meta = |name: &str| json!({ "name": name, "namespace": "n", "creationTimestamp": "2026-02-01T08:00:00Z", "generation": 2, "managedFields": [{ "manager": "x" }] });
    let ready = |status: &str| json!([{ "type": "Ready", "status": status, "reason": "Broken", "message": "it's {\"a\": 1}\nand more", "lastTransitionTime": "2026-02-01T09:00:00Z" }, { "type": "Paused", "status": "False" }]);
    let container = |state: Value| json!({ "name": "c", "ready": false, "restartCount": 7, "image": "i", "imageID": "", "state": state });
    vec![
        (
            "DatabaseNotReady",
            "subIdentifierValue: [Ready]",
            json!({ "apiVersion": "x.example/v1", "kind": "Database", "metadata": meta("orders"), "spec": { "password": "hunter2" }, "status": { "conditions": ready("Unknown") } }),
        ),
        (
            "GatewayRouteNotAccepted",
            "each:",
            json!({ "apiVersion": "x.example/v1", "kind": "GatewayRoute", "metadata": meta("r"), "status": { "parents": [{ "conditions": [{ "type": "Accepted", "status": "False", "reason": "NoMatch", "lastTransitionTime": "2026-02-01T09:00:00Z" }] }] } }),
        ),
        (
            "PolicyNotResolvedRefs",
            "subField: [status], equalValue: [\"False\", Unknown]",
            json!({ "apiVersion": "x.example/v1", "kind": "Policy", "metadata": meta("p"), "status": { "ancestors": [
                { "conditions": [{ "type": "ResolvedRefs", "status": "True", "lastTransitionTime": "2026-02-01T08:30:00Z" }] },
                { "conditions": [{ "type": "ResolvedRefs", "status": "False", "lastTransitionTime": "2026-02-01T09:30:00Z" }] },
                { "conditions": [{ "type": "ResolvedRefs", "status": "False", "lastTransitionTime": "2026-02-01T09:00:00Z" }] },
            ] } }),
        ),
        (
            "ChartNotReleased",
            "subIdentifierValue: [Released]",
            json!({ "apiVersion": "x.example/v1", "kind": "Chart", "metadata": meta("c"), "status": { "conditions": [{ "type": "Released", "status": "False", "reason": "UpgradeFailed" }] } }),
        ),
        (
            "PodCrashLoopBackOff",
            "gapTolerance: 2m",
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta("p"), "spec": { "containers": [{ "env": [{ "value": "hunter2" }] }] }, "status": { "phase": "Running", "conditions": ready("False"), "containerStatuses": [container(json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s" } }))] } }),
        ),
        (
            "PodErrImagePull",
            "[ErrImagePull, ImagePullBackOff]",
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta("p"), "status": { "phase": "Pending", "containerStatuses": [container(json!({ "waiting": { "reason": "ErrImagePull" } }))] } }),
        ),
        (
            "PodContainerOOMKilled",
            "terminated, exitCode], notEqualValue",
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta("p"), "status": { "phase": "Running", "containerStatuses": [container(json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-02-01T09:00:00Z" } }))] } }),
        ),
        (
            "StatefulSetReplicasMissing",
            "lessThanField: [spec, replicas]",
            json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("s"), "spec": { "replicas": 3 }, "status": { "replicas": 3 } }),
        ),
        (
            "PersistentVolumeClaimPending",
            "since: [metadata, creationTimestamp]",
            json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta("c"), "status": { "phase": "Pending" } }),
        ),
        (
            "ApplicationDegraded",
            "[status, health, status], equalValue: [Degraded]",
            json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": meta("app"), "status": { "health": { "status": "Degraded" }, "sync": { "status": "Synced" } } }),
        ),
        (
            "NamespaceStuckDeleting",
            "since: [metadata, deletionTimestamp]",
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "old", "deletionTimestamp": "2026-02-01T09:00:00Z" }, "status": { "phase": "Terminating" } }),
        ),
        (
            "NodeMemoryPressure",
            "subIdentifierValue: [MemoryPressure]",
            json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node" }, "status": { "conditions": [{ "type": "MemoryPressure", "status": "True", "lastTransitionTime": "2026-02-01T09:00:00.123456Z" }, { "type": "Ready", "status": "True" }] } }),
        ),
        (
            "ThingNotObserved",
            "lessThanField: [metadata, generation]",
            json!({ "apiVersion": "x.example/v1", "kind": "Thing", "metadata": meta("@5m"), "status": { "observedGeneration": 1, "text": "@9x" } }),
        ),
        (
            "SyncFailing",
            "[status, errorMessage], nilValue: false",
            json!({ "apiVersion": "x.example/v1", "kind": "Sync", "metadata": meta("s"), "status": { "errorMessage": "dial tcp: \"x\"" } }),
        ),
        (
            "SnapshotNotReadyToUse",
            "[status, readyToUse], equalValue",
            json!({ "apiVersion": "x.example/v1", "kind": "Snapshot", "metadata": meta("s"), "status": { "readyToUse": false } }),
        ),
    ]
}

#[test]
fn what_is_drafted_from_a_fault_is_a_rule_whose_tests_pass() {
    let dir = folder(&[]);
    for (name, asks, object) in broken() {
        let ran = prodrome_reading(
            &["rules", "new", "--from", "-", "--to", dir.path().to_str().unwrap()],
            &object.to_string(),
        );
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        assert!(ran.stdout.contains(&format!("\n{name}: ")), "expected {name}: {ran:?}");
        let file = ran.stdout.lines().next().unwrap().trim_start_matches("wrote ");
        let rule = std::fs::read_to_string(file).unwrap();
        assert!(rule.contains(asks), "{name}: expected {asks} in {rule}");
        assert!(!rule.contains("hunter2") && rule.starts_with("# Drafted from"), "{rule}");
    }
    let all = dir.path().to_str().unwrap();
    let check = prodrome(&["rules", "check", all]);
    assert_eq!((check.code, &*check.stderr), (0, ""), "{check:?}");
    let tests = prodrome(&["rules", "test", "--coverage", all]);
    assert!(tests.code == 0 && tests.stdout.contains(" 0 failed"), "{tests:?}");
    let mutants = prodrome(&["rules", "mutate", all]);
    assert_eq!(mutants.code, 0, "the tests hold every part of the rules: {mutants:?}");
    for data in std::fs::read_dir(dir.path().join("testdata")).unwrap() {
        let text = std::fs::read_to_string(data.unwrap().path()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("managedFields"), "{text}");
    }
    let canonical = prodrome(&["rules", "fmt", "--check", all]);
    let differing: Vec<&str> = canonical.stdout.lines().filter(|line| !line.contains(".test.")).collect();
    assert!(differing.is_empty(), "{canonical:?}");
}

#[test]
fn a_draft_asks_for_what_a_healthy_object_has_not() {
    let object = |status: Value| {
        json!({ "apiVersion": "x.example/v1", "kind": "Queue", "metadata": { "name": "q", "namespace": "n", "uid": "u" }, "status": status }).to_string()
    };
    let bad = object(
        json!({ "mode": "Detached", "ip": "10.0.0.1", "conditions": [{ "type": "Ready", "status": "False" }] }),
    );
    let well = object(
        json!({ "mode": "Attached", "ip": "10.0.0.2", "conditions": [{ "type": "Ready", "status": "False" }] }),
    );
    let dir = folder(&[("bad.json", &bad), ("well.json", &well)]);
    let (bad, well, to) = (within(&dir, "bad.json"), within(&dir, "well.json"), within(&dir, "rules"));
    let alone = prodrome(&["rules", "new", "--from", &bad, "--print"]);
    assert!(alone.code == 0 && alone.stdout.contains("QueueNotReady:"), "{alone:?}");
    let compared =
        ["rules", "new", "--from", &bad, "--healthy", &well, "--to", &to, "--name", "QueueDetached"];
    let both = prodrome(&compared);
    assert_eq!(both.code, 0, "{both:?}");
    let rule = std::fs::read_to_string(format!("{to}/queue-detached.yaml")).unwrap();
    assert!(rule.contains("{ field: [status, mode], equalValue: [Detached] }"), "{rule}");
    assert_eq!(prodrome(&["rules", "test", &to]).code, 0);
    let again = prodrome(&compared);
    assert!(again.code == 2 && again.stderr.contains("--force"), "{again:?}");
    for (arguments, words) in [
        (vec!["--from", &*well, "--healthy", &well], "differs from the healthy one in nothing"),
        (vec!["--from", &bad, "--name", "queue"], "expected CamelCase"),
        (vec!["--from", "nowhere.json"], "nowhere.json"),
    ] {
        let ran = prodrome(&[&["rules", "new", "--print"], &arguments[..]].concat());
        assert!(ran.code == 2 && ran.stderr.contains(words), "{arguments:?}: {ran:?}");
    }
    let quiet = object(json!({ "mode": "Attached" }));
    let ran = prodrome_reading(&["rules", "new", "--from", "-", "--print"], &quiet);
    assert!(ran.code == 2 && ran.stderr.contains("--healthy"), "{ran:?}");
}

#[test]
fn the_first_rule_of_the_manual_is_drafted_as_it_says() {
    let manual = std::fs::read_to_string(root().join("rules/README.md")).unwrap();
    let (_, after) = manual.split_once("## A first rule").unwrap();
    let shown = after.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let object = json!({
        "apiVersion": "shop.example.com/v1", "kind": "Database", "metadata": { "name": "orders", "namespace": "shop" },
        "spec": { "replicas": 3 },
        "status": { "readyReplicas": 1, "conditions": [{ "type": "Ready", "status": "False", "reason": "DiskFull" }] },
    });
    let dir = folder(&[("orders.json", &object.to_string())]);
    let ran = said(
        &dir,
        &["rules", "new", "--from", &within(&dir, "orders.json"), "--to", &within(&dir, "my-rules")],
    );
    assert_eq!((ran.code, &*ran.stdout), (0, shown), "{ran:?}");
}

const CRASH: &str = "events/recordings/crash-exit-1";

/// The shipped rule that tells of a crash loop, changed.
fn crash_looping(from: &str, to: &str) -> tempfile::TempDir {
    let text = std::fs::read_to_string(root().join("rules/pods.yaml")).unwrap();
    let (_, rest) = text.split_once("\nPodCrashLooping:").unwrap();
    let named = text.split("\n\n").find(|part| part.starts_with("let:")).unwrap();
    let rule = format!("PodCrashLooping:{}\n", rest.split("\n\n").next().unwrap());
    assert!(rule.contains(from), "{rule}");
    folder(&[("new.yaml", &format!("{named}\n{}", rule.replacen(from, to, 1)))])
}

fn backtest(dir: &tempfile::TempDir, more: &[&str]) -> Ran {
    let file = within(dir, "new.yaml");
    prodrome(&[&["rules", "backtest", &file, "--on", CRASH], more].concat())
}

#[test]
fn a_backtest_says_what_is_told_earlier_later_no_longer_or_anew() {
    for (from, to, code, verdict) in [
        ("duration: 5m", "duration: 1m", 1, "earlier"),
        ("duration: 5m", "duration: 5m30s", 1, "later"),
        ("duration: 5m", "duration: 5h", 1, "gone"),
        ("PodCrashLooping:", "PodCrashesAgain:", 1, "new"),
        ("PodCrashLooping:", "PodCrashLooping:", 0, "same"),
    ] {
        let dir = crash_looping(from, to);
        let ran = backtest(&dir, &["--output", "json"]);
        assert_eq!(ran.code, code, "{to}: {ran:?}");
        let whole = &ran.json_lines()[0];
        let alerts = whole["recordings"][0]["alerts"].as_array().unwrap();
        assert!(
            !alerts.is_empty() && alerts.iter().all(|alert| alert["verdict"] == verdict),
            "{to}: {whole}"
        );
        assert_eq!(alerts[0]["now"].is_null(), verdict == "new", "{whole}");
        assert_eq!(alerts[0]["new"].is_null(), verdict == "gone", "{whole}");
        let text = backtest(&dir, &[]);
        assert!(text.stdout.contains(&format!("\n  {verdict} ")), "{text:?}");
        assert!(text.stdout.contains("little to tell a day by"), "{text:?}");
    }
}

#[test]
fn a_backtest_counts_what_both_versions_tell_and_what_that_is_a_day() {
    let dir = crash_looping("duration: 5m", "duration: 5h");
    let whole = &backtest(&dir, &["--output", "json"]).json_lines()[0];
    let seconds = whole["seconds"].as_f64().unwrap();
    let (now, new) = (&whole["now"], &whole["new"]);
    assert_eq!(
        (&now["alerts"]["count"], &new["alerts"]["count"], &new["objects"]),
        (&json!(1), &json!(0), &json!(0))
    );
    let a_day = now["alerts"]["aDay"].as_f64().unwrap();
    assert!((a_day - 86_400.0 / seconds).abs() < 1.0, "{whole}");
    assert!(
        new["alerts"]["atMost"].as_f64().unwrap() > 100.0,
        "nothing in minutes is no proof of a quiet day: {whole}"
    );
}

#[test]
fn a_backtest_by_name_takes_the_new_text_from_a_library() {
    let dir = crash_looping("duration: 5m", "duration: 1m");
    let library = dir.path().to_str().unwrap().to_owned();
    let ran = prodrome(&["rules", "backtest", "PodCrash*", "--rules", &library, "--on", CRASH]);
    assert!(ran.code == 1 && ran.stdout.starts_with("changed: PodCrashLooping\n"), "{ran:?}");
    let same = prodrome(&[
        "rules",
        "backtest",
        "PodCrashLooping",
        "--rules",
        &library,
        "--current",
        &library,
        "--on",
        CRASH,
    ]);
    assert!(same.code == 0 && same.stdout.starts_with("the same as now: PodCrashLooping\n"), "{same:?}");
    for (arguments, words) in [
        (vec!["PodCrush", "--on", CRASH], "neither a file nor the name of a rule"),
        (vec!["PodCrashLooping", "--on", "nowhere"], "nowhere"),
        (vec!["PodCrashLooping"], "--on"),
    ] {
        let ran = prodrome(&[&["rules", "backtest"], &arguments[..]].concat());
        assert!(ran.code == 2 && ran.stderr.contains(words), "{arguments:?}: {ran:?}");
    }
    let bad = folder(&[("new.yaml", "PodCrashLooping: 1\n")]);
    let ran = backtest(&bad, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("nothing was played"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_against_the_live_cluster_records_it_first() {
    let options = PlayOptions { clock: Clock::Manual, bookmark_every: None, ..PlayOptions::default() };
    let begin = "2026-01-01T00:00:00Z".parse().unwrap();
    let server = PlayServer::start(&Timeline::default(), begin, options).await.unwrap();
    let pods = prodrome_recording::builtin_of_path("", "v1", "pods").unwrap();
    server.apply(&pods, r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"a"},"status":{"phase":"Failed"}}"#);
    let rule =
        "PodOver:\n  resource: Pod\n  checkField: [{ field: [status, phase], equalValue: [Failed] }]\n";
    let dir = folder(&[("kubeconfig", &server.kubeconfig()), ("new.yaml", rule)]);
    let arguments = [
        "rules",
        "backtest",
        &within(&dir, "new.yaml"),
        "--against-live",
        "3s",
        "--keep",
        &within(&dir, "kept"),
        "--kubeconfig",
        &within(&dir, "kubeconfig"),
        "--output",
        "json",
    ];
    let ran = tokio::task::block_in_place(|| prodrome(&arguments));
    assert_eq!(ran.code, 1, "{ran:?}");
    let whole = &ran.json_lines()[0];
    let alert = &whole["recordings"][0]["alerts"][0];
    assert_eq!((&alert["verdict"], &alert["object"]["name"]), (&json!("new"), &json!("a")), "{whole}");
    assert!(dir.path().join("kept/meta.json").is_file());
}
