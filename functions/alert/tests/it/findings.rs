//! Findings as `evaluate` sends them.

use jiff::Timestamp;
use prodrome_model::{
    Diagnosis, EndReason, Ended, Finding, FindingState, Fingerprint, Group, ObjectRef, Owner, Scope,
    Severity, Subject,
};
use std::collections::BTreeMap;

const START: i64 = 1_800_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_second() - START
}

pub(crate) fn scope() -> Scope {
    Scope::new("default", "local", "kind")
}

fn object(kind: &str, name: &str) -> ObjectRef {
    let api_version = if kind == "Pod" { "v1" } else { "apps/v1" };
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}

/// A pod of a deployment crashes.
pub(crate) fn crashing(deployment: &str, pod: &str, since: i64) -> Finding {
    let subject = Subject::Object { object: object("Pod", pod), uid: format!("uid-of-{pod}") };
    Finding {
        version: 1,
        fingerprint: Fingerprint::of_episode(&scope(), "PodCrashLooping", &subject, at(since)),
        state: FindingState::Firing,
        scope: scope(),
        rule: "PodCrashLooping".into(),
        severity: Severity::P3,
        owner: Owner::User,
        cause: None,
        flow: None,
        diagnosis: None,
        subject,
        group: Group {
            owner: object("Deployment", deployment),
            key: format!("apps/Deployment/shop/{deployment}"),
        },
        since: at(since),
        fired_at: at(since),
        hold_down_seconds: 120,
        summary: format!("{pod} crashes"),
        runbook: None,
        labels: BTreeMap::new(),
        object_labels: BTreeMap::new(),
        evidence: Vec::new(),
        events: Vec::new(),
        stale: None,
        resource_version: "1".into(),
    }
}

/// The same fault as another rule sees it, on an object of its own.
pub(crate) fn seen_by(rule: &str, kind: &str, name: &str, finding: Finding) -> Finding {
    let subject = Subject::Object { object: object(kind, name), uid: format!("uid-of-{kind}-{name}") };
    let fingerprint = Fingerprint::of_episode(&scope(), rule, &subject, finding.since);
    let summary = format!("{rule} of {name}");
    Finding { rule: rule.into(), subject, fingerprint, summary, ..finding }
}

/// The finding as `diagnose` sends it on where it knows why: one repair of this deployment helps.
pub(crate) fn caused(cause: &str, deployment: &str, finding: Finding) -> Finding {
    let faulty = object("Deployment", deployment);
    let diagnosis = Diagnosis {
        cause: Some(cause.into()),
        confidence: 0.9,
        faulty: Some(faulty.clone()),
        workload: Some(finding.group.owner.clone()),
        ..Diagnosis::default()
    };
    let place = faulty.key().path();
    Finding {
        cause: Some(cause.into()),
        diagnosis: Some(Box::new(diagnosis)),
        group: Group::of_cause(faulty, cause, &place),
        ..finding
    }
}

pub(crate) fn ended(finding: &Finding, seconds: i64, reason: EndReason) -> Finding {
    Finding { state: FindingState::Ended(Ended { at: at(seconds), reason }), ..finding.clone() }
}

pub(crate) fn recovered(finding: &Finding, seconds: i64) -> Finding {
    ended(finding, seconds, EndReason::Recovered)
}
