use crate::run::{folder, prodrome, prodrome_reading, root, within};
use serde_json::{Value, json};

const RULE: &str = "\
# Pods that are over.
PodFailed:
  severity: P2
  resource: Pod
  duration: 300
  checkField: [ { field: [status, phase], equalValue: [Failed] } ]
";
const CANONICAL: &str = "\
# Pods that are over.
PodFailed:
  resource: Pod
  checkField:
    - { field: [status, phase], equalValue: [Failed] }
  duration: 5m
  severity: P2
";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: { name: a, namespace: n }\nstatus: { phase: Failed }\n";

/// Runs cases over the rule above.
fn cases(text: &str) -> crate::run::Ran {
    let dir = folder(&[("pods.yaml", RULE), ("pods.test.yaml", text), ("testdata/failed.yaml", POD)]);
    let mut ran = prodrome(&["rules", "test", dir.path().to_str().unwrap()]);
    for text in [&mut ran.stdout, &mut ran.stderr] {
        *text = text.replace(&format!("{}/", dir.path().display()), "");
    }
    ran
}

#[test]
fn all_shipped_rule_tests_pass_and_cover_every_rule() {
    let ran = prodrome(&["rules", "test", "--coverage"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(" 0 failed"), "{}", ran.stdout);
}

#[test]
fn events_and_frequencies_are_told_as_the_language_says() {
    let folder = root().join("infra/cli/tests/language");
    let ran = prodrome(&["rules", "test", "--coverage", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(" 0 failed"), "{}", ran.stdout);
}

#[test]
fn cases_that_hold_pass() {
    let ran = cases(
        "
- name: fires after its duration, and resolves when it is gone
  steps:
    - { at: 0s, apply: failed.yaml }
    - { at: 20m, apply: { use: failed.yaml, with: { status: { phase: Running } } } }
  expect: [ { at: 5m, fires: PodFailed, object: Pod/a, since: \"@0s\" }, { at: 20m, resolves: PodFailed } ]
- name: deleted in time
  objects: [ failed.yaml ]
  steps: [ { at: 4m, delete: Pod/a } ]
  until: 1h
  quiet: [ PodFailed ]
",
    );
    assert_eq!((ran.code, &*ran.stdout), (0, "2 cases in 1 file: 2 passed, 0 failed\n"), "{ran:?}");
}

#[test]
fn cases_that_do_not_hold_say_what_was_expected_and_what_happened() {
    let ran = cases(
        "
- name: too early
  steps: [ { at: 0s, apply: failed.yaml } ]
  expect: [ { at: 4m, fires: PodFailed } ]
  until: 10m
- name: not expected
  steps: [ { at: 0s, apply: failed.yaml } ]
  quiet: [ PodFailed ]
  until: 10m
- name: never
  steps: [ { at: 0s, apply: { use: failed.yaml, with: { status: { phase: Running } } } } ]
  expect: [ { at: 5m, fires: PodFailed } ]
- name: of another object
  steps: [ { at: 0s, apply: failed.yaml } ]
  expect: [ { at: 5m, fires: PodFailed, object: Pod/b } ]
- name: goes on
  steps: [ { at: 0s, apply: failed.yaml } ]
  expect: [ { at: 5m, fires: PodFailed }, { at: 8m, resolves: PodFailed } ]
- name: older than it is
  steps: [ { at: 0s, apply: failed.yaml } ]
  expect: [ { at: 5m, fires: PodFailed, since: \"@-10h\" } ]
",
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    let want = "\
failed pods.test.yaml:2 too early
    expected PodFailed to fire at 4m; found: PodFailed fired at 5m on Pod n/a
    unexpected: PodFailed fired at 5m on Pod n/a: Pod failed: n/a
failed pods.test.yaml:6 not expected
    unexpected: PodFailed fired at 5m on Pod n/a, which must be quiet: Pod failed: n/a
failed pods.test.yaml:10 never
    expected PodFailed to fire at 5m, but it never fired
failed pods.test.yaml:13 of another object
    expected PodFailed to fire at 5m on Pod/b; found: PodFailed fired at 5m on Pod n/a
    unexpected: PodFailed fired at 5m on Pod n/a: Pod failed: n/a
failed pods.test.yaml:16 goes on
    expected PodFailed to resolve at 8m; found: PodFailed fired at 5m on Pod n/a
failed pods.test.yaml:19 older than it is
    expected PodFailed to fire at 5m, begun at -10h; found: PodFailed fired at 5m on Pod n/a, begun at 0s
    unexpected: PodFailed fired at 5m on Pod n/a: Pod failed: n/a
6 cases in 1 file: 0 passed, 6 failed
";
    assert_eq!(ran.stdout, want);
}

#[test]
fn bad_test_files_are_told_whole_and_run_nothing() {
    let ran = cases(
        "- name: a\n  step: []\n- name: b\n  steps: [ { at: x, apply: failed.yaml } ]\n  quiet: [ PodFaild ]\n",
    );
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "pods.test.yaml:2:9: unknown key `step`; did you mean `steps`?",
            "pods.test.yaml:4:18: expected a duration such as 90s, 5m or 1h30m, found \"x\"",
            "pods.test.yaml:5:12: there is no rule \"PodFaild\" in the rule file; did you mean PodFailed?",
            "prodrome: no test was run: there are 3 mistakes",
        ]
    );
    for (text, words) in [("", "found nothing"), ("- [", "expected YAML")] {
        let ran = cases(text);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{text:?}: {ran:?}");
    }
    let alone = folder(&[("pods.test.yaml", "- name: a\n"), ("nodes.yaml", RULE)]);
    for (name, words) in [
        ("pods.test.yaml", "pods.yaml, which is not there"),
        ("nodes.yaml", "nodes.yaml has no tests"),
        ("missing.yaml", "there is no"),
    ] {
        let ran = prodrome(&["rules", "test", &within(&alone, name)]);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{name}: {ran:?}");
    }
}

#[test]
fn uncovered_rules_are_told_and_fail_where_that_is_asked() {
    let text = "- name: a\n  steps: [ { at: 0s, apply: failed.yaml } ]\n  expect: [ { at: 5m, fires: PodFailed } ]\n";
    let dir = folder(&[("pods.yaml", RULE), ("pods.test.yaml", text), ("testdata/failed.yaml", POD)]);
    let file = within(&dir, "pods.yaml");
    for (arguments, code) in
        [(&["rules", "test", &*file][..], 0), (&["rules", "test", "--coverage", &*file], 1)]
    {
        let ran = prodrome(arguments);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stdout.contains("pods.test.yaml: PodFailed is quiet in no case"), "{ran:?}");
        assert!(!ran.stdout.contains("fires in no case"), "{ran:?}");
    }
}

#[test]
fn a_file_that_is_no_text_and_one_without_rules_take_only_themselves_down() {
    let dir = folder(&[("a.yaml", RULE), ("c.yaml", "# nothing yet\n")]);
    std::fs::write(dir.path().join("b.yaml"), b"A:\n  resource: \xff\n").unwrap();
    let ran = prodrome(&["rules", "check", dir.path().to_str().unwrap()]);
    assert_eq!(
        (ran.code, &*ran.stdout),
        (1, "1 rule in 3 files is sound, 1 mistake, 1 warning\n"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("b.yaml:2:13: expected a text in UTF-8"), "{ran:?}");
    assert!(ran.stderr.contains("c.yaml:1:1: warning: expected a rule, found a file without any"), "{ran:?}");
}

#[test]
fn check_tells_mistakes_by_line_and_as_data() {
    let dir = folder(&[(
        "rules.yaml",
        "A:\n  resource: Pod\n  checkField: [{ field: [a], equalsValue: [1] }]\nB: 1\n",
    )]);
    let file = within(&dir, "rules.yaml");
    let ran = prodrome(&["rules", "check", &file]);
    assert_eq!((ran.code, &*ran.stdout), (1, "0 rules in 1 file are sound, 2 mistakes\n"), "{ran:?}");
    assert!(ran.stderr.starts_with(&format!("{file}:3:30 A.checkField[0]")), "{ran:?}");
    let data = prodrome(&["rules", "check", "--output", "json", &file]);
    assert_eq!((data.code, &*data.stderr), (1, ""), "{data:?}");
    let first = &data.json_lines()[0];
    assert_eq!(
        (&first["code"], &first["rule"], &first["place"]["start"]["line"]),
        (&json!("unknown-key"), &json!("A"), &json!(3))
    );
    assert_eq!(data.json_lines().len(), 2, "{data:?}");

    let shipped = prodrome(&["rules", "check", "--output", "json"]);
    assert_eq!((shipped.code, &*shipped.stdout), (0, ""), "{shipped:?}");
}

#[test]
fn fmt_prints_checks_and_writes_the_canonical_form() {
    let dir = folder(&[("rules.yaml", RULE), ("good.yaml", &CANONICAL.replace("PodFailed", "PodOver"))]);
    let (file, all) = (within(&dir, "rules.yaml"), dir.path().to_str().unwrap().to_owned());
    let printed = prodrome(&["rules", "fmt", &file]);
    assert_eq!((printed.code, &*printed.stdout), (0, CANONICAL), "{printed:?}");
    assert_eq!(prodrome_reading(&["rules", "fmt", "-"], RULE).stdout, CANONICAL);
    let checked = prodrome(&["rules", "fmt", "--check", &all]);
    assert_eq!((checked.code, &*checked.stdout), (1, &*format!("{file}\n")), "{checked:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), RULE, "--check changes nothing");
    assert_eq!(prodrome(&["rules", "fmt", "--write", &all]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), CANONICAL);
    assert_eq!(prodrome(&["rules", "fmt", "--check", &all]).code, 0);

    std::fs::write(&file, "A: 1\n").unwrap();
    let bad = prodrome(&["rules", "fmt", "--write", &all]);
    assert_eq!((bad.code, &*bad.stdout), (2, ""), "{bad:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "A: 1\n");
}

#[test]
fn fmt_keeps_what_a_file_shares_by_aliases_and_every_comment() {
    let shared = "# whom\nA:\n  resource: Pod # all of them\n  checkField: &failed\n    # how\n    - { field: [status, phase], equalValue: [Failed] }\n\
                  B: { resource: Job, checkField: *failed } # the same\n";
    let dir = folder(&[("shared.yaml", shared)]);
    let file = within(&dir, "shared.yaml");
    let kept = prodrome(&["rules", "fmt", "--write", &file]);
    assert_eq!((kept.code, &*kept.stdout), (0, ""), "{kept:?}");
    assert!(kept.stderr.starts_with(&format!("{file}:7:33: left as it is, for a YAML alias: ")), "{kept:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), shared);
    assert_eq!(prodrome(&["rules", "fmt", &file]).stdout, shared);
    let expanded = prodrome(&["rules", "fmt", "--expand", &file]);
    for comment in ["# whom", "# all of them", "# how", "# the same"] {
        assert_eq!(expanded.stdout.matches(comment).count(), 1, "{comment}: {expanded:?}");
    }
    assert_eq!((expanded.stdout.matches("Failed").count(), &*expanded.stderr), (2, ""), "{expanded:?}");
}

/// Whatever a shipped rule file says in comments is there after formatting it.
#[test]
fn fmt_loses_no_comment_of_the_shipped_rules() {
    let mut comments = 0;
    for entry in std::fs::read_dir(crate::run::root().join("rules")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !prodrome_rules::SourceFile::is_rule_file(&name) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let printed = prodrome(&["rules", "fmt", "--expand", path.to_str().unwrap()]);
        for line in text.lines().map(str::trim).filter(|line| line.starts_with('#')) {
            assert!(printed.stdout.lines().any(|l| l.trim() == line), "{name}: {line} is lost");
            comments += 1;
        }
    }
    assert!(comments > 100);
}

#[test]
fn explain_says_what_a_rule_means_and_what_of_it_holds() {
    let dir = folder(&[("rules.yaml", RULE), ("pod.yaml", POD)]);
    let (rules, pod) = (within(&dir, "rules.yaml"), within(&dir, "pod.yaml"));
    let words = prodrome(&["rules", "explain", &rules]);
    assert_eq!(words.code, 0, "{words:?}");
    assert!(words.stdout.starts_with("PodFailed: ") && words.stdout.contains("status.phase"), "{words:?}");
    assert!(!words.stdout.contains('✓'), "{words:?}");

    let holds = prodrome(&["rules", "explain", &rules, "--object", &pod, "--now", "2026-01-01T00:00:00Z"]);
    assert!(holds.stdout.starts_with("✓ PodFailed matches: "), "{holds:?}");
    assert!(holds.stdout.contains("status.phase = Failed"), "{holds:?}");
    let running = POD.replace("Failed", "Running");
    let not = prodrome_reading(&["rules", "explain", &rules, "--object", "-"], &running);
    assert!(not.stdout.starts_with("✗ PodFailed does not match: "), "{not:?}");
    assert!(not.stdout.contains("Running"), "{not:?}");

    let other = prodrome_reading(&["rules", "explain", &rules, "--object", "-"], &POD.replace("Pod", "Node"));
    assert!(other.code == 2 && other.stderr.contains("Node"), "{other:?}");
    let all = prodrome(&["rules", "explain"]);
    assert_eq!(all.code, 0);
}

#[test]
fn explain_looks_references_up_in_the_same_file() {
    let rule = "PodConfigMapMissing:\n  resource: Pod\n  duration: 1m\n  reference: { resource: ConfigMap, name: [spec, config], exists: false }\n";
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "n" }, "spec": { "config": "c" } });
    let map = |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "n" } });
    let dir = folder(&[("rules.yaml", rule)]);
    let explain = |objects: &[Value]| {
        let text: Vec<String> = objects.iter().map(Value::to_string).collect();
        prodrome_reading(
            &["rules", "explain", &within(&dir, "rules.yaml"), "--object", "-"],
            &text.join("\n"),
        )
        .stdout
    };
    for (objects, words) in [
        (&[pod.clone()][..], "PodConfigMapMissing may match"),
        (&[pod.clone(), map("c")], "✗ PodConfigMapMissing does not match"),
        (&[pod.clone(), map("d")], "✓ PodConfigMapMissing matches"),
    ] {
        let said = explain(objects);
        assert!(said.contains(words), "expected {words:?} in {said}");
    }
}

#[test]
fn list_names_every_rule_with_its_grade() {
    let ran = prodrome(&["rules", "list"]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(ran.code == 0 && lines.len() >= 40, "{ran:?}");
    assert!(lines.iter().all(|line| line.starts_with('P')), "{ran:?}");
    let folder = root().join("rules/pods.yaml");
    let some = prodrome(&["rules", "list", "--rules", folder.to_str().unwrap(), "--only", "PodCrashLooping"]);
    assert_eq!(some.stdout.lines().count(), 1, "{some:?}");
}

#[test]
fn the_shipped_rules_are_in_the_canonical_form() {
    let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let ran = prodrome(&["rules", "fmt", "--check", &rules.display().to_string()]);
    assert_eq!(
        (ran.code, &*ran.stdout),
        (0, ""),
        "these are not: `prodrome rules fmt --write` writes them so"
    );
}
