//! What flow files, objects, files' names and arguments hold is anybody's: it is checked, and steers no terminal.

use crate::run::{folder, prodrome, prodrome_reading, within};
use prodrome_model::shown::harmless_json;
use serde_json::{Value, json};

const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{200b}";

/// A text with all of that behind it, as JSON and YAML may have it.
fn quoted(text: &str) -> String {
    harmless_json(&Value::from(format!("{text}{EVIL}")).to_string())
}

fn is_odd(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'))
}

/// A pod that runs and is ready.
fn pod(name: &str, more: &Value) -> String {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-03-02T08:00:00Z" },
        "spec": { "nodeName": "node-a", "containers": [{ "name": "web", "image": "r.example/web:1" }] },
        "status": {
            "phase": "Running", "startTime": "2026-03-02T08:00:05Z",
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-03-02T08:00:20Z" },
                { "type": "ContainersReady", "status": "True", "lastTransitionTime": "2026-03-02T08:00:20Z" }],
            "containerStatuses": [{ "name": "web", "ready": true, "restartCount": 0, "image": "r.example/web:1",
                "state": { "running": { "startedAt": "2026-03-02T08:00:10Z" } } }],
        },
    });
    for (pointer, value) in more.as_object().into_iter().flatten() {
        *pod.pointer_mut(pointer).unwrap() = value.clone();
    }
    pod.to_string()
}

