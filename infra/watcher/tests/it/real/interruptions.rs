//! Restarts of the watcher, of the API server, and of the store below it.

use super::{Desk, config_map, watching};
use crate::kills::Kills;
use crate::program::{Log, Program, accepting_queue, signal, until_it_takes_sigterm};
use crate::world::Received;
use prodrome_model::ChangeKind;
use prodrome_test_cluster::{alone, together};
use prodrome_watcher::{FilePlaces, PlaceStore as _, Places, Settings, Status};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn restarted_in_the_middle_it_goes_on_with_a_watch_and_loses_nothing() {
    let name = "restarted_in_the_middle_it_goes_on_with_a_watch_and_loses_nothing";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::new(&cluster, "restarts", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "before", 20, &config_map(1)).await;
    let run = desk.run(desk.settings(&["ConfigMap"])).await;
    desk.queue.until("the list", |received| received.ended.len() == 1).await;
    run.end().await.unwrap();
    let asked = desk.asked(0).len();

    // Away: ended in order, then killed while nothing could be sent.
    cluster.delete(&format!("{maps}/before-3")).await;
    cluster.patch(&format!("{maps}/before-4"), &config_map(2)).await;
    let run = desk.run(desk.settings(&["ConfigMap"])).await;
    desk.in_step("ConfigMap", &maps).await;
    desk.queue.down.store(true, Ordering::Relaxed);
    let seen = run.status.changes_seen();
    desk.create_many(&maps, "unsent", 20, &config_map(1)).await;
    cluster.delete(&format!("{maps}/unsent-7")).await;
    run.until("all seen", |status| status.changes_seen() == seen + 21).await;
    run.kill().await;
    cluster.delete(&format!("{maps}/before-5")).await;
    desk.queue.down.store(false, Ordering::Relaxed);
    let run = desk.run(desk.settings(&["ConfigMap"])).await;
    desk.in_step("ConfigMap", &maps).await;
    run.end().await.unwrap();
    let since: Vec<_> = desk.asked(asked).into_iter().filter(|asked| asked.contains("configmaps")).collect();
    let is_watch = |asked: &String| asked.starts_with("watch ") && !asked.contains("sendInitialEvents");
    // Whoever comes back asks where the cluster is, by a list of one.
    let lists: Vec<_> = since.iter().filter(|asked| !is_watch(asked)).collect();
    assert!(lists.iter().all(|asked| asked.ends_with("?limit=1")), "nothing was listed again: {since:?}");
    assert_eq!(lists.len(), 2, "once a start: {since:?}");
}

#[tokio::test]
async fn asked_to_end_it_sends_what_it_has_seen_and_the_next_run_misses_nothing() {
    let name = "asked_to_end_it_sends_what_it_has_seen_and_the_next_run_misses_nothing";
    let Some(cluster) = together(name).await else { return };
    // The place is kept beside what is watched.
    let verbs = ["list", "watch", "get", "create", "update"];
    let desk = Desk::with_rules(&cluster, "signals", &[("", &["configmaps"], &verbs)]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 5, &config_map(0)).await;
    let (address, sent) = accepting_queue().await;
    let program = Program::by_kubeconfig(desk.account.kubeconfig(), address)
        .with("KINDS", "ConfigMap")
        .with("NAMESPACES", "signals")
        .with("PLACE_FILE", "")
        .with("PLACE_CONFIGMAP", "place");
    let want = async || {
        let mut want = cluster.versions(&maps).await;
        want.remove("signals/place");
        want
    };
    for round in 1..4 {
        let mut child = program.start();
        let mut log = Log::of(&mut child);
        if round == 1 {
            sent.until("the list", |received| received.ended.len() == 1).await;
        }
        for i in 0..5 {
            cluster.patch(&format!("{maps}/web-{i}"), &config_map(round)).await;
        }
        until_it_takes_sigterm(&child).await;
        // Not all of it has been seen by now. What was, is sent and passed.
        signal(&child, "-TERM");
        cluster.patch(&format!("{maps}/web-0"), &config_map(round + 10)).await;
        assert_eq!(log.end(child).await, Some(0), "{:?}", log.lines);
        let saved = cluster.get(&format!("{maps}/place")).await;
        let saved: Value = serde_json::from_str(saved["data"]["place.json"].as_str().unwrap()).unwrap();
        let saved: u64 = saved["versions"]["signals:configmaps"].as_str().unwrap().parse().unwrap();
        // Everything up to the place was sent.
        let received = sent.received().there("ConfigMap");
        for (key, version) in want().await {
            let version: u64 = version.parse().unwrap();
            assert!(
                version > saved || received[&key] == version.to_string(),
                "{key} {version} {saved} {received:?}"
            );
        }
    }
    let mut child = program.start();
    let mut log = Log::of(&mut child);
    let all = want().await;
    let received = sent.until("all", |received| received.there("ConfigMap") == all).await;
    signal(&child, "-TERM");
    log.end(child).await;
    let lists = received.changes.iter().filter(|change| change.kind == ChangeKind::ListBegin).count();
    assert_eq!(lists, 1, "listed by the first run alone");
}

