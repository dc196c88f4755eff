//! Single moments, told one by one.

use crate::truth::{Config, Pod, RULES};
use crate::world::{Told, World, at, rules, seconds};
use jiff::Timestamp;
use prodrome_alerting::{Policy, WatchSign, keys};
use prodrome_lambda::metric;
use prodrome_ledger::Ledger;
use prodrome_model::ChangeKind;
use prodrome_queue::{Body, QueueName, QueueUnkindness, pack};
use prodrome_store::{Fault, OperationKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn world() -> World {
    World::new(rules(RULES))
}

fn pod(name: &str) -> Pod {
    Pod { uid: format!("uid-of-{name}"), created: 0, phase: "Running", ready: true, config: "settings" }
}

fn sign(world: &World) -> Option<WatchSign> {
    let key = keys::watch(&world.scope);
    let record = world.episodes.records().into_iter().find(|record| record.key == key)?;
    serde_json::from_str(&record.data).unwrap()
}

/// When signs were written, in seconds.
fn writes(world: &World) -> Arc<Mutex<Vec<u64>>> {
    let written: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (log, queue) = (Arc::clone(&written), world.queue.clone());
    world.episodes.set_script(move |operation| {
        if operation.kind == OperationKind::Commit {
            let now = queue.now().duration_since(at(0)).as_secs();
            log.lock().unwrap().push(u64::try_from(now).unwrap());
        }
        None
    });
    written
}

const FAILED: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
";

#[tokio::test]
async fn what_is_over_is_not_told_again_by_an_old_pack_that_comes_late_while_the_cluster_cannot_be_read() {
    let mut world = World::new(rules(FAILED));
    let (broken, well) = (Pod { phase: "Failed", ..pod("a") }.json("a", 2), pod("a").json("a", 3));
    world.apply("Pod", &broken).await;
    world.until(10).await;
    world.apply("Pod", &well).await;
    world.until(200).await;
    let told = |world: &World| world.findings.len();
    assert_eq!((told(&world), world.checks()), (2, Vec::new()), "it and its end");

    // Whoever had the pack failed at it, or died; now it comes again.
    world.set_unreadable(1, 100);
    let late = Told { kind: ChangeKind::Applied, of: "Pod", object: Some(&broken), list: None };
    world.tell(&[late]).await;
    world.until(1_000).await;
    assert_eq!(told(&world), 2);
    // What is news is told all the same.
    let again = Pod { phase: "Failed", ..pod("a") }.json("a", 4);
    world.apply("Pod", &again).await;
    world.until(1_010).await;
    assert_eq!(told(&world), 3);
    world.set_unreadable(1, 0);
    world.apply("Pod", &pod("a").json("a", 5)).await;
    world.until(1_200).await;
    assert_eq!((told(&world), world.checks()), (4, Vec::new()));
}

#[tokio::test]
async fn a_list_that_ends_before_its_packs_come_has_nothing_looked_at_that_they_name() {
    let mut world = World::new(rules(FAILED));
    let (broken, gone) = (Pod { phase: "Failed", ..pod("a") }, Pod { phase: "Failed", ..pod("b") });
    let (broken, gone) = (broken.json("a", 2), gone.json("b", 3));
    world.apply("Pod", &broken).await;
    world.apply("Pod", &gone).await;
    world.until(100).await;
    assert_eq!((world.findings.len(), world.checks().len()), (2, 2));
    let due: Vec<_> = world.checks().into_iter().map(|check| check.due).collect();

    world.live_without("Pod", &gone);
    let list = || Some("1/pods/2".to_owned());
    world.tell(&[Told { kind: ChangeKind::ListEnd, of: "Pod", object: None, list: list() }]).await;
    world.until(110).await;
    world.tell(&[Told { kind: ChangeKind::Applied, of: "Pod", object: Some(&broken), list: list() }]).await;
    world.until(129).await;
    let now: Vec<_> = world.checks().into_iter().map(|check| check.due).collect();
    assert_eq!(now, due, "nothing is due sooner for a list whose packs may be on their way");
    world.until(140).await;
    let [left] = &world.checks()[..] else { panic!("{:#?}", world.checks()) };
    assert_eq!((&*left.object.name, left.list.as_deref()), ("a", Some("1/pods/2")));
    assert_eq!(left.due, due[0]);
    world.until(400).await;
    assert_eq!(world.findings.len(), 3, "and the end of the one that is gone");
}

#[tokio::test]
async fn an_old_list_that_ends_late_has_nothing_looked_at_that_a_newer_one_named() {
    let mut world = World::new(rules(FAILED));
    let broken = Pod { phase: "Failed", ..pod("a") }.json("a", 2);
    world.apply("Pod", &broken).await;
    world.until(100).await;
    let list = |number: u32| Some(format!("1/pods/{number}"));
    let named =
        |number| Told { kind: ChangeKind::Applied, of: "Pod", object: Some(&broken), list: list(number) };
    let ended = |number| Told { kind: ChangeKind::ListEnd, of: "Pod", object: None, list: list(number) };
    world.tell(&[named(2)]).await;
    world.until(101).await;
    let due = world.checks()[0].due;
    for told in [named(1), ended(1), ended(2)] {
        world.tell(&[told]).await;
        world.until(102).await;
        assert_eq!((world.checks()[0].list.as_deref(), world.checks()[0].due), (Some("1/pods/2"), due));
    }
    // What the newer one did not name is looked at.
    world.tell(&[ended(3)]).await;
    let looked_at = |world: &World| world.tally.count(metric::CHECKS_LOOKED_AT);
    let before = looked_at(&world);
    for (until, times) in [(130, 0), (140, 1)] {
        world.until(until).await;
        assert_eq!(looked_at(&world), before + times, "at {until} s");
    }
}

#[tokio::test]
async fn what_an_old_pack_tells_late_is_told_once_it_was_looked_at_and_is_so() {
    let mut world = World::new(rules(FAILED));
    world.apply("Pod", &Pod { phase: "Failed", ..pod("a") }.json("a", 7)).await;
    world.until(10).await;
    world.apply("Pod", &pod("a").json("a", 8)).await;
    world.until(200).await;
    // The cluster was set back, and counts its versions from an earlier one.
    world.set_unreadable(1, 100);
    world.live_without("Pod", &pod("a").json("a", 8));
    world.apply("Pod", &Pod { phase: "Failed", ..pod("a") }.json("a", 5)).await;
    world.until(300).await;
    assert_eq!(world.findings.len(), 2);
    world.set_unreadable(1, 0);
    world.until(400).await;
    assert_eq!(world.findings.len(), 3);
}

#[tokio::test]
async fn packs_of_a_watcher_leave_its_sign_of_life_now_and_then_and_at_once_where_it_falls_behind() {
    let mut world = world();
    let written = writes(&world);
    world.lag_seconds = Some(0);
    for second in (0..100).step_by(5) {
        world.until(second).await;
        world.tell(&[]).await;
    }
    world.until(100).await;
    assert_eq!(*written.lock().unwrap(), [0, 30, 60, 90]);
    assert_eq!(sign(&world), Some(WatchSign { seen_at: at(90), lag_seconds: 0 }));
    assert_eq!(world.tally.watcher_lag_seconds, [0; 20], "a value for each pack");

    // Cut off from its cluster since the 100th second, it says so.
    for second in (110..170).step_by(10) {
        world.until(second).await;
        world.lag_seconds = Some(u32::try_from(second - 100).unwrap());
        world.tell(&[]).await;
    }
    world.until(170).await;
    assert_eq!(written.lock().unwrap()[4..], [120, 140], "its time had come; and it fell behind");
    assert!(!sign(&world).unwrap().is_behind(at(170), &Policy::default()), "not for long enough yet");
    world.lag_seconds = Some(75);
    world.until(175).await;
    world.tell(&[]).await;
    world.until(176).await;
    assert!(sign(&world).unwrap().is_behind(at(176), &Policy::default()));
    world.lag_seconds = Some(0);
    world.tell(&[]).await;
    world.until(177).await;
    assert_eq!(sign(&world), Some(WatchSign { seen_at: at(176), lag_seconds: 0 }), "back, and known at once");
}

#[tokio::test]
async fn what_waits_in_the_queue_counts_and_what_comes_late_or_twice_does_not() {
    let mut world = world();
    world.lag_seconds = Some(0);
    world.tell(&[]).await;
    // Nobody takes it for a while.
    world.queue.set_now(at(50));
    world.now = at(50);
    world.until(50).await;
    assert_eq!(sign(&world), Some(WatchSign { seen_at: at(50), lag_seconds: 50 }));
    assert_eq!(world.tally.watcher_lag_seconds, [50]);
    world.tell(&[]).await;
    world.until(51).await;
    let newest = Some(WatchSign { seen_at: at(50), lag_seconds: 0 });
    assert_eq!(sign(&world), newest);
    // A pack of a watcher that saw less than is known already.
    world.until(120).await;
    world.lag_seconds = Some(100);
    world.tell(&[]).await;
    world.until(121).await;
    assert_eq!(sign(&world), newest);
}

#[tokio::test]
async fn packs_that_no_watcher_made_leave_no_sign() {
    let mut world = world();
    world.apply("Pod", &pod("a").json("a", 2)).await;
    world.until(10).await;
    assert_eq!(sign(&world), None);
    assert_eq!(world.tally.watcher_lag_seconds, [0_u32; 0]);
}

#[tokio::test]
async fn a_sign_that_cannot_be_noted_loses_no_change_and_is_made_good() {
    let mut world = world();
    world.lag_seconds = Some(0);
    world.episodes.set_script(|_| Some(Fault::Unavailable));
    world.apply("Pod", &Pod { phase: "Failed", ..pod("a") }.json("a", 2)).await;
    world.until(5).await;
    assert_eq!((world.findings.len(), sign(&world)), (1, None));
    world.episodes.clear_script();
    world.tell(&[]).await;
    world.until(6).await;
    assert_eq!(sign(&world).map(|sign| sign.seen_at), Some(at(5)));
}

fn unready_reference(version: u64) -> serde_json::Value {
    Config::Bad.json("settings", version)
}

/// The rule's objects are told of a second time, though a late pack said in between that it had never ended.
#[tokio::test]
async fn late_news_of_an_object_that_others_refer_to_do_not_hide_the_next_time() {
    let mut world = world();
    world.apply("ConfigMap", &Config::Good.json("settings", 1)).await;
    world.apply("Pod", &pod("a").json("a", 2)).await;
    world.until(100).await;
    world.apply("ConfigMap", &unready_reference(3)).await;
    world.until(600).await;
    world.apply("ConfigMap", &Config::Good.json("settings", 4)).await;
    world.until(2_000).await;
    let late = unready_reference(3);
    world.tell(&[Told { kind: ChangeKind::Applied, of: "ConfigMap", object: Some(&late), list: None }]).await;
    world.until(4_000).await;
    world.apply("ConfigMap", &unready_reference(5)).await;
    world.until(4_600).await;
    let begun: Vec<Timestamp> = world
        .findings
        .iter()
        .filter(|finding| finding.state == prodrome_model::FindingState::Firing)
        .map(|finding| finding.since)
        .collect();
    assert_eq!(begun.len(), 2, "{begun:?}");
    assert!(begun[1] >= at(4_000), "{begun:?}");
    assert_eq!(world.tally.count(metric::FINDINGS_ENDED), 1);
}

/// A Service that leads to a port on which no pod listens, and is only of interest where pods run.
const USUAL: &str = "PortNotServed:
  resource: Service
  duration: 1m
  reference:
    - { resource: Pod, selector: [spec, selector], usual: true, checkField: [{ field: [status, phase], equalValue: [Running] }] }
    - { resource: Pod, selector: [spec, selector], compareField: [{ field: [spec, port], equalField: [spec, port] }], exists: false }
";

fn web(kind: &str, version: u64, spec: &serde_json::Value, phase: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": {
            "name": "web", "namespace": "shop", "uid": format!("{kind}-web"), "labels": { "app": "web" },
            "resourceVersion": version.to_string(), "creationTimestamp": at(0).to_string(),
        },
        "spec": spec, "status": { "phase": phase },
    })
}

