//! Two clusters of one stack that hold the same object, down to its uid.

use crate::truth::Pod;
use crate::world::{Told, World, at, rules};
use prodrome_lambda::metric;
use prodrome_model::{ChangeKind, Finding, FindingState, Scope};
use serde_json::{Value, json};

const RULES: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
";
const EAST: usize = 0;
const WEST: usize = 1;

fn pod(phase: &'static str, version: u64) -> Value {
    Pod { uid: "u".into(), created: 0, phase, ready: true, config: "settings" }.json("web", version)
}

async fn apply(world: &mut World, cluster: usize, phase: &'static str, version: u64) {
    world.turn_to(cluster);
    world.apply("Pod", &pod(phase, version)).await;
}

/// A cluster's watcher lists the pods anew, and finds none.
async fn lists_none(world: &mut World, cluster: usize) {
    world.turn_to(cluster);
    let list = Some("1/pods/2".to_owned());
    world.tell(&[Told { kind: ChangeKind::ListEnd, of: "Pod", object: None, list }]).await;
}

/// What was told of a cluster by a rule: `fired` or the reason of its end.
fn told(world: &World, cluster: &str, rule: &str) -> Vec<String> {
    let of = world.findings.iter().filter(|f| f.scope.cluster == cluster && f.rule == rule);
    let line = |finding: &Finding| match &finding.state {
        FindingState::Firing => "fired".to_owned(),
        FindingState::Ended(end) => format!("{:?}", end.reason),
    };
    of.map(line).collect()
}

/// Each watcher that is heard sends what it sends where nothing changes.
async fn heartbeats(world: &mut World, heard: &[usize], from: i64, to: i64) {
    for second in (from..to).step_by(60) {
        world.until(second).await;
        for cluster in heard {
            world.turn_to(*cluster);
            world.tell(&[]).await;
        }
    }
}

#[tokio::test]
async fn the_same_object_in_two_clusters_is_two_alerts_and_each_ends_on_its_own() {
    let scopes = ["east", "west"].map(|cluster| Scope::new("default", "local", cluster));
    let mut world = World::of_clusters(&rules(RULES), scopes.to_vec());
    (world.counts, world.lag_seconds) = (true, Some(0));
    for cluster in [EAST, WEST] {
        apply(&mut world, cluster, "Failed", 2).await;
    }
    heartbeats(&mut world, &[EAST, WEST], 10, 100).await;
    let [one, other] = &world.findings[..] else { panic!("{:#?}", world.findings) };
    assert_ne!(one.fingerprint, other.fingerprint);
    assert_eq!((&one.subject, &one.scope, &other.scope), (&other.subject, &scopes[0], &scopes[1]));

    // One recovers.
    apply(&mut world, EAST, "Running", 3).await;
    heartbeats(&mut world, &[EAST, WEST], 110, 300).await;
    assert_eq!(told(&world, "east", "Failed"), ["fired", "Recovered"]);
    assert_eq!(told(&world, "west", "Failed"), ["fired"]);

    // One is broken anew, goes unseen, and is not in the list that follows. The other's check is not even looked at.
    apply(&mut world, EAST, "Failed", 4).await;
    heartbeats(&mut world, &[EAST, WEST], 310, 370).await;
    let of_west = |world: &World| world.checks().into_iter().find(|c| c.scope == scopes[1]).unwrap();
    let before = of_west(&world);
    world.turn_to(EAST);
    world.live_without("Pod", &pod("Failed", 4));
    lists_none(&mut world, EAST).await;
    let due = before.due.duration_since(at(0)).as_secs();
    assert!(due > 500, "it is looked at by itself at {due}");
    heartbeats(&mut world, &[EAST, WEST], 375, 495).await;
    assert_eq!(told(&world, "east", "Failed")[2..], ["fired", "Deleted"]);
    let after = of_west(&world);
    assert_eq!((after.due, after.list, told(&world, "west", "Failed").len()), (before.due, before.list, 1));

    // One goes silent. The other's alert fires and ends as ever, and the silence is told of the one alone.
    apply(&mut world, EAST, "Failed", 5).await;
    heartbeats(&mut world, &[EAST], 560, 1_200).await;
    apply(&mut world, EAST, "Running", 6).await;
    heartbeats(&mut world, &[EAST], 1_210, 1_500).await;
    assert_eq!(told(&world, "west", "ClusterSilent"), ["fired"]);
    assert_eq!(told(&world, "east", "ClusterSilent"), [""; 0]);
    assert_eq!(told(&world, "east", "Failed")[4..], ["fired", "Recovered"]);
    assert_eq!(told(&world, "west", "Failed"), ["fired"], "nobody knows");

    // It is heard again, and what recovered there ends.
    apply(&mut world, WEST, "Running", 7).await;
    heartbeats(&mut world, &[EAST, WEST], 1_510, 1_800).await;
    assert_eq!(told(&world, "west", "ClusterSilent"), ["fired", "Recovered"]);
    assert_eq!(told(&world, "west", "Failed"), ["fired", "Recovered"]);
    assert_eq!(told(&world, "east", "Failed").len(), 6);
    assert_eq!(world.checks(), []);
}

