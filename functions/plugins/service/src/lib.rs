//! Why a Service or an Ingress leads nowhere: selectors, ports, what is selected, what is missing, what shuts callers out.

mod shut;
mod tls;

use prodrome_plugin::{
    Cause, Context, Evidence, LabelSelector, NoParams, Object, ObjectRef, Plugin, Problem, Response, counted,
    none_of,
};
use serde_json::Value;

const WORKLOADS: &[&str] = &["apps/Deployment", "apps/StatefulSet", "apps/DaemonSet"];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("service", diagnose)
        .about("Why a Service or an Ingress leads nowhere.")
        .reads("", "services", &["get", "list"])
        .reads("", "pods", &["list"])
        .reads("apps", "deployments", &["get", "list"])
        .reads("apps", "statefulsets", &["get", "list"])
        .reads("apps", "daemonsets", &["get", "list"])
        .reads("networking.k8s.io", "ingresses", &["get"])
        .reads("networking.k8s.io", "ingressclasses", &["get", "list"])
        .reads_if_granted("", "secrets", &["get", "list"])
        .reads("networking.k8s.io", "networkpolicies", &["get", "list"])
        .names(&[
            Cause::CertExpired,
            Cause::ConfigRefMissing,
            Cause::EndpointsNone,
            Cause::IngressClassMissing,
            Cause::LbBackendMissing,
            Cause::LbCertMissing,
            Cause::NetworkPolicyDenied,
            Cause::ScaledToZero,
            Cause::ServicePortMismatch,
            Cause::ServiceSelectsWrongPods,
            Cause::TrafficPolicyLocal,
        ])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    match subject.kind() {
        "Service" => service(&context, &subject).await,
        "Ingress" => ingress(&context, &subject).await,
        "NetworkPolicy" => shut::policy(&context, &subject).await,
        "Deployment" | "StatefulSet" | "DaemonSet" => Ok(shut::asleep(&subject)),
        _ => Ok(Response::cleared("nothing leads to it by name")),
    }
}

async fn service(context: &Context, service: &Object) -> Result<Response, Problem> {
    let name = service.name();
    let me = service.reference().clone();
    if service.text("/spec/type") == "ExternalName" {
        return Ok(Response::cleared("it is a name for something outside"));
    }
    let Some(selector) = service.selector("/spec/selector") else {
        return Ok(Response::cleared("it selects nothing by itself; its endpoints are written by others"));
    };
    let labels = print(&selector);
    let pods = context.cluster().list("Pod", service.namespace(), Some(&selector)).await?;
    let pods: Vec<&Object> =
        pods.iter().filter(|pod| !matches!(pod.text("/status/phase"), "Succeeded" | "Failed")).collect();
    if pods.is_empty() {
        return nothing_selected(context, service, &selector).await;
    }
    if let Some(response) = shut::other_pods(context, service, &selector).await? {
        return Ok(response.blaming(me));
    }
    if let Some(response) = ports(service, &pods) {
        return Ok(response.blaming(me));
    }
    let ready = pods.iter().filter(|pod| prodrome_plugin::pod::is_well(pod)).count();
    if ready == 0 {
        let summary = none_of(pods.len(), "pod", &format!("that the Service {name} selects"), "ready");
        let faulty = context.top(pods[0]).await;
        return Ok(Response::cause("endpoints-none", 0.55, summary)
            .because(Evidence::new("spec", format!("it selects {labels}")))
            .remedy("See why the pods are not ready.")
            .blaming(faulty));
    }
    let local = ["/spec/internalTrafficPolicy", "/spec/externalTrafficPolicy"];
    if let Some(policy) = local.iter().find(|policy| service.text(policy) == "Local") {
        let summary = format!("the Service {name} leads only to pods on the caller's own node");
        return Ok(Response::cause("traffic-policy-local", 0.6, summary)
            .because(Evidence::new(
                "spec",
                format!("{} = Local", policy.trim_start_matches('/').replace('/', ".")),
            ))
            .remedy("Set the traffic policy to Cluster, or run a pod on each node.")
            .blaming(me));
    }
    let summary = format!(
        "it selects {}, of which {ready} {} ready, and its ports fit",
        counted(pods.len(), "pod"),
        if ready == 1 { "is" } else { "are" }
    );
    Ok(Response::cleared(summary).ruling_out_all(["endpoints-none", "service-port-mismatch"]))
}

