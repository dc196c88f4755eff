//! The nine patterns that the language exists for, each by its name.

use crate::support::{at, object, rule};
use prodrome_rules::json::Node;
use prodrome_rules::{Partner, Rule, Target};

fn matches(rule: &Rule, text: &str) -> bool {
    rule.evaluate(&object(text), at(0)).matches
}

/// With one other object in the cluster, or with none.
fn judges(rule: &Rule, text: &str, other: Option<&str>) -> bool {
    let other: Option<Node<'_>> = other.map(object);
    let look_up = |_: &Target| Partner::Found(other.iter().collect());
    rule.judge(&object(text), at(0), &look_up).evaluation.matches
}

#[test]
fn pattern_1_a_has_or_lacks_field_x() {
    let has = rule("checkField: [{ field: [metadata, deletionTimestamp], nilValue: false }]");
    let lacks = rule("checkField: [{ field: [metadata, labels, app.kubernetes.io/name], nilValue: true }]");
    let deleting = r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}}"#;
    let named = r#"{"metadata":{"labels":{"app.kubernetes.io/name":"web"}}}"#;
    assert_eq!((matches(&has, deleting), matches(&has, named)), (true, false));
    assert_eq!((matches(&lacks, deleting), matches(&lacks, named)), (true, false));
}

#[test]
fn pattern_2_a_is_in_state_x() {
    let failed = rule("checkField: [{ field: [status, phase], equalValue: [Failed, Unknown] }]");
    assert!(matches(&failed, r#"{"status":{"phase":"Unknown"}}"#));
    assert!(!matches(&failed, r#"{"status":{"phase":"Running"}}"#));
    assert!(!matches(&failed, r#"{"status":{}}"#));
}

#[test]
fn pattern_3_a_in_x_for_s() {
    // How long is the caller's to keep; the rule says how long, and the object since when.
    let pending = rule(
        "
duration: 5m
since: [metadata, creationTimestamp]
checkField: [{ field: [status, phase], equalValue: [Pending] }]",
    );
    let pod = r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Pending"}}"#;
    let evaluation = pending.evaluate(&object(pod), at(100));
    assert_eq!((evaluation.matches, evaluation.since), (true, Some(at(0))));
    assert_eq!(pending.duration().as_secs(), 300);
}

#[test]
fn pattern_4_a_lacks_x_and_lacks_y() {
    let bare = rule(
        "
checkField:
  - { field: [spec, nodeName], nilValue: true }
  - { field: [status, conditions], nilValue: true }",
    );
    assert!(matches(&bare, r#"{"spec":{},"status":{"conditions":[]}}"#));
    assert!(!matches(&bare, r#"{"spec":{"nodeName":"a"},"status":{}}"#));
    assert!(!matches(&bare, r#"{"spec":{},"status":{"conditions":[{"type":"Ready"}]}}"#));
}

#[test]
fn pattern_5_a_lacks_x_while_in_y() {
    let no_address = rule(
        "
filterField: [{ field: [status, phase], equalValue: [Running] }]
checkField: [{ field: [status, podIP], nilValue: true }]",
    );
    assert!(matches(&no_address, r#"{"status":{"phase":"Running"}}"#));
    assert!(!matches(&no_address, r#"{"status":{"phase":"Running","podIP":"10.0.0.1"}}"#));
    assert!(!matches(&no_address, r#"{"status":{"phase":"Pending"}}"#));
}

#[test]
fn pattern_6_a_lacks_x_while_in_y_for_s() {
    let no_address = rule(
        "
duration: 90
since: { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [PodScheduled],
         subField: [lastTransitionTime] }
filterField: [{ field: [status, phase], equalValue: [Pending] }]
checkField: [{ field: [status, podIP], nilValue: true }]",
    );
    let pod = r#"{"status":{"phase":"Pending","conditions":[
        {"type":"Other","lastTransitionTime":"2025-12-31T00:00:00Z"},
        {"type":"PodScheduled","lastTransitionTime":"2026-01-01T00:00:30Z"}]}}"#;
    assert_eq!(no_address.evaluate(&object(pod), at(60)).since, Some(at(30)));
    assert_eq!(no_address.duration().as_secs(), 90);
}

#[test]
fn pattern_7_a_references_b_and_b_is_missing() {
    let missing = rule(
        "
duration: 30s
reference: { resource: ServiceAccount, name: [spec, serviceAccountName], exists: false }",
    );
    let pod = r#"{"spec":{"serviceAccountName":"robot"}}"#;
    assert!(judges(&missing, pod, None));
    assert!(!judges(&missing, pod, Some(r#"{"metadata":{"name":"robot"}}"#)));
    assert!(!judges(&missing, r#"{"spec":{}}"#, None));
}

#[test]
fn pattern_8_a_references_b_and_a_is_in_x_but_b_is_in_y() {
    let lost = rule(
        "
duration: 30s
filterField: [{ field: [status, phase], equalValue: [Running] }]
reference:
  resource: Node
  name: [spec, nodeName]
  checkField:
    - { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready],
        subField: [status], notEqualValue: ['True'] }",
    );
    let running = r#"{"spec":{"nodeName":"a"},"status":{"phase":"Running"}}"#;
    let pending = r#"{"spec":{"nodeName":"a"},"status":{"phase":"Pending"}}"#;
    let node = |status| format!(r#"{{"status":{{"conditions":[{{"type":"Ready","status":"{status}"}}]}}}}"#);
    assert!(judges(&lost, running, Some(&node("Unknown"))));
    assert!(!judges(&lost, running, Some(&node("True"))));
    assert!(!judges(&lost, pending, Some(&node("Unknown"))));
    assert!(!judges(&lost, running, None));
}

#[test]
fn pattern_9_a_references_b_and_a_is_in_x_but_b_is_in_y_for_s() {
    let lost = rule(
        "
duration: 10m
gapTolerance: 30s
filterField: [{ field: [status, phase], equalValue: [Pending] }]
reference:
  resource: PersistentVolumeClaim
  name: [spec, volumes, persistentVolumeClaim, claimName]
  checkField: [{ field: [status, phase], equalValue: [Lost] }]",
    );
    let pod = r#"{"spec":{"volumes":[{"name":"tmp","emptyDir":{}},
        {"name":"data","persistentVolumeClaim":{"claimName":"data-0"}}]},"status":{"phase":"Pending"}}"#;
    assert!(judges(&lost, pod, Some(r#"{"status":{"phase":"Lost"}}"#)));
    assert!(!judges(&lost, pod, Some(r#"{"status":{"phase":"Bound"}}"#)));
    assert_eq!((lost.duration().as_secs(), lost.gap_tolerance().as_secs()), (600, 30));
}
