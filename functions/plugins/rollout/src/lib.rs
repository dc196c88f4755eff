//! Whether a new version is at fault: which revision's pods are not well, and what changed between the templates.

use prodrome_plugin::{Context, Evidence, FactType, NoParams, Object, Plugin, Problem, Response};
use serde_json::Value;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("rollout", diagnose)
        .about("Whether a new version is at fault.")
        .reads("", "pods", &["get", "list"])
        .reads("apps", "deployments", &["get"])
        .reads("apps", "replicasets", &["list"])
        .fact("changed", FactType::Texts)
        .fact("scaledToZero", FactType::Bool)
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let workload = context.workload();
    if workload.kind != "Deployment" {
        return Ok(Response::cleared("it is not made by a Deployment"));
    }
    let Some(deployment) = context.cluster().fetch(workload).await? else {
        return Ok(Response::cleared("its Deployment is gone"));
    };
    let uid = deployment.metadata().uid.clone();
    let sets = context.cluster().list("apps/ReplicaSet", deployment.namespace(), None).await?;
    let mut sets: Vec<Object> = sets
        .into_iter()
        .filter(|set| set.metadata().controller().is_some_and(|owner| owner.uid == uid))
        .collect();
    sets.sort_by_key(|set| std::cmp::Reverse(revision(set)));
    let pods = context.pods_of(&deployment).await?;
    Ok(explain(&deployment, &sets, &pods))
}

fn revision(set: &Object) -> u64 {
    set.at("/metadata/annotations/deployment.kubernetes.io~1revision")
        .as_str()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

fn explain(deployment: &Object, sets: &[Object], pods: &[Object]) -> Response {
    let name = deployment.name();
    let [new, old, ..] = sets else {
        return Response::cleared(format!("{name} has had one version only"));
    };
    let of = |set: &Object| -> Vec<&Object> {
        let uid = &set.metadata().uid;
        pods.iter().filter(|pod| pod.metadata().controller().is_some_and(|owner| owner.uid == *uid)).collect()
    };
    let changes = changes(old.at("/spec/template"), new.at("/spec/template"));
    let well = |pods: &[&Object]| pods.iter().filter(|pod| prodrome_plugin::pod::is_well(pod)).count();
    let (of_new, of_old) = (of(new), of(old));
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
            response =
                response.because(Evidence::new("change", change.clone()).on(deployment.reference().clone()));
        }
        return response
            .remedy(format!("Undo the change: kubectl rollout undo deployment/{name}."))
            .blaming(deployment.reference().clone())
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
}
