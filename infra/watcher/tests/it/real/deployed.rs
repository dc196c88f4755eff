//! The manifests, applied to a real API server, and the watcher under the account that they make.

use crate::manifests::deploy;
use crate::world::{Run, TestQueue};
use prodrome_model::GroupKind;
use prodrome_recording::builtin_of_kind;
use prodrome_test_cluster::{Account, Cluster, together};
use prodrome_watcher::{Clock, Config, ConfigMapPlaces, KindState, Lease, Named, PlaceIn, Status, Watcher};
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

/// A copy of `deploy` with an overlay beside it, as an operator would write one.
fn overlay(on: &str, namespace: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-R").arg(deploy()).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [format!("../deploy/{on}")],
        "images": [{ "name": "prodrome-watcher", "newName": "registry.example.com/prodrome-watcher", "newTag": "1" }],
        "configMapGenerator": [{
            "name": "prodrome-watcher-settings",
            "behavior": "merge",
            "literals": [
                "CLUSTER=prod",
                "CHANGES_QUEUE_URL=https://sqs.example.com/changes",
                "AWS_REGION=eu-central-1",
            ],
        }],
    });
    std::fs::create_dir(folder.path().join("ours")).unwrap();
    std::fs::write(folder.path().join("ours/kustomization.yaml"), kustomization.to_string()).unwrap();
    folder
}

/// Applies it; what kubectl says of it.
async fn apply(cluster: &Cluster, folder: &TempDir) -> String {
    let ours = folder.path().join("ours").display().to_string();
    // The first pass makes the namespace, without which the server cannot try the rest.
    cluster.namespace("prodrome").await;
    cluster.kubectl(&["apply", "--dry-run=server", "-k", &ours]).await;
    cluster.kubectl(&["apply", "-k", &ours]).await
}

/// The settings of the deployed pod.
async fn config(cluster: &Cluster) -> Config {
    let deployment = cluster.get("/apis/apps/v1/namespaces/prodrome/deployments/prodrome-watcher").await;
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "prodrome-watcher");
    let settings = pod["containers"][0]["envFrom"][0]["configMapRef"]["name"].as_str().unwrap();
    let settings = cluster.get(&format!("/api/v1/namespaces/prodrome/configmaps/{settings}")).await;
    Config::from_vars(|name| settings["data"][name].as_str().map(str::to_owned)).unwrap()
}

/// Runs the watcher with the settings of the deployed pod, and as its account.
async fn run(cluster: &Cluster, account: &Account, queue: &TestQueue) -> Run {
    let config = config(cluster).await;
    assert_eq!((&*config.scope.cluster, &*config.scope.region), ("prod", "eu-central-1"));
    let PlaceIn::ConfigMap(Named { namespace: None, name }) = &config.place else {
        panic!("{:?}", config.place)
    };
    let client = account.client().await;
    let places = ConfigMapPlaces::new(client.clone(), "prodrome", name);
    let lease = config.lease.as_ref().unwrap();
    let clock = Clock::system();
    let lease = Lease::new(client.clone(), "prodrome", &lease.name, Lease::identity(&clock), clock.clone());
    Run::of(Watcher::new(client, queue.clone(), places, config.settings(), clock).led_by(lease))
}

/// Whether the API server lets an account do something.
async fn may(cluster: &Cluster, account: &Account, attributes: Value) -> bool {
    let review = json!({ "spec": { "user": account.user, "resourceAttributes": attributes } });
    let answer = cluster.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await;
    answer["status"]["allowed"] == true
}

