//! Against an API server that fails on purpose.

use crate::fake_api::{CONFIG_MAP, DATABASE, DEPLOYMENT, FakeApi, Fault, POD, Running, SECRET};
use crate::kills::Kills;
use crate::world::{Run, TestQueue, client, settings};
use prodrome_model::ChangeKind;
use prodrome_watcher::{ConfigMapPlaces, FilePlaces, KindState, PlaceError, PlaceStore, Status, Trouble};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;

struct World {
    server: Running,
    queue: TestQueue,
    folder: TempDir,
}

impl World {
    async fn new(kinds: &[crate::fake_api::Kind]) -> Self {
        let server = FakeApi::start(kinds).await;
        Self { server, queue: TestQueue::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn places(&self) -> FilePlaces {
        FilePlaces::new(self.folder.path().join("place.json"))
    }

    async fn client(&self) -> kube::Client {
        client(&format!("http://{}", self.server.address)).await
    }

    async fn run(&self, kinds: &[&str]) -> Run {
        Run::begin(self.client().await, &self.queue, self.places(), settings(kinds))
    }

    /// Waits until the queue's side knows of a kind exactly what the cluster has.
    async fn in_step(&self, kind: &crate::fake_api::Kind) {
        let want = self.server.api.state(kind);
        self.queue.until("the objects as in the cluster", |received| received.there(kind.kind) == want).await;
    }
}

fn pod(i: u64) -> serde_json::Value {
    json!({ "spec": { "nodeName": format!("node-{}", i % 7) }, "status": { "phase": "Running" } })
}

#[tokio::test]
async fn a_cluster_is_listed_in_pages_and_then_followed() {
    let world = World::new(&[POD, DEPLOYMENT]).await;
    let api = &world.server.api;
    for i in 0..1_234 {
        api.apply(&POD, "shop", &format!("web-{i}"), pod(i));
    }
    api.apply(&DEPLOYMENT, "shop", "web", json!({}));
    let run = world.run(&["Pod", "apps/Deployment"]).await;
    let received = world.queue.until("both lists", |received| received.ended.len() == 2).await;
    assert_eq!(received.there("Pod").len(), 1_234);
    run.until("ready", |status| status.is_ready()).await;
    let pages = api.requests().iter().filter(|r| r.contains("/pods?limit=500")).count();
    assert_eq!(pages, 3);
    let list =
        received.changes.iter().find(|c| c.resource.kind == "Pod" && c.kind == ChangeKind::ListEnd).unwrap();
    let of_list = received.changes.iter().filter(|c| c.list == list.list).count();
    assert_eq!(of_list, 1_236, "begin, items, end");
    let mut sequences: Vec<_> = received.changes.iter().map(|change| change.sequence).collect();
    sequences.sort_unstable();
    assert!(sequences.iter().copied().eq(1..=1_239), "counted without a gap: {:?}", sequences.last());
    assert!(!received.bodies.contains("managedFields"));

    api.apply(&POD, "shop", "web-7", pod(8));
    api.delete(&POD, "shop", "web-8");
    api.apply(&POD, "shop", "late", pod(9));
    world.in_step(&POD).await;
    let metrics = run.status.render();
    for line in [
        "prodrome_watcher_changes_seen_total{kind=\"pods\"} 1237",
        "prodrome_watcher_kind_state{kind=\"pods\",state=\"watching\"} 1",
        "prodrome_watcher_waiting_bytes 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_restart_reads_on_from_the_saved_place_without_a_list() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    api.apply(&POD, "shop", "a", pod(1));
    let run = world.run(&["Pod"]).await;
    world.in_step(&POD).await;
    world.queue.until("the list's end", |received| received.ended.len() == 1).await;
    run.end().await.unwrap();
    let before = world.places().load().await.unwrap().unwrap();

    api.apply(&POD, "shop", "a", pod(2));
    api.apply(&POD, "shop", "b", pod(3));
    let asked = api.requests().len();
    let run = world.run(&["Pod"]).await;
    world.in_step(&POD).await;
    let asked = api.requests().split_off(asked);
    let lists: Vec<_> = asked.iter().filter(|asked| asked.contains("limit=")).collect();
    let [only] = lists.as_slice() else { panic!("nothing is listed again: {asked:?}") };
    assert!(only.ends_with("limit=1"), "where the cluster is, and no more: {only}");
    run.end().await.unwrap();
    let places = world.places().load().await.unwrap().unwrap();
    assert!(places.epoch > before.epoch);
    assert!(places.versions["pods"].parse::<u64>().unwrap() >= 103);
    let epochs: Vec<_> = world.queue.received().changes.iter().map(|change| change.epoch).collect();
    assert!(epochs.is_sorted() && epochs.last() == Some(&places.epoch), "{epochs:?}");
}

#[tokio::test]
async fn killed_while_the_queue_is_down_it_loses_nothing() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    api.apply(&POD, "shop", "a", pod(1));
    let run = world.run(&["Pod"]).await;
    world.queue.until("the list", |received| received.ended.len() == 1).await;
    run.end().await.unwrap();

    let run = world.run(&["Pod"]).await;
    run.until("watching", |status| status.kinds().get("pods") == Some(&KindState::Watching)).await;
    world.queue.down.store(true, Ordering::Relaxed);
    for i in 0..20 {
        api.apply(&POD, "shop", &format!("web-{i}"), pod(i));
    }
    api.delete(&POD, "shop", "a");
    run.until("all seen", |status| status.changes_seen() == 21).await;
    run.kill().await;
    world.queue.down.store(false, Ordering::Relaxed);
    let run = world.run(&["Pod"]).await;
    world.in_step(&POD).await;
    run.end().await.unwrap();
}

#[tokio::test]
async fn killed_at_any_instant_it_sends_at_most_the_unsaved_tail_again() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    for i in 0..50 {
        api.apply(&POD, "shop", &format!("web-{i}"), pod(i));
    }
    // One for all runs: a save that was given up with its run must not overtake the next one's.
    let places = world.places();
    let run = async || Run::begin(world.client().await, &world.queue, places.clone(), settings(&["Pod"]));
    let first = run().await;
    world.queue.until("the list", |received| received.ended.len() == 1).await;
    first.end().await.unwrap();
    let mut kills = Kills::of("pods", "killed_at_any_instant_it_sends_at_most_the_unsaved_tail_again");
    kills.left(places.load().await.unwrap());
    for round in 0..20 {
        let is_down = kills.chance.u8(0..4) == 0;
        world.queue.down.store(is_down, Ordering::Relaxed);
        let killed = run().await;
        for i in 0..kills.chance.u64(1..40) {
            let name = format!("web-{}", kills.chance.u8(0..60));
            if kills.chance.u8(0..5) == 0 {
                api.delete(&POD, "shop", &name);
            } else {
                api.apply(&POD, "shop", &name, pod(round + i));
            }
            if i % 8 == 0 {
                tokio::time::sleep(Duration::from_micros(kills.chance.u64(0..40_000))).await;
            }
        }
        // Before it has begun, while it sends, and while it saves what it had to send at its end.
        tokio::time::sleep(Duration::from_micros(kills.chance.u64(0..200_000))).await;
        if kills.chance.bool() {
            killed.kill().await;
        } else {
            killed.end_killed_after(Duration::from_micros(kills.chance.u64(0..20_000))).await;
        }
        kills.left(places.load().await.unwrap());
    }
    world.queue.down.store(false, Ordering::Relaxed);
    let last = run().await;
    world.in_step(&POD).await;
    last.end().await.unwrap();
    let again = kills.only_the_unsaved_tail_came_again(&world.queue.received(), "Pod");
    println!("{again} changes came again");
}

#[tokio::test]
async fn while_the_queue_is_down_memory_is_bounded_the_watches_pause_and_all_of_it_arrives() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    let large = |i: u64, round: u64| {
        let env: Vec<_> =
            (0..100).map(|n| json!({ "name": format!("SETTING_{n}"), "value": i * n % 13 })).collect();
        json!({ "spec": { "containers": [{ "env": env }] }, "round": round, "id": format!("{:x}", i * 7_919) })
    };
    api.apply(&POD, "shop", "first", pod(1));
    let mut settings = settings(&["Pod"]);
    (settings.waiting_bytes_max, settings.outage_bytes_max) = (64 * 1024, 256 * 1024);
    let run = Run::begin(world.client().await, &world.queue, world.places(), settings);
    world.in_step(&POD).await;
    world.queue.down.store(true, Ordering::Relaxed);
    // Far more than have room, beside the pack that is on its way: the watch pauses.
    for i in 0..4_000 {
        api.apply(&POD, "shop", &format!("web-{i}"), large(i, 0));
    }
    run.until("it is full", |status| status.render().contains("prodrome_watcher_held_back_total 1")).await;
    let objects = |status: &Status| -> u64 {
        let metrics = status.render();
        let line = metrics.lines().find_map(|line| line.strip_prefix("prodrome_watcher_waiting_objects "));
        line.unwrap().parse().unwrap()
    };
    let held = objects(&run.status);
    assert!(run.status.waiting_bytes() <= 256 * 1024, "{}", run.status.waiting_bytes());
    assert!(held > 200, "many more than the {} of 5 KB that 64 KiB hold: {held}", 64 / 5);
    // Changed once more: what waits is the latest.
    for i in 0..50 {
        api.apply(&POD, "shop", &format!("web-{i}"), large(i, 1));
    }
    world.queue.down.store(false, Ordering::Relaxed);
    world.in_step(&POD).await;
    run.until("all accepted", |status| status.waiting_bytes() == 0).await;
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_compaction_while_it_was_away_is_made_good_by_a_list() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    for name in ["a", "b"] {
        api.apply(&POD, "shop", name, pod(1));
    }
    let run = world.run(&["Pod"]).await;
    world.in_step(&POD).await;
    run.end().await.unwrap();
    api.delete(&POD, "shop", "a");
    api.apply(&POD, "shop", "c", pod(2));
    api.compact();
    let run = world.run(&["Pod"]).await;
    world.in_step(&POD).await;
    assert_eq!(run.status.restarts().get("gone"), Some(&1));
    let received = world.queue.received();
    assert!(
        !received.changes.iter().any(|change| change.kind == ChangeKind::Deleted),
        "found by the list's end"
    );
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_cluster_is_listed_as_a_stream_where_it_can_and_then_followed() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    api.stream_lists();
    for i in 0..1_234 {
        api.apply(&POD, "shop", &format!("web-{i}"), pod(i));
    }
    let run = world.run(&["Pod"]).await;
    let received = world.queue.until("the list", |received| received.ended.len() == 1).await;
    assert_eq!(received.there("Pod").len(), 1_234);
    let list = received.changes.iter().find(|c| c.kind == ChangeKind::ListEnd).unwrap();
    assert_eq!(received.changes.iter().filter(|c| c.list == list.list).count(), 1_236, "begin, items, end");
    api.apply(&POD, "shop", "web-7", pod(8));
    api.delete(&POD, "shop", "web-8");
    world.in_step(&POD).await;
    run.until("ready", |status| status.is_ready()).await;
    run.end().await.unwrap();
    let asked: Vec<_> = api.requests().into_iter().filter(|asked| asked.contains("/pods")).collect();
    assert_eq!(asked.len(), 1, "one request lists and follows: {asked:?}");
}

