//! Rules that stand in the cluster as objects.

use crate::world::{World, at};
use prodrome_lambda::metric;
use prodrome_model::{EndReason, FindingState};
use prodrome_rulebook::Rulebook;
use prodrome_rulebook::tenants::rule_name;
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
    assert_eq!(told, [(rule_name("shop", "not-ready").as_str(), Some("shop"))]);
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
    let text = &version.files.iter().find(|file| file.name == "ns.shop.yaml").unwrap().text;
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
    assert_eq!(names, ["PodFailed".to_owned(), rule_name("shop", "sound")]);
    assert_eq!(world.tally.count(metric::NAMESPACE_RULES_REFUSED), 2);
}
