//! The canary before a real API server: the overlay's definition, its object, and an account with the overlay's right.

use super::Desk;
use prodrome_test_cluster::{Cluster, together};
use prodrome_watcher::Settings;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const CANARY: &str = "/apis/prodrome.dev/v1alpha1/canaries/prodrome";

async fn until(cluster: &Cluster, status: &str) -> Value {
    // The API server tells nobody here; the caller's time runs out where it does not come.
    loop {
        let condition = cluster.get(CANARY).await["status"]["conditions"][0].clone();
        if condition["status"] == status {
            return condition;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_watcher_breaks_and_mends_the_canary_and_forwards_what_it_did() {
    let name = "the_watcher_breaks_and_mends_the_canary_and_forwards_what_it_did";
    let Some(cluster) = together(name).await else { return };
    let overlay = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/overlays/canary");
    let apply = async |file: &str| {
        let path = overlay.join(file);
        cluster.kubectl(&["apply", "-f", path.to_str().unwrap()]).await
    };
    apply("definition.yaml").await;
    cluster
        .kubectl(&["wait", "--for=condition=Established", "crd/canaries.prodrome.dev", "--timeout=60s"])
        .await;
    apply("canary.yaml").await;
    // The account is the test's own; the role is the overlay's.
    let desk =
        Desk::with_rules(&cluster, "canary", &[("prodrome.dev", &["canaries"], &["list", "watch"])]).await;
    let role = std::fs::read_to_string(overlay.join("cluster-role.yaml")).unwrap();
    let role: Vec<Value> = serde_saphyr::from_multiple(&role).unwrap();
    let file = desk.folder.path().join("role.json");
    let binding =
        json!({ "subjects": [{ "kind": "ServiceAccount", "name": "watcher", "namespace": "canary" }] });
    for mut document in role {
        if document["kind"] == "ClusterRoleBinding" {
            document["subjects"] = binding["subjects"].clone();
        }
        std::fs::write(&file, document.to_string()).unwrap();
        cluster.kubectl(&["apply", "-f", file.to_str().unwrap()]).await;
    }

    let settings =
        Settings { canary: Some(Duration::from_secs(4)), ..desk.settings(&["prodrome.dev/Canary"]) };
    let run = desk.run(settings).await;
    let broken = until(&cluster, "False").await;
    let mended = until(&cluster, "True").await;
    let again = until(&cluster, "False").await;
    assert_eq!((&broken["type"], &broken["reason"]), (&json!("Healthy"), &json!("BrokenOnSchedule")));
    let time = |condition: &Value| {
        condition["lastTransitionTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    assert_eq!(time(&again).duration_since(time(&broken)).as_secs() % 4, 0, "on schedule");
    assert!(time(&mended) > time(&broken));
    desk.queue.until("the canary", |received| !received.there("Canary").is_empty()).await;
    run.end().await.unwrap();

    // The account may write that status, and nothing else.
    let writes = cluster.writes_of(&desk.account).await;
    assert!(
        writes.len() == 1
            && writes[0].contains("canaries.prodrome.dev/status")
            && writes[0].contains("[prodrome]"),
        "{writes:?}"
    );
}