#[test]
fn params_and_words_are_checked_against_what_the_shipped_plugins_declare() {
    let ran = prodrome(&["flows", "check"]);
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    assert!(ran.stdout.ends_with(" are sound\n"), "{ran:?}");
    let flow = "nodes:\n  crash: { plugin: crash-loop, params: { deep: true } }\n  \
                around: { plugin: snapshot, params: { byte: 2048 } }\n  \
                more: { plugin: snapshot, params: { bytes: 12 } }\n  \
                spike: { plugin: metric-spike, params: { cause: oom-kiled }, after: crash, when: 'crash.cause == \"oom-kill\"' }\n";
    let dir = folder(&[("mine.yaml", flow)]);
    let path = within(&dir, "mine.yaml");
    let ran = prodrome(&["flows", "check", &path]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for words in [
        ":2:42 mine.nodes.crash.params.deep: expected what the plugin crash-loop takes, found unknown key `deep`; it takes none here",
        ":3:41 mine.nodes.around.params.byte: expected what the plugin snapshot takes, found unknown key `byte`; did you mean `bytes`?",
        ":4:46 mine.nodes.more.params.bytes: expected a number from 1024 to 131072, found `12`",
        "mine.nodes.spike.params.cause: expected one of the words that it takes, found `oom-kiled`; did you mean `oom-killed`?",
        "mine.nodes.spike.when: expected the id of a cause, found `oom-kill`, which it never is; did you mean `oom-killed`?",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    assert!(ran.stdout.contains("0 flows in 1 file are sound, 5 mistakes"), "{ran:?}");
    let doubtful = "calls: 1\nnodes: { a: { plugin: node }, b: { plugin: mount } }\n";
    let dir = folder(&[("mine.yaml", doubtful)]);
    let ran = prodrome(&["flows", "check", &within(&dir, "mine.yaml")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("1 flow in 1 file is sound, 1 doubt"), "{ran:?}");
}

#[test]
fn nothing_that_is_echoed_steers_the_terminal() {
    let flow = format!(
        "summary: {}\nnodes:\n  {}: {{ plugin: node, {}: 1 }}\n",
        quoted("why"),
        quoted("a"),
        quoted("plugin")
    );
    let named = format!("mine{EVIL}.yaml");
    let dir = folder(&[
        ("mine.yaml", &flow),
        (&named, &flow),
        ("ok.yaml", &format!("summary: {}\nnodes: {{ a: {{ plugin: node }} }}\n", quoted("why"))),
    ]);
    let path = |name: &str| within(&dir, name);
    let (mine, strange, ok) = (path("mine.yaml"), path(&named), path("ok.yaml"));
    let evil = EVIL;
    for arguments in [
        &["flows", "check", &mine][..],
        &["flows", "check", &strange],
        &["flows", "check", &mine, "--output", "json"],
        &["flows", "explain", &ok],
        &["flows", "graph", &ok],
        &["flows", "graph", &ok, "--format", "mermaid"],
        &["flows", "graph", &ok, "--run", &strange],
        &["flows", "explain", evil],
        &["flows", "graph", "image-pull", "--format", evil],
        &["flows", evil],
        &[evil],
        &["diagnose", evil],
        &["diagnose", &format!("pod/{evil}"), "--from", &mine],
        &["diagnose", &format!("{evil}/x"), "--from", &mine, "-n", evil],
        &["diagnose", "pod/x", "--from", evil],
        &["diagnose", "pod/x", "--from", &mine, "--now", evil],
        &["diagnose", "pod/x", "--from", &mine, "--flow", evil],
        &["replay", evil],
        &["replay", &strange],
        &["scan", "--from", &strange, evil, "-n", evil],
        &["scan", "--only", evil, "--from", &strange],
        &["rules", "check", &strange],
        &["plugin", "new", evil],
        &["plugin", "deploy", evil, "--stack", "s"],
    ] {
        let ran = prodrome(arguments);
        assert!(!ran.stdout.contains(is_odd) && !ran.stderr.contains(is_odd), "{arguments:?}: {ran:?}");
        assert!(ran.code >= 1 || arguments.contains(&&*ok), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_run_of_another_flow_is_not_drawn() {
    let dir = folder(&[("pod.json", &pod("web-0", &json!({})))]);
    let ran = prodrome(&[
        "diagnose",
        "pod/web-0",
        "--from",
        &within(&dir, "pod.json"),
        "--flow",
        "pod",
        "--output",
        "json",
    ]);
    let run = folder(&[
        ("run.json", &ran.stdout),
        ("old.json", &ran.stdout.replace("\"node\":\"crash\"", "\"node\":\"krash\"")),
    ]);
    for (flow, file, words) in [
        ("image-pull", "run.json", "run.json is a run of the flow pod, and not of image-pull"),
        ("pod", "old.json", "old.json is a run of another version of the flow pod: that has a node krash"),
    ] {
        for command in ["graph", "explain"] {
            let ran = prodrome(&["flows", command, flow, "--run", &within(&run, file)]);
            assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
            assert!(ran.stderr.contains(words), "{ran:?}");
        }
    }
    let ran = prodrome(&["flows", "graph", "pod", "--run", &within(&run, "run.json")]);
    assert!(ran.code == 0 && ran.stdout.contains("cleared"), "{ran:?}");
}

#[test]
fn an_object_that_is_well_is_said_to_be_well_and_what_was_looked_at() {
    let dir = folder(&[("pod.json", &pod("web-0", &json!({})))]);
    let from = within(&dir, "pod.json");
    let now = "2026-03-02T10:00:00Z";
    let ran = prodrome(&["diagnose", "pod/web-0", "--from", &from, "--now", now]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("well: nothing is wrong with Pod shop/web-0 now"), "{ran:?}");
    assert!(ran.stdout.contains("crash-loop, image-pull, pending"), "{ran:?}");
    let ran = prodrome(&["diagnose", "pod/web-0", "--from", &from, "--now", now, "--output", "json"]);
    let diagnosis: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&diagnosis["verdict"], &diagnosis["cause"]), (&json!("cleared"), &Value::Null));
    // One of which something is wrong that nobody can explain is not well.
    let broken = json!({ "/status/containerStatuses/0/state": { "waiting": { "reason": "ErrImagePull", "message": "gibberish" } },
        "/status/containerStatuses/0/ready": false, "/status/conditions/0/status": "False", "/status/phase": "Pending" });
    let ran =
        prodrome_reading(&["diagnose", "pod/web-0", "--from", "-", "--now", now], &pod("web-0", &broken));
    assert!(!ran.stdout.contains("nothing is wrong"), "{ran:?}");
}

#[test]
fn a_cause_is_told_with_what_to_do_and_what_is_ruled_out_by_its_causes() {
    let invalid = json!({ "/status/containerStatuses/0/state": { "waiting": { "reason": "InvalidImageName",
        "message": "Failed to apply default image tag \"R.example/Web:1:2\": couldn't parse image name: invalid reference format" } },
        "/status/containerStatuses/0/ready": false, "/status/conditions/0/status": "False", "/status/phase": "Pending",
        "/spec/containers/0/image": "R.example/Web:1:2" });
    let dir = folder(&[("pod.json", &pod("web-0", &invalid))]);
    let from = within(&dir, "pod.json");
    for flow in ["image-pull", "pod"] {
        let ran = prodrome(&["diagnose", "pod/web-0", "--from", &from, "--flow", flow, "--output", "json"]);
        let diagnosis: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(diagnosis["cause"], "image-name-invalid", "{ran:?}");
        assert!(!diagnosis["remediation"].as_array().unwrap().is_empty(), "{flow}: {diagnosis}");
    }
    let ran = prodrome(&["diagnose", "pod/web-0", "--from", &from, "--flow", "pod"]);
    assert!(ran.stdout.contains("ruled out: oom-killed, app-error,"), "{ran:?}");
    assert!(ran.stdout.contains("(no container ended badly or cannot be started)"), "{ran:?}");
    assert!(!ran.stdout.contains("ruled out: crash-loop"), "{ran:?}");
}

#[test]
fn a_flow_of_a_file_runs_though_nothing_names_it() {
    let dir = folder(&[
        ("pod.json", &pod("web-0", &json!({}))),
        ("mine.yaml", "summary: what I ask\nnodes: { placed: { plugin: pending } }\n"),
        ("cyclic.yaml", "nodes: { a: { plugin: node, after: a } }\n"),
    ]);
    let from = within(&dir, "pod.json");
    let diagnose = |flow: &str| prodrome(&["diagnose", "pod/web-0", "--from", &from, "--flow", flow]);
    let ran = diagnose(&within(&dir, "mine.yaml"));
    assert!(
        ran.code == 0 && ran.stderr.contains("mine: what I ask") && ran.stderr.contains("placed: cleared"),
        "{ran:?}"
    );
    for (flow, words) in [
        ("cyclic.yaml", "waiting for itself"),
        ("cyclic.yaml", "there is no sound flow in"),
        ("none.yaml", "cannot read the file"),
        (".", "expected a flow's name or a flow file, found the folder"),
    ] {
        let ran = diagnose(&within(&dir, flow));
        assert!(ran.code == 2 && ran.stderr.contains(words), "{flow}: {ran:?}");
    }
    let ran = diagnose("imagepull");
    assert!(
        ran.code == 2 && ran.stderr.contains("no sound flow imagepull; did you mean `image-pull`?"),
        "{ran:?}"
    );
}

#[test]
fn a_plugin_whose_function_could_have_no_such_name_is_refused() {
    let long = "a-plugin-with-a-name-that-goes-on-and-on-and-on";
    let ran = prodrome(&["plugin", "new", long]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let words = format!(
        "{long} has 47 characters and cannot be a plugin's name: expected at most 40, as its function is called <stack>-plugin-{long}, and Lambda takes 64 characters, of which a stack's name has 16"
    );
    assert!(ran.stderr.contains(&words), "{ran:?}");
    let stack = "a-stack-whose-name-is-long-and-longer-than-others";
    let ran = prodrome(&["plugin", "deploy", "recent-changes", "--stack", stack]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("that has 71 characters, and Lambda takes at most 64"), "{ran:?}");
}

#[test]
fn the_json_of_an_alert_has_what_speaks_for_its_cause_and_what_to_do() {
    let ran = prodrome(&["replay", "events/recordings/image-tag-missing", "--output", "json"]);
    let lines = ran.json_lines();
    let alert =
        lines.iter().find(|line| line["type"] == "alert" && line["cause"] == "image-not-found").unwrap();
    let texts = |line: &Value, key: &str| -> Vec<String> {
        let list = line[key].as_array().unwrap_or_else(|| panic!("no {key}: {line}"));
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    assert!(texts(alert, "evidence").iter().any(|text| text.contains("not found")), "{alert}");
    assert!(texts(alert, "remediation").iter().any(|step| step.contains("tag")), "{alert}");
    let stuck = json!({ "/status/containerStatuses/0/state": { "waiting": { "reason": "ErrImagePull",
        "message": "rpc error: code = NotFound desc = failed to pull and unpack image \"r.example/web:1\": failed to resolve reference \"r.example/web:1\": r.example/web:1: not found" } },
        "/status/containerStatuses/0/ready": false, "/status/conditions/0/status": "False", "/status/phase": "Pending" });
    let dir = folder(&[("pod.json", &pod("web-0", &stuck))]);
    let ran = prodrome(&[
        "scan",
        "--from",
        &within(&dir, "pod.json"),
        "--now",
        "2026-03-02T10:00:00Z",
        "--output",
        "json",
    ]);
    let lines = ran.json_lines();
    let found =
        lines.iter().find(|line| line["cause"] == "image-not-found").unwrap_or_else(|| panic!("{ran:?}"));
    assert!(
        texts(found, "evidence").iter().any(|text| text.contains("failed to resolve reference")),
        "{found}"
    );
    assert!(texts(found, "remediation").iter().any(|step| step.contains("tag")), "{found}");
}

#[test]
fn a_flow_file_that_is_no_text_takes_only_itself_down() {
    let dir = folder(&[("good.yaml", "nodes: { a: { plugin: node } }\n")]);
    std::fs::write(dir.path().join("bad.yaml"), b"summary: \xff\n").unwrap();
    let ran = prodrome(&["flows", "check", dir.path().to_str().unwrap()]);
    assert_eq!((ran.code, &*ran.stdout), (1, "1 flow in 2 files is sound, 1 mistake\n"), "{ran:?}");
    assert!(ran.stderr.contains("bad.yaml:1:10: expected a text in UTF-8"), "{ran:?}");
    assert!(!ran.stderr.contains("rule"), "{ran:?}");
    for command in ["explain", "graph"] {
        let ran = prodrome(&["flows", command, &within(&dir, "bad.yaml")]);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains("bad.yaml:1:10: expected a text in UTF-8"), "{ran:?}");
        assert_eq!(prodrome(&["flows", command, &within(&dir, "good.yaml")]).code, 0);
    }
    let own = folder(&[
        (
            "rules.yaml",
            "Odd:\n  resource: Pod\n  flow: good\n  checkField: [{ field: [kind], nilValue: false }]\n",
        ),
        ("flows/good.yaml", "summary: one that is sound\nnodes: { a: { plugin: pending } }\n"),
        ("objects/pod.json", &pod("web-0", &json!({}))),
    ]);
    std::fs::write(own.path().join("flows/bad.yaml"), b"summary: \xff\n").unwrap();
    let (rules, from) = (own.path().to_str().unwrap(), within(&own, "objects/pod.json"));
    for arguments in [&["diagnose", "pod/web-0", "--flow", "good"][..], &["scan", "--output", "json"]] {
        let ran = prodrome(&[arguments, &["--rules", rules, "--from", &from]].concat());
        assert!(ran.code != 2 && ran.stderr.contains("bad.yaml:1:10: expected a text in UTF-8"), "{ran:?}");
    }
    let ran = prodrome(&["rules", "check", rules]);
    assert!(ran.code == 0 && ran.stdout.contains("1 rule in"), "{ran:?}");
    let ran = prodrome(&["flows", "check", &within(&dir, "none.yaml")]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot read the file"), "{ran:?}");
}