/// A selector that no pod has: whose pods were meant, and where are they?
async fn nothing_selected(
    context: &Context,
    service: &Object,
    selector: &LabelSelector,
) -> Result<Response, Problem> {
    let (name, labels) = (service.name(), print(selector));
    let spoken = Evidence::new("spec", format!("it selects {labels}"));
    let mut near: Option<(usize, Object)> = None;
    for kind in WORKLOADS {
        for workload in context.cluster().list(kind, service.namespace(), None).await? {
            let template = template_labels(&workload);
            if selector.selects(&template) {
                return Ok(no_pods(&workload, name, spoken));
            }
            let alike =
                selector.match_labels.iter().filter(|(key, value)| template.get(*key) == Some(value)).count();
            let same_name = usize::from(workload.name() == name) * 2;
            if alike + same_name > 0 && near.as_ref().is_none_or(|(best, _)| alike + same_name > *best) {
                near = Some((alike + same_name, workload));
            }
        }
    }
    let summary = format!("the Service {name} selects no pod: none has the labels {labels}");
    let mut response = Response::cause("endpoints-none", 0.88, summary).because(spoken);
    if let Some((_, workload)) = near {
        let has = print(&LabelSelector::of_labels(template_labels(&workload)));
        response = response
            .because(
                Evidence::new("spec", format!("the pods of {} have the labels {has}", workload.name()))
                    .on(workload.reference().clone()),
            )
            .remedy(format!("Let the selector name the labels of the pods of {}.", workload.name()));
    } else {
        response = response.remedy("Correct the selector, or remove the Service if what it led to is gone.");
    }
    Ok(response.blaming(service.reference().clone()))
}

/// The workload that the Service leads to has no pods.
fn no_pods(workload: &Object, service: &str, spoken: Evidence) -> Response {
    let reference: ObjectRef = workload.reference().clone();
    if workload.number("/spec/replicas") == Some(0.0) {
        let summary = format!(
            "{} {}, to which the Service {service} leads, is scaled to 0",
            workload.kind(),
            workload.name()
        );
        return Response::cause("scaled-to-zero", 0.9, summary)
            .because(Evidence::new("spec", "spec.replicas = 0").on(reference.clone()))
            .because(spoken)
            .remedy(format!("Scale {} up, if it is needed.", workload.name()))
            .blaming(reference);
    }
    let summary =
        format!("{} {}, to which the Service {service} leads, has no pods", workload.kind(), workload.name());
    Response::cause("endpoints-none", 0.5, summary).because(spoken).blaming(reference)
}

/// A port of the Service that none of its pods has.
fn ports(service: &Object, pods: &[&Object]) -> Option<Response> {
    let name = service.name();
    for port in service.list("/spec/ports") {
        let target = &port["targetPort"];
        let number = match target {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => {
                if text.parse::<u64>().is_ok() {
                    text.parse().ok()
                } else {
                    if !pods.iter().any(|pod| container_ports(pod).any(|p| p["name"] == text.as_str())) {
                        let summary = format!(
                            "the Service {name} leads to the port {text}, which no container has by that name"
                        );
                        return Some(mismatch(summary, pods));
                    }
                    None
                }
            }
            _ => port["port"].as_u64(),
        };
        let Some(number) = number else { continue };
        let declared: Vec<u64> = pods
            .iter()
            .flat_map(|pod| container_ports(pod))
            .filter_map(|p| p["containerPort"].as_u64())
            .collect();
        // Declaring ports is free; where none is declared, nothing is known.
        if !declared.is_empty() && !declared.contains(&number) {
            let summary = format!(
                "the Service {name} leads to the port {number}, but its pods have {}",
                list(&declared)
            );
            return Some(mismatch(summary, pods));
        }
    }
    None
}

fn mismatch(summary: String, pods: &[&Object]) -> Response {
    let declared: Vec<u64> = pods
        .iter()
        .flat_map(|pod| container_ports(pod))
        .filter_map(|p| p["containerPort"].as_u64())
        .collect();
    Response::cause("service-port-mismatch", 0.88, summary)
        .because(
            Evidence::new("spec", format!("the containers declare the ports {}", list(&declared)))
                .on(pods[0].reference().clone()),
        )
        .remedy("Let targetPort name a port on which the containers listen.")
}

fn list(ports: &[u64]) -> String {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports.dedup();
    let ports: Vec<String> = ports.iter().take(8).map(ToString::to_string).collect();
    if ports.is_empty() { "none".to_owned() } else { ports.join(", ") }
}

fn container_ports(pod: &Object) -> impl Iterator<Item = &Value> {
    pod.list("/spec/containers")
        .iter()
        .chain(pod.list("/spec/initContainers"))
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
}

