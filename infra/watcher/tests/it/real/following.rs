//! Lists, watches and bookmarks, and kinds that come and go.

use super::{Desk, config_map, watching};
use crate::world::settings;
use prodrome_model::ChangeKind;
use prodrome_test_cluster::{alone, together};
use prodrome_watcher::{Settings, Status};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_real_cluster_is_listed_in_pages_and_then_followed() {
    let Some(cluster) = together("a_real_cluster_is_listed_in_pages_and_then_followed").await else { return };
    let rules: [(&str, &[&str], &[&str]); 1] = [("apps", &["deployments"], &["list", "watch"])];
    let desk = Desk::with_rules(&cluster, "pages", &rules).await;
    let (everywhere, here) = ("/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/pages/deployments");
    desk.create_many(here, "web", 1_203, &deployment()).await;

    let paged = Settings { stream_lists: false, ..settings(&["Deployment"]) };
    let run = desk.run(paged).await;
    let received = desk.queue.until("the list", |received| received.ended.len() == 1).await;
    let all = cluster.versions(everywhere).await;
    assert_eq!(received.there("Deployment"), all);
    assert!(all.len() >= 1_203, "other tests may have some as well");
    let pages =
        desk.asked(0).into_iter().filter(|asked| asked.starts_with("list ") && asked.contains("limit=500"));
    assert_eq!(pages.count(), 3);
    let of_list = received.changes.iter().filter(|change| change.list.is_some()).count();
    assert_eq!(of_list, all.len() + 2, "begin, items, end");
    assert!(!received.bodies.contains("managedFields"));

    watching(&run, "apps/deployments").await;
    cluster.patch(&format!("{here}/web-7"), &json!({ "spec": { "replicas": 8 } })).await;
    cluster.patch(&format!("{here}/web-7/status"), &json!({ "status": { "replicas": 8 } })).await;
    cluster.delete(&format!("{here}/web-8")).await;
    desk.create_many(here, "late", 3, &deployment()).await;
    desk.in_step("Deployment", everywhere).await;
    let deleted: Vec<_> = desk
        .queue
        .received()
        .changes
        .into_iter()
        .filter(|change| change.kind == ChangeKind::Deleted)
        .collect();
    assert_eq!(deleted.len(), 1);
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_real_cluster_streams_its_lists_and_nothing_is_asked_twice() {
    let name = "a_real_cluster_streams_its_lists_and_nothing_is_asked_twice";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::new(&cluster, "streams", &["configmaps"]).await;
    let here = desk.collection("configmaps");
    desk.create_many(&here, "web", 700, &config_map(1)).await;
    let mut settings = desk.settings(&["ConfigMap"]);
    settings.watch_lasts = Duration::from_mins(5);
    let run = desk.run(settings).await;
    let received = desk.queue.until("the list", |received| received.ended.len() == 1).await;
    assert_eq!(received.there("ConfigMap"), cluster.versions(&here).await);
    let of_list = received.changes.iter().filter(|change| change.list.is_some()).count();
    assert_eq!(of_list, received.there("ConfigMap").len() + 2, "begin, items, end");
    cluster.patch(&format!("{here}/web-7"), &config_map(2)).await;
    cluster.delete(&format!("{here}/web-8")).await;
    desk.in_step("ConfigMap", &here).await;
    run.end().await.unwrap();
    let asked: Vec<_> = desk.asked(0).into_iter().filter(|asked| asked.contains("/configmaps")).collect();
    let [only] = asked.as_slice() else { panic!("one request lists and follows: {asked:?}") };
    assert!(only.starts_with("watch ") && only.contains("sendInitialEvents=true"), "{only}");
    let saved: u64 = desk.saved().await.versions["streams:configmaps"].parse().unwrap();
    assert!(saved > 0);
}

fn deployment() -> Value {
    json!({ "spec": {
        "replicas": 2,
        "selector": { "matchLabels": { "app": "web" } },
        "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "app", "image": "registry.example.com/web:1" }] },
        },
    } })
}

