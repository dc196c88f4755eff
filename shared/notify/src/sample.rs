//! Notices for tests: a plain one, a huge one, a hostile one.

use jiff::Timestamp;
use prodrome_model::{
    EventBrief, Fingerprint, Group, Notice, NoticeKind, ObjectRef, Owner, Scope, Severity, Subject,
};
use std::collections::BTreeMap;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When the sample notices are rendered.
pub(crate) fn now() -> Timestamp {
    at("2026-03-01T03:10:02Z")
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

fn pod(name: &str) -> ObjectRef {
    object("v1", "Pod", "shop", name)
}

/// Three pods of a Deployment crash.
pub(crate) fn plain() -> Notice {
    let scope = Scope::new("default", "eu-central-1", "prod-eu");
    let since = at("2026-03-01T03:04:02Z");
    let object_ = pod("cart-6d9f7c-x2x4k");
    let subject =
        Subject::Object { object: object_.clone(), uid: "5b0c0f0e-1f6c-4d0f-9f0a-0f5a4f1f2a3b".into() };
    Notice {
        kind: NoticeKind::Alert,
        fingerprint: Fingerprint::of_episode(&scope, "PodCrashLooping", &subject, since),
        sequence: 0,
        at: at("2026-03-01T03:10:00Z"),
        scope,
        rule: "PodCrashLooping".into(),
        severity: Severity::P2,
        owner: Owner::User,
        cause: None,
        object: object_,
        group: Group { owner: object("apps/v1", "Deployment", "shop", "cart"), key: "cart".into() },
        count: 3,
        joined: vec![pod("cart-6d9f7c-9vqpl"), pod("cart-6d9f7c-m7hbz")],
        since,
        ended: None,
        flapping: false,
        summary: "container app restarts again and again: exit code 1 (Error), 5 restarts".into(),
        runbook: Some("Look at the last log lines of the container: kubectl logs --previous".into()),
        labels: BTreeMap::from([("theme".into(), "pods".into())]),
        object_labels: BTreeMap::from([("app".into(), "cart".into())]),
        evidence: vec![
            "status.containerStatuses[app].state.waiting.reason = CrashLoopBackOff".into(),
            "status.containerStatuses[app].restartCount = 5".into(),
        ],
        events: vec![EventBrief {
            kind: "Warning".into(),
            reason: "BackOff".into(),
            message: "Back-off restarting failed container app in pod cart-6d9f7c-x2x4k".into(),
            count: 12,
            last_seen: Some(at("2026-03-01T03:09:32Z")),
        }],
        stale: None,
    }
}
