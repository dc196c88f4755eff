use crate::run::{folder, prodrome, root};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn recording(name: &str) -> String {
    format!("events/recordings/{name}")
}

fn rules(lines: &[Value], kind: &str) -> BTreeSet<String> {
    let of_kind = lines.iter().filter(|line| line["type"] == kind);
    of_kind.map(|line| line["rule"].as_str().unwrap().to_owned()).collect()
}

/// The rules that tell something, also where their fault was told by another.
fn seen(lines: &[Value]) -> BTreeSet<String> {
    let also = lines.iter().filter_map(|line| line["also"].as_array()).flatten();
    let own = lines.iter().map(|line| &line["rule"]);
    own.chain(also).map(|rule| rule.as_str().unwrap().to_owned()).collect()
}

#[test]
fn recordings_of_faults_are_alerted_by_the_rule_that_is_meant() {
    for (name, rule) in [
        ("crash-exit-1", "PodCrashLooping"),
        ("image-tag-missing", "PodImagePullFailing"),
        ("pvc-class-missing", "PVCProvisioningFailing"),
    ] {
        let ran = prodrome(&["replay", &recording(name), "--output", "json"]);
        assert_eq!(ran.code, 1, "{name}: {ran:?}");
        let lines = ran.json_lines();
        let seen = seen(&lines);
        assert!(seen.contains(rule), "{name}: expected {rule}, found {seen:?}");
        let line = lines.iter().find(|line| line["type"] == "alert").unwrap();
        for key in ["t", "severity", "owner", "object", "group", "count", "since", "summary", "fingerprint"] {
            assert!(!line[key].is_null(), "{name}: {key} is missing in {line}");
        }
        let times: Vec<f64> = lines.iter().map(|line| line["t"].as_f64().unwrap()).collect();
        assert!(times.is_sorted(), "{name}: {times:?}");
    }
}

#[test]
fn a_fault_that_ends_is_resolved() {
    let ran = prodrome(&["replay", &recording("image-repaired-late"), "--output", "json"]);
    let lines = ran.json_lines();
    let resolved = lines.iter().find(|line| line["type"] == "resolved").unwrap_or_else(|| panic!("{ran:?}"));
    assert!(resolved["ended"].is_string(), "{resolved}");
    assert_eq!(rules(&lines, "alert"), rules(&lines, "resolved"), "{ran:?}");
}

#[test]
fn a_healthy_rollout_is_quiet() {
    let ran = prodrome(&["replay", &recording("healthy-rollout"), "--output", "json"]);
    assert_eq!((ran.code, &*ran.stdout), (0, ""), "{ran:?}");
}

#[test]
fn what_was_played_is_said_at_the_end() {
    for (name, end) in [
        ("healthy-rollout", "changes in 2m played: no alert\n"),
        ("image-repaired-late", "played: 1 alert, 1 update, 1 resolved\n"),
    ] {
        let ran = prodrome(&["replay", &recording(name)]);
        let last = ran.stdout.lines().last().unwrap_or_default();
        assert!(ran.stdout.ends_with(end) && !last.starts_with("0 changes"), "{name}: {ran:?}");
    }
}

#[test]
fn only_says_which_rules_are_used() {
    let ran = prodrome(&["replay", &recording("crash-exit-1"), "--only", "PodCrash*", "--output", "json"]);
    assert_eq!(rules(&ran.json_lines(), "alert"), BTreeSet::from(["PodCrashLooping".to_owned()]), "{ran:?}");
    let line = &ran.json_lines()[0];
    assert_eq!(
        (&line["type"], &line["cause"], &line["object"]["kind"]),
        (&json!("alert"), &json!("app-error"), &json!("Pod"))
    );
}

