//! A function that is killed at its work.

use crate::shared::{count, failed, system, until_told, well};
use prodrome_e2e::until;
use prodrome_model::NoticeKind;
use prodrome_recording::play::Verb;

const NAMESPACE: &str = "death";
const PODS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[test]
fn evaluate_killed_in_the_middle_of_a_batch_loses_nothing_and_repeats_nothing() {
    let system = system();
    // The look at one of the objects does not come back: those before it are done, those behind it are not.
    let path = format!("/namespaces/{NAMESPACE}/pods/e");
    system.hang(&path);
    for name in PODS {
        system.apply(&failed(NAMESPACE, name));
    }
    let stuck = |request: &prodrome_recording::play::Request| {
        request.verb == Verb::Get && request.path.ends_with(&path)
    };
    until("evaluate to hang", || system.requests().iter().any(stuck).then_some(()));
    let killed = system.kill("evaluate");
    assert!(killed > 0, "it was at work");
    system.hang_no_more();

    let alerts: Vec<String> = PODS.iter().map(|name| format!("alert PodFailed {name}")).collect();
    until_told(NAMESPACE, &alerts.iter().map(String::as_str).collect::<Vec<_>>());
    for name in PODS {
        system.apply(&well(NAMESPACE, name));
    }
    let ends: Vec<String> = PODS.iter().map(|name| format!("resolved PodFailed {name}")).collect();
    until_told(NAMESPACE, &ends.iter().map(String::as_str).collect::<Vec<_>>());
    let told = system.webhook.told();
    for kind in [NoticeKind::Alert, NoticeKind::Resolved] {
        assert_eq!(count(&told, NAMESPACE, kind), PODS.len(), "{kind:?}: {told:#?}");
    }
}
