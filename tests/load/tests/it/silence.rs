//! An API server that does not answer.

use prodrome_e2e::{Setup, System, Told, until};
use prodrome_model::NoticeKind;
use serde_json::{Value, json};
use std::path::Path;

const PODS: usize = 12;

fn pod(number: usize, phase: &str) -> Value {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("set-{number}"), "uid": format!("uid-of-set-{number}"),
        "controller": true,
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "silent", "name": format!("pod-{number}"), "uid": format!("uid-{number}"), "ownerReferences": [owner] },
        "status": { "phase": phase },
    })
}

#[test]
fn while_the_api_server_is_silent_each_fault_is_told_by_its_last_known_state() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let setup = Setup::new(Path::new(env!("CARGO_BIN_EXE_load")))
        .rules(here.join("tests/rules"))
        .gathering(1)
        .parameter("TimeoutSeconds", "25")
        .parameter("VisibilitySeconds", "30");
    let system = System::start(&setup).unwrap();
    // Whoever reads one object gets no answer. The watch goes on.
    system.hang("/namespaces/silent/");
    for number in 0..PODS {
        system.apply(&pod(number, "Failed"));
    }
    let count = |told: &[Told], kind| told.iter().filter(|told| told.notice.kind == kind).count();
    system.webhook.until("all alerts", |told| (count(told, NoticeKind::Alert) >= PODS).then_some(()));
    system.hang_no_more();
    for number in 0..PODS {
        system.apply(&pod(number, "Running"));
    }
    system.webhook.until("all ends", |told| (count(told, NoticeKind::Resolved) >= PODS).then_some(()));
    let told = system.webhook.told();
    assert_eq!((count(&told, NoticeKind::Alert), count(&told, NoticeKind::Resolved)), (PODS, PODS));
    let client = system.emulator().client();
    let changes = system.stack().output("ChangesQueueUrl").unwrap();
    until("the queue to be empty", || (client.queue_depth(changes).ok()?.total() == 0).then_some(()));
    for queue in ["ChangesDeadLetterQueueUrl", "ChecksDeadLetterQueueUrl"] {
        let url = system.stack().output(queue).unwrap();
        assert_eq!(client.queue_depth(url).unwrap().total(), 0, "{queue}");
    }
}