#[test]
fn one_registry_that_is_down_is_one_alert_that_says_so() {
    let ran = prodrome(&["replay", &recording("two-tenants-one-registry-down"), "--output", "json"]);
    let lines = ran.json_lines();
    let alerts: Vec<&Value> = lines.iter().filter(|line| line["type"] == "alert").collect();
    assert_eq!(alerts.len(), 1, "{ran:?}");
    assert_eq!(
        (&alerts[0]["cause"], &alerts[0]["owner"]),
        (&json!("registry-unreachable"), &json!("platform"))
    );
    let owners: BTreeSet<&str> =
        lines.iter().filter_map(|line| line["object"]["name"].as_str()?.get(..1)).collect();
    assert_eq!(owners, BTreeSet::from(["a", "b"]), "the pods of both applications: {ran:?}");
    assert!(lines.iter().all(|line| line["count"].as_u64().unwrap() <= 4), "{ran:?}");
}

#[test]
fn one_fault_is_one_alert_though_several_rules_see_it() {
    for (name, cause, rules) in [
        ("image-pull-long", "image-not-found", &["DeploymentUnavailable", "PodImagePullFailing"][..]),
        // Another rule sees the same pod later, no worse: that is told at the alert's pace, after the recording's end.
        ("liveness-hang", "probe-failed", &["PodProbeKillsRepeatedly"]),
    ] {
        let lines = prodrome(&["replay", &recording(name), "--output", "json"]).json_lines();
        let alerts: Vec<&Value> = lines.iter().filter(|line| line["type"] == "alert").collect();
        assert_eq!(alerts.len(), 1, "{name}: {alerts:#?}");
        assert_eq!(alerts[0]["cause"], cause, "{name}");
        let seen = seen(&lines);
        assert!(rules.iter().all(|rule| seen.contains(*rule)), "{name}: {seen:?}");
        assert!(lines.iter().all(|line| line["fingerprint"] == alerts[0]["fingerprint"]), "{lines:#?}");
    }
}

#[test]
fn whoever_misses_pods_for_a_webhook_names_the_webhook() {
    let lines = prodrome(&["replay", &recording("webhook-no-endpoints"), "--output", "json"]).json_lines();
    let of_set: Vec<&Value> = lines.iter().filter(|line| line["object"]["kind"] == "StatefulSet").collect();
    let alerts = of_set.iter().filter(|line| line["type"] == "alert").count();
    assert_eq!((of_set.len(), alerts), (2, 1), "two rules see one fault: {of_set:#?}");
    for line in of_set {
        let faulty = (&line["cause"], &line["faulty"]["kind"]);
        assert_eq!(faulty, (&json!("webhook-unreachable"), &json!("ValidatingWebhookConfiguration")));
    }
}