#[tokio::test]
async fn killed_at_any_instant_it_loses_nothing_and_sends_at_most_the_unsaved_tail_again() {
    let name = "killed_at_any_instant_it_loses_nothing_and_sends_at_most_the_unsaved_tail_again";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::new(&cluster, "killed", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 40, &config_map(0)).await;
    let (address, sent) = accepting_queue().await;
    let program = Program::by_kubeconfig(desk.account.kubeconfig(), address)
        .with("KINDS", "ConfigMap")
        .with("NAMESPACES", "killed");
    let places = FilePlaces::new(program.folder.path().join("place.json"));
    let mut kills = Kills::of("killed:configmaps", name);
    let mut deleted = Vec::new();
    for round in 0..12_u64 {
        let mut child = program.start();
        let log = Log::of(&mut child);
        if round == 6 {
            // Once it gets to its end, however slow the machine is: of some objects it is told before they are gone, and
            // the runs behind have a place.
            let want = cluster.versions(&maps).await;
            sent.until("all that is there", |received| received.there("ConfigMap") == want).await;
            until_saved(&places, "killed:configmaps").await;
        }
        let churn = async {
            for i in 0..6 {
                cluster
                    .patch(&format!("{maps}/web-{}", 24 + (round + i) % 16), &config_map(round * 10 + i))
                    .await;
                desk.create_many(&maps, &format!("new-{round}-{i}"), 1, &config_map(round)).await;
            }
            cluster.delete(&format!("{maps}/web-{}", 2 * round)).await;
        };
        // From before it has connected to long after it has sent all: the instant is what is tried.
        let instant = tokio::time::sleep(Duration::from_millis(kills.chance.u64(0..1_500)));
        tokio::join!(churn, instant);
        // And while it sends and saves what is left, which moves the place along.
        if kills.chance.bool() {
            signal(&child, "-TERM");
            tokio::time::sleep(Duration::from_micros(kills.chance.u64(0..200_000))).await;
        }
        child.kill().unwrap();
        drop(log);
        child.wait().unwrap();
        kills.left(places.load().await.unwrap());
        cluster.delete(&format!("{maps}/web-{}", 2 * round + 1)).await;
        deleted.extend([format!("killed/web-{}", 2 * round), format!("killed/web-{}", 2 * round + 1)]);
    }
    let mut child = program.start();
    let mut log = Log::of(&mut child);
    let want = cluster.versions(&maps).await;
    let received = sent.until("as the server has it", |received| received.there("ConfigMap") == want).await;
    signal(&child, "-TERM");
    assert_eq!(log.end(child).await, Some(0));
    let known = |key: &&String| received.objects["ConfigMap"].contains_key(*key);
    let told = deleted.iter().filter(known).inspect(|key| {
        assert!(!received.objects["ConfigMap"][*key].1, "{key} is gone");
    });
    assert!(told.count() > 0, "of some it was told while they were there");
    let again = kills.only_the_unsaved_tail_came_again(&sent.received(), "ConfigMap");
    println!("{again} changes came again");
}