#[tokio::test]
async fn bookmarks_move_the_place_of_a_quiet_kind_and_a_watch_that_ends_goes_on() {
    let name = "bookmarks_move_the_place_of_a_quiet_kind_and_a_watch_that_ends_goes_on";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::new(&cluster, "bookmarks", &["configmaps", "limitranges"]).await;
    let limits = desk.collection("limitranges");
    let limit = json!({ "metadata": { "name": "only" }, "spec": { "limits": [] } });
    let quiet_since = version(&cluster.create(&limits, &limit).await);
    let run = desk.run(desk.settings(&["LimitRange"])).await;
    desk.in_step("LimitRange", &limits).await;
    watching(&run, "bookmarks:limitranges").await;
    let lists = || desk.asked(0).iter().filter(|asked| asked.contains("sendInitialEvents")).count();
    assert_eq!(lists(), 1);

    // Others are busy. The server sends a bookmark shortly before it ends a watch.
    desk.create_many(&desk.collection("configmaps"), "busy", 50, &config_map(1)).await;
    let busy_until = cluster.versions(&desk.collection("configmaps")).await;
    let busy_until: u64 = busy_until.values().filter_map(|version| version.parse().ok()).max().unwrap();
    let ended = |status: &Status| status.restarts().get("ended") >= Some(&1);
    run.until("a watch was ended by the server", ended).await;
    watching(&run, "bookmarks:limitranges").await;
    assert_eq!(run.status.restarts().keys().copied().collect::<Vec<_>>(), ["ended"]);
    cluster.patch(&format!("{limits}/only"), &json!({ "metadata": { "labels": { "a": "b" } } })).await;
    desk.in_step("LimitRange", &limits).await;
    run.end().await.unwrap();

    assert_eq!(lists(), 1, "nothing was listed again");
    let from = |asked: &String| asked.split("resourceVersion=").nth(1)?.parse::<u64>().ok();
    let watches: Vec<u64> = desk.asked(0).iter().filter_map(from).collect();
    assert!(!watches.is_empty() && watches.is_sorted(), "{watches:?}");
    assert!(
        watches[0] >= quiet_since && watches[watches.len() - 1] >= busy_until,
        "{watches:?} {busy_until}"
    );
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_definition_that_is_made_and_deleted_while_it_watches_is_followed() {
    let name = "a_definition_that_is_made_and_deleted_while_it_watches_is_followed";
    let Some(cluster) = together(name).await else { return };
    let rules: [(&str, &[&str], &[&str]); 2] = [
        ("apiextensions.k8s.io", &["customresourcedefinitions"], &["list", "watch"]),
        ("shop.example.com", &["databases"], &["list", "watch"]),
    ];
    let desk = Desk::with_rules(&cluster, "definitions", &rules).await;
    let kinds = ["CustomResourceDefinition", "shop.example.com/Database"];
    let run = desk.run(Settings { watch_lasts: Duration::from_mins(1), ..settings(&kinds) }).await;
    run.until("ready without it", |status| status.is_ready()).await;
    assert_eq!(run.status.unresolved(), ["shop.example.com/Database"]);

    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for round in 0..2 {
        let definition = cluster.create(definitions, &database_definition()).await;
        let established = format!("{definitions}/{}", definition["metadata"]["name"].as_str().unwrap());
        until_served(&cluster, &established).await;
        let everywhere = "/apis/shop.example.com/v1/databases";
        let here = "/apis/shop.example.com/v1/namespaces/definitions/databases";
        let database =
            json!({ "apiVersion": "shop.example.com/v1", "kind": "Database", "spec": { "round": round } });
        desk.create_many(here, "orders", 3, &database).await;
        desk.in_step("Database", everywhere).await;
        assert_eq!(run.status.unresolved(), Vec::<String>::new());
        cluster.patch(&format!("{here}/orders-1"), &json!({ "spec": { "size": 7 } })).await;
        cluster.delete(&format!("{here}/orders-2")).await;
        desk.in_step("Database", everywhere).await;
        desk.in_step("CustomResourceDefinition", definitions).await;

        cluster.delete(&established).await;
        desk.queue.until("all of it gone", |received| received.there("Database").is_empty()).await;
        desk.in_step("CustomResourceDefinition", definitions).await;
        run.until("missed", |status| status.unresolved() == ["shop.example.com/Database"]).await;
        let gone = |status: &Status| !status.kinds().contains_key("shop.example.com/databases");
        run.until("no longer watched", gone).await;
    }
    run.end().await.unwrap();
    let saved = desk.saved().await.versions;
    assert_eq!(saved.into_keys().collect::<Vec<_>>(), ["apiextensions.k8s.io/customresourcedefinitions"]);
}

#[tokio::test]
async fn a_kind_whose_version_is_no_longer_served_is_followed_in_another() {
    let name = "a_kind_whose_version_is_no_longer_served_is_followed_in_another";
    let Some(cluster) = alone(name).await else { return };
    let rules: [(&str, &[&str], &[&str]); 1] = [("shop.example.com", &["databases"], &["list", "watch"])];
    let desk = Desk::with_rules(&cluster, "versions", &rules).await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = cluster.create(definitions, &database_definition()).await;
    let definition_path = format!("{definitions}/databases.shop.example.com");
    until_served(&cluster, &definition_path).await;
    let here = |version: &str| format!("/apis/shop.example.com/{version}/namespaces/versions/databases");
    let database =
        |version: &str| json!({ "apiVersion": format!("shop.example.com/{version}"), "kind": "Database" });
    desk.create_many(&here("v1"), "orders", 3, &database("v1")).await;
    let run = desk.run(desk.settings(&["shop.example.com/Database"])).await;
    desk.in_step("Database", &here("v1")).await;
    watching(&run, "versions:shop.example.com/databases").await;

    let mut versions = [definition["spec"]["versions"][0].clone(), definition["spec"]["versions"][0].clone()];
    versions[0]["served"] = false.into();
    versions[0]["storage"] = false.into();
    versions[1]["name"] = "v2".into();
    cluster.patch(&definition_path, &json!({ "spec": { "versions": versions } })).await;
    let served = async {
        while cluster.find(&here("v2")).await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), served).await.unwrap();
    desk.create_many(&here("v2"), "late", 2, &database("v2")).await;
    cluster.delete(&format!("{}/orders-1", here("v2"))).await;
    desk.in_step("Database", &here("v2")).await;
    for change in desk.queue.received().changes {
        let Some(object) = &change.object else { continue };
        let object: Value = serde_json::from_str(object.get()).unwrap();
        assert_eq!(object["apiVersion"], change.resource.api_version(), "named by the version that it is in");
    }
    run.end().await.unwrap();
    cluster.delete(&definition_path).await;
}

