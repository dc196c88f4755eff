//! The routing file that we show is one that works, and shows all.

use jiff::SignedDuration;
use prodrome_model::{Finding, FindingState, Severity, Subject};
use prodrome_notify::{ChannelConfig, Facts, Pacing, Routing, Silence};
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../../../infra/routing.example.yaml");

fn example() -> Routing {
    Routing::parse("routing.example.yaml", EXAMPLE).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn it_shows_every_type_of_channel() {
    let types: BTreeSet<&str> =
        example().channels().values().map(|channel| channel.config.type_name()).collect();
    assert_eq!(types, BTreeSet::from(ChannelConfig::TYPES));
}

#[test]
fn the_canary_is_told_to_whom_it_names_and_to_nobody_else() {
    let names: Vec<String> = example().canary().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["event-centre"]);
    let text = "channels: { log: { type: terminal } }\ndefault: [log]\n";
    assert!(Routing::parse("routing.yaml", text).unwrap().canary().is_empty(), "nobody unless asked for");
    let wrong = Routing::parse("routing.yaml", &format!("{text}canary: [logs]\n")).unwrap_err();
    let want = "routing.yaml:3:10 canary[0]: there is no channel `logs`; did you mean `log`?";
    assert_eq!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>(), [want]);
}

#[test]
fn the_defaults_that_it_names_are_the_defaults() {
    assert_eq!(*example().pacing(), Pacing::default());
    for (name, channel) in example().channels() {
        assert_eq!(channel.limit, channel.config.limit_default(), "{name}");
    }
    assert_eq!(example().repeat_max("alertmanager"), Some(SignedDuration::from_mins(20)));
}

#[test]
fn findings_and_notices_go_the_same_way() {
    let notice = crate::sample::plain();
    let finding = Finding {
        version: 1,
        fingerprint: notice.fingerprint.clone(),
        state: FindingState::Firing,
        scope: notice.scope.clone(),
        rule: notice.rule.clone(),
        severity: notice.severity,
        owner: notice.owner,
        cause: None,
        flow: None,
        diagnosis: None,
        subject: Subject::Object { object: notice.object.clone(), uid: String::new() },
        group: notice.group.clone(),
        since: notice.since,
        fired_at: notice.at,
        hold_down_seconds: 120,
        summary: notice.summary.clone(),
        runbook: None,
        labels: notice.labels.clone(),
        object_labels: notice.object_labels.clone(),
        evidence: Vec::new(),
        events: Vec::new(),
        stale: None,
        resource_version: "1".to_owned(),
    };
    assert_eq!(Facts::from(&finding), Facts::from(&notice));
    let told: Vec<String> = example().route(&Facts::from(&finding)).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["alertmanager", "event-centre"], "P2 of a user, each channel once");
}

#[test]
fn what_it_silences_is_silent() {
    let mut notice = crate::sample::plain();
    notice.severity = Severity::P1;
    notice.object.namespace = Some("sandbox-7".to_owned());
    assert_eq!(example().silence(&Facts::from(&notice)), Some(Silence::Denied(0)));
    // A Namespace stands for itself.
    notice.object = prodrome_model::ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: "sandbox-7".to_owned(),
    };
    assert_eq!(example().silence(&Facts::from(&notice)), Some(Silence::Denied(0)));
    notice.object.kind = "Node".to_owned();
    assert_eq!(example().silence(&Facts::from(&notice)), None);
    notice.scope.cluster = "test".to_owned();
    assert_eq!(example().silence(&Facts::from(&notice)), Some(Silence::NotAllowed));
}
