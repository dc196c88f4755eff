//! Whether a new version is at fault: which revision's pods are not well, and what changed between the templates.

mod versions;
mod writer;

use prodrome_plugin::{Cause, Context, Evidence, FactType, NoParams, Object, Plugin, Problem, Response};
use serde_json::Value;
use versions::Version;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("rollout", diagnose)
        .about("Whether a new version is at fault.")
        .reads("", "pods", &["get", "list"])
        .reads("apps", "deployments", &["get", "list"])
        .reads("batch", "cronjobs", &["list"])
        .reads("apps", "replicasets", &["list"])
        .reads("apps", "statefulsets", &["get"])
        .reads("apps", "daemonsets", &["get"])
        .reads("apps", "controllerrevisions", &["list"])
        .fact("changed", FactType::Texts)
        .fact("scaledToZero", FactType::Bool)
        .names(&[Cause::RolloutBadVersion, Cause::ConflictingWriter])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let workload = context.workload();
    if !matches!(workload.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
        return Ok(Response::cleared("it is not made by anything that has versions"));
    }
    let Some(top) = context.cluster().fetch(workload).await? else {
        return Ok(Response::cleared("the workload that made it is gone"));
    };
    let pods = context.pods_of(&top).await?;
    if top.kind() == "Deployment"
        && let Some(response) = writer::of_limits(&context, &top, &pods).await
    {
        return Ok(response);
    }
    Ok(explain(&top, &versions::of(&context, &top).await?, &pods))
}

fn explain(top: &Object, versions: &[Version], pods: &[Object]) -> Response {
    let name = top.name();
    let [new, old, ..] = versions else {
        return Response::cleared(format!("{name} has had one version only"));
    };
    let changes = changes(&old.template, &new.template);
    let well = |pods: &[&Object]| pods.iter().filter(|pod| prodrome_plugin::pod::is_well(pod)).count();
    let (of_new, of_old) = (new.pods(pods), old.pods(pods));
    let texts: Vec<Value> = changes.iter().map(|change| Value::from(change.as_str())).collect();
    if !of_new.is_empty() && well(&of_new) == 0 && well(&of_old) > 0 {
        let summary = format!(
            "only the pods of the newest version of {name} are not well: {} of {}, while {} of the version before are",
            of_new.len(),
            of_new.len(),
            well(&of_old)
        );
        let mut response = Response::cause("rollout-bad-version", 0.55, summary);
        for change in changes.iter().take(5) {
            response = response.because(Evidence::new("change", change.clone()).on(top.reference().clone()));
        }
        return response
            .remedy(format!("Undo the change: kubectl rollout undo {}/{name}.", top.kind().to_lowercase()))
            .blaming(top.reference().clone())
            .fact("changed", texts);
    }
    let mut response =
        Response::cleared(format!("the versions of {name} do not differ in how well they are"));
    for change in changes.iter().take(3) {
        response = response.because(Evidence::new("change", change.clone()));
    }
    response.fact("changed", texts)
}