#[tokio::test]
async fn under_faults_of_every_sort_nothing_is_lost() {
    futures::future::join_all((1..=6).map(under_faults)).await;
}

async fn under_faults(seed: u64) {
    let world = World::new(&[POD, DEPLOYMENT]).await;
    let api = &world.server.api;
    let streams_lists = seed > 3;
    if streams_lists {
        api.stream_lists();
    }
    for i in 0..700 {
        api.apply(&POD, "shop", &format!("web-{i}"), pod(i));
    }
    if streams_lists {
        api.fault("sendInitialEvents", Fault::CutAfter(20_000));
        api.fault("sendInitialEvents", Fault::Status(429));
    } else {
        api.fault("/pods?limit", Fault::CutAfter(20_000));
        api.fault("/pods?limit=500&continue", Fault::Status(410));
    }
    api.fault("/apis", Fault::Status(503));
    let run = world.run(&["Pod", "Deployment"]).await;
    let mut dice = seed;
    for round in 0..16_u64 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let roll = dice >> 33;
        world.queue.down.store(roll.is_multiple_of(5), Ordering::Relaxed);
        for i in 0..roll % 30 {
            api.apply(&POD, "shop", &format!("web-{}", (roll + i * 13) % 750), pod(round));
        }
        api.delete(&POD, "shop", &format!("web-{}", roll % 750));
        api.apply(&DEPLOYMENT, "shop", "web", json!({ "round": round }));
        match roll % 7 {
            0 | 1 => api.fault("watch=true", Fault::CutAfter(usize::try_from(roll % 3000).unwrap())),
            2 => api.fault("watch=true", Fault::Status(500)),
            3 => api.fault("watch=true", Fault::Status(429)),
            4 => api.compact(),
            _ => {}
        }
        api.cut_watches();
        if round % 4 == 3 {
            world.queue.down.store(false, Ordering::Relaxed);
            run.until("the faults were met", |_| api.faults_left() == 0).await;
            world.in_step(&POD).await;
        }
    }
    world.queue.down.store(false, Ordering::Relaxed);
    world.in_step(&POD).await;
    world.in_step(&DEPLOYMENT).await;
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_kind_that_comes_later_is_found_and_one_that_goes_is_said_to_be_gone() {
    let definitions = crate::fake_api::Kind {
        group: "apiextensions.k8s.io",
        version: "v1",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
    };
    let world = World::new(&[POD, definitions.clone()]).await;
    let api = &world.server.api;
    api.apply(&POD, "shop", "a", pod(1));
    let run = world.run(&["Pod", "Database", "CustomResourceDefinition"]).await;
    world.in_step(&POD).await;
    run.until("ready without it", |status| status.is_ready()).await;
    assert_eq!(run.status.unresolved(), ["Database"]);

    api.serve(DATABASE);
    api.apply(&DATABASE, "shop", "orders", json!({}));
    api.apply(&definitions, "", "databases.shop.example.com", json!({}));
    world.in_step(&DATABASE).await;
    api.apply(&DATABASE, "shop", "orders", json!({ "status": "Failed" }));
    world.in_step(&DATABASE).await;
    assert_eq!(run.status.unresolved(), Vec::<String>::new());

    api.stop_serving(&DATABASE);
    world.in_step(&DATABASE).await;
    run.until("missed", |status| status.unresolved() == ["Database"]).await;
    assert!(!run.status.kinds().contains_key("shop.example.com/databases"));

    // It comes back without one of its objects. A list that bore an earlier one's name would hide that.
    api.serve(DATABASE);
    api.apply(&DATABASE, "shop", "others", json!({}));
    api.apply(&definitions, "", "databases.shop.example.com", json!({ "again": true }));
    world.in_step(&DATABASE).await;
    let changes = world.queue.received().changes.into_iter();
    let begun: Vec<_> = changes.filter(|c| c.kind == ChangeKind::ListBegin).map(|c| c.list).collect();
    assert!(begun.iter().all(|list| begun.iter().filter(|l| *l == list).count() == 1), "{begun:?}");
    api.stop_serving(&DATABASE);
    run.until("missed again", |status| status.unresolved() == ["Database"]).await;
    run.end().await.unwrap();
    let places = world.places().load().await.unwrap().unwrap();
    assert!(!places.versions.contains_key("shop.example.com/databases"), "{places:?}");
}

