use crate::run::{Ran, folder, prodrome, prodrome_reading, within};
use prodrome_recording::play::{Clock, Fault, PlayOptions, PlayServer};
use prodrome_recording::{Timeline, builtin_of_kind};
use serde_json::{Value, json};

const RULES: &str = "\
PodFailed:
  resource: Pod
  checkField: [{ field: [status, phase], equalValue: [Failed] }]
  severity: P2
  owner: user
  summary: '{metadata.name} failed: {status.reason}'
PodPending:
  resource: Pod
  checkField: [{ field: [status, phase], equalValue: [Pending] }]
  since: [metadata, creationTimestamp]
  duration: 10m
  summary: '{metadata.name} is pending'
PodConfigMapMissing:
  resource: Pod
  duration: 1m
  since: [metadata, creationTimestamp]
  reference: { resource: ConfigMap, name: [spec, volumes, configMap, name], exists: false }
  summary: '{metadata.name} needs a ConfigMap'
";
const NOW: &str = "2026-01-01T00:15:00Z";

fn pod(name: &str, phase: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-01-01T00:10:00Z" },
        "status": { "phase": phase, "reason": "Evicted" }
    })
}

fn scan(from: &str, more: &[&str], input: &str) -> Ran {
    let rules = folder(&[("rules.yaml", RULES)]);
    let rules = within(&rules, "rules.yaml");
    let arguments = ["scan", "--rules", &rules, "--now", NOW, "--from", from];
    let ran = prodrome_reading(&[&arguments, more].concat(), input);
    drop(rules);
    ran
}

#[test]
fn every_form_of_input_gives_the_same_finding() {
    let (failed, fine) = (pod("a", "Failed"), pod("b", "Running"));
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [failed, fine] }).to_string();
    let typed = json!({ "apiVersion": "v1", "kind": "PodList", "items": [
        { "metadata": failed["metadata"], "status": failed["status"] },
        { "metadata": fine["metadata"], "status": fine["status"] },
    ] });
    let lines = format!("{failed}\n{fine}\n");
    let yaml = "\
apiVersion: v1
kind: Pod
metadata: { name: a, namespace: shop, uid: a, creationTimestamp: 2026-01-01T00:10:00Z }
status: { phase: Failed, reason: Evicted }
---
apiVersion: v1
kind: Pod
metadata: { name: b, namespace: shop }
status: { phase: Running }
";
    let dir = folder(&[
        ("list.json", &list),
        ("typed.json", &typed.to_string()),
        ("lines.jsonl", &lines),
        ("documents.yaml", yaml),
        ("bundle/pods/a.json", &failed.to_string()),
        ("bundle/pods/b.json", &fine.to_string()),
    ]);
    let names = ["list.json", "typed.json", "lines.jsonl", "documents.yaml", "bundle"];
    let mut forms: Vec<(String, &str)> = names.map(|name| (within(&dir, name), "")).into();
    forms.push(("-".to_owned(), &lines));
    forms.push(("-".to_owned(), yaml));
    for (from, input) in forms {
        let ran = scan(&from, &["--output", "json"], input);
        assert_eq!(ran.code, 1, "{from}: {ran:?}");
        let mut found = ran.json_lines();
        assert_eq!(found.len(), 1, "{from}: {ran:?}");
        let evidence = found[0].as_object_mut().unwrap().remove("evidence").unwrap();
        assert_eq!(evidence[0], "status.phase = Failed", "{from}");
        let want = json!({
            "file": from, "rule": "PodFailed", "state": "firing", "severity": "P2", "owner": "user",
            "object": { "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "a" },
            "since": NOW, "firesAt": NOW, "summary": "a failed: Evicted",
        });
        assert_eq!(found[0], want, "{from}");
    }
}

#[test]
fn what_has_not_lasted_yet_is_pending_and_not_found() {
    let ran = scan("-", &["--output", "json"], &pod("a", "Pending").to_string());
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = ran.json_lines();
    assert_eq!(
        (&found[0]["state"], &found[0]["since"], &found[0]["firesAt"]),
        (&json!("pending"), &json!("2026-01-01T00:10:00Z"), &json!("2026-01-01T00:20:00Z")),
        "{ran:?}"
    );
    let text = scan("-", &[], &pod("a", "Pending").to_string());
    assert!(text.stdout.contains("PodPending") && text.stdout.contains("pending, fires in 5m"), "{text:?}");
    assert!(text.stdout.ends_with("0 firing, 1 pending; 1 object seen by 3 rules\n"), "{text:?}");
}

#[test]
fn nothing_wrong_is_exit_code_0() {
    let ran = scan("-", &["--output", "json"], &pod("a", "Running").to_string());
    assert_eq!((ran.code, &*ran.stdout), (0, ""), "{ran:?}");
}

