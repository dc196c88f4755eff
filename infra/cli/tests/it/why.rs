use crate::run::{command, prodrome, prodrome_reading};
use std::io::{Read as _, Write as _};
use std::process::Stdio;

#[test]
fn a_pasted_error_is_explained() {
    let ran =
        prodrome(&["why", "failed to resolve reference \"r.example/shop:2\": r.example/shop:2: not found"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in ["image-not-found", "for the user to repair", "r.example/shop:2", "1. "] {
        assert!(ran.stdout.contains(words), "expected {words:?} in {ran:?}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colours but on a terminal: {ran:?}");
}

#[test]
fn a_reason_tells_where_a_text_was_found() {
    let ran = prodrome(&[
        "why",
        "--kind",
        "event",
        "--reason",
        "FailedMount",
        "--output",
        "json",
        "secret \"a\" not found",
    ]);
    let answer = &ran.json_lines()[0];
    assert_eq!((ran.code, answer["cause"].as_str()), (0, Some("config-ref-missing")), "{ran:?}");
    assert_eq!(answer["facts"]["secret"], "a");
}

#[test]
fn json_lines_are_answered_in_their_order() {
    let input = r#"{"id":"a","kind":"log","reason":"Error","text":"bind: address already in use"}
{"id":7,"kind":"condition","reason":null,"text":"nothing of the sort"}

{"id":"c","kind":"waiting","reason":"OOMKilled","text":""}
"#;
    let ran = prodrome_reading(&["why", "--output", "json"], input);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let answers = ran.json_lines();
    let told: Vec<_> =
        answers.iter().map(|answer| (answer["id"].to_string(), answer["cause"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("\"a\"".to_owned(), "app-port-in-use"),
            ("7".to_owned(), "unknown"),
            ("\"c\"".to_owned(), "oom-killed")
        ]
    );
    assert_eq!(
        (answers[0]["owner"].as_str(), answers[1].get("owner")),
        (Some("user"), Some(&serde_json::Value::Null))
    );
    for field in ["id", "cause", "owner", "confidence", "summary", "remediation"] {
        assert!(answers.iter().all(|answer| answer.get(field).is_some()), "{field} in {ran:?}");
    }
}

#[test]
fn a_line_without_an_id_is_known_by_its_number_which_is_no_id() {
    let input = "{\"id\":2,\"text\":\"OOMKilled\"}\n{\"text\":\"bind: address already in use\"}\n{\"id\":null,\"text\":\"x\"}\n";
    let ran = prodrome_reading(&["why", "--output", "json"], input);
    let told: Vec<String> =
        ran.json_lines().iter().map(|answer| format!("{} {}", answer["id"], answer["line"])).collect();
    assert_eq!((ran.code, told), (0, ["2 null", "null 2", "null 3"].map(str::to_owned).into()), "{ran:?}");
    let ran = prodrome_reading(&["why"], input);
    let begins: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(begins, ["2", "line 2", "line 3"], "{ran:?}");
}

#[test]
fn a_malformed_line_is_named_and_the_others_go_on() {
    let input = "{\"id\":\"a\",\"text\":\"OOMKilled\"}\nnot json\n{\"id\":\"b\",\"kind\":\"rumour\",\"text\":\"x\"}\n{\"id\":\"c\"}\n{\"id\":\"d\",\"text\":\"OOMKilled\"}\n";
    let ran = prodrome_reading(&["why", "--output", "json"], input);
    assert_eq!(ran.code, 2, "{ran:?}");
    let answers = ran.json_lines();
    let wrong: Vec<_> = answers.iter().filter_map(|answer| answer["line"].as_u64()).collect();
    assert_eq!((answers.len(), wrong), (5, vec![2, 3, 4]), "{ran:?}");
    let ids: Vec<String> = answers.iter().map(|answer| answer["id"].to_string()).collect();
    assert_eq!(
        ids,
        ["\"a\"", "null", "\"b\"", "\"c\"", "\"d\""],
        "each answer and each error has its line's id, or none"
    );
    assert_eq!(
        (answers[0]["cause"].as_str(), answers[4]["cause"].as_str()),
        (Some("oom-killed"), Some("oom-killed"))
    );
    assert!(ran.stderr.starts_with("prodrome: 3 of 5 lines could not be read"), "{ran:?}");
    let first =
        prodrome_reading(&["why", "--output", "json"], "nonsense\n{\"id\":\"a\",\"text\":\"OOMKilled\"}\n");
    assert_eq!((first.code, first.json_lines()[0]["line"].as_u64()), (2, Some(1)), "{first:?}");
}

#[test]
fn a_mark_before_the_first_line_is_none_of_it() {
    let ran = prodrome_reading(
        &["why", "--output", "json"],
        "\u{feff}{\"id\":\"a\",\"text\":\"OOMKilled\"}\n{\"id\":\"b\",\"text\":\"OOMKilled\"}\n",
    );
    let ids: Vec<String> = ran.json_lines().iter().map(|answer| answer["id"].to_string()).collect();
    assert_eq!((ran.code, ids), (0, vec!["\"a\"".to_owned(), "\"b\"".to_owned()]), "{ran:?}");
}

#[test]
fn a_document_is_no_json_lines_and_a_log_with_brackets_is_one() {
    for text in [
        "[{\"id\":\"a\",\"text\":\"OOMKilled\"}]\n",
        "[\n  {\"id\":\"a\",\"text\":\"OOMKilled\"},\n  {\"id\":\"b\",\"text\":\"x\"}\n]\n",
        "\u{feff}{\n  \"id\": \"a\",\n  \"text\": \"OOMKilled\"\n}\n",
    ] {
        let ran = prodrome_reading(&["why", "--output", "json"], text);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{text}: {ran:?}");
        assert!(ran.stderr.contains("one object a line"), "{text}: {ran:?}");
    }
    let log = "[2026-03-02 10:00:00] [ERROR] bind: address already in use\n";
    let ran = prodrome_reading(&["why", "--output", "json"], log);
    assert_eq!((ran.code, ran.json_lines()[0]["cause"].as_str()), (0, Some("app-port-in-use")), "{ran:?}");
}

#[test]
fn a_description_that_is_piped_in_is_read_as_a_whole() {
    let described = "\
Name:  web-1
State:  Waiting
  Reason:  ImagePullBackOff
Events:
  Type     Reason   Age               From     Message
  ----     ------   ----              ----     -------
  Normal   Pulling  3m (x4 over 5m)   kubelet  Pulling image \"r.example/shop:2\"
  Warning  Failed   3m (x4 over 5m)   kubelet  Failed to pull image \"r.example/shop:2\": failed to do request: Head \"https://r.example/v2/shop/manifests/2\": tls: failed to verify certificate: x509: certificate signed by unknown authority
  Warning  Failed   3m (x4 over 5m)   kubelet  Error: ErrImagePull
";
    let ran = prodrome_reading(&["why"], described);
    assert!(ran.code == 0 && ran.stdout.starts_with("registry-tls-untrusted"), "{ran:?}");
}

#[test]
fn hostile_and_broken_input_is_answered_without_leaks() {
    let ran = prodrome_reading(
        &["why"],
        "\u{1b}]0;own\u{7}\u{1b}[2Jlisten tcp :80: bind: address already in use\n",
    );
    assert!(ran.code == 0 && ran.stdout.contains("app-port-in-use"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{7}'), "{ran:?}");
    let empty = prodrome_reading(&["why"], "");
    assert_eq!((empty.code, empty.stdout.as_str()), (2, ""), "{empty:?}");
    assert!(empty.stderr.contains("standard input is empty"), "{empty:?}");
    let long = format!(
        "{{\"id\":\"a\",\"text\":\"{}\"}}\n{{\"id\":\"b\",\"text\":\"OOMKilled\"}}\n",
        "x".repeat(5 << 20)
    );
    let cut = prodrome_reading(&["why", "--output", "json"], &long);
    assert_eq!(cut.code, 2, "{:?}", cut.stderr);
    let lines = cut.json_lines();
    assert_eq!((lines[0]["id"].as_str(), lines[1]["cause"].as_str()), (Some("a"), Some("oom-killed")));
    assert_eq!(
        lines[0]["error"],
        "the line is longer than 4 MiB, which is the most that is read; shorten its text"
    );
}

#[test]
fn a_text_that_says_nothing_is_refused_and_a_reason_alone_is_enough() {
    for empty in [&[""][..], &[" \n\t"], &["", ""], &["--reason", "", ""]] {
        let ran = prodrome(&[&["why"], empty].concat());
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{empty:?}: {ran:?}");
        assert!(ran.stderr.starts_with("prodrome: the text is empty; give what"), "{ran:?}");
    }
    let ran = prodrome_reading(&["why"], " \n\n");
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("nothing but blanks"), "{ran:?}");
    for alone in [&["why", "--reason", "OOMKilled", ""][..], &["why", "--reason", "OOMKilled"]] {
        let ran = prodrome(alone);
        assert!(ran.code == 0 && ran.stdout.starts_with("oom-killed"), "{ran:?}");
    }
    let ran = prodrome(&["why", "--output", "json", "--kind", "waiting", "--reason", "CrashLoopBackOff"]);
    let answer = &ran.json_lines()[0];
    assert_eq!((ran.code, answer["cause"].as_str()), (0, Some("unknown")), "{ran:?}");
    assert_eq!(answer["summary"], "The reason CrashLoopBackOff alone does not say why.");
    let lines = "{\"kind\":\"waiting\",\"reason\":\"CrashLoopBackOff\"}\n{\"id\":\"b\",\"reason\":\"OOMKilled\",\"text\":null}\n";
    let ran = prodrome_reading(&["why", "--output", "json"], lines);
    let causes: Vec<String> = ran.json_lines().iter().map(|answer| answer["cause"].to_string()).collect();
    assert_eq!(
        (ran.code, causes),
        (0, vec!["\"unknown\"".to_owned(), "\"oom-killed\"".to_owned()]),
        "{ran:?}"
    );
}

#[test]
fn each_answer_has_every_key() {
    for arguments in
        [&["why", "nothing of the sort"][..], &["why", "OOMKilled"], &["why", "--reason", "BackOff"]]
    {
        let ran = prodrome(&[arguments, &["--output", "json"]].concat());
        let answer = &ran.json_lines()[0];
        for key in ["id", "cause", "owner", "confidence", "summary", "remediation"] {
            assert!(answer.get(key).is_some(), "{key} of {answer}");
        }
        assert_eq!(answer["owner"].is_null(), answer["cause"] == "unknown", "{answer}");
    }
}

#[test]
fn a_log_that_is_piped_in_is_explained_by_its_end() {
    let log = "Error: getaddrinfo ENOTFOUND db\nconnected to db\nTypeError: Cannot read properties of undefined (reading 'id')\n    at main (/app/index.js:3:13)\n";
    for ran in [
        prodrome_reading(&["why"], log),
        prodrome_reading(&["why", "--kind", "log"], log),
        prodrome(&["why", log]),
    ] {
        assert!(ran.code == 0 && ran.stdout.starts_with("app-error"), "{ran:?}");
    }
}

#[test]
fn it_is_in_the_help_and_in_completions() {
    assert!(prodrome(&["help"]).stdout.contains("why"));
    assert!(prodrome(&["completion", "bash"]).stdout.contains("why"));
}

#[test]
fn a_line_of_100_mb_is_refused_by_itself_and_is_not_held() {
    /// Far below what the line has.
    const HELD_KIB_MAX: u64 = 64 * 1024;
    let mut child = command()
        .args(["why", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let line = |id: &str| {
        format!("{{\"id\":\"{id}\",\"kind\":\"log\",\"text\":\"bind: address already in use\"}}\n")
    };
    input.write_all(line("before").as_bytes()).unwrap();
    input.write_all(b"{\"id\":\"long\",\"kind\":\"log\",\"text\":\"").unwrap();
    let part = vec![b'x'; 1_000_000];
    for _ in 0..100 {
        input.write_all(&part).unwrap();
    }
    input.write_all(b"\"}\n").unwrap();
    input.write_all(line("after").as_bytes()).unwrap();
    input.flush().unwrap();
    // It has taken in the line but for what the pipe holds, and lives on, as more may come.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < HELD_KIB_MAX, "it held {peak} KiB");
    drop(input);
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{out}");
    let answers: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> = answers
        .iter()
        .map(|answer| {
            let said = answer["cause"].as_str().or(answer["error"].as_str());
            (answer["id"].as_str().unwrap(), said.unwrap())
        })
        .collect();
    let refused = "the line is longer than 4 MiB, which is the most that is read; shorten its text";
    assert_eq!(told, [("before", "app-port-in-use"), ("long", refused), ("after", "app-port-in-use")]);
    assert_eq!(answers[1]["line"], 2);
}