/// Waits until a place was saved for a collection.
async fn until_saved(places: &FilePlaces, collection: &str) {
    let saved = async {
        let is_saved = |places: Places| places.versions.contains_key(collection);
        while !places.load().await.unwrap().is_some_and(is_saved) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), saved).await.expect("the place is saved");
}

#[tokio::test]
async fn what_was_deleted_before_a_compaction_is_found_by_a_list() {
    let Some(cluster) = alone("what_was_deleted_before_a_compaction_is_found_by_a_list").await else {
        return;
    };
    let desk = Desk::new(&cluster, "compaction", &["configmaps", "limitranges"]).await;
    let (maps, limits) = (desk.collection("configmaps"), desk.collection("limitranges"));
    desk.create_many(&maps, "web", 10, &config_map(1)).await;
    desk.create_many(&limits, "web", 2, &json!({ "spec": { "limits": [] } })).await;
    let kinds = ["ConfigMap", "LimitRange"];
    let run = desk.run(desk.settings(&kinds)).await;
    desk.queue.until("the lists", |received| received.ended.len() == 2).await;
    run.end().await.unwrap();

    cluster.delete(&format!("{maps}/web-3")).await;
    cluster.patch(&format!("{maps}/web-4"), &config_map(2)).await;
    desk.create_many(&maps, "late", 2, &config_map(1)).await;
    cluster.compact().await;
    let run = desk.run(desk.settings(&kinds)).await;
    desk.in_step("ConfigMap", &maps).await;
    desk.in_step("LimitRange", &limits).await;
    assert_eq!(run.status.restarts().get("gone"), Some(&2), "{:?}", run.status.restarts());
    let received = desk.queue.received();
    assert!(
        received.changes.iter().all(|change| change.kind != ChangeKind::Deleted),
        "found by the list's end"
    );

    // And again, under its eyes.
    watching(&run, "compaction:configmaps").await;
    cluster.delete(&format!("{maps}/web-5")).await;
    cluster.compact().await;
    cluster.patch(&format!("{maps}/web-6"), &config_map(3)).await;
    desk.in_step("ConfigMap", &maps).await;
    run.end().await.unwrap();
}

