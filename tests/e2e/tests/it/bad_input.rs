//! What nobody should send.

use crate::shared::{failed, pod, system, told, until_dead, until_logged, until_told};
use prodrome_model::{Resource, Scope};
use serde_json::json;

fn resource(group: &str, kind: &str) -> Resource {
    Resource {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced: true,
    }
}

#[test]
fn a_poisoned_change_dead_letters_alone_with_its_error_and_its_neighbours_are_alerted() {
    let system = system();
    let namespace = "poison";
    let packs = system.packs(system.scope().clone());
    let mut changes = Vec::new();
    for name in ["a", "b"] {
        system.apply(&failed(namespace, name));
        let live = system.live(&failed(namespace, name)).unwrap();
        changes.push((resource("", "Pod"), live.to_string().into_bytes()));
    }
    // A field of the wrong type, an object without a name, and a line that is no change at all.
    let wrong = br#"{"metadata":{"name":"wrong","namespace":"poison","labels":["no","map"]}}"#.to_vec();
    changes.insert(1, (resource("", "Pod"), wrong));
    changes.insert(1, (resource("", "Pod"), br#"{"metadata":{"namespace":"poison"}}"#.to_vec()));
    changes.push((resource("", "Pod"), b"[1,2]".to_vec()));
    packs.send(packs.pack_raw(&changes).unwrap()).unwrap();

    until_told(namespace, &["alert PodFailed a", "alert PodFailed b"]);
    let dead = until_dead("metadata cannot be read");
    assert!(dead.attributes["error"].contains("invalid type"), "{dead:?}");
    until_dead("has no name");
    until_dead("something else than a JSON object");
    assert_eq!(told(namespace), ["alert PodFailed a", "alert PodFailed b"]);
}

#[test]
fn a_pack_cut_short_is_put_aside_with_its_reason_and_a_pack_without_changes_is_none() {
    let system = system();
    let packs = system.packs(Scope::new("default", "local", "short"));
    let object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "short", "name": "a", "uid": "u", "resourceVersion": "5" },
    });
    let mut pack = packs.pack(&[object]).unwrap();
    pack.truncate(pack.len() - 12);
    packs.send(pack).unwrap();
    packs.send(packs.pack_without_changes()).unwrap();
    let url = system.stack().output("ChangesQueueUrl").unwrap();
    system.emulator().client().send(url, "hello?").unwrap();
    until_logged("EvaluateLogGroupName", &["message cannot be handled", "pack_truncated"]);
    until_logged("EvaluateLogGroupName", &["message cannot be handled", "message_malformed"]);
    let dead = system.stack().output("ChangesDeadLetterQueueUrl").unwrap();
    let client = system.emulator().client();
    prodrome_e2e::until("both among the dead letters", || {
        let bodies: Vec<String> = client.peek(dead).ok()?.into_iter().map(|message| message.body).collect();
        (bodies.iter().any(|body| body == "hello?") && client.queue_depth(dead).ok()?.total() >= 2)
            .then_some(())
    });
}

#[test]
fn an_object_of_a_mebibyte_is_alerted_like_any_other() {
    let system = system();
    let mut large = pod("large", "a", &json!({ "phase": "Failed", "message": "x".repeat(200_000) }));
    let annotation = (0..160_000).map(|n| n.to_string()).collect::<Vec<_>>().join("  ");
    large["metadata"]["annotations"] = json!({ "example.com/notes": annotation });
    assert!(large.to_string().len() > 1 << 20);
    system.apply(&large);
    until_told("large", &["alert PodFailed a"]);
    let notice = system.webhook.until("it", |told| {
        told.iter().find(|told| told.notice.object.namespace.as_deref() == Some("large")).cloned()
    });
    assert!(
        notice.notice.summary.len() < 2_000,
        "what a tenant wrote is cut: {}",
        notice.notice.summary.len()
    );
}

#[test]
fn a_kind_that_no_rule_names_or_no_cluster_serves_disturbs_nothing() {
    let system = system();
    let scope = Scope::new("default", "local", "odd");
    let packs = system.packs(scope.clone());
    let object = |name: &str| {
        let object = json!({
            "metadata": { "namespace": "odd", "name": name, "uid": name, "resourceVersion": "5" },
            "status": { "broken": true },
        });
        object.to_string().into_bytes()
    };
    system.apply(&failed("odd", "p"));
    let live = system.live(&failed("odd", "p")).unwrap();
    let changes = [
        (resource("example.com", "Gadget"), object("served-nowhere")),
        (resource("example.org", "Whatsit"), object("named-by-no-rule")),
        (resource("", "Pod"), live.to_string().into_bytes()),
    ];
    let pack = packs.pack_raw(&changes).unwrap();
    packs.send(pack).unwrap();
    let pod = ["alert PodFailed p"];
    system
        .webhook
        .until("the pod beside them", |told| (crate::shared::lines(told, "odd", "odd") == pod).then_some(()));
    // What is not there when it is looked at is gone.
    let checks = system.checks().unwrap();
    prodrome_e2e::until("the gadget's check to close", || {
        let markers = crate::shared::markers(&checks, &scope, "odd");
        (!markers.iter().any(|marker| marker.contains("Gadget"))).then_some(())
    });
    assert_eq!(crate::shared::lines(&system.webhook.told(), "odd", "odd"), pod);
}