fn firing(world: &World) -> Vec<f64> {
    let firing =
        world.findings.iter().filter(|finding| finding.state == prodrome_model::FindingState::Firing);
    firing.map(|finding| crate::world::seconds(finding.fired_at)).collect()
}

#[tokio::test]
async fn an_object_in_a_state_that_is_usual_costs_no_write() {
    let mut world = World::new(rules(USUAL));
    let writes = Arc::new(Mutex::new(0));
    let log = Arc::clone(&writes);
    world.store.set_script(move |operation| {
        *log.lock().unwrap() += usize::from(operation.kind == OperationKind::Commit);
        None
    });
    for version in 2..12 {
        world.apply("Pod", &web("Pod", version, &serde_json::json!({ "port": 80 }), "Running")).await;
    }
    world.until(600).await;
    let ticks = 10; // of which each notes what it has handed over
    assert_eq!(*writes.lock().unwrap(), ticks);
    assert_eq!(world.records(), []);
}

/// The pod comes to run long after the Service was looked at, and nothing else tells of it.
#[tokio::test]
async fn what_comes_late_into_its_usual_state_is_waited_for() {
    let mut world = World::new(rules(USUAL));
    let service = serde_json::json!({ "selector": { "app": "web" }, "port": 8080 });
    world.apply("Pod", &web("Pod", 2, &serde_json::json!({ "port": 80 }), "Pending")).await;
    world.apply("Service", &web("Service", 3, &service, "")).await;
    world.until(1_000).await;
    assert_eq!(firing(&world), [0.0; 0]);
    world.apply("Pod", &web("Pod", 4, &serde_json::json!({ "port": 80 }), "Running")).await;
    world.until(3_000).await;
    let firing = firing(&world);
    assert!(firing.len() == 1 && firing[0] < 2_200.0, "seen at the latest after twice as long: {firing:?}");
    // It is mended, and nothing is left but what waits for a pod that never runs.
    world
        .apply(
            "Service",
            &web("Service", 5, &serde_json::json!({ "selector": { "app": "web" }, "port": 80 }), ""),
        )
        .await;
    world.until(6_000).await;
    assert_eq!(world.tally.count(metric::FINDINGS_ENDED), 1);
    world.assert_quiet();
}

