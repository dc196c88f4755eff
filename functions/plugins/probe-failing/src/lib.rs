//! Why a probe fails: what the kubelet says, and whether the probe asks where the container listens.

use prodrome_plugin::pod::{Container, containers};
use prodrome_plugin::{
    Context, Event, Evidence, Explained, NoParams, Object, Plugin, Problem, Response, Texts,
};
use serde_json::Value;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("probe-failing", diagnose)
        .about("Why a probe fails.")
        .reads("", "pods", &["get", "list"])
        .reads("", "pods/log", &["get"])
        .reads("", "services", &["get", "list"])
        .reads("apps", "deployments", &["list"])
        .reads("apps", "statefulsets", &["list"])
        .reads("networking.k8s.io", "networkpolicies", &["list"])
        .reads("", "events", &["list"])
        .names_of(Texts::AREAS_OF_LOGS)
        .names(Texts::OTHERS_OF_LOGS)
}

/// How many failures of a liveness probe are too many for a pod that is not restarted.
const ON_AND_ON: u32 = 20;

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    for pod in pods.iter().take(3) {
        let events = context.cluster().events(pod).await.unwrap_or_default();
        let failures: Vec<&Event> = events
            .iter()
            .filter(|event| {
                event.reason == "Unhealthy" || (event.reason == "Killing" && event.message.contains("probe"))
            })
            .collect();
        let unready = containers(pod).into_iter().find(|c| !c.init && c.running.is_some() && !c.ready);
        let well = prodrome_plugin::pod::is_well(pod);
        let fails_often = !well && failures.iter().any(|event| event.count > 2);
        let killed = failures.iter().any(|event| event.reason == "Killing");
        // A liveness probe whose threshold is far away leaves the pod ready, and fails on and on.
        let goes_on =
            failures.iter().any(|e| e.message.starts_with("Liveness probe") && e.count >= ON_AND_ON);
        let told = fails_often || killed || goes_on || unready.is_some();
        if !told {
            continue;
        }
        let mut logs = Texts::new();
        if let Some(container) = &unready
            && let Ok(Some(log)) = context.cluster().logs(pod.reference(), &container.name, false).await
        {
            logs.log(&log);
        }
        let said = match logs.explain() {
            Some(explained) => Some(context.follow(pod, explained).await),
            None => None,
        };
        let mut response = explain(pod, unready.as_ref(), &failures, said);
        // A probe that says what it misses is not itself at fault.
        let of_readiness =
            failures.iter().find_map(|event| event.message.strip_prefix("Readiness probe failed: "));
        if response.cause.as_deref() == Some("probe-failed")
            && let Some(said) = of_readiness
            && let Some(behind) = context.waits_for(pod, said).await
        {
            response = response.evidence.into_iter().fold(behind, Response::because);
        }
        let faulty = response.faulty.clone().unwrap_or_else(|| context.workload().clone());
        return Ok(response.blaming(faulty));
    }
    Ok(Response::cleared("no probe fails").ruling_out("probe-failed"))
}

fn explain(
    pod: &Object,
    unready: Option<&Container>,
    failures: &[&Event],
    said_in_log: Option<Explained>,
) -> Response {
    let said = failures.iter().find(|event| event.reason == "Unhealthy").or_else(|| failures.first());
    let text = said.map_or("", |event| event.message.as_str());
    let which = ["Startup", "Liveness", "Readiness"]
        .into_iter()
        .find(|word| text.contains(word) || text.contains(&word.to_lowercase()));
    let name = unready.map_or_else(|| "a container".to_owned(), |container| container.name.clone());
    let has_probe =
        unready.is_some_and(|container| probe(pod, &container.name, which.unwrap_or("Readiness")).is_some());
    if said.is_none() && !has_probe {
        return match said_in_log {
            Some(explained) => explained.response,
            None => Response::unknown(format!("{name} runs and is not ready, and nothing says why")),
        };
    }
    let kind = which.unwrap_or("Readiness");
    let summary = format!("the {} probe of {name} fails", kind.to_lowercase());
    let confidence = if said.is_some() { 0.85 } else { 0.75 };
    let mut response = Response::cause("probe-failed", confidence, summary);
    if let Some(event) = said {
        let evidence = Evidence::new("event", event.message.clone()).on(pod.reference().clone());
        response = response.because(evidence);
    } else {
        let evidence =
            Evidence::new("status", format!("{name} runs, has a readiness probe, and is not ready"));
        response =
            response.because(evidence).without("what the probe hears", "there is no event about it any more");
    }
    if let Some(container) = unready
        && let Some(probe) = probe(pod, &container.name, kind)
    {
        let (asks, listens) = (port(probe), ports(pod, &container.name));
        if let Some(asks) = asks.filter(|asks| !listens.is_empty() && !listens.contains(asks)) {
            response = response
                .because(Evidence::new(
                    "spec",
                    format!("the probe asks port {asks}, the container declares {}", listens.join(", ")),
                ))
                .remedy("Let the probe ask a port on which the container listens.");
        }
    }
    // Why the program does not answer is the cause behind the cause.
    if let Some(explained) = said_in_log.filter(|explained| explained.response.confidence >= 0.8) {
        let mut behind = explained.response;
        behind.evidence.extend(response.evidence);
        behind.confidence = behind.confidence.min(0.87);
        return behind;
    }
    response.remedy(format!(
        "Compare the {} probe's port, path and times with what the program does.",
        kind.to_lowercase()
    ))
}

