//! What the watcher may not read.

use super::{Desk, config_map};
use crate::program::{Log, Program, accepting_queue, signal};
use prodrome_test_cluster::together;
use serde_json::Value;

#[tokio::test]
async fn a_kind_that_is_denied_is_named_once_with_the_rule_it_lacks_until_it_is_allowed() {
    let name = "a_kind_that_is_denied_is_named_once_with_the_rule_it_lacks_until_it_is_allowed";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::new(&cluster, "denied", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 3, &config_map(1)).await;
    let (address, sent) = accepting_queue().await;
    let program = Program::by_kubeconfig(desk.account.kubeconfig(), address)
        .with("KINDS", "ConfigMap,apps/Deployment,Secret");
    let mut child = program.start();
    let mut log = Log::of(&mut child);
    log.until("kind cannot be watched with these credentials", 2).await;
    cluster.patch(&format!("{maps}/web-1"), &config_map(2)).await;
    let want = cluster.versions(&maps).await;
    sent.until("the others go on", |received| {
        let there = received.there("ConfigMap");
        want.iter().all(|(key, version)| there.get(key) == Some(version))
    })
    .await;

    // Once it is allowed, it is watched.
    let deployments: [(&str, &[&str], &[&str]); 1] = [("apps", &["deployments"], &["list", "watch"])];
    cluster.allow(&desk.account, &deployments).await;
    log.until("kind can be watched again", 1).await;
    sent.until("its list", |received| received.ended.contains(&"Deployment".to_owned())).await;
    signal(&child, "-TERM");
    assert_eq!(log.end(child).await, Some(0));
    let errors: Vec<&Value> = log.lines.iter().filter(|line| line["level"] == "ERROR").collect();
    let mut needed: Vec<_> = errors.iter().map(|line| line["needed"].as_str().unwrap()).collect();
    needed.sort_unstable();
    assert_eq!(
        needed,
        [
            r#"ClusterRole: apiGroups: [""], resources: ["secrets"], verbs: [list, watch]"#,
            r#"ClusterRole: apiGroups: ["apps"], resources: ["deployments"], verbs: [list, watch]"#,
        ]
    );
    assert!(errors.iter().all(|line| line["message"] == "kind cannot be watched with these credentials"));
}