#[tokio::test]
async fn the_manifests_let_the_watcher_watch_every_kind_of_the_rules_and_no_secret() {
    let name = "the_manifests_let_the_watcher_watch_every_kind_of_the_rules_and_no_secret";
    let Some(cluster) = together(name).await else { return };
    let base = overlay("base", "prodrome");
    apply(&cluster, &base).await;
    let account = cluster.account("prodrome", "prodrome-watcher").await;

    // The namespace takes no pod that may do more than it must.
    let deployment = cluster.get("/apis/apps/v1/namespaces/prodrome/deployments/prodrome-watcher").await;
    let mut pod = deployment["spec"]["template"].clone();
    pod["metadata"]["name"] = "trial".into();
    cluster.create("/api/v1/namespaces/prodrome/pods?dryRun=All", &pod).await;

    let queue = TestQueue::new();
    let watcher = run(&cluster, &account, &queue).await;
    let all_watched = |status: &Status| {
        status.kinds().len() > 30 && status.kinds().values().all(|state| *state == KindState::Watching)
    };
    watcher.until("all is watched", all_watched).await;
    for kind in watcher.status.unresolved() {
        let (group, name) = kind.split_once('/').unwrap();
        assert!(builtin_of_kind(&GroupKind::new(group, name)).is_none(), "{kind} is Kubernetes' own");
    }
    assert!(watcher.status.restarts().is_empty(), "{:?}", watcher.status.restarts());
    watcher.end().await.unwrap();

    let place = cluster.get("/api/v1/namespaces/prodrome/configmaps/prodrome-watcher").await;
    let saved: Value = serde_json::from_str(place["data"]["place.json"].as_str().unwrap()).unwrap();
    assert!(saved["versions"]["pods"].is_string(), "{saved}");
    // Applied again, with what kubectl knows the object by still there, it stays.
    let again = apply(&cluster, &base).await;
    // Of a budget it always says so: what it patches there it replaces as a whole.
    let stays = |line: &str| line.ends_with("unchanged") || line.starts_with("poddisruptionbudget.");
    assert!(again.lines().all(stays), "{again}");
    let after = cluster.get("/api/v1/namespaces/prodrome/configmaps/prodrome-watcher").await;
    assert_eq!(after["data"], place["data"]);

    let denied = [
        json!({ "verb": "list", "resource": "secrets" }),
        json!({ "verb": "watch", "resource": "secrets", "namespace": "prodrome" }),
        json!({ "verb": "get", "resource": "secrets", "namespace": "prodrome", "name": "x" }),
        json!({ "verb": "get", "resource": "pods", "subresource": "log", "namespace": "default", "name": "x" }),
        json!({ "verb": "create", "resource": "pods", "subresource": "exec", "namespace": "default", "name": "x" }),
        json!({ "verb": "create", "resource": "pods", "namespace": "prodrome" }),
        json!({ "verb": "delete", "resource": "pods", "namespace": "default", "name": "x" }),
        json!({ "verb": "patch", "resource": "nodes", "name": "x" }),
        json!({ "verb": "create", "resource": "configmaps", "namespace": "prodrome" }),
        json!({ "verb": "update", "resource": "configmaps", "namespace": "prodrome", "name": "other" }),
        json!({ "verb": "update", "resource": "configmaps", "namespace": "default", "name": "prodrome-watcher" }),
        json!({ "verb": "delete", "resource": "configmaps", "namespace": "prodrome", "name": "prodrome-watcher" }),
        json!({ "verb": "create", "resource": "serviceaccounts", "subresource": "token", "namespace": "prodrome", "name": "prodrome-watcher" }),
        json!({ "verb": "escalate", "group": "rbac.authorization.k8s.io", "resource": "clusterroles" }),
        json!({ "verb": "list", "group": "coordination.k8s.io", "resource": "leases" }),
        json!({ "verb": "watch", "group": "coordination.k8s.io", "resource": "leases", "namespace": "prodrome" }),
        json!({ "verb": "update", "group": "coordination.k8s.io", "resource": "leases", "namespace": "prodrome", "name": "other" }),
        json!({ "verb": "update", "group": "coordination.k8s.io", "resource": "leases", "namespace": "kube-system", "name": "kube-scheduler" }),
    ];
    for attributes in denied {
        assert!(!may(&cluster, &account, attributes.clone()).await, "{attributes}");
    }
    assert!(may(&cluster, &account, json!({ "verb": "watch", "resource": "pods" })).await);

    // With another, and only then, deletions are held.
    let patch = json!({ "verb": "patch", "resource": "pods", "namespace": "default", "name": "x" });
    assert!(!may(&cluster, &account, patch.clone()).await);
    apply(&cluster, &overlay("overlays/finalizers", "prodrome")).await;
    assert!(may(&cluster, &account, patch).await);
    let create = json!({ "verb": "create", "resource": "pods", "namespace": "default" });
    assert!(!may(&cluster, &account, create).await);
    let of_pod = config(&cluster).await.finalizers;
    assert_eq!(of_pod.kinds.len(), 2);
    assert_eq!(of_pod.selector.to_string(), "prodrome.watcher/hold=true");

    // With the overlay, and only then, Secrets are watched; their values still stay where they are.
    let secret = json!({ "metadata": { "name": "key" }, "stringData": { "password": "hunter2" } });
    cluster.create("/api/v1/namespaces/prodrome/secrets", &secret).await;
    apply(&cluster, &overlay("overlays/secrets", "prodrome")).await;
    let queue = TestQueue::new();
    let watcher = run(&cluster, &account, &queue).await;
    watcher.until("all is watched", all_watched).await;
    let received =
        queue.until("the Secret", |received| received.there("Secret").contains_key("prodrome/key")).await;
    assert!(!received.bodies.contains("hunter2") && !received.bodies.contains("aHVudGVyMg"));
    watcher.end().await.unwrap();
    assert!(may(&cluster, &account, json!({ "verb": "watch", "resource": "secrets" })).await);
    assert!(!may(&cluster, &account, json!({ "verb": "get", "resource": "secrets" })).await);
}

#[tokio::test]
async fn the_manifests_can_go_into_another_namespace() {
    let Some(cluster) = together("the_manifests_can_go_into_another_namespace").await else { return };
    let ours = overlay("overlays/secrets", "elsewhere");
    let made = cluster.kubectl(&["kustomize", &ours.path().join("ours").display().to_string()]).await;
    let subjects = made.matches("- kind: ServiceAccount\n  name: prodrome-watcher\n  namespace: elsewhere\n");
    assert_eq!(subjects.count(), 3, "each binding means the account of that namespace:\n{made}");
    assert!(!made.contains("namespace: prodrome"), "{made}");
}
