//! Rules that are objects: the API server takes them by the definition that is deployed, and their statuses say whether
//! they compile.

use prodrome_model::Scope;
use prodrome_rulebook::tenants::rule_name;
use prodrome_test_cluster::{Cluster, together};
use prodrome_watcher::{Clock, RuleStatuses};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const RULES: &str = "/apis/prodrome.dev/v1alpha1/namespaces/rule-objects/diagnosisrules";

fn rule(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "prodrome.dev/v1alpha1", "kind": "DiagnosisRule",
        "metadata": { "name": name, "namespace": "rule-objects" }, "spec": spec })
}

fn sound() -> Value {
    json!({ "resource": "Deployment", "duration": "5m",
        "checkField": [{ "field": ["status", "readyReplicas"], "nilValue": true }] })
}

fn with(key: &str, value: Value) -> Value {
    let mut spec = sound();
    spec[key] = value;
    spec
}

async fn until(cluster: &Cluster, name: &str, generation: u64) -> Value {
    // The API server tells nobody here; the caller's time runs out where it does not come.
    loop {
        let status = cluster.get(&format!("{RULES}/{name}")).await["status"].clone();
        if status["observedGeneration"] == generation {
            return status["conditions"][0].clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_status_of_a_rule_says_whether_it_compiles_and_nothing_else_may_be_written() {
    let name = "the_status_of_a_rule_says_whether_it_compiles_and_nothing_else_may_be_written";
    let Some(cluster) = together(name).await else { return };
    let overlay =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/overlays/namespace-rules/definition.yaml");
    cluster.kubectl(&["apply", "-f", overlay.to_str().unwrap()]).await;
    cluster
        .kubectl(&["wait", "--for=condition=Established", "crd/diagnosisrules.prodrome.dev", "--timeout=60s"])
        .await;
    cluster.namespace("rule-objects").await;
    let account = cluster.account("rule-objects", "watcher").await;
    let may: [(&str, &[&str], &[&str]); 2] = [
        ("prodrome.dev", &["diagnosisrules"], &["list", "watch"]),
        ("prodrome.dev", &["diagnosisrules/status"], &["patch"]),
    ];
    cluster.allow(&account, &may).await;

    // What the schema knows to be wrong is not taken at all.
    let folder = tempfile::tempdir().unwrap();
    for (spec, want) in [
        (with("severity", json!("P1")), "Unsupported value"),
        (with("owner", json!("platform")), "Unsupported value"),
        (with("frequency", json!({ "count": 1, "within": "5m" })), "greater than or equal to 2"),
        (json!({ "resource": "Pod" }), "Required value"),
    ] {
        let file = folder.path().join("rule.json");
        std::fs::write(&file, rule("wrong", &spec).to_string()).unwrap();
        let refused = cluster.try_kubectl(&["create", "-f", file.to_str().unwrap()]).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(want), "{spec}: {said}");
    }

    cluster.create(RULES, &rule("sound", &sound())).await;
    cluster.create(RULES, &rule("greedy", &with("resource", json!("*")))).await;
    let scope = Scope::new("default", "local", "test");
    let statuses = RuleStatuses::new(account.client().await, scope.clone(), Vec::new());
    let writing = tokio::spawn(statuses.run(Clock::system()));
    let compiled = until(&cluster, "sound", 1).await;
    assert_eq!((&compiled["type"], &compiled["status"]), (&json!("Compiled"), &json!("True")), "{compiled}");
    let called = format!("in alerts it is called {}", rule_name(&scope, "rule-objects", "sound"));
    assert_eq!(compiled["message"], called, "as evaluate calls it");
    let refused = until(&cluster, "greedy", 1).await;
    assert_eq!((&refused["status"], &refused["reason"]), (&json!("False"), &json!("Refused")));
    assert!(
        refused["message"].as_str().unwrap().contains("spec.resource: expected kinds by name"),
        "{refused}"
    );

    // Mended, it says so; and the one that nobody changed is not written again.
    let version = cluster.get(&format!("{RULES}/sound")).await["metadata"]["resourceVersion"].clone();
    cluster.patch(&format!("{RULES}/greedy"), &json!({ "spec": { "resource": "Pod" } })).await;
    let mended = until(&cluster, "greedy", 2).await;
    assert_eq!(mended["status"], "True", "{mended}");
    assert_eq!(cluster.get(&format!("{RULES}/sound")).await["metadata"]["resourceVersion"], version);
    writing.abort();

    // The account may write a status, and neither a rule nor anything else.
    let writes = cluster.writes_of(&account).await;
    assert!(writes.len() == 1 && writes[0].contains("diagnosisrules.prodrome.dev/status"), "{writes:?}");
}