#[test]
fn a_pod_that_made_room_and_the_one_that_finds_none_in_its_place_are_one_alert() {
    let pod = |name: &str, priority: u32, class: &str, status: Value| {
        json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z",
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "s", "controller": true }] },
            "spec": { "priority": priority, "priorityClassName": class, "containers": [{ "name": "a", "image": "a" }] }, "status": status })
    };
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({ "type": kind, "status": status, "reason": reason,
        "lastTransitionTime": "2026-01-01T00:00:10Z", "message": "0/1 nodes are available: 1 Insufficient cpu." })
    };
    let victim = pod(
        "web-0",
        0,
        "",
        json!({ "phase": "Running", "conditions": [condition("DisruptionTarget", "True", "PreemptionByScheduler")] }),
    );
    let next = pod(
        "web-1",
        0,
        "",
        json!({ "phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable")] }),
    );
    let mut winner = pod("vip-0", 1000, "vip", json!({ "phase": "Running" }));
    winner["spec"]["nodeName"] = json!("n1");
    winner["metadata"]["ownerReferences"] = json!([]);
    let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "web", "namespace": "shop", "uid": "s" },
        "spec": { "replicas": 1 }, "status": { "replicas": 1, "readyReplicas": 1, "availableReplicas": 1 } });
    let event = json!({ "apiVersion": "v1", "kind": "Event", "type": "Normal", "reason": "Preempted",
        "metadata": { "name": "web-0.1", "namespace": "shop", "uid": "e" }, "message": "Preempted by pod vip-0 on node n1",
        "involvedObject": { "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "web-0" },
        "firstTimestamp": "2026-01-01T00:00:10Z", "lastTimestamp": "2026-01-01T00:00:10Z" });
    let lines: Vec<String> = [
        (1, "/apis/apps/v1/statefulsets", "ADDED", set),
        (2, "/api/v1/pods", "ADDED", winner),
        (10, "/api/v1/pods", "ADDED", victim.clone()),
        (10, "/api/v1/events", "ADDED", event),
        (11, "/api/v1/pods", "DELETED", victim),
        (12, "/api/v1/pods", "ADDED", next.clone()),
        (1190, "/api/v1/pods", "DELETED", next),
    ]
    .map(|(t, path, kind, object)| {
        json!({ "t": t, "path": path, "event": { "type": kind, "object": object } }).to_string()
    })
    .into();
    let dir = folder(&[
        ("watch.jsonl", &lines.join("\n")),
        ("meta.json", r#"{ "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:20:00Z" }"#),
    ]);
    let ran = prodrome(&["replay", dir.path().to_str().unwrap(), "--output", "json", "--only", "Pod*"]);
    let lines = ran.json_lines();
    let told: Vec<_> =
        lines.iter().map(|line| (line["type"].as_str().unwrap(), line["rule"].as_str().unwrap())).collect();
    assert_eq!(told, [("alert", "PodPreempted"), ("resolved", "PodPreempted")], "{ran:?}");
    let over = lines[1]["t"].as_f64().unwrap();
    assert!(over > 1190.0, "it is not over before the other has found a node: {ran:?}");
}

#[test]
fn a_log_beside_the_stream_says_why() {
    let there = tempfile::tempdir().unwrap();
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings/crash-exit-1");
    for file in ["watch.jsonl.zst", "meta.json"] {
        std::fs::copy(from.join(file), there.path().join(file)).unwrap();
    }
    let replay = || prodrome(&["replay", there.path().to_str().unwrap(), "--output", "json"]).json_lines();
    let line = replay().into_iter().find(|line| line["rule"] == "PodCrashLooping").unwrap();
    let text = |key: &str| line["object"][key].as_str().unwrap().to_owned();
    let container = format!("{}/{}/main", text("namespace"), text("name"));
    let said = "panic: dial tcp 10.96.7.7:5432: connect: connection refused";
    let logs = json!({ container: { "previous": said } });
    std::fs::write(there.path().join("logs.json"), logs.to_string()).unwrap();
    let line = replay().into_iter().find(|line| line["rule"] == "PodCrashLooping").unwrap();
    assert_eq!(line["cause"], "app-dependency-unreachable", "{line}");
    assert_eq!(line["faulty"]["kind"], "Deployment", "{line}");
    std::fs::write(there.path().join("logs.json"), "[]").unwrap();
    let ran = prodrome(&["replay", there.path().to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("namespace/pod/container"), "{ran:?}");
}

#[test]
fn the_same_recording_gives_the_same_output() {
    let once = prodrome(&["replay", &recording("crash-exit-1"), &recording("image-tag-missing")]);
    let twice = prodrome(&["replay", &recording("crash-exit-1"), &recording("image-tag-missing")]);
    assert_eq!((once.code, &once.stdout), (1, &twice.stdout));
    assert!(once.stdout.contains("events/recordings/crash-exit-1\n"), "{once:?}");
}

#[test]
fn a_folder_of_recordings_is_all_of_them_and_files_beside_them_are_none() {
    let all = tempfile::tempdir().unwrap();
    for name in ["job-success", "service-deleting"] {
        let to = all.path().join(name);
        std::fs::create_dir(&to).unwrap();
        for file in std::fs::read_dir(root().join(recording(name))).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let readme = all.path().join("README.md");
    std::fs::write(&readme, "of these recordings").unwrap();
    let all = all.path().display().to_string();
    let of_folder = prodrome(&["replay", &all]);
    assert!(
        of_folder.stdout.contains("job-success") && of_folder.stdout.contains("service-deleting"),
        "{of_folder:?}"
    );
    let readme = readme.display().to_string();
    let named =
        prodrome(&["replay", &readme, &format!("{all}/job-success"), &format!("{all}/service-deleting")]);
    assert_eq!(named.stdout, of_folder.stdout);
    let alone = prodrome(&["replay", &readme]);
    assert_eq!(alone.code, 2, "{alone:?}");
}