const UNUSED: &str = "
Unused:
  resource: ConfigMap
  duration: 30s
  reference: { resource: Pod, direction: incoming, name: [spec, volumes, configMap, name], exists: false }
";

/// Two clusters are asked for the same kind in the same namespace at the same instant.
#[tokio::test]
async fn what_uses_an_object_in_one_cluster_uses_none_in_the_other() {
    let scopes = ["east", "west"].map(|cluster| Scope::new("default", "local", cluster));
    let mut world = World::of_clusters(&rules(UNUSED), scopes.to_vec());
    let metadata =
        |name: &str| json!({ "namespace": "shop", "name": name, "uid": name, "resourceVersion": "1" });
    let settings = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("settings") });
    for (cluster, used) in [(EAST, "settings"), (WEST, "others")] {
        world.turn_to(cluster);
        let volumes = json!([{ "name": "v", "configMap": { "name": used } }]);
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata("web"),
            "spec": { "volumes": volumes } });
        world.live("Pod", &pod);
        world.apply("ConfigMap", &settings).await;
    }
    world.until(60).await;
    assert_eq!(told(&world, "west", "Unused"), ["fired"]);
    assert_eq!(told(&world, "east", "Unused"), [""; 0]);
}

/// A cluster to which there is no way: what goes there brings no pack back, and what is asked for is asked ever less often.
#[tokio::test]
async fn a_cluster_that_cannot_be_read_holds_no_pack_up_and_is_asked_less_and_less() {
    let (text, unused) = (RULES.to_owned() + UNUSED, "settings");
    let mut world = World::new(rules(&text));
    let metadata =
        |name: &str| json!({ "namespace": "shop", "name": name, "uid": name, "resourceVersion": "1" });
    let volumes = json!([{ "name": "v", "configMap": { "name": unused } }]);
    let user = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata("user"), "spec": { "volumes": volumes } });
    let settings = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(unused) });
    world.live("ConfigMap", &settings);
    let another = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata("another"), "spec": {} });
    world.live("Pod", &another);
    world.set_unreadable(0, 100);
    let failed = pod("Failed", 7);
    let told = |kind, object| Told { kind, of: "Pod", object: Some(object), list: None };
    world.tell(&[told(ChangeKind::Deleted, &user), told(ChangeKind::Applied, &failed)]).await;
    world.until(2).await;
    assert_eq!(world.findings.len(), 1, "the pack is handled: {:#?}", world.findings);
    let asked = world.tally.count(metric::CLUSTER_ERRORS);
    world.until(3_600).await;
    let lists = world.tally.count(metric::CLUSTER_ERRORS) - asked;
    // A look a minute at what was told, and 10 s, 20 s, … 10 min apart a list.
    assert!((60..90).contains(&lists), "{lists}");
    world.set_unreadable(0, 0);
    world.until(4_300).await;
    let rules: Vec<&str> = world.findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(rules, ["Failed", "Failed", "Unused"]);
}
