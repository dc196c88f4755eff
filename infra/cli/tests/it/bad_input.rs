use crate::run::{folder, prodrome, within};
use std::path::Path;

/// Runs, and expects exit code 2 with one line that has these words.
fn refused(arguments: &[&str], words: &[&str]) {
    let ran = prodrome(arguments);
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{arguments:?}: {ran:?}");
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("prodrome: "), "{arguments:?}: {ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{arguments:?}: expected {word:?} in {ran:?}");
    }
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}

#[test]
fn object_files_that_hold_no_objects_are_refused() {
    let dir = folder(&[
        ("prose.yaml", "a: [\n"),
        ("prose.json", "{not json"),
        ("number.json", "[1]"),
        ("other.yaml", "a: 1\n"),
        ("empty-folder/readme.txt", "nothing"),
    ]);
    let at = |name| within(&dir, name);
    std::fs::write(dir.path().join("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    refused(&["scan", "--from", &at("prose.yaml")], &["prose.yaml", "neither JSON nor YAML"]);
    refused(&["scan", "--from", &at("prose.json")], &["prose.json", "not JSON"]);
    refused(
        &["scan", "--from", &at("number.json")],
        &["document 1", "expected a Kubernetes object, found 1"],
    );
    refused(&["scan", "--from", &at("other.yaml")], &["document 1", "apiVersion and kind"]);
    refused(&["scan", "--from", &at("binary.yaml")], &["binary.yaml", "UTF-8"]);
    refused(&["scan", "--from", &at("missing.yaml")], &["missing.yaml", "cannot read"]);
    refused(&["scan", "--from", &at("empty-folder")], &["empty-folder", "no *.json"]);
}

#[test]
fn an_empty_object_file_is_an_empty_world() {
    let dir = folder(&[("empty.yaml", "")]);
    let ran = prodrome(&["scan", "--from", &within(&dir, "empty.yaml")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("0 firing, 0 pending; 0 objects"), "{ran:?}");
}

#[test]
fn an_object_with_fields_of_the_wrong_type_does_not_take_others_down() {
    let good = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"a"},"status":{"phase":"Failed"}}"#;
    let odd = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b","namespace":"n","uid":"b"},"status":[],"spec":"x"}"#;
    let rules =
        "PodFailed:\n  resource: Pod\n  checkField: [{ field: [status, phase], equalValue: [Failed] }]\n";
    let dir = folder(&[("pods.jsonl", &format!("{odd}\n{good}\n")), ("rules.yaml", rules)]);
    let ran = prodrome(&[
        "scan",
        "--rules",
        &within(&dir, "rules.yaml"),
        "--from",
        &within(&dir, "pods.jsonl"),
        "--output",
        "json",
    ]);
    assert_eq!((ran.code, ran.json_lines().len()), (1, 1), "{ran:?}");
}

#[test]
fn rules_that_cannot_be_used_are_refused() {
    let dir = folder(&[
        ("prose.yaml", "PodFailed: [\n"),
        ("empty.yaml", ""),
        ("bad.yaml", "PodFailed:\n  resource: Pod\n  checkFeld: []\n"),
        ("none/readme.txt", ""),
    ]);
    let at = |name| within(&dir, name);
    let with = |rules: &str, words: &[&str]| {
        refused(&["replay", "--rules", rules, "events/recordings/crash-exit-1"], words);
    };
    with(&at("prose.yaml"), &["prose.yaml:1:", "there is no rule to use"]);
    with(&at("empty.yaml"), &["there is no rule to use"]);
    with(
        &at("bad.yaml"),
        &["bad.yaml:3:3 PodFailed", "did you mean `checkField`?", "there is no rule to use"],
    );
    with(&at("none"), &["no rule files"]);
    with(&at("missing.yaml"), &["cannot read the rule file"]);
    refused(&["replay", "--only", "Nothing*", "events/recordings/crash-exit-1"], &["no rule is named like"]);
}

#[test]
fn a_misspelt_kind_is_told_by_the_checker() {
    let dir = folder(&[(
        "rules.yaml",
        "PodFailed:\n  resource: Deploymnet\n  checkField: [{ field: [a], nilValue: true }]\n",
    )]);
    let ran = prodrome(&["rules", "check", &within(&dir, "rules.yaml")]);
    assert!(
        ran.stderr.contains("rules.yaml:2:13 PodFailed.resource: warning:")
            && ran.stderr.contains("did you mean `Deployment`?")
            && ran.stdout.contains("1 warning"),
        "{ran:?}"
    );
}

#[test]
fn what_is_no_recording_is_refused() {
    let dir = folder(&[
        ("half/watch.jsonl", ""),
        ("bad-meta/watch.jsonl", ""),
        ("bad-meta/meta.json", "{\"start\":\"yesterday\"}"),
        ("cut/meta.json", "x"),
    ]);
    refused(&["replay", "rules"], &["rules is no recording", "watch.jsonl"]);
    refused(&["replay", "no/such/folder"], &["no/such/folder is no recording"]);
    refused(&["replay", &within(&dir, "half")], &["is no recording", "meta.json"]);
    refused(&["replay", &within(&dir, "bad-meta")], &["meta.json", "RFC 3339"]);

    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings/crash-exit-1");
    let stream = std::fs::read(whole.join("watch.jsonl.zst")).unwrap();
    std::fs::write(dir.path().join("cut/watch.jsonl.zst"), &stream[..stream.len() / 2]).unwrap();
    std::fs::copy(whole.join("meta.json"), dir.path().join("cut/meta.json")).unwrap();
    let ran = prodrome(&["replay", &within(&dir, "cut"), "--output", "json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("cut short or damaged"), "{ran:?}");
}

#[test]
fn a_cluster_that_cannot_be_reached_is_told_with_what_to_do() {
    let dir = folder(&[
        ("broken.yaml", "clusters: 1\n"),
        (
            "nobody.yaml",
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{ name: a, context: { cluster: a, user: a } }]\n\
             clusters: [{ name: a, cluster: { server: \"http://127.0.0.1:9\" } }]\nusers: [{ name: a, user: {} }]\n",
        ),
    ]);
    let at = |name| within(&dir, name);
    let out = at("recording");
    for command in [vec!["scan"], vec!["record", "--out", &out]] {
        let with = |more: &[&str], words: &[&str]| refused(&[&command, more].concat(), words);
        with(&["--kubeconfig", &at("missing.yaml")], &["missing.yaml", "no kubeconfig"]);
        with(&["--kubeconfig", &at("broken.yaml")], &["broken.yaml"]);
        with(&["--kubeconfig", &at("nobody.yaml"), "--context", "b"], &["no context \"b\"", "it has a"]);
        with(&["--kubeconfig", &at("nobody.yaml")], &["the cluster", "refused"]);
    }
    assert!(!Path::new(&out).exists(), "nothing is left of a recording that did not begin");
}

#[test]
fn mistakes_on_the_command_line_are_exit_code_2() {
    for arguments in [
        &["no-such-command"][..],
        &["scan", "--now", "yesterday", "--from", "-"],
        &["scan", "--output", "xml"],
        &["replay"],
        &["record"],
        &["record", "--out", "x", "--for", "soon"],
        &["rules"],
        &["rules", "fmt"],
    ] {
        let ran = prodrome(arguments);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["scan", "--help"],
        &["rules", "test", "--help"],
        &["completion", "bash"],
    ] {
        let ran = prodrome(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        assert!(ran.stdout.contains("prodrome"), "{arguments:?}: {ran:?}");
    }
}
