//! A function that is killed at its work.

use crate::shared::{count, failed, kill_evaluate_at, system, until_told, well};
use prodrome_model::NoticeKind;

const NAMESPACE: &str = "death";
const PODS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[test]
fn evaluate_killed_in_the_middle_of_a_batch_loses_nothing_and_repeats_nothing() {
    let system = system();
    // The look at one of the objects does not come back: those before it are done, those behind it are not.
    let path = format!("/namespaces/{NAMESPACE}/pods/e");
    kill_evaluate_at(&path, || PODS.iter().for_each(|name| system.apply(&failed(NAMESPACE, name))));

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