#[tokio::test]
async fn one_that_waits_for_long_does_not_delay_the_next() {
    let mut world = World::new(rules(USUAL));
    let service = serde_json::json!({ "selector": { "app": "none" }, "port": 8080 });
    let mut idle = web("Service", 2, &service, "");
    idle["metadata"]["name"] = "idle".into();
    world.apply("Service", &idle).await;
    let mut waiting = web("Pod", 3, &serde_json::json!({ "port": 80 }), "Pending");
    waiting["metadata"]["name"] = "other".into();
    waiting["metadata"]["labels"]["app"] = "none".into();
    world.apply("Pod", &waiting).await;
    world.until(40_000).await;
    world.apply("Pod", &web("Pod", 4, &serde_json::json!({ "port": 80 }), "Pending")).await;
    let service = serde_json::json!({ "selector": { "app": "web" }, "port": 8080 });
    world.apply("Service", &web("Service", 5, &service, "")).await;
    world.until(40_100).await;
    world.apply("Pod", &web("Pod", 6, &serde_json::json!({ "port": 80 }), "Running")).await;
    world.until(40_900).await;
    let firing = firing(&world);
    assert!(firing.len() == 1 && firing[0] < 40_500.0, "{firing:?}");
}

/// A pod that waits is slow when it is ten minutes old; the news of it come a minute after that, and are older.
#[tokio::test]
async fn what_time_began_while_the_news_were_on_their_way_began_then() {
    let mut world = world();
    world.until(500).await;
    world
        .queue
        .set_unkindness(QueueUnkindness { delay_max: Duration::from_mins(5), ..QueueUnkindness::NONE });
    world.apply("ConfigMap", &Config::Good.json("settings", 1)).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.apply("Pod", &Pod { phase: "Pending", ..pod(name) }.json(name, 2)).await;
    }
    world.until(2_000).await;
    let slow: Vec<_> = world.findings.iter().filter(|finding| finding.rule == "Slow").collect();
    let since: Vec<_> = slow.iter().map(|finding| finding.since).collect();
    assert_eq!(since, [at(600); 6]);
    assert!(
        slow.iter().all(|finding| finding.fired_at >= at(660)),
        "it fired over a time in which it was not slow"
    );
}