#[test]
fn each_file_is_a_world_of_its_own() {
    let mut needs = pod("a", "Running");
    needs["spec"] = json!({ "volumes": [{ "configMap": { "name": "settings" } }] });
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "shop" } });
    let other =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x", "namespace": "shop" } });
    let dir = folder(&[
        ("with.json", &format!("{needs}\n{map}")),
        ("without.json", &format!("{needs}\n{other}")),
        ("alone.json", &needs.to_string()),
    ]);
    let [with, without, alone] = ["with.json", "without.json", "alone.json"].map(|name| within(&dir, name));
    let files =
        |ran: &Ran| -> Vec<Value> { ran.json_lines().iter().map(|found| found["file"].clone()).collect() };
    let ran = scan(&with, &[&without, &alone, "--output", "json"], "");
    assert_eq!((ran.code, files(&ran)), (1, vec![json!(alone), json!(without)]), "{ran:?}");
    let partial = scan(&with, &[&without, &alone, "--partial", "--output", "json"], "");
    assert_eq!(
        (partial.code, files(&partial)),
        (1, vec![json!(without)]),
        "no ConfigMap at all is unknown: {partial:?}"
    );
}

#[test]
fn sarif_has_the_shape_that_code_scanners_read() {
    let ran = scan("-", &["--output", "sarif"], &format!("{}\n{}", pod("a", "Failed"), pod("b", "Pending")));
    assert_eq!(ran.code, 1, "{ran:?}");
    let sarif: Value = serde_json::from_str(&ran.stdout).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!((&sarif["version"], &run["tool"]["driver"]["name"]), (&json!("2.1.0"), &json!("prodrome")));
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "PodFailed");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 1, "what is pending is no result: {results:?}");
    assert_eq!(
        (&results[0]["ruleId"], &results[0]["level"], &results[0]["message"]["text"]),
        (&json!("PodFailed"), &json!("error"), &json!("a failed: Evicted"))
    );
    let location = &results[0]["locations"][0];
    assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "/Pod/shop/a");
    assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "-");
}

#[test]
fn a_name_cannot_move_the_terminals_cursor() {
    let ran = scan("-", &[], &pod("a\u{1b}[2J\nb", "Failed").to_string());
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn the_shipped_rules_see_a_crash_loop_in_one_look() {
    let mut looping = pod("web-1", "Running");
    looping["metadata"]["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "r", "controller": true }]);
    looping["spec"] = json!({ "restartPolicy": "Always", "containers": [{ "name": "app", "image": "x" }] });
    looping["status"] = json!({ "phase": "Running", "startTime": "2025-12-31T00:00:00Z", "containerStatuses": [{
        "name": "app", "ready": false, "restartCount": 12,
        "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:14:00Z" } }
    }] });
    let ran = prodrome_reading(
        &["scan", "--now", NOW, "--only", "PodCrashLooping", "--output", "json", "--from", "-", "--partial"],
        &looping.to_string(),
    );
    let found = ran.json_lines();
    assert_eq!(
        (ran.code, &found[0]["rule"], &found[0]["state"]),
        (1, &json!("PodCrashLooping"), &json!("firing")),
        "{ran:?}"
    );
    assert_eq!(prodrome(&["scan", "--only", "NoSuchRule", "--from", "-"]).code, 2);
}

#[test]
fn a_broken_file_of_a_folder_takes_no_other_down() {
    let sound = pod("a", "Failed").to_string();
    let bundle = folder(&[("a.json", &sound), ("values.yaml", "a: [1\n"), ("z.json", "[1,")]);
    let ran = scan(&bundle.path().display().to_string(), &["--output", "json"], "");
    assert_eq!(ran.json_lines().len(), 1, "{ran:?}");
    assert_eq!(ran.json_lines()[0]["object"]["name"], "a");
    for name in ["values.yaml", "z.json"] {
        assert!(ran.stderr.contains(name), "{ran:?}");
    }
}

#[test]
fn kinds_of_a_cluster_that_may_not_be_listed_are_no_all_clear() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let begin = "2026-01-01T00:00:00Z".parse().unwrap();
    let options = PlayOptions { clock: Clock::Manual, ..PlayOptions::default() };
    let server = runtime.block_on(PlayServer::start(&Timeline::default(), begin, options)).unwrap();
    let kind = builtin_of_kind(&prodrome_model::GroupKind::core("Pod")).unwrap();
    server.apply(&kind, &pod("web", "Running").to_string());
    let dir = folder(&[("kubeconfig", &server.kubeconfig()), ("rules.yaml", RULES)]);
    let (kubeconfig, rules) = (within(&dir, "kubeconfig"), within(&dir, "rules.yaml"));
    let scan = ["scan", "--kubeconfig", &kubeconfig, "--rules", &rules, "--now", NOW];
    let all = prodrome(&scan);
    assert_eq!(all.code, 0, "{all:?}");
    server.inject(Fault::forbidden().on_path("/pods"));
    let refused = prodrome(&scan);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("not allowed to list Pod"), "{refused:?}");
    assert!(
        refused.stderr.contains("1 kind may not be listed") && refused.stderr.contains("--partial"),
        "{refused:?}"
    );
    assert_eq!(
        prodrome(&[&scan[..], &["--partial"]].concat()).code,
        0,
        "who is content with the rest says so"
    );
}
