//! `prodrome uninstall`, before a real API server.

use crate::run::prodrome;
use prodrome_test_cluster::alone;
use prodrome_watcher::FINALIZER;
use serde_json::json;

#[tokio::test]
async fn finalizers_are_gone_and_proven_so_or_it_says_which_are_kept_and_fails() {
    let name = "finalizers_are_gone_and_proven_so_or_it_says_which_are_kept_and_fails";
    let Some(cluster) = alone(name).await else { return };
    cluster.namespace("shop").await;
    let (maps, secrets) = ("/api/v1/namespaces/shop/configmaps", "/api/v1/namespaces/shop/secrets");
    for (collection, name) in [(maps, "settings"), (secrets, "password")] {
        let finalizers = ["example.com/theirs", FINALIZER];
        cluster.create(collection, &json!({ "metadata": { "name": name, "finalizers": finalizers } })).await;
    }
    let finalizers =
        async |path: String| cluster.get(&path).await["metadata"]["finalizers"].as_array().unwrap().len();

    // It may read all, and change ConfigMaps alone.
    let account = cluster.account("shop", "some").await;
    cluster.allow(&account, &[("*", &["*"], &["list", "get"]), ("", &["configmaps"], &["patch"])]).await;
    let uninstall = |kubeconfig: &std::path::Path| {
        prodrome(&["uninstall", "--finalizers", "--kubeconfig", kubeconfig.to_str().unwrap()])
    };
    let ran = uninstall(account.kubeconfig());
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
    for words in [
        cluster.url(),
        format!("Secret password -n shop keeps {FINALIZER}: not allowed: "),
        "; 1 were removed elsewhere. Run this again with the right to patch Secret".to_owned(),
    ] {
        assert!(ran.stderr.contains(&words), "{words}: {ran:?}");
    }
    assert_eq!(finalizers(format!("{maps}/settings")).await, 1, "what it may change is changed");
    assert_eq!(finalizers(format!("{secrets}/password")).await, 2);

    let ran = uninstall(&cluster.kubeconfig());
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    let proof = format!("No object has the finalizer {FINALIZER}: looked at ");
    assert!(ran.stdout.starts_with("Secret  1 removed\n") && ran.stdout.contains(&proof), "{ran:?}");
    assert_eq!(finalizers(format!("{secrets}/password")).await, 1, "those of others stay");
}