#[tokio::test]
async fn what_breaks_again_is_another_episode_though_the_object_gives_the_same_time() {
    let rule = "Unready: { resource: Pod, duration: 5m, since: [status, startTime], checkField: \
                [{ field: [status, ready], equalValue: ['false'] }] }\n";
    let mut world = World::new(rules(rule));
    world.until(1_000).await;
    for (version, ready, until) in [(1, false, 1_100), (2, true, 2_000), (3, false, 2_100)] {
        let pod = serde_json::json!({
            "metadata": { "namespace": "shop", "name": "web-0", "uid": "u", "resourceVersion": version.to_string() },
            "status": { "ready": ready, "startTime": at(0) },
        });
        world.apply("Pod", &pod).await;
        world.until(until).await;
    }
    let [first, end, second] = &world.findings[..] else { panic!("{:?}", world.findings) };
    assert_eq!((first.since, second.since), (at(0), at(0)));
    assert_eq!(first.fingerprint, end.fingerprint);
    assert_ne!(
        first.fingerprint, second.fingerprint,
        "whoever is told of episodes would take it for the first one"
    );
}

#[tokio::test]
async fn each_change_is_counted_and_what_is_given_up_is_named() {
    let mut world = world();
    world.counts = true;
    let (good, bad) = (pod("a").json("a", 1), serde_json::json!({ "metadata": "none" }));
    let told = |object| Told { kind: ChangeKind::Applied, of: "Pod", object: Some(object), list: None };
    world.tell(&[told(&good), told(&bad), told(&good)]).await;
    world.tell(&[told(&bad)]).await;
    world.until(40).await;
    world.tell(&[]).await;
    world.until(41).await;
    let summary = Ledger::new(&world.store).summary().await.unwrap();
    let lines: Vec<String> = summary.clusters.iter().map(|cluster| cluster.counts.to_string()).collect();
    assert_eq!(lines, ["in 4, out 2, waiting 0, dead 2 (object_malformed 2)"]);
    assert!(summary.adds_up());
}