/// What differs between two templates: images, commands, variables, resources, probes.
fn changes(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for list in ["initContainers", "containers"] {
        let empty = Vec::new();
        let (before, after) = (&old["spec"][list], &new["spec"][list]);
        let before = before.as_array().unwrap_or(&empty);
        for container in after.as_array().unwrap_or(&empty) {
            let name = container["name"].as_str().unwrap_or_default();
            let Some(was) = before.iter().find(|was| was["name"] == container["name"]) else {
                found.push(format!("the container {name} is new"));
                continue;
            };
            for key in [
                "image",
                "command",
                "args",
                "resources",
                "readinessProbe",
                "livenessProbe",
                "startupProbe",
                "ports",
                "volumeMounts",
            ] {
                if was[key] != container[key] {
                    found.push(format!(
                        "{name}.{key}: {} became {}",
                        shown(&was[key]),
                        shown(&container[key])
                    ));
                }
            }
            for variable in container["env"].as_array().unwrap_or(&empty) {
                let was = was["env"]
                    .as_array()
                    .unwrap_or(&empty)
                    .iter()
                    .find(|was| was["name"] == variable["name"]);
                // Values may be secrets: that it changed is told, and not into what.
                if was != Some(variable) {
                    found.push(format!(
                        "{name}.env.{} changed",
                        variable["name"].as_str().unwrap_or_default()
                    ));
                }
            }
            for was in was["env"].as_array().unwrap_or(&empty) {
                let still = container["env"]
                    .as_array()
                    .unwrap_or(&empty)
                    .iter()
                    .any(|now| now["name"] == was["name"]);
                if !still {
                    found.push(format!(
                        "{name}.env.{} was taken out",
                        was["name"].as_str().unwrap_or_default()
                    ));
                }
            }
        }
    }
    for key in [
        "nodeSelector",
        "affinity",
        "tolerations",
        "serviceAccountName",
        "volumes",
        "dnsPolicy",
        "securityContext",
        "topologySpreadConstraints",
    ] {
        if old["spec"][key] != new["spec"][key] {
            found.push(format!("{key} changed"));
        }
    }
    found
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().nth(80).is_some() { text.chars().take(79).chain(['…']).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_changed_is_told_without_values_of_variables() {
        let template = |image: &str, secret: &str| json!({ "spec": { "containers": [{ "name": "c", "image": image, "env": [{ "name": "KEY", "value": secret }] }] } });
        let found = changes(&template("a:1", "old"), &template("a:2", "hunter2"));
        assert_eq!(found, ["c.image: a:1 became a:2", "c.env.KEY changed"]);
    }

    #[tokio::test]
    async fn what_changed_between_two_templates_is_told_of_every_kind_that_has_versions() {
        use prodrome_plugin::kit::Kit;
        let owned = |kind: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": "db", "uid": "db", "controller": true }]);
        let revision = |kind: &str, name: &str, number: u64, image: &str| {
            json!({ "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": number,
                "metadata": { "name": name, "namespace": "shop", "uid": name, "ownerReferences": owned(kind), "labels": { "controller-revision-hash": name } },
                "data": { "spec": { "template": { "$patch": "replace", "spec": { "containers": [{ "name": "db", "image": image }] } } } } })
        };
        let pod = |kind: &str, name: &str, hash: &str, ready: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "shop", "uid": name, "ownerReferences": owned(kind),
                    "labels": { "controller-revision-hash": hash } },
                "spec": { "containers": [{ "name": "db" }] },
                "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] } })
        };
        for kind in ["StatefulSet", "DaemonSet"] {
            let top = json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "db", "namespace": "shop", "uid": "db" } });
            let kit = Kit::new()
                .with(top)
                // The one that was rolled back to has the highest number, whatever its age.
                .with(revision(kind, "db-b", 3, "db:16"))
                .with(revision(kind, "db-a", 2, "db:15"))
                .with(pod(kind, "db-0", "db-a", "True"))
                .with(pod(kind, "db-1", "db-b", "False"));
            let answer = kit.ask(&plugin(), &format!("apps/{kind} shop/db")).await;
            assert_eq!(answer.cause.as_deref(), Some("rollout-bad-version"), "{kind}: {answer:?}");
            assert!(
                answer.evidence.iter().any(|e| e.text == "db.image: db:15 became db:16"),
                "{kind}: {answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn who_writes_a_limit_behind_the_makers_back_is_found_and_who_made_the_workload_is_not() {
        use prodrome_plugin::kit::Kit;
        let owner = |kind: &str, name: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true }]);
        let wrote = |manager: &str, at: &str, selector: bool, fields: Value| {
            let mut spec =
                json!({ "f:template": { "f:spec": { "f:containers": { "k:{\"name\":\"web\"}": fields } } } });
            if selector {
                spec["f:selector"] = json!({});
            }
            json!({ "manager": manager, "operation": "Update", "time": at, "fieldsV1": { "f:spec": spec } })
        };
        let limit = || json!({ "f:resources": { "f:limits": { "f:memory": {} } } });
        let cron = |name: &str, command: &str| {
            json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": name, "namespace": "ops" },
                "spec": { "jobTemplate": { "spec": { "template": { "spec": { "containers": [{ "name": "c", "command": ["sh", "-c", command] }] } } } } } })
        };
        let tune = "kubectl -n shop set resources deployment web --limits=memory=6Mi";
        for (name, manager, selector, crons, want) in [
            ("by its name", "tuner", false, vec![cron("tuner", "tune")], Some("tuner")),
            ("by what its command names", "kubectl-set", false, vec![cron("nightly", tune)], Some("nightly")),
            ("one of two", "kubectl-set", false, vec![cron("a", tune), cron("b", tune)], None),
            (
                "another workload",
                "kubectl-set",
                false,
                vec![cron("a", "kubectl patch deployment webhook")],
                None,
            ),
            ("a person", "kubectl-set", false, vec![], None),
            ("who made it", "tuner", true, vec![cron("tuner", "tune")], None),
        ] {
            let kit = Kit::new()
                .with(json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop", "uid": "web",
                    "managedFields": [wrote("helm", "2025-06-01T00:00:00Z", true, json!({ "f:image": {} })), wrote(manager, "2026-01-01T11:00:00Z", selector, limit())] } }))
                .with(json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "name": "web-1", "namespace": "shop", "uid": "web-1", "ownerReferences": owner("Deployment", "web") } }))
                .with(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-1-a", "namespace": "shop", "ownerReferences": owner("ReplicaSet", "web-1") },
                    "spec": { "containers": [{ "name": "web" }] },
                    "status": { "phase": "Running", "containerStatuses": [{ "name": "web", "restartCount": 4, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                        "lastState": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } } }] } }));
            let answer = crons.into_iter().fold(kit, Kit::with).ask(&plugin(), "Pod shop/web-1-a").await;
            let blamed = answer.faulty.as_ref().map(|faulty| faulty.name.as_str());
            assert_eq!(blamed, want, "{name}: {answer:?}");
        }
    }
}
