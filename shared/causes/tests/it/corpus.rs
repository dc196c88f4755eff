//! `corpus.jsonl`, `field.jsonl`, `wordings.jsonl`: texts as the named sources compose them, each with its cause, or
//! `unknown`. Those of `field.jsonl` are quoted from threads, manuals and programs' sources in their own words, with names
//! replaced; their causes were written down before the classifier saw them, as were those of `wordings.jsonl`, which has
//! whole logs too.

use prodrome_causes::{Cause, Fact, Kind, Text, classify};
use prodrome_model::Owner;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct Row {
    cause: String,
    kind: Kind,
    reason: String,
    text: String,
    source: String,
}

fn rows() -> Vec<Row> {
    [include_str!("corpus.jsonl"), include_str!("field.jsonl"), include_str!("wordings.jsonl")]
        .into_iter()
        .flat_map(str::lines)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn wordings_of_sources_are_told_apart() {
    let (mut wrong, mut confidently_wrong) = (Vec::new(), Vec::new());
    let rows = rows();
    for row in &rows {
        let why = classify(&Text { kind: row.kind, reason: &row.reason, text: &row.text });
        if why.id() != row.cause {
            let told =
                format!("{} taken for {} ({:.2}): {:.120}", row.cause, why.id(), why.confidence, row.text);
            if why.is_known() && why.confidence >= 0.8 {
                confidently_wrong.push(told.clone());
            }
            wrong.push(told);
        }
    }
    let right = rows.len() - wrong.len();
    assert!(confidently_wrong.is_empty(), "{confidently_wrong:#?}");
    assert!(right * 100 >= rows.len() * 98, "{right} of {} are right: {wrong:#?}", rows.len());
}

#[test]
fn an_unambiguous_error_is_sure_and_a_wrapper_is_not() {
    let sure = [
        Text::waiting("ErrImagePull", "reading manifest v1 in r.example/a: manifest unknown"),
        Text::event(
            "FailedAttachVolume",
            "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) a",
        ),
        Text::log("listen tcp :8080: bind: address already in use"),
    ];
    for text in sure {
        assert!(classify(&text).confidence >= 0.9, "{text:?}");
    }
    let wrappers = [
        Text::event(
            "FailedAttachVolume",
            "AttachVolume.Attach failed for volume \"pvc-1\" : rpc error: code = Internal desc = odd",
        ),
        Text::event(
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = Unknown desc = odd",
        ),
        Text::condition("ProgressDeadlineExceeded", "ReplicaSet \"web\" has timed out progressing."),
    ];
    for text in wrappers {
        assert!(classify(&text).confidence <= 0.75, "{text:?}");
    }
}

/// What no text says: objects have to be looked at.
const SAID_BY_OBJECTS_ALONE: &[Cause] = &[
    Cause::SchedulerDown,
    Cause::JobSidecarBlocks,
    Cause::ServiceSelectsWrongPods,
    Cause::TrafficPolicyLocal,
];

#[test]
fn every_cause_that_texts_tell_has_a_wording() {
    let covered: BTreeSet<String> = rows().into_iter().map(|row| row.cause).collect();
    let missing: Vec<_> = Cause::ALL
        .iter()
        .filter(|cause| !covered.contains(cause.id()) && !SAID_BY_OBJECTS_ALONE.contains(cause))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_row_names_its_source_and_a_cause() {
    for row in rows() {
        assert!(!row.source.is_empty(), "{}", row.text);
        assert!(row.cause == "unknown" || row.cause.parse::<Cause>().is_ok(), "{}", row.cause);
    }
}

#[test]
fn a_local_volume_without_its_folder_is_mended_by_whoever_runs_the_node() {
    let text = r#"MountVolume.NewMounter initialization failed for volume "local-pv-1" : path "/mnt/disks/ssd1" does not exist"#;
    let why = classify(&Text { kind: Kind::Event, reason: "FailedMount", text });
    assert_eq!((why.id(), why.owner), ("volume-not-found", Some(Owner::Platform)), "{why:?}");
    assert_eq!(why.facts.get(Fact::Path), Some("/mnt/disks/ssd1"));
}
