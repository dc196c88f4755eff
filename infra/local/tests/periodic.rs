//! Periodic checks over many objects: each is asked about once a period, no more than the pace allows, as long as it is
//! there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::{SignedDuration, Timestamp};
use prodrome_local::{Change, Notices, Script, World};
use prodrome_model::{ChangeKind, GroupKind, NoticeKind, PluginResponse, Resource};
use prodrome_recording::builtin_of_kind;
use prodrome_rules::{SourceFile, load};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const RULE: &str = "
EndpointSilent:
  resource: Service
  filterField: [{ field: [spec, type], equalValue: [LoadBalancer] }]
  period: 5m
  plugin: endpoint-probe
  duration: 12m
";
const PERIOD: SignedDuration = SignedDuration::from_mins(5);

fn start() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

fn services() -> Resource {
    builtin_of_kind(&GroupKind::core("Service")).unwrap()
}

fn change(at: Timestamp, kind: ChangeKind, name: &str, version: u32, of: &str) -> Change {
    let object = json!({ "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": "shop", "name": name, "uid": format!("uid-of-{name}"), "resourceVersion": version.to_string() },
        "spec": { "type": of } });
    Change { at, resource: services(), kind, object: object.to_string().into_bytes() }
}

fn world(notices: &Notices) -> World<impl prodrome_lambda::Handler + use<>> {
    let loaded = load(&[SourceFile::new("r.yaml", RULE)]);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    World::new(Arc::new(loaded.rules), start(), |episodes, queue| notices.alerts(episodes, queue))
}

#[tokio::test]
async fn many_objects_are_asked_about_once_a_period_and_not_all_at_once() {
    let (notices, script) = (Notices::default(), Script::default());
    script.say("endpoint-probe", None, PluginResponse::cleared(""));
    let mut world = world(&notices).answering(script.clone());
    let names: Vec<String> = (0..300).map(|n| format!("web-{n}")).collect();
    let all: Vec<Change> =
        names.iter().map(|name| change(start(), ChangeKind::Applied, name, 1, "LoadBalancer")).collect();
    world.apply(&all).await;
    world.run_until(start() + PERIOD * 6).await;
    let asked = script.asked();
    let (mut of_object, mut of_second) =
        (BTreeMap::<&str, Vec<Timestamp>>::new(), BTreeMap::<i64, u32>::new());
    for (at, object) in &asked {
        of_object.entry(&object.name).or_default().push(*at);
        *of_second.entry(at.as_second()).or_default() += 1;
    }
    assert_eq!(of_object.len(), 300);
    for (name, times) in &of_object {
        assert_eq!(times.len(), 6, "{name}: {times:?}");
        let apart = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
        assert!(
            apart.clone().all(|apart| (apart - PERIOD).abs() < SignedDuration::from_secs(10)),
            "{name}: {times:?}"
        );
    }
    assert!(of_second.values().all(|count| *count <= 20), "{:?}", of_second.values().max());
    assert!(notices.take().is_empty());
}

#[tokio::test]
async fn more_than_the_pace_allows_waits_and_nobody_is_forgotten() {
    let (notices, script) = (Notices::default(), Script::default());
    let loaded = load(&[SourceFile::new("r.yaml", RULE.replace("5m", "30s"))]);
    let mut world =
        World::new(Arc::new(loaded.rules), start(), |episodes, queue| notices.alerts(episodes, queue))
            .answering(script.clone());
    script.say("endpoint-probe", None, PluginResponse::cleared(""));
    let names: Vec<String> = (0..600).map(|n| format!("web-{n}")).collect();
    let all: Vec<Change> =
        names.iter().map(|name| change(start(), ChangeKind::Applied, name, 1, "LoadBalancer")).collect();
    world.apply(&all).await;
    world.run_until(start() + SignedDuration::from_mins(4)).await;
    let asked = script.asked();
    let mut of_object = BTreeMap::<&str, u32>::new();
    for (_, object) in &asked {
        *of_object.entry(&object.name).or_default() += 1;
    }
    // 20 a second would be asked; half of that is.
    assert!(asked.len() <= 240 * 10 + 20, "{}", asked.len());
    assert_eq!(of_object.len(), 600);
    let (least, most) = (of_object.values().min().unwrap(), of_object.values().max().unwrap());
    assert!(*least >= 2 && most - least <= 2, "{least} to {most}");
}

#[tokio::test]
async fn the_check_ends_with_its_object_and_where_it_is_no_longer_asked_about() {
    let (notices, script) = (Notices::default(), Script::default());
    script.say("endpoint-probe", None, PluginResponse::cause("lb-target-unhealthy", 0.9, "refused"));
    let mut world = world(&notices).answering(script.clone());
    let applied = |at, name: &str, version, of: &str| change(at, ChangeKind::Applied, name, version, of);
    let first = ["gone", "other", "kept"].map(|name| applied(start(), name, 1, "LoadBalancer"));
    world.apply(&first).await;
    let told_by = start() + SignedDuration::from_mins(18);
    world.run_until(told_by).await;
    let kinds = |notices: &Notices| {
        let mut kinds: Vec<_> = notices.take().into_iter().map(|n| (n.object.name, n.kind)).collect();
        kinds.sort_by(|one, other| one.0.cmp(&other.0));
        kinds
    };
    let alerts = ["gone", "kept", "other"].map(|name| (name.to_owned(), NoticeKind::Alert));
    assert_eq!(kinds(&notices), alerts);
    let deleted = change(told_by, ChangeKind::Deleted, "gone", 2, "LoadBalancer");
    world.apply(&[deleted, applied(told_by, "other", 2, "ClusterIP")]).await;
    let before = script.asked().len();
    world.run_until(told_by + SignedDuration::from_mins(40)).await;
    let since: Vec<_> = script.asked().split_off(before).into_iter().map(|(_, object)| object.name).collect();
    assert!(since.iter().all(|name| name == "kept") && since.len() >= 7, "{since:?}");
    let over: Vec<_> =
        kinds(&notices).into_iter().filter(|(_, kind)| *kind == NoticeKind::Resolved).collect();
    assert_eq!(over, ["gone", "other"].map(|name| (name.to_owned(), NoticeKind::Resolved)));
    let open: Vec<_> = world.open_checks().into_iter().map(|check| check.object.name).collect();
    assert_eq!(open, ["kept"]);
}

#[tokio::test]
async fn where_nobody_asks_there_are_no_checks() {
    let notices = Notices::default();
    let mut world = world(&notices);
    world.apply(&[change(start(), ChangeKind::Applied, "web", 1, "LoadBalancer")]).await;
    world.run_until(start() + PERIOD * 6).await;
    assert!(world.open_checks().is_empty() && notices.take().is_empty());
}
