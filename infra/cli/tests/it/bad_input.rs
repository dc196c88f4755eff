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
        ("labels.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: [1]\n"),
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
    refused(
        &["scan", "--from", &at("labels.yaml")],
        &["labels.yaml", "metadata.labels: invalid type: sequence"],
    );
    refused(&["scan", "--from", &at("binary.yaml")], &["binary.yaml", "UTF-8"]);
    refused(&["scan", "--from", &at("missing.yaml")], &["missing.yaml", "cannot read"]);
    refused(&["scan", "--from", &at("empty-folder")], &["empty-folder", "no *.json, *.jsonl"]);
}

#[test]
fn what_cannot_be_read_does_not_take_the_rest_down() {
    let pod = |name: &str| {
        let metadata = format!(r#"{{"name":"{name}","namespace":"n","uid":"{name}"}}"#);
        format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{metadata},"status":{{"phase":"Failed"}}}}"#)
    };
    let odd = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":7}}"#;
    let rules =
        "PodFailed:\n  resource: Pod\n  checkField: [{ field: [status, phase], equalValue: [Failed] }]\n";
    let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[7,{},{odd}]}}"#, pod("in-list"));
    let dir = folder(&[
        ("some.jsonl", &format!("{odd}\n{{\"a\":1}}\n{}\n", pod("in-file"))),
        ("list.json", &list),
        ("prose.yaml", "a: [\n"),
        ("rules.yaml", rules),
    ]);
    let at = |name| within(&dir, name);
    let ran = prodrome(&[
        "scan",
        "--rules",
        &at("rules.yaml"),
        "--output",
        "json",
        "--from",
        &at("some.jsonl"),
        &at("prose.yaml"),
        &at("list.json"),
    ]);
    let names: Vec<_> = ran.json_lines().iter().map(|line| line["object"]["name"].clone()).collect();
    assert_eq!(names, ["in-list", "in-file"], "{ran:?}");
    assert_eq!(ran.code, 2, "one file is none: {ran:?}");
    for words in [
        "some.jsonl, document 1: ",
        "some.jsonl, document 2: ",
        "list.json, document 1: item 1: ",
        "prose.yaml",
    ] {
        assert!(ran.stderr.contains(words), "expected {words:?} in {ran:?}");
    }
    let ran = prodrome(&["scan", "--rules", &at("rules.yaml"), "--from", &at("some.jsonl")]);
    assert_eq!(ran.code, 1, "an object that is none is left out: {ran:?}");
}

#[test]
fn an_empty_object_file_is_an_empty_world() {
    let dir = folder(&[("empty.yaml", "")]);
    let ran = prodrome(&["scan", "--from", &within(&dir, "empty.yaml")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("0 firing, 0 pending; 0 objects"), "{ran:?}");
    assert!(
        ran.stderr.contains("warning: no object was read from") && ran.stderr.contains("empty.yaml"),
        "{ran:?}"
    );
}

#[test]
fn of_a_file_that_was_cut_the_whole_lines_count_and_the_cut_one_is_told() {
    let pod = |name: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"shop"}}}}"#)
    };
    let whole = format!("{}\n{}\n{}", pod("a"), pod("b"), pod("c"));
    let dir = folder(&[("pods.jsonl", whole.get(..whole.len() - 9).unwrap())]);
    let file = within(&dir, "pods.jsonl");
    let ran = prodrome(&["scan", "--from", &file]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("2 objects seen") && ran.stderr.contains("pods.jsonl, line 3 is cut short"),
        "{ran:?}"
    );
    let ran = prodrome(&["scan", "-n", "pay", "--from", &file]);
    assert!(
        ran.stderr.contains("no object was read from") && ran.stderr.contains("namespace pay"),
        "{ran:?}"
    );
}

