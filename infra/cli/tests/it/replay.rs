use crate::run::prodrome;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn recording(name: &str) -> String {
    format!("events/recordings/{name}")
}

fn rules(lines: &[Value], kind: &str) -> BTreeSet<String> {
    let of_kind = lines.iter().filter(|line| line["type"] == kind);
    of_kind.map(|line| line["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn recordings_of_faults_are_alerted_by_the_rule_that_is_meant() {
    for (name, rule) in [
        ("crash-exit-1", "PodCrashLooping"),
        ("image-tag-missing", "PodImagePullFailing"),
        ("pvc-class-missing", "PVCStorageClassMissing"),
    ] {
        let ran = prodrome(&["replay", &recording(name), "--output", "json"]);
        assert_eq!(ran.code, 1, "{name}: {ran:?}");
        let lines = ran.json_lines();
        let alerted = rules(&lines, "alert");
        assert!(alerted.contains(rule), "{name}: expected {rule}, found {alerted:?}");
        let line = lines.iter().find(|line| line["rule"] == rule).unwrap();
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
fn only_says_which_rules_are_used() {
    let ran = prodrome(&["replay", &recording("crash-exit-1"), "--only", "PodCrash*", "--output", "json"]);
    assert_eq!(rules(&ran.json_lines(), "alert"), BTreeSet::from(["PodCrashLooping".to_owned()]), "{ran:?}");
    let line = &ran.json_lines()[0];
    assert_eq!(
        (&line["type"], &line["cause"], &line["object"]["kind"]),
        (&json!("alert"), &Value::Null, &json!("Pod"))
    );
}

#[test]
fn the_same_recording_gives_the_same_output() {
    let once = prodrome(&["replay", &recording("crash-exit-1"), &recording("image-tag-missing")]);
    let twice = prodrome(&["replay", &recording("crash-exit-1"), &recording("image-tag-missing")]);
    assert_eq!((once.code, &once.stdout), (1, &twice.stdout));
    assert!(once.stdout.contains("events/recordings/crash-exit-1\n"), "{once:?}");
}
