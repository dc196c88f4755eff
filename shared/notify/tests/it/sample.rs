//! Notices for tests: a plain one and how it goes on, one that several rules see, a huge one, a hostile one.

use jiff::Timestamp;
use prodrome_model::{
    Diagnosis, EventBrief, Fingerprint, Group, Joiner, Notice, NoticeKind, ObjectRef, Owner, Scope, Severity,
    Subject, Symptom,
};
use std::collections::BTreeMap;

/// All of them, by name.
pub(crate) fn all() -> [(&'static str, Notice); 7] {
    [
        ("plain", plain()),
        ("single", single()),
        ("update", update()),
        ("resolved", resolved()),
        ("seen-by-several", seen_by_several()),
        ("huge", huge()),
        ("hostile", hostile(HOSTILE)),
    ]
}

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
        diagnosis: None,
        object: object_,
        group: Group { owner: object("apps/v1", "Deployment", "shop", "cart"), key: "cart".into() },
        count: 3,
        apps: 0,
        namespaces: 0,
        joined: vec![pod("cart-6d9f7c-9vqpl").into(), pod("cart-6d9f7c-m7hbz").into()],
        also: Vec::new(),
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

/// One object that nobody owns, known from before; its runbook is a page.
pub(crate) fn single() -> Notice {
    let node = ObjectRef {
        api_version: "v1".into(),
        kind: "Node".into(),
        namespace: None,
        name: "ip-10-0-3-17".into(),
    };
    Notice {
        scope: Scope::new("default", "local", "kind"),
        rule: "NodeNotReady".into(),
        severity: Severity::P4,
        owner: Owner::Platform,
        cause: Some("kubelet-stopped".into()),
        diagnosis: None,
        object: node.clone(),
        group: Group { owner: node, key: "ip-10-0-3-17".into() },
        count: 1,
        joined: Vec::new(),
        flapping: true,
        since: at("2026-02-27T22:10:02Z"),
        at: at("2026-03-01T01:09:00Z"),
        summary: "the kubelet has not posted its status".into(),
        runbook: Some("https://runbooks.example/node#not-ready".into()),
        evidence: Vec::new(),
        events: Vec::new(),
        stale: Some("connection refused".into()),
        ..plain()
    }
}

/// Two more joined.
pub(crate) fn update() -> Notice {
    Notice {
        kind: NoticeKind::Update,
        sequence: 1,
        at: at("2026-03-01T03:10:01Z"),
        severity: Severity::P1,
        count: 5,
        joined: vec![pod("cart-6d9f7c-kk2lw").into(), pod("cart-6d9f7c-zz81b").into()],
        ..plain()
    }
}

/// All of it is over.
pub(crate) fn resolved() -> Notice {
    Notice {
        kind: NoticeKind::Resolved,
        sequence: 2,
        at: at("2026-03-01T03:10:01Z"),
        count: 5,
        joined: Vec::new(),
        ended: Some(at("2026-03-01T03:08:02Z")),
        ..plain()
    }
}

/// A claim that is not bound, as three rules see it; of two of them it is told to whoever did not hear of the first.
pub(crate) fn seen_by_several() -> Notice {
    let workload = object("apps/v1", "StatefulSet", "shop", "orders");
    let claim = object("v1", "PersistentVolumeClaim", "shop", "data-orders-0");
    let symptom = |rule: &str, object: &ObjectRef, count, summary: &str| Symptom {
        rule: rule.to_owned(),
        severity: Severity::P3,
        object: object.clone(),
        count,
        summary: summary.to_owned(),
    };
    Notice {
        sequence: 1,
        rule: "StatefulSetUnavailable".into(),
        cause: Some("storageclass-missing".into()),
        diagnosis: Some(Box::new(Diagnosis {
            cause: Some("storageclass-missing".into()),
            confidence: 0.9,
            summary: "the claim data-orders-0 names the class fast, which does not exist".into(),
            faulty: Some(claim.clone()),
            workload: Some(workload.clone()),
            ..Diagnosis::default()
        })),
        object: workload,
        group: Group::of_cause(claim.clone(), "storageclass-missing", &claim.key().path()),
        count: 3,
        joined: vec![
            Joiner { object: pod("orders-0"), rule: Some("PodUnschedulable".into()) },
            Joiner { object: claim.clone(), rule: Some("PVCStorageClassMissing".into()) },
        ],
        also: vec![
            symptom("PVCStorageClassMissing", &claim, 1, "it names the class fast, which does not exist"),
            symptom("PodUnschedulable", &pod("orders-0"), 2, "no node suits"),
        ],
        summary: "0 of 1 replicas are ready".into(),
        evidence: vec!["status.readyReplicas = 0".into()],
        ..plain()
    }
}

/// Every text is as long, and every list as full, as nothing stops it from being.
pub(crate) fn huge() -> Notice {
    let long = |c: &str| c.repeat(5_000);
    Notice {
        rule: long("r"),
        scope: Scope::new("default", "eu-central-1", long("c")),
        cause: Some(long("w")),
        diagnosis: None,
        object: object("v1", &long("k"), &long("n"), &long("o")),
        group: Group { owner: object("apps/v1", "Deployment", &long("n"), &long("d")), key: long("g") },
        count: u32::MAX,
        also: vec![
            Symptom {
                rule: long("r"),
                severity: Severity::P1,
                object: object("v1", &long("k"), &long("n"), &long("o")),
                count: u32::MAX,
                summary: long("s"),
            };
            200
        ],
        joined: (0..200).map(|i| pod(&format!("{i}-{}", long("j"))).into()).collect(),
        flapping: true,
        summary: long("s"),
        runbook: Some(vec![long("b"); 50].join("\n")),
        labels: (0..200).map(|i| (format!("label-{i}"), long("v"))).collect(),
        object_labels: (0..200).map(|i| (format!("label-{i}"), long("v"))).collect(),
        evidence: (0..200).map(|i| format!("{i} {}", long("鑑"))).collect(),
        events: vec![EventBrief { message: long("&"), reason: long("m"), ..plain().events[0].clone() }; 200],
        stale: Some(long("t")),
        ..plain()
    }
}

/// What somebody may write who wants to be seen elsewhere.
pub(crate) const HOSTILE: &str = concat!(
    "<!channel> <@U1> @here @all ",
    "<https://evil.example|click> [click](https://evil.example) ![pic](https://evil.example/p.png) ",
    "*bold* _it_ ~gone~ `code` ``` fence # head | cell \\ &lt; ",
    "\u{1b}[2J\u{1b}]0;title\u{7} \u{9b}31m ",
    "\u{202e}kcab\u{202c} \u{200b}\u{feff} \u{e0041} ",
    "{{ .Secret }} ${jndi:x} {fingerprint} \r\n\r\nX-Header: 1\n### forged\n\n",
    "\"}],\"x\":\"",
);

/// A plain one, in which everything that a tenant or a cluster can write is this text.
pub(crate) fn hostile(text: &str) -> Notice {
    let named = |api_version: &str, kind: &str| object(api_version, kind, text, text);
    Notice {
        scope: Scope::new(text, text, text),
        cause: Some(text.to_owned()),
        diagnosis: None,
        object: named("v1", "Pod"),
        group: Group { owner: named("apps/v1", "Deployment"), key: text.to_owned() },
        joined: vec![named("v1", "Pod").into(), named("v1", text).into()],
        also: vec![Symptom {
            rule: "PodNotReady".into(),
            severity: Severity::P4,
            object: named("v1", text),
            count: 1,
            summary: text.to_owned(),
        }],
        summary: text.to_owned(),
        labels: BTreeMap::from([(text.to_owned(), text.to_owned()), ("alertname".into(), text.into())]),
        object_labels: BTreeMap::from([(text.to_owned(), text.to_owned())]),
        evidence: vec![text.to_owned()],
        events: vec![EventBrief {
            kind: text.to_owned(),
            reason: text.to_owned(),
            message: text.to_owned(),
            count: 1,
            last_seen: Some(Timestamp::MIN),
        }],
        stale: Some(text.to_owned()),
        ..plain()
    }
}