fn database_definition() -> Value {
    let schema =
        json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "databases.shop.example.com" },
        "spec": {
            "group": "shop.example.com",
            "scope": "Namespaced",
            "names": { "plural": "databases", "singular": "database", "kind": "Database", "listKind": "DatabaseList" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": schema }],
        },
    })
}

/// Waits until the API server says that it serves a definition.
async fn until_served(cluster: &prodrome_test_cluster::Cluster, definition: &str) {
    let served = async {
        loop {
            let conditions = cluster.get(definition).await["status"]["conditions"].clone();
            let established = |c: &Value| c["type"] == "Established" && c["status"] == "True";
            if conditions.as_array().is_some_and(|conditions| conditions.iter().any(established)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), served).await.unwrap();
}

#[tokio::test]
async fn an_extension_that_is_down_hides_no_other_kind() {
    let Some(cluster) = alone("an_extension_that_is_down_hides_no_other_kind").await else { return };
    let desk = Desk::new(&cluster, "extensions", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 3, &config_map(1)).await;
    let service = json!({ "metadata": { "name": "nobody" }, "spec": { "ports": [{ "port": 443 }] } });
    cluster.create(&desk.collection("services"), &service).await;
    let extensions = "/apis/apiregistration.k8s.io/v1/apiservices";
    let extension = json!({ "metadata": { "name": "v1.aaa.example.com" }, "spec": {
        "group": "aaa.example.com",
        "version": "v1",
        "service": { "namespace": "extensions", "name": "nobody" },
        "groupPriorityMinimum": 17_000,
        "versionPriority": 15,
        "insecureSkipTLSVerify": true,
    } });
    cluster.create(extensions, &extension).await;
    let run = desk.run(desk.settings(&["ConfigMap", "aaa.example.com/Thing"])).await;
    desk.in_step("ConfigMap", &maps).await;
    run.until("ready", |status| status.is_ready()).await;
    assert_eq!(run.status.unresolved(), ["aaa.example.com/Thing"]);
    run.end().await.unwrap();
    cluster.delete(&format!("{extensions}/v1.aaa.example.com")).await;
}