fn spec<'p>(pod: &'p Object, container: &str) -> Option<&'p Value> {
    pod.list("/spec/containers")
        .iter()
        .chain(pod.list("/spec/initContainers"))
        .find(|spec| spec["name"] == container)
}

fn probe<'p>(pod: &'p Object, container: &str, kind: &str) -> Option<&'p Value> {
    let key = format!("{}Probe", kind.to_lowercase());
    spec(pod, container).map(|spec| &spec[key.as_str()]).filter(|probe| probe.is_object())
}

fn port(probe: &Value) -> Option<String> {
    ["httpGet", "tcpSocket", "grpc"].iter().find_map(|way| match &probe[way]["port"] {
        Value::Number(number) => Some(number.to_string()),
        Value::String(name) => Some(name.clone()),
        _ => None,
    })
}

/// The numbers and names of a container's ports.
fn ports(pod: &Object, container: &str) -> Vec<String> {
    let ports = spec(pod, container).and_then(|spec| spec["ports"].as_array());
    let each = ports.into_iter().flatten();
    each.flat_map(|port| {
        [port["containerPort"].as_u64().map(|n| n.to_string()), port["name"].as_str().map(str::to_owned)]
    })
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_probe_that_asks_the_wrong_port_is_shown() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop" },
            "spec": { "containers": [{ "name": "web", "ports": [{ "containerPort": 8080 }], "readinessProbe": { "tcpSocket": { "port": 9090 } } }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }],
                "containerStatuses": [{ "name": "web", "ready": false, "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } } }] } });
        let kit = Kit::new().with(pod).event(
            "Pod shop/web-0",
            "Warning",
            "Unhealthy",
            "Readiness probe failed: dial tcp 10.0.0.5:9090: connect: connection refused",
        );
        let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
        assert_eq!(answer.cause.as_deref(), Some("probe-failed"));
        assert!(answer.evidence.iter().any(|e| e.text.contains("asks port 9090")), "{answer:?}");
    }

    #[tokio::test]
    async fn a_probe_that_names_what_it_waits_for_leads_to_it_while_that_is_not_ready() {
        let pod = |name: &str, ready: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "shop", "uid": name, "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "readinessProbe": { "exec": { "command": ["check"] } } }] },
                "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }],
                    "containerStatuses": [{ "name": "main", "ready": ready == "True", "state": { "running": { "startedAt": "2026-01-01T11:00:00Z" } } }] } })
        };
        let service = |name: &str| {
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "shop" },
                "spec": { "selector": { "app": name } } })
        };
        for (ready, said, want) in [
            ("False", "db: no endpoints", ("app-dependency-unreachable", "db")),
            ("True", "db: no endpoints", ("probe-failed", "api")),
            ("False", "api: starting", ("probe-failed", "api")),
            ("False", "dbx is not there", ("probe-failed", "api")),
        ] {
            let kit = Kit::new()
                .with(pod("api", "False"))
                .with(pod("db", ready))
                .with(service("api"))
                .with(service("db"));
            let said = format!("Readiness probe failed: {said}");
            let answer =
                kit.event("Pod shop/api", "Warning", "Unhealthy", &said).ask(&plugin(), "Pod shop/api").await;
            let faulty = answer.faulty.as_ref().map(|faulty| faulty.name.as_str());
            assert_eq!((answer.cause.as_deref(), faulty), (Some(want.0), Some(want.1)), "{said}: {answer:?}");
        }
    }
}