fn template_labels(workload: &Object) -> std::collections::BTreeMap<String, String> {
    let labels = workload.at("/spec/template/metadata/labels").as_object();
    labels
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn print(selector: &LabelSelector) -> String {
    let labels: Vec<String> = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    labels.join(", ")
}

async fn ingress(context: &Context, ingress: &Object) -> Result<Response, Problem> {
    let name = ingress.name();
    let me = ingress.reference().clone();
    let mut backends: Vec<&Value> = vec![ingress.at("/spec/defaultBackend/service")];
    for rule in ingress.list("/spec/rules") {
        backends.extend(
            rule["http"]["paths"].as_array().into_iter().flatten().map(|path| &path["backend"]["service"]),
        );
    }
    for backend in backends {
        let Some(service) = backend["name"].as_str() else { continue };
        let by_annotation = backend["port"]["name"] == "use-annotation";
        let found = context.cluster().get("Service", ingress.namespace(), service).await?;
        let Some(found) = found else {
            if by_annotation {
                continue;
            }
            let summary = format!("the Ingress {name} leads to the Service {service}, which does not exist");
            return Ok(Response::cause("lb-backend-missing", 0.93, summary)
                .because(Evidence::new("spec", format!("a path of it names the Service {service}")))
                .remedy(format!("Create the Service {service}, or correct the backend's name."))
                .blaming(me));
        };
        let wanted = &backend["port"];
        let has = found.list("/spec/ports").iter().any(|port| {
            (!wanted["number"].is_null() && port["port"] == wanted["number"])
                || (!wanted["name"].is_null() && port["name"] == wanted["name"])
        });
        if !has && !by_annotation && wanted.is_object() {
            let port = wanted["number"].as_u64().map(|n| n.to_string());
            let port = port.or_else(|| wanted["name"].as_str().map(str::to_owned)).unwrap_or_default();
            let summary = format!(
                "the Ingress {name} leads to the port {port} of the Service {service}, which it does not have"
            );
            return Ok(Response::cause("lb-backend-missing", 0.85, summary)
                .because(Evidence::new("spec", format!("a path of it names {service}:{port}")))
                .remedy("Name a port that the Service has.")
                .blaming(me));
        }
    }
    if let Some(response) = tls::of_ingress(context, ingress).await {
        return Ok(response);
    }
    if let Some(class) = ingress.at("/spec/ingressClassName").as_str()
        && context.cluster().get("networking.k8s.io/IngressClass", None, class).await?.is_none()
        && context.cluster().is_known("networking.k8s.io/IngressClass", None).await
    {
        let summary = format!("the Ingress {name} names the class {class}, which does not exist");
        return Ok(Response::cause("ingress-class-missing", 0.9, summary)
            .because(Evidence::new("spec", format!("spec.ingressClassName = {class}")))
            .remedy("Name an ingress class that there is, or install its controller.")
            .blaming(me));
    }
    Ok(Response::cleared("its backends, secrets and class are there"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "a json!() is written in place")]
    fn service(selector: Value, target: Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "selector": selector, "ports": [{ "port": 80, "targetPort": target }] } })
    }

    fn deployment(replicas: u32) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "replicas": replicas, "template": { "metadata": { "labels": { "app": "web" } } } } })
    }

    fn pod() -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop", "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "c", "ports": [{ "containerPort": 8080, "name": "http" }] }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } })
    }

    #[tokio::test]
    async fn what_shuts_callers_out_is_named() {
        let closed = |name: &str, ingress: Value| {
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": "shop" },
                "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"], "ingress": ingress } })
        };
        let (policy, web) = ("networking.k8s.io/NetworkPolicy shop/shut", "apps/Deployment shop/web");
        let cart = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "cart-0", "namespace": "shop", "labels": { "app": "cart" } },
            "spec": { "containers": [{ "name": "c" }] }, "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
        for (name, kit, about, want) in [
            (
                "a policy",
                Kit::new().with(closed("shut", json!([]))).with(pod()),
                policy,
                Some("network-policy-denied"),
            ),
            (
                "a policy beside one that opens",
                Kit::new().with(closed("shut", json!([]))).with(closed("open", json!([{}]))).with(pod()),
                policy,
                None,
            ),
            ("asleep", Kit::new().with(deployment(0)), web, Some("scaled-to-zero")),
            ("awake", Kit::new().with(deployment(1)), web, None),
            (
                "pods of another",
                Kit::new()
                    .with(service(json!({ "app": "cart" }), json!(8080)))
                    .with(deployment(1))
                    .with(cart),
                "Service shop/web",
                Some("service-selects-wrong-pods"),
            ),
        ] {
            let answer = kit.ask(&plugin(), about).await;
            assert_eq!(answer.cause.as_deref(), want, "{name}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn each_way_to_lead_nowhere_has_its_cause() {
        let web = json!({ "app": "web" });
        for (name, kit, want) in [
            (
                "no such labels",
                Kit::new()
                    .with(service(json!({ "app": "wbe" }), json!(8080)))
                    .with(deployment(1))
                    .with(pod()),
                Some("endpoints-none"),
            ),
            (
                "asleep",
                Kit::new().with(service(web.clone(), json!(8080))).with(deployment(0)),
                Some("scaled-to-zero"),
            ),
            (
                "another port",
                Kit::new().with(service(web.clone(), json!(9999))).with(deployment(1)).with(pod()),
                Some("service-port-mismatch"),
            ),
            (
                "another name of a port",
                Kit::new().with(service(web.clone(), json!("grpc"))).with(pod()),
                Some("service-port-mismatch"),
            ),
            ("sound", Kit::new().with(service(web, json!("http"))).with(pod()), None),
        ] {
            let answer = kit.ask(&plugin(), "Service shop/web").await;
            assert_eq!(answer.cause.as_deref(), want, "{name}: {answer:?}");
        }
    }
}
