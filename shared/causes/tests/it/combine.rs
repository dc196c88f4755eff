//! Many texts about one object.

use prodrome_causes::{Cause, Fact, Text, classify_all};

#[test]
fn the_most_telling_text_decides_and_others_add_their_facts() {
    let texts = [
        Text::waiting("ImagePullBackOff", "Back-off pulling image \"r.example/shop:2\""),
        Text::event("Failed", "Error: ErrImagePull"),
        Text::event(
            "Failed",
            "failed to resolve reference \"r.example/shop:2\": r.example/shop:2: not found",
        ),
    ];
    let combined = classify_all(texts);
    assert_eq!(combined.best.cause, Some(Cause::ImageNotFound));
    assert_eq!(combined.best.facts.get(Fact::Image), Some("r.example/shop:2"));
    assert_eq!((combined.support, combined.others.len()), (vec![2], 0));
}

#[test]
fn contenders_are_kept_with_their_texts() {
    let combined = classify_all([
        Text::event("Unhealthy", "Liveness probe failed: connection refused"),
        Text::log("FATAL: password authentication failed for user \"shop\""),
    ]);
    assert_eq!(combined.best.cause, Some(Cause::ProbeFailed));
    let others: Vec<_> = combined.others.iter().map(|(n, why)| (*n, why.cause)).collect();
    assert_eq!(others, [(1, Some(Cause::AppDependencyAuth))]);
}

#[test]
fn a_log_alone_is_never_quite_sure() {
    let combined = classify_all([Text::log("listen tcp :8080: bind: address already in use")]);
    assert!(combined.best.confidence <= 0.9);
}

#[test]
fn what_a_line_says_at_a_low_level_is_trusted_less_wherever_the_level_stands() {
    let said = |line: &str| classify_all([Text::log(line)]).best.confidence;
    let refused = "dial tcp 10.0.0.1:5432: connect: connection refused";
    for line in ["2026-03-02 INFO ", "INFO ", "INFO\t", "info: "] {
        assert!(said(&format!("{line}{refused}")) < 0.6, "{line}");
    }
    assert!(said(&format!("WARN {refused}")) < 0.8);
    assert!(said(&format!("FATAL {refused}")) > 0.8);
}

#[test]
fn nothing_known_is_unknown() {
    let combined =
        classify_all([Text::event("Scheduled", "Successfully assigned a/b to c"), Text::log("ready")]);
    assert_eq!((combined.best.id(), combined.best.confidence), ("unknown", 0.0));
    assert!(combined.support.is_empty() && combined.best.remediation.is_empty());
}

#[test]
fn what_is_parsed_out_has_a_name() {
    let table: &[(Text<'_>, &[(Fact, &str)])] = &[
        (
            Text::event(
                "FailedCreate",
                "pods \"a\" is forbidden: exceeded quota: team, requested: cpu=2, used: cpu=9, limited: cpu=10",
            ),
            &[
                (Fact::Quota, "team"),
                (Fact::Requested, "cpu=2"),
                (Fact::Used, "cpu=9"),
                (Fact::Limited, "cpu=10"),
            ],
        ),
        (
            Text::waiting("CreateContainerConfigError", "couldn't find key DB_PASS in Secret shop/db"),
            &[(Fact::Key, "DB_PASS"), (Fact::Secret, "shop/db")],
        ),
        (
            Text::waiting(
                "ErrImagePull",
                "failed to resolve reference \"r.example:5000/a/b:1@sha256:ab\": unexpected status from HEAD request to https://r.example/v2: 401 Unauthorized",
            ),
            &[
                (Fact::Registry, "r.example:5000"),
                (Fact::Repository, "a/b"),
                (Fact::Tag, "1"),
                (Fact::Digest, "sha256:ab"),
                (Fact::HttpStatus, "401"),
            ],
        ),
        (
            Text::waiting(
                "RunContainerError",
                "unable to start container process: exec: \"gunicorn\": executable file not found in $PATH",
            ),
            &[(Fact::Binary, "gunicorn")],
        ),
        (
            Text::log("dial tcp 10.0.0.7:5432: connect: connection refused"),
            &[(Fact::Address, "10.0.0.7:5432"), (Fact::Port, "5432")],
        ),
    ];
    for (text, facts) in table {
        let why = prodrome_causes::classify(text);
        for (fact, want) in *facts {
            assert_eq!(why.facts.get(*fact), Some(*want), "{fact:?} of {text:?}");
        }
    }
}

#[test]
fn the_scheduler_is_counted() {
    let why = prodrome_causes::classify(&Text::condition(
        "Unschedulable",
        "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint {a: b}. preemption: 0/5 nodes are available: 5 No preemption victims found for incoming pod.",
    ));
    let counts: Vec<_> =
        why.facts.predicates.iter().map(|predicate| (predicate.nodes, predicate.reason.as_str())).collect();
    assert_eq!(counts, [(2, "Insufficient cpu"), (3, "node(s) had untolerated taint {a: b}")]);
    assert_eq!((why.facts.nodes, why.cause), (Some(5), Some(Cause::InsufficientResources)));
}

#[test]
fn a_classification_survives_json() {
    let why = prodrome_causes::classify(&Text::condition(
        "Unschedulable",
        "0/2 nodes are available: 2 Too many pods.",
    ));
    let json = serde_json::to_string(&why).unwrap();
    assert_eq!(serde_json::from_str::<prodrome_causes::Classification>(&json).unwrap(), why);
}
