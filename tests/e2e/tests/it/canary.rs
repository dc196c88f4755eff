//! The canary, from its break to the channel that is told of it: whichever part is cut, it does not arrive.

use crate::shared::{system, until_logged};
use prodrome_e2e::{System, until};
use prodrome_model::{CANARY_KIND, Notice, NoticeKind, Resource};
use prodrome_watcher::CanaryPhase;
use serde_json::json;
use std::path::Path;

/// The rule and its flow are the shipped ones.
fn shipped() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["canary.yaml", "flows/status.yaml"] {
        let read = |folder: &str| std::fs::read_to_string(here.join(folder).join(file)).unwrap();
        assert_eq!(read("tests/rules"), read("../../rules"), "{file}");
    }
}

/// The canary's resource.
pub(crate) fn resource() -> Resource {
    let (group, kind) = CANARY_KIND;
    Resource {
        group: group.into(),
        version: "v1alpha1".into(),
        kind: kind.into(),
        plural: "canaries".into(),
        namespaced: false,
    }
}

/// Writes it as the watcher does, on schedule; what that may write is tried before a real API server.
pub(crate) fn write(system: &System, is_broken: bool) {
    let phase = CanaryPhase { is_broken, since: system.now() };
    let object = json!({
        "apiVersion": "prodrome.dev/v1alpha1", "kind": CANARY_KIND.1,
        "metadata": { "name": "prodrome", "uid": "uid-of-canary" }, "status": phase.status(),
    });
    system.api().apply(&resource(), &object.to_string());
}

#[test]
fn a_canary_arrives_at_its_channel_and_nowhere_else_and_is_counted() {
    shipped();
    let system = system();
    system.api().serve(&resource());
    write(system, false);
    let canary = system.receiver("canary");
    let notices = || -> Vec<Notice> { canary.told().into_iter().map(|told| told.notice).collect() };
    for round in 1..=2 {
        write(system, true);
        let alert = until("the canary's alert", || notices().into_iter().nth(2 * round - 2));
        assert_eq!((alert.kind, alert.rule.as_str()), (NoticeKind::Alert, "CanaryBroken"));
        assert!(alert.diagnosis.is_some(), "diagnose had it too: {alert:#?}");
        write(system, false);
        let over = until("its end", || notices().into_iter().nth(2 * round - 1));
        assert_eq!((over.kind, &over.fingerprint), (NoticeKind::Resolved, &alert.fingerprint));
    }
    // What the alarm CanaryMissing counts.
    until_logged(
        "AlertLogGroupName",
        &["CloudWatchMetrics", "\"CanaryArrived\":1", "\"CanaryLatencyMilliseconds\""],
    );
    let others = system.webhook.told();
    assert!(
        others.iter().all(|told| told.notice.rule != "CanaryBroken"),
        "nobody who would have to act is told"
    );
}