#[test]
fn who_scans_a_recording_is_told_what_plays_it() {
    for (path, words) in [
        ("events/recordings/crash-exit-1", "`prodrome replay events/recordings/crash-exit-1` plays it"),
        ("events/recordings", "`prodrome replay events/recordings` plays them"),
        (
            "events/recordings/crash-exit-1/meta.json",
            "`prodrome replay events/recordings/crash-exit-1` plays it",
        ),
    ] {
        refused(&["scan", "--from", path], &[words]);
    }
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
    with(&at("missing.yaml"), &["cannot read the file"]);
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
fn a_field_of_the_wrong_type_is_told() {
    let nodes = "apiVersion: v1\nkind: Node\nmetadata: { name: n }\nstatus: { conditions: broken }\n---\n\
                 apiVersion: db.example/v1\nkind: Database\nmetadata: { name: d }\nstatus: { conditions: broken }\n";
    let dir = folder(&[("objects.yaml", nodes)]);
    let path = within(&dir, "objects.yaml");
    let ran = prodrome(&["scan", "--from", &path]);
    let warning =
        format!("prodrome: warning: {path}: Node n: status.conditions: expected a list, found \"broken\"\n");
    assert_eq!((ran.code, &ran.stderr), (0, &warning));
    let ran =
        prodrome(&["rules", "explain", "rules/nodes.yaml", "--only", "NodeNotReady", "--object", &path]);
    assert!(ran.stdout.ends_with("  ! status.conditions: expected a list, found \"broken\"\n"), "{ran:?}");
    let sound = "apiVersion: v1\nkind: Node\nmetadata: { name: n, creationTimestamp: 2026-03-02T10:00:00Z }\n\
                 status: { conditions: [{ type: Ready, status: \"True\" }], capacity: { cpu: 3920m, memory: 16Gi } }\n---\n\
                 apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { ports: [{ port: 80, targetPort: http }] }\n";
    let sound = crate::run::prodrome_reading(&["scan", "--from", "-"], sound);
    assert_eq!((sound.code, &*sound.stderr), (0, ""), "{sound:?}");
}

#[test]
fn what_is_no_recording_is_refused() {
    let dir = folder(&[
        ("half/watch.jsonl", ""),
        ("bad-meta/watch.jsonl", ""),
        ("bad-meta/meta.json", "{\"start\":\"yesterday\"}"),
        ("cut/meta.json", "x"),
    ]);
    let what_to_do = "`prodrome record --out DIR` makes one";
    refused(&["replay", "rules"], &["rules is no recording", "watch.jsonl", "found neither", what_to_do]);
    refused(
        &["replay", "no/such/folder"],
        &[
            "no/such/folder is no recording: expected a folder with meta.json",
            "found no such folder",
            what_to_do,
        ],
    );
    refused(&["replay", "README.md"], &["README.md is no recording", "found a file", what_to_do]);
    refused(&["replay", &within(&dir, "half")], &["is no recording", "found no meta.json", what_to_do]);
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
fn what_a_recording_does_not_tell_is_said_with_its_place_and_the_exit_code() {
    let meta = r#"{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:01:00Z"}"#;
    let failed = r#"{"t":1,"path":"/api/v1/pods","event":{"type":"ADDED","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"a","resourceVersion":"5"},"status":{"phase":"Failed"}}}}"#;
    let dir = folder(&[
        ("empty/meta.json", meta),
        ("empty/watch.jsonl", ""),
        ("half/meta.json", meta),
        ("half/watch.jsonl", &format!("{failed}\n{{\"t\": 2, \n")),
        (
            "r.yaml",
            "PodFailed: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }] }\n",
        ),
    ]);
    let replay = |name| prodrome(&["replay", &within(&dir, name), "--rules", &within(&dir, "r.yaml")]);
    let empty = replay("empty");
    assert_eq!(empty.code, 0, "{empty:?}");
    let warning = format!("prodrome: warning: no object was read from {}, so nothing", within(&dir, "empty"));
    assert!(empty.stderr.starts_with(&warning) && empty.stdout.contains("no alert"), "{empty:?}");

    let half = replay("half");
    assert_eq!(half.code, 2, "a part of it could not be done: {half:?}");
    assert!(half.stdout.contains("PodFailed") && half.stdout.contains("1 alert"), "{half:?}");
    let line = format!("prodrome: left out: {}:2: EOF while parsing", within(&dir, "half/watch.jsonl"));
    assert!(half.stderr.contains(&line) && !half.stderr.contains(" column "), "one place: {half:?}");
    assert!(half.stderr.ends_with("prodrome: 1 line could not be read and was left out\n"), "{half:?}");

    // A backtest plays it by both versions of the rules, and tells of the line once.
    let rule = within(&dir, "r.yaml");
    let tried = prodrome(&["rules", "backtest", &rule, "--on", &within(&dir, "half"), "--current", &rule]);
    assert_eq!(tried.code, 2, "{tried:?}");
    assert!(tried.stdout.contains("PodFailed"), "{tried:?}");
    assert_eq!(tried.stderr.matches(&line).count(), 1, "{tried:?}");
    assert!(tried.stderr.ends_with("prodrome: 1 line could not be read and was left out\n"), "{tried:?}");
}

#[test]
fn a_cluster_that_cannot_be_reached_is_told_with_what_to_do() {
    let dir = folder(&[
        ("broken.yaml", "clusters: 1\n"),
        ("web.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n"),
        ("two.yaml", "kind: Service # of the shop\n---\napiVersion: apps/v1\nkind: Deployment\n"),
        (
            "nobody.yaml",
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{ name: a, context: { cluster: a, user: a } }]\n\
             clusters: [{ name: a, cluster: { server: \"http://127.0.0.1:9\" } }]\nusers: [{ name: a, user: {} }]\n",
        ),
    ]);
    let server = who_accepts_no_token();
    let kubeconfig = |user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{ name: a, context: {{ cluster: a, user: a }} }}]\n\
             clusters: [{{ name: a, cluster: {{ server: \"{server}\" }} }}]\nusers: [{{ name: a, user: {user} }}]\n"
        )
    };
    let program = |rest: &str| {
        let version = "client.authentication.k8s.io/v1";
        kubeconfig(&format!("{{ exec: {{ apiVersion: {version}, interactiveMode: Never, {rest} }} }}"))
    };
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("expired.yaml", kubeconfig("{ token: old }"));
    write(
        "no-program.yaml",
        program("command: no-such-program, installHint: it comes with the cloud's tools"),
    );
    let script = "echo a-token; echo; echo the session has expired >&2; exit 3";
    write("program.yaml", program(&format!("command: sh, args: [\"-c\", \"{script}\"]")));
    let at = |name| within(&dir, name);
    let out = at("recording");
    for command in [vec!["scan"], vec!["record", "--out", &out], vec!["up"], vec!["diagnose", "deploy/web"]] {
        let with = |more: &[&str], words: &[&str]| refused(&[&command, more].concat(), words);
        let file = at("expired.yaml");
        let place = format!("the cluster at {server}/ (context a of the kubeconfig {file})");
        let ask = format!("kubectl --kubeconfig {file} --context a auth whoami");
        with(&["--kubeconfig", &file], &["does not accept the credentials", "expired", &place, &ask]);
        let words =
            ["no-such-program", "install it, or put it on the PATH (it comes with the cloud's tools)"];
        with(&["--kubeconfig", &at("no-program.yaml")], &words);
        let ran = prodrome(&[&command, &["--kubeconfig", &at("program.yaml")][..]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(
            ran.stderr.contains("\"sh\"") && ran.stderr.ends_with(": the session has expired\n"),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains("a-token"), "what a program prints may be a token: {ran:?}");
        with(&["--kubeconfig", &at("missing.yaml")], &["missing.yaml", "no kubeconfig"]);
        with(&["--kubeconfig", &at("broken.yaml")], &["broken.yaml"]);
        let expected = "expected a kubeconfig (kind: Config), found kind: ";
        with(&["--kubeconfig", &at("web.yaml")], &["web.yaml", &format!("{expected}Deployment;")]);
        with(&["--kubeconfig", &at("two.yaml")], &["two.yaml", &format!("{expected}Service;")]);
        with(&["--kubeconfig", &at("nobody.yaml"), "--context", "b"], &["no context \"b\"", "it has a"]);
        let file = at("nobody.yaml");
        let place = format!("the cluster at http://127.0.0.1:9/ (context a of the kubeconfig {file})");
        let ask = format!("kubectl --kubeconfig {file} --context a version");
        with(&["--kubeconfig", &file], &["efused", &place, &ask]);
    }
    assert!(!Path::new(&out).exists(), "nothing is left of a recording that did not begin");
}

/// An API server to which every token has expired.
fn who_accepts_no_token() -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let body = r#"{"kind":"Status","status":"Failure","message":"Unauthorized","code":401}"#;
            let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            // A client that leaves early is no matter of ours.
            drop(connection.read(&mut [0; 4096]).and_then(|_| connection.write_all(answer.as_bytes())));
        }
    });
    url
}

#[test]
fn what_a_run_needs_is_looked_at_before_anything_is_started() {
    let dir = folder(&[("routing.yaml", "channels: [\n"), ("rules.yaml", "PodFailed: [\n")]);
    let at = |name| within(&dir, name);
    let demo = "events/recordings/image-tag-missing";
    refused(&["up", "--recording", "rules"], &["rules is no recording", "meta.json"]);
    refused(&["up", "--recording", demo, "--from", "99999"], &["--from 99999", "lasts only", "seconds"]);
    refused(&["up", "--routing", &at("routing.yaml")], &["routing file is wrong", "routing.yaml:1:11"]);
    refused(&["up", "--routing", &at("missing.yaml")], &["cannot read", "missing.yaml"]);
    refused(&["up", "--rules", &at("rules.yaml")], &["rules.yaml:1:", "there is no rule to use"]);

    let mut here = crate::run::command();
    let output =
        here.args(["up", "--exit"]).env("PATH", dir.path()).env("XDG_CACHE_HOME", dir.path()).output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    for words in ["found no python3", "apt-get install python3-venv", "set PYTHON to the path of one"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_command_without_a_word() {
    for arguments in [
        &["rules", "list"][..],
        &["rules", "explain"],
        &["rules", "fmt", "rules/pods.yaml"],
        &["completion", "bash"],
        &["replay", "--output", "json", "events/recordings/crash-exit-1"],
        &["scan", "--output", "json", "--from", "rules/testdata/pod.yaml"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = crate::run::command();
        let child = child.args(arguments).stdout(writer).stderr(std::process::Stdio::piped());
        let output = child.stdin(std::process::Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked") && !stderr.contains("roken pipe"), "{arguments:?}: {stderr}");
    }
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
        &["up", "--kubeconfig", "x", "--recording", "y"],
        &["up", "--kubeconfig", "x", "--exit"],
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

#[test]
fn rules_with_mistakes_are_no_all_clear() {
    let failed =
        "PodFailed:\n  resource: Pod\n  checkField: [{ field: [status, phase], equalValue: [Failed] }]\n";
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"a"},"status":{"phase":"Running"}}"#;
    let dir = folder(&[
        ("pod.json", pod),
        ("none.json", r#"{"apiVersion":"v1","kind":"PodList","items":null}"#),
        ("rules/sound.yaml", failed),
        ("rules/cut.yaml", "A:\n  resource: Pod\n  checkField: [\n"),
    ]);
    let (rules, pod) = (within(&dir, "rules"), within(&dir, "pod.json"));
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/recordings/quota-exceeded");
    for arguments in
        [&["scan", "--from", &pod, "--rules", &rules][..], &["replay", recording, "--rules", &rules]]
    {
        let ran = prodrome(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        for words in ["cut.yaml:", "1 mistake in the rules: what is written there was not looked for"] {
            assert!(ran.stderr.contains(words), "expected {words:?} in {ran:?}");
        }
    }
    assert_eq!(prodrome(&["scan", "--from", &pod, "--rules", &within(&dir, "rules/sound.yaml")]).code, 0);
    let nothing = prodrome(&["scan", "--from", &within(&dir, "none.json")]);
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert!(nothing.stderr.contains("no object was read"), "{nothing:?}");
}
