//! Several clusters of one stack: what is seen in one is looked for there and nowhere else, by evaluate and by plugins.

use crate::shared::{lines, pod, system, until_handled, well};
use prodrome_e2e::until;
use prodrome_model::Scope;
use prodrome_recording::play::{Request, Verb};
use serde_json::{Value, json};

const NAMESPACE: &str = "clusters";
/// Whose cause a plugin knows.
const WEST: &str = "MountVolume.SetUp failed for volume \"settings\" : configmap \"west-settings\" not found";
const MISSING: &str = "west-settings";

fn stuck(message: &str) -> Value {
    let ready = json!({ "type": "Ready", "status": "False", "reason": "Stuck", "message": message });
    pod(NAMESPACE, "a", &json!({ "phase": "Running", "conditions": [ready] }))
}

#[test]
fn an_object_is_looked_for_in_its_own_cluster_by_evaluate_and_by_plugins() {
    let system = system();
    let (west, nowhere) = (Scope::new("default", "local", "west"), Scope::new("default", "local", "nowhere"));
    let there = system.another_cluster(&west).unwrap();
    // The same pod, down to its uid: well here, and stuck there.
    system.apply(&well(NAMESPACE, "a"));
    let version = |mut object: Value, version: &str| {
        object["metadata"]["resourceVersion"] = json!(version);
        object
    };
    there.apply(&stuck(WEST));
    let packs = system.packs_of(west.clone());
    packs.send(packs.pack(&[version(stuck(WEST), "7")]).unwrap()).unwrap();
    // And the same of a cluster to which there is no way.
    let lost = system.packs_of(nowhere.clone());
    lost.send(lost.heartbeat(0)).unwrap();
    lost.send(lost.pack(&[version(stuck("nobody knows"), "7")]).unwrap()).unwrap();

    let of = |scope: &Scope| {
        let told = system.webhook.told().into_iter().map(|told| told.notice);
        told.filter(|notice| notice.scope == *scope).collect::<Vec<_>>()
    };
    let alert = until("the alert of the west", || of(&west).into_iter().next());
    assert_eq!((alert.rule.as_str(), alert.stale.as_deref()), ("PodStuck", None));
    let diagnosis = serde_json::to_string(&alert.diagnosis).unwrap();
    assert!(diagnosis.contains(MISSING), "{diagnosis}");
    let path = format!("/namespaces/{NAMESPACE}/pods/a");
    let looks = |request: &Request| request.verb == Verb::Get && request.path.ends_with(&path);
    assert!(there.requests().iter().any(looks));

    let blind = until("the alert of nowhere", || of(&nowhere).into_iter().next());
    let stale = blind.stale.unwrap_or_default();
    let parameter = format!("the SSM parameter /prodrome/clusters/{nowhere} does not exist");
    assert!(stale.contains(&parameter), "{stale}");
    let missing = serde_json::to_string(&blind.diagnosis).unwrap();
    assert!(missing.contains(&parameter), "{missing}");

    // It recovers in the west; of nowhere nothing more is known.
    there.apply(&well(NAMESPACE, "a"));
    packs.send(packs.pack(&[version(well(NAMESPACE, "a"), "8")]).unwrap()).unwrap();
    until("the end in the west", || of(&west).into_iter().nth(1));
    until_handled();
    let told = |scope: &Scope| lines(&system.webhook.told(), &scope.cluster, NAMESPACE);
    assert_eq!(told(&west), ["alert PodStuck a", "resolved PodStuck a"]);
    assert_eq!(told(&nowhere), ["alert PodStuck a"]);
    assert_eq!(told(system.scope()), [""; 0]);
    // Nobody looked for any of it here.
    assert!(!system.requests().iter().any(looks));
}