#[tokio::test]
async fn malformed_changes_are_put_aside_with_their_reasons_and_do_not_go_round_again() {
    let mut world = world();
    let bad = serde_json::json!({ "metadata": "none" });
    let told = || Told { kind: ChangeKind::Applied, of: "Pod", object: Some(&bad), list: None };
    world.tell(&[told(), told()]).await;
    world.until(1).await;
    let dead = world.queue.dead_letters(QueueName::Changes);
    let reasons: Vec<&str> = dead.iter().map(|letter| letter.reason.as_str()).collect();
    assert!(reasons.len() == 2 && reasons.iter().all(|reason| reason.contains("metadata")), "{reasons:?}");
    for letter in dead {
        let Body::Pack(bytes) = letter.delivery.body else { panic!("{letter:?}") };
        let decoded = pack::decode(&bytes, pack::UNCOMPRESSED_MAX).unwrap();
        assert_eq!(decoded.changes.len(), 1, "alone, so that it can be tried again alone");
    }
    assert_eq!((world.queue.sent(), world.queue.waiting(QueueName::Changes)), (1, 0), "the pack itself");
}

#[tokio::test]
async fn a_pack_that_kills_whoever_handles_it_is_on_its_way_and_not_lost_and_counts_once_it_is_handled() {
    let mut seen = std::collections::BTreeSet::new();
    for polls in 0..30 {
        let mut world = world();
        world.counts = true;
        world.tell(&[]).await;
        world.until(1).await;
        world.apply("Pod", &pod("a").json("a", 1)).await;
        world.death = Box::new(move || Some(polls));
        world.until(220).await;
        seen.insert(line_of(&world).await);
        world.death = Box::new(|| None);
        world.until(400).await;
        assert_eq!(line_of(&world).await, "in 1, out 1, waiting 0, dead 0", "after deaths at {polls}");
    }
    assert!(seen.contains("in 1, out 0, waiting 1 (1 tried in vain so far), dead 0"), "{seen:?}");
    assert!(seen.iter().all(|line| !line.contains("LOST") && line.ends_with("dead 0")), "{seen:?}");
}

async fn line_of(world: &crate::world::World) -> String {
    let summary = Ledger::new(&world.store).summary().await.unwrap();
    summary.clusters[0].counts.to_string()
}

/// What is looked at because the one that referred to it went, is so at once where it is doubted.
#[tokio::test]
async fn what_nothing_refers_to_any_more_begins_when_that_went_also_where_the_cluster_was_set_back() {
    let unused = "
Unused:
  { resource: ConfigMap, duration: 30s, resolveAfter: 1m, reference:
    { resource: Pod, direction: incoming, name: [spec, config], exists: false } }
";
    let mut world = World::new(rules(unused));
    world.live("Pod", &Pod { config: "another", ..pod("b") }.json("b", 2));
    world.apply("ConfigMap", &Config::Good.json("settings", 5)).await;
    world.until(20).await;
    world.apply("Pod", &pod("a").json("a", 6)).await;
    world.until(100).await;
    assert_eq!(world.checks(), [], "it is referred to");
    world.live_without("ConfigMap", &Config::Good.json("settings", 5));
    world.live("ConfigMap", &Config::Good.json("settings", 3));
    world.until(123).await;
    world.delete("Pod", &pod("a").json("a", 7)).await;
    world.until(124).await;
    let [check] = &world.checks()[..] else { panic!("{:#?}", world.checks()) };
    assert_eq!((check.resource_version, check.woken, check.doubted), (3, None, false));
    world.until(300).await;
    let fired: Vec<_> = world.findings.iter().map(|f| (seconds(f.since), seconds(f.fired_at))).collect();
    assert_eq!(fired, [(123.0, 153.0)]);
}
