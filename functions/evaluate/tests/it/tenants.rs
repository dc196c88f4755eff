//! Rules that stand in the cluster as objects.

use crate::world::{World, at};
use prodrome_lambda::metric;
use prodrome_lifecycle::keys;
use prodrome_model::{EndReason, FindingState, Scope};
use prodrome_rulebook::tenants::rule_name;
use prodrome_rulebook::{Draft, Rulebook};
use prodrome_rules::SourceFile;
use prodrome_store::{Expect, Record, Store, Write};
use serde_json::{Value, json};

const BASE: &str =
    "PodFailed: { resource: Pod, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }\n";

/// A rule on pods that are not ready, in a namespace; as it stands in this version.
fn rule(namespace: &str, name: &str, version: u64, keys: &Value) -> Value {
    let mut spec = json!({ "resource": "Pod", "resolveAfter": 0,
        "checkField": [{ "field": ["status", "ready"], "equalValue": ["false"] }] });
    for (key, value) in keys.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({
        "apiVersion": "prodrome.dev/v1alpha1", "kind": "DiagnosisRule",
        "metadata": { "namespace": namespace, "name": name, "uid": format!("u-{namespace}-{name}"), "generation": version,
            "resourceVersion": version.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": spec,
    })
}

fn pod(namespace: &str, version: u64) -> Value {
    json!({
        "metadata": { "namespace": namespace, "name": "web-0", "uid": format!("u-{namespace}"), "resourceVersion": version.to_string() },
        "status": { "ready": false, "phase": "Running" },
    })
}

async fn history(world: &World) -> Vec<(u64, String)> {
    let entries = Rulebook::new(world.rule_table.clone()).history().await.unwrap();
    entries.into_iter().map(|entry| (entry.version, entry.who)).collect()
}

#[tokio::test]
async fn a_rule_of_a_namespace_holds_within_seconds_and_for_that_namespace_alone() {
    let mut world = World::following(BASE, 2);
    world.push(BASE).await;
    let unready = rule("shop", "not-ready", 1, &json!({}));
    world.apply("DiagnosisRule", &unready).await;
    world.until(20).await;
    assert_eq!(history(&world).await[0], (2, "the objects of kind".to_owned()));
    for namespace in ["shop", "shop-2"] {
        world.apply("Pod", &pod(namespace, 1)).await;
    }
    world.until(60).await;
    let told: Vec<_> =
        world.findings.iter().map(|f| (f.rule.as_str(), f.subject.object().namespace.as_deref())).collect();
    assert_eq!(told, [(rule_name(&world.scope, "shop", "not-ready").as_str(), Some("shop"))]);
    // With the object the rule goes, and what it told ends.
    world.delete("DiagnosisRule", &unready).await;
    world.until(700).await;
    assert_eq!(history(&world).await[0].0, 3);
    let FindingState::Ended(ended) = &world.findings[1].state else { panic!("{:?}", world.findings) };
    assert_eq!((ended.reason, world.findings.len()), (EndReason::RuleGone, 2));
    // What people pushed is as it was.
    let version = Rulebook::new(world.rule_table.clone()).version(3).await.unwrap();
    assert_eq!(version.rules.keys().collect::<Vec<_>>(), ["PodFailed"]);
}

#[tokio::test]
async fn they_wait_until_somebody_has_pushed_a_first_version() {
    let mut world = World::following(BASE, 1);
    world.apply("DiagnosisRule", &rule("shop", "not-ready", 1, &json!({}))).await;
    world.until(60).await;
    assert!(history(&world).await.is_empty());
    world.push(BASE).await;
    world.until(700).await;
    assert_eq!(history(&world).await.len(), 2);
}

#[tokio::test]
async fn who_changes_a_rule_again_and_again_makes_a_version_every_five_minutes_at_most() {
    let mut world = World::following(BASE, 2);
    world.push(BASE).await;
    for second in 0_u32..1200 {
        if second % 5 == 0 {
            let version = u64::from(second / 5 + 1);
            let changed = rule("shop", "not-ready", version, &json!({ "duration": second }));
            world.apply("DiagnosisRule", &changed).await;
        }
        world.until(i64::from(second)).await;
    }
    world.until(1600).await;
    let versions = history(&world).await;
    assert!((4..=7).contains(&versions.len()), "{versions:?}");
    // And the last of all is what holds in the end.
    let version = Rulebook::new(world.rule_table.clone()).version(versions[0].0).await.unwrap();
    let text = &version.files.iter().find(|file| file.name.ends_with(".shop.yaml")).unwrap().text;
    assert!(text.contains("duration: 19m55s"), "{text}");
    assert_eq!(world.now, at(1600));
}

#[tokio::test]
async fn a_rule_that_does_not_compile_is_counted_and_hurts_no_other() {
    let mut world = World::following(BASE, 1);
    world.push(BASE).await;
    world.apply("DiagnosisRule", &rule("shop", "greedy", 1, &json!({ "resource": "*" }))).await;
    world.apply("DiagnosisRule", &rule("shop", "loud", 2, &json!({ "severity": "P1" }))).await;
    world.apply("DiagnosisRule", &rule("shop", "sound", 3, &json!({}))).await;
    world.until(30).await;
    let version = Rulebook::new(world.rule_table.clone()).version(2).await.unwrap();
    let names: Vec<_> = version.rules.keys().cloned().collect();
    assert_eq!(names, ["PodFailed".to_owned(), rule_name(&world.scope, "shop", "sound")]);
    assert_eq!(world.tally.count(metric::NAMESPACE_RULES_REFUSED), 2);
}

const EAST: usize = 0;
const WEST: usize = 1;

fn scopes() -> Vec<Scope> {
    ["east", "west"].map(|cluster| Scope::new("default", "local", cluster)).to_vec()
}

/// The names of the rules of the version that holds, but for that of people.
async fn held(world: &World) -> Vec<String> {
    let book = Rulebook::new(world.rule_table.clone());
    let head = book.head().await.unwrap().unwrap();
    let mut names: Vec<_> = book.version(head.version).await.unwrap().rules.into_keys().collect();
    names.retain(|name| name != "PodFailed");
    names
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[tokio::test]
async fn a_rule_of_a_namespace_holds_in_its_own_cluster_and_overwrites_none_of_another() {
    let mut world = World::of_clusters_following(BASE, scopes());
    world.push(BASE).await;
    let called = scopes().iter().map(|scope| rule_name(scope, "shop", "mine")).collect::<Vec<_>>();
    // Two teams call their namespace the same, and their rules.
    let of_east = rule("shop", "mine", 1, &json!({}));
    let on_zone = json!([{ "field": ["metadata", "labels", "zone"], "equalValue": ["w"] }]);
    let of_west = rule("shop", "mine", 1, &json!({ "checkField": on_zone }));
    for (cluster, of) in [(EAST, &of_east), (WEST, &of_west)] {
        world.turn_to(cluster);
        world.apply("DiagnosisRule", of).await;
    }
    world.until(200).await;
    assert_eq!(held(&world).await, sorted(called.clone()));
    // In each cluster there is a pod that either rule is about.
    for cluster in [EAST, WEST] {
        world.turn_to(cluster);
        let mut zoned = pod("shop", 1);
        zoned["metadata"]["name"] = json!("web-1");
        zoned["metadata"]["uid"] = json!("u-zoned");
        zoned["metadata"]["labels"] = json!({ "zone": "w" });
        zoned["status"]["ready"] = json!(true);
        world.apply("Pod", &pod("shop", 1)).await;
        world.apply("Pod", &zoned).await;
    }
    world.until(300).await;
    let told = |world: &World| {
        let line = |f: &prodrome_model::Finding| {
            (f.scope.cluster.clone(), f.rule.clone(), f.subject.object().name.clone())
        };
        world.findings.iter().map(line).collect::<Vec<_>>()
    };
    let want = [("east", &called[EAST], "web-0"), ("west", &called[WEST], "web-1")];
    let want = want.map(|(cluster, rule, pod)| (cluster.to_owned(), rule.clone(), pod.to_owned()));
    assert_eq!(told(&world), want);
    // One changes its rule, and takes it away: the other's stays what it is.
    world.turn_to(EAST);
    let changed = rule("shop", "mine", 2, &json!({ "severity": "P4" }));
    world.apply("DiagnosisRule", &changed).await;
    world.until(700).await;
    assert_eq!(held(&world).await, sorted(called.clone()));
    world.delete("DiagnosisRule", &changed).await;
    world.until(1_400).await;
    assert_eq!(held(&world).await, called[WEST..]);
    let ends = world.findings.iter().filter(|f| !matches!(f.state, FindingState::Firing));
    let ends: Vec<_> = ends.map(|finding| finding.scope.cluster.as_str()).collect();
    assert_eq!(ends, ["east"], "{:#?}", world.findings);
}

#[tokio::test]
async fn rules_of_namespaces_that_are_of_no_cluster_go_and_come_back_as_those_of_theirs() {
    let mut world = World::of_clusters_following(BASE, scopes());
    // As an earlier program has left it: one cluster's objects are rules in all clusters.
    let old = SourceFile::new(
        "ns.shop.yaml",
        "MineN01234567: { resource: Pod, namespaces: [shop], checkField: [{ field: [status, ready], equalValue: ['false'] }] }\n",
    );
    let draft = Draft::new("ann", "she knows", [SourceFile::new("rules.yaml", BASE)]);
    let book = Rulebook::new(world.rule_table.clone());
    book.push(&draft, &[old], world.now).await.unwrap();
    assert_eq!(held(&world).await, ["MineN01234567"]);
    let west = &scopes()[WEST];
    let taken = json!({ "layout": 1, "scope": west, "pushedAt": at(-10_000) });
    let record = Record::new(keys::tenants(west), taken.to_string());
    world.store.commit(vec![Write::Put(record, Expect::Absent)]).await.unwrap();
    world.turn_to(WEST);
    world.live("DiagnosisRule", &rule("shop", "mine", 1, &json!({})));

    // Another cluster's objects are taken up: what is of no cluster goes, and the cluster that it was of is read anew as
    // soon as it hears of that.
    world.turn_to(EAST);
    world.apply("DiagnosisRule", &rule("cart", "theirs", 1, &json!({}))).await;
    world.until(30).await;
    let of_east = rule_name(&scopes()[EAST], "cart", "theirs");
    assert_eq!(held(&world).await, *std::slice::from_ref(&of_east));
    world.turn_to(WEST);
    world.heard_of = 2;
    world.tell(&[]).await;
    world.until(100).await;
    assert_eq!(held(&world).await, sorted(vec![of_east, rule_name(west, "shop", "mine")]));
    // Once: nobody is asked again and again.
    let versions = history(&world).await.len();
    for version in [3, 4] {
        world.heard_of = version.min(u64::try_from(versions).unwrap());
        world.tell(&[]).await;
    }
    world.until(2_000).await;
    assert_eq!(history(&world).await.len(), versions);
}