#[tokio::test]
async fn an_api_server_that_was_away_is_taken_up_again() {
    let Some(cluster) = alone("an_api_server_that_was_away_is_taken_up_again").await else { return };
    let desk = Desk::new(&cluster, "outage", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 10, &config_map(1)).await;
    let run = desk.run(desk.settings(&["ConfigMap"])).await;
    desk.in_step("ConfigMap", &maps).await;
    watching(&run, "outage:configmaps").await;

    for (round, in_order) in [(2, false), (4, true)] {
        cluster.patch(&format!("{maps}/web-1"), &config_map(round)).await;
        if in_order {
            cluster.end_in_order().await;
        } else {
            cluster.kill().await;
        }
        let broken = |status: &Status| status.restarts().get("broken") >= Some(&round);
        run.until("it has noticed", broken).await;
        cluster.start().await;
        cluster.patch(&format!("{maps}/web-9"), &config_map(round)).await;
        cluster.delete(&format!("{maps}/web-{round}")).await;
        desk.in_step("ConfigMap", &maps).await;
        watching(&run, "outage:configmaps").await;
    }
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_store_that_counts_from_the_beginning_again_is_listed_anew() {
    let Some(cluster) = alone("a_store_that_counts_from_the_beginning_again_is_listed_anew").await else {
        return;
    };
    let desk = Desk::new(&cluster, "restored", &["configmaps"]).await;
    desk.create_many(&desk.collection("configmaps"), "lost", 3, &config_map(1)).await;
    cluster.pass_versions(1_000).await;
    let maps = desk.collection("configmaps");
    cluster.patch(&format!("{maps}/lost-0"), &config_map(2)).await;
    let run = desk.run(desk.settings(&["ConfigMap"])).await;
    desk.in_step("ConfigMap", &maps).await;
    run.end().await.unwrap();
    let before: u64 = desk.saved().await.versions["restored:configmaps"].parse().unwrap();

    cluster.wipe().await;
    // Its account and what it may do went as well.
    let again = Desk::new(&cluster, "restored", &["configmaps"]).await;
    let desk = Desk { queue: desk.queue, folder: desk.folder, ..again };
    desk.create_many(&maps, "new", 2, &config_map(1)).await;
    // Far longer than this test waits: no watch has to be silent before it is noticed.
    let settings = Settings { watch_lasts: Duration::from_mins(5), ..desk.settings(&["ConfigMap"]) };
    let run = desk.run(settings).await;
    let keys = ["restored/new-0", "restored/new-1"];
    let lists = desk.queue.until("a list of what is new", |received| {
        received.ended.len() == 2 && keys.iter().all(|key| received.objects["ConfigMap"].contains_key(*key))
    });
    let received = lists.await;
    assert!(received.changes.iter().all(|change| change.kind != ChangeKind::Deleted));
    run.end().await.unwrap();
    let after: u64 = desk.saved().await.versions["restored:configmaps"].parse().unwrap();
    assert!(after < before, "{after} {before}");
}

#[tokio::test]
async fn a_store_that_is_restored_under_its_eyes_is_listed_anew_within_seconds() {
    let name = "a_store_that_is_restored_under_its_eyes_is_listed_anew_within_seconds";
    let Some(cluster) = alone(name).await else { return };
    let desk = Desk::new(&cluster, "put-back", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "kept", 3, &config_map(1)).await;
    let snapshot = cluster.snapshot().await;
    cluster.pass_versions(1_000).await;
    desk.create_many(&maps, "lost", 3, &config_map(1)).await;
    for (stream_lists, new) in [(true, "new"), (false, "newer")] {
        let watch_lasts = Duration::from_mins(5);
        let settings = Settings { watch_lasts, stream_lists, ..desk.settings(&["ConfigMap"]) };
        let run = desk.run(settings).await;
        desk.in_step("ConfigMap", &maps).await;
        watching(&run, "put-back:configmaps").await;
        let (asked, came_to) = (desk.asked(0).len(), highest(&cluster.versions(&maps).await));
        cluster.restore(&snapshot).await;
        // As a cluster goes on that was put back: with what nobody has heard of, at versions that are long past.
        desk.create_many(&maps, new, 2, &config_map(1)).await;
        let begun = Instant::now();
        let ahead = |status: &Status| status.restarts().get("ahead") == Some(&1);
        run.until("it is listed anew", ahead).await;
        watching(&run, "put-back:configmaps").await;
        println!("listed anew {} ms after the API server was ready", begun.elapsed().as_millis());
        cluster.delete(&format!("{maps}/{new}-1")).await;
        cluster.patch(&format!("{maps}/kept-1"), &config_map(2)).await;
        let there = |received: &Received| {
            let there = received.objects["ConfigMap"].iter().filter(|(_, (_, there))| *there);
            there.map(|(key, _)| key.clone()).collect::<Vec<_>>()
        };
        let want: Vec<_> = cluster.versions(&maps).await.into_keys().collect();
        desk.queue.until(&format!("{want:?}"), |received| there(received) == want).await;
        run.end().await.unwrap();
        let from = |asked: &String| asked.split("resourceVersion=").nth(1)?.parse::<u64>().ok();
        let watched: Vec<u64> = desk.asked(asked).iter().filter_map(from).collect();
        assert!(
            watched.iter().all(|from| *from < came_to),
            "none is of a time that is not yet: {watched:?} {came_to}"
        );
        // Up again, for the other way to list.
        cluster.pass_versions(1_000).await;
    }
}

fn highest(versions: &BTreeMap<String, String>) -> u64 {
    versions.values().filter_map(|version| version.parse().ok()).max().unwrap()
}
