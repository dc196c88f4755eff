//! The two examples that the language began with are accepted as they stand, and mean what they say.

use crate::support::{at, load_one, object};
use prodrome_model::GroupKind;

/// Two JSON objects in a row in one file.
pub(crate) const FOUNDING: &str = r#"{ "PodSidecarNotReady": { "duration": 300, "resource": "Pod",
    "filterField": [
      { "field": ["status","phase"], "equalValue": ["Running"] },
      { "field": ["metadata","labels","sae.component"], "equalValue": ["app"] },
      { "field": ["metadata","deletionTimestamp"], "nilValue": true } ],
    "checkField": [
      { "field": ["status","containerStatuses"], "equalValue": ["false"],
        "subIdentifierName": "name", "subIdentifierValue": ["sidecar"], "subField": ["ready"] } ] } }
{ "ServiceDeleting": { "duration": 300, "resource": "Service",
    "filterField": [ { "field": ["metadata","labels","sae-domain"], "equalValue": ["sae-domain"] } ],
    "checkField": [ { "field": ["metadata","deletionTimestamp"], "notEqualValue": [""] } ] } }
"#;

const POD: &str = r#"{"metadata":{"name":"a","labels":{"sae.component":"app"}},
    "status":{"phase":"Running","containerStatuses":[
        {"name":"app","ready":true},{"name":"sidecar","ready":false}]}}"#;

#[test]
fn both_founding_examples_load_from_one_file() {
    let rules = load_one(FOUNDING);
    let names: Vec<_> = rules.rules().iter().map(|rule| (rule.name(), rule.duration().as_secs())).collect();
    assert_eq!(names, [("PodSidecarNotReady", 300), ("ServiceDeleting", 300)]);
    assert!(rules.get("PodSidecarNotReady").unwrap().applies_to(&GroupKind::core("Pod")));
}

#[test]
fn a_sidecar_that_is_not_ready_matches() {
    let rules = load_one(FOUNDING);
    let rule = rules.get("PodSidecarNotReady").unwrap();
    for (change, want) in [
        (("", ""), true),
        (("\"ready\":false", "\"ready\":true"), false),
        (("Running", "Pending"), false),
        (("sae.component", "sae/component"), false),
        (("\"name\":\"a\"", "\"name\":\"a\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""), false),
        (("\"name\":\"sidecar\"", "\"name\":\"other\""), false),
    ] {
        let pod = object(&POD.replacen(change.0, change.1, 1));
        assert_eq!(rule.evaluate(&pod, at(0)).matches, want, "{change:?}");
    }
    assert_eq!(
        rule.evaluate(&object(POD), at(0)).evidence,
        [
            "status.containerStatuses[name=sidecar].ready = false",
            "status.phase = Running",
            "metadata.labels['sae.component'] = app",
            "metadata.deletionTimestamp = (not set)",
        ]
    );
}

#[test]
fn a_service_that_is_being_deleted_matches() {
    let rules = load_one(FOUNDING);
    let rule = rules.get("ServiceDeleting").unwrap();
    for (metadata, want) in [
        (r#"{"labels":{"sae-domain":"sae-domain"},"deletionTimestamp":"2026-01-01T00:00:00Z"}"#, true),
        (r#"{"labels":{"sae-domain":"sae-domain"}}"#, false),
        (r#"{"labels":{"sae-domain":"sae-domain"},"deletionTimestamp":null}"#, false),
        (r#"{"labels":{"sae-domain":"sae-domain"},"deletionTimestamp":""}"#, false),
        (r#"{"labels":{},"deletionTimestamp":"2026-01-01T00:00:00Z"}"#, false),
    ] {
        let service = object(&format!(r#"{{"metadata":{metadata}}}"#));
        assert_eq!(rule.evaluate(&service, at(0)).matches, want, "{metadata}");
    }
}