#[tokio::test]
async fn a_kind_that_is_denied_holds_up_no_other() {
    let world = World::new(&[POD, DEPLOYMENT]).await;
    world.server.api.deny(&DEPLOYMENT);
    world.server.api.apply(&POD, "shop", "a", pod(1));
    let run = world.run(&["Pod", "Deployment"]).await;
    world.in_step(&POD).await;
    run.until("ready", |status| status.is_ready()).await;
    assert_eq!(run.status.kinds()["apps/deployments"], KindState::Denied);
    let denied: Vec<_> =
        run.status.denied_kinds().into_iter().map(|denied| (denied.kind, denied.why)).collect();
    assert_eq!(denied, [("Deployment".to_owned(), Trouble::Forbidden)]);
    run.end().await.unwrap();
}

#[tokio::test]
async fn secrets_stay_in_the_cluster_and_large_objects_go() {
    let world = World::new(&[SECRET, POD]).await;
    let api = &world.server.api;
    let applied = r#"{"stringData":{"password":"hunter2"}}"#;
    let annotations = json!({ "kubectl.kubernetes.io/last-applied-configuration": applied, "team": "shop" });
    api.apply(
        &SECRET,
        "shop",
        "s",
        json!({ "data": { "password": "aHVudGVyMg==" }, "type": "Opaque", "metadata": { "annotations": annotations } }),
    );
    api.apply(&POD, "shop", "large", json!({ "spec": { "x": "y".repeat(1 << 20) } }));
    let run = world.run(&["Secret", "Pod"]).await;
    world.in_step(&SECRET).await;
    world.in_step(&POD).await;
    let bodies = world.queue.received().bodies;
    assert!(bodies.contains(r#""type":"Opaque""#) && bodies.contains(r#""team":"shop""#));
    assert!(!bodies.contains("hunter2") && !bodies.contains("aHVudGVyMg"));
    run.end().await.unwrap();
}

#[tokio::test]
async fn only_the_named_namespaces_are_watched() {
    let world = World::new(&[POD]).await;
    let api = &world.server.api;
    for namespace in ["a", "b", "c"] {
        api.apply(&POD, namespace, "x", pod(1));
    }
    let mut settings = settings(&["Pod"]);
    settings.namespaces = vec!["a".to_owned(), "c".to_owned()];
    let run = Run::begin(world.client().await, &world.queue, world.places(), settings);
    let received = world.queue.until("both", |received| received.ended.len() == 2).await;
    let keys: Vec<_> = received.objects["Pod"].keys().cloned().collect();
    assert_eq!(keys, ["a/x", "c/x"]);
    run.end().await.unwrap();
    let places = world.places().load().await.unwrap().unwrap();
    assert_eq!(places.versions.keys().collect::<Vec<_>>(), ["a:pods", "c:pods"]);
}

#[tokio::test]
async fn the_place_is_kept_in_a_config_map_that_is_not_forwarded() {
    let world = World::new(&[POD, CONFIG_MAP]).await;
    let api = &world.server.api;
    api.apply(&POD, "shop", "a", pod(1));
    api.apply(&CONFIG_MAP, "prodrome", "other", json!({ "data": { "k": "v" } }));
    let client = world.client().await;
    let places = || ConfigMapPlaces::new(client.clone(), "prodrome", "watcher");
    let run = Run::begin(client.clone(), &world.queue, places(), settings(&["Pod", "ConfigMap"]));
    world.queue.until("both lists", |received| received.ended.len() == 2).await;
    // Someone else touches it, so that the next save meets a conflict.
    let mut theirs = api.object(&CONFIG_MAP, "prodrome", "watcher").unwrap();
    theirs["metadata"]["annotations"] = json!({ "example.com/tracked-by": "someone" });
    theirs["data"]["note"] = "theirs".into();
    api.apply(&CONFIG_MAP, "prodrome", "watcher", theirs);
    run.end().await.unwrap();

    let saved = places().load().await.unwrap().unwrap();
    assert!(saved.versions.contains_key("pods") && saved.versions.contains_key("configmaps"), "{saved:?}");
    let received = world.queue.received();
    let config_maps: Vec<_> = received.objects["ConfigMap"].keys().cloned().collect();
    assert_eq!(config_maps, ["prodrome/other"]);
    let stored = api.object(&CONFIG_MAP, "prodrome", "watcher").unwrap();
    assert_eq!(stored["metadata"]["labels"]["app.kubernetes.io/name"], "prodrome-watcher");
    assert_eq!(stored["metadata"]["annotations"]["example.com/tracked-by"], "someone");
    assert_eq!(stored["data"]["note"], "theirs", "what others keep there is left alone");
}

#[tokio::test]
async fn a_watcher_whose_place_was_taken_over_stops() {
    let world = World::new(&[CONFIG_MAP]).await;
    let client = world.client().await;
    let mine = ConfigMapPlaces::new(client.clone(), "prodrome", "watcher");
    let theirs = ConfigMapPlaces::new(client, "prodrome", "watcher");
    let places = |epoch| prodrome_watcher::Places { epoch, ..Default::default() };
    mine.load().await.unwrap();
    mine.save(&places(1)).await.unwrap();
    theirs.load().await.unwrap();
    theirs.save(&places(2)).await.unwrap();
    let error = mine.save(&places(1)).await.unwrap_err();
    assert!(matches!(error, PlaceError::TakenOver { theirs: 2, ours: 1, .. }), "{error}");
    theirs.save(&places(2)).await.unwrap();
}

#[tokio::test]
async fn a_place_that_must_not_be_written_is_said_so() {
    let world = World::new(&[CONFIG_MAP]).await;
    world.server.api.deny(&CONFIG_MAP);
    let client = world.client().await;
    let places = ConfigMapPlaces::new(client.clone(), "prodrome", "watcher");
    let run = Run::begin(client, &world.queue, places, settings(&["Pod"]));
    let error = run.end().await.unwrap_err();
    assert!(error.to_string().contains("ConfigMap prodrome/watcher: cannot read it: not allowed"), "{error}");
}
