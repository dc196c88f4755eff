//! Whether the cluster's own DNS answers: its pods, its Corefile, its Service, and who lets pods reach it.

use crate::names;
use prodrome_plugin::pod::is_well;
use prodrome_plugin::{Context, Evidence, LabelSelector, Object, Response, Texts};
use serde_json::Value;

const NAMESPACE: &str = "kube-system";
/// The `ConfigMaps` that may hold its Corefile.
pub(crate) const CONFIG_MAPS: &[&str] = &["coredns", "rke2-coredns-rke2-coredns"];
const SHARED: &str = "the cluster's DNS";
/// What objects say counts before the program's own words, which are never surer.
const SURE: f64 = 0.9;
/// Servers whose logs are read.
const LOGS_MAX: usize = 2;

/// Whether an object is of the cluster's DNS itself.
pub(crate) fn is_of_the_cluster(object: &Object) -> bool {
    object.namespace() == Some(NAMESPACE)
        && (object.metadata().labels.get("k8s-app").is_some_and(|app| app == "kube-dns" || app == "coredns")
            || matches!(object.name(), "coredns" | "kube-dns" | "rke2-coredns-rke2-coredns"))
}

/// What is wrong with it, if something is to be seen.
pub(crate) async fn broken(context: &Context) -> Option<Response> {
    let of_dns = |pod: &&Object| is_of_the_cluster(pod) && !pod.is_being_deleted();
    let all = context.cluster().list("Pod", Some(NAMESPACE), None).await.ok()?;
    let servers: Vec<&Object> = all.iter().filter(of_dns).collect();
    let ready = servers.iter().filter(|pod| is_well(pod)).count();
    let told = in_words(context, &servers).await;
    if let Some(map) = configuration(context).await {
        let response = names::corefile(&map);
        if response.cause.is_some() {
            let confidence = response.confidence.max(SURE);
            return Some(Response { confidence, ..response }.sharing(SHARED));
        }
    }
    if let [server, ..] = servers.as_slice()
        && ready == 0
    {
        let faulty = context.top(server).await;
        let summary = format!("none of the {} servers of the cluster's DNS is ready", servers.len());
        let mut response = Response::cause("dns-coredns", 0.93, summary)
            .because(Evidence::new("status", format!("Ready is not True on {}", server.name())).on(server.reference().clone()))
            .remedy("See why they are not ready: kubectl get pods -n kube-system -l k8s-app=kube-dns; kubectl logs -n kube-system -l k8s-app=kube-dns.");
        response.evidence.extend(told.into_iter().flat_map(|told| told.evidence));
        return Some(response.sharing(SHARED).blaming(faulty));
    }
    if let Some(told) = told {
        return Some(told.sharing(SHARED));
    }
    if servers.is_empty() {
        let makers = context.cluster().list("apps/Deployment", Some(NAMESPACE), None).await.ok()?;
        let maker = makers.iter().find(|maker| is_of_the_cluster(maker))?;
        let asleep = maker.number("/spec/replicas") == Some(0.0);
        let text = if asleep { "spec.replicas = 0" } else { "it has no pod" };
        return Some(
            Response::cause("dns-coredns", 0.93, "the cluster's DNS has no server: there is no pod of it")
                .because(Evidence::new("spec", text).on(maker.reference().clone()))
                .remedy(format!(
                    "Let it have servers: kubectl scale -n {NAMESPACE} deployment/{} --replicas=2.",
                    maker.name()
                ))
                .sharing(SHARED)
                .blaming(maker.reference().clone()),
        );
    }
    let service = context.cluster().get("Service", Some(NAMESPACE), "kube-dns").await.ok().flatten()?;
    let selector = service.selector("/spec/selector")?;
    let selected = servers.iter().any(|pod| selector.selects(&pod.metadata().labels));
    if selected || servers.is_empty() {
        return None;
    }
    let summary = "the Service kube-dns leads to none of the servers of the cluster's DNS";
    Some(
        Response::cause("dns-coredns", SURE, summary)
            .because(Evidence::new("spec", "its selector fits none of them").on(service.reference().clone()))
            .remedy("Let its selector name the labels of the servers: k8s-app: kube-dns.")
            .sharing(SHARED)
            .blaming(service.reference().clone()),
    )
}

/// What its servers write, where that names a cause.
async fn in_words(context: &Context, servers: &[&Object]) -> Option<Response> {
    let mut texts = Texts::new();
    for pod in servers.iter().take(LOGS_MAX) {
        let Some(container) = pod.list("/spec/containers").first().and_then(|c| c["name"].as_str()) else {
            continue;
        };
        for previous in [false, true] {
            if let Ok(Some(log)) = context.cluster().logs(pod.reference(), container, previous).await {
                texts.about(pod.reference(), |texts| texts.log(&log));
            }
        }
    }
    let explained = texts.explain()?;
    if !matches!(explained.cause, prodrome_causes::Cause::DnsCoredns | prodrome_causes::Cause::DnsUpstream) {
        return None;
    }
    let top = context.top(servers.first()?).await;
    Some(explained.response.blaming(top))
}

async fn configuration(context: &Context) -> Option<Object> {
    for name in CONFIG_MAPS {
        if let Ok(Some(map)) = context.cluster().get("ConfigMap", Some(NAMESPACE), name).await {
            return Some(map);
        }
    }
    None
}

/// A policy that lets a pod ask nobody for names: none of those that select it opens port 53 to the cluster's DNS.
pub(crate) async fn walled_off(context: &Context, pod: &Object) -> Option<Response> {
    let all = context.cluster().list("networking.k8s.io/NetworkPolicy", pod.namespace(), None).await.ok()?;
    let of_egress: Vec<&Object> =
        all.iter().filter(|policy| selects(policy, pod) && is_about_egress(policy)).collect();
    let first = *of_egress.first()?;
    if of_egress.iter().any(|policy| policy.list("/spec/egress").iter().any(opens_dns)) {
        return None;
    }
    let name = first.name();
    let summary = format!(
        "the NetworkPolicy {name} does not let its pods ask the DNS: no rule of egress opens port 53"
    );
    Some(
        Response::cause("network-policy-denied", SURE, summary)
            .because(
                Evidence::new(
                    "spec",
                    "policyTypes has Egress, and nothing in egress opens port 53 to kube-system",
                )
                .on(first.reference().clone()),
            )
            .because(Evidence::new("spec", format!("it selects {}", pod.name())).on(pod.reference().clone()))
            .remedy("Allow port 53 by UDP and by TCP to the namespace kube-system in spec.egress.")
            .blaming(first.reference().clone()),
    )
}

fn selects(policy: &Object, pod: &Object) -> bool {
    policy.selector("/spec/podSelector").is_none_or(|s: LabelSelector| s.selects(&pod.metadata().labels))
}

fn is_about_egress(policy: &Object) -> bool {
    let types = policy.list("/spec/policyTypes");
    types.iter().any(|kind| kind == "Egress") || (types.is_empty() && !policy.at("/spec/egress").is_null())
}

/// Whether a rule of egress may reach the DNS: by its port, and by whom it is to.
fn opens_dns(rule: &Value) -> bool {
    let empty = Vec::new();
    let ports = rule["ports"].as_array().unwrap_or(&empty);
    let by_port = ports.is_empty()
        || ports.iter().any(|port| {
            let number = port["port"].as_u64();
            let until = port["endPort"].as_u64().or(number);
            let named = port["port"].as_str().is_some_and(|name| name.starts_with("dns"));
            let all = port["port"].is_null();
            let udp = port["protocol"].as_str().unwrap_or("TCP") == "UDP";
            udp && (all || named || number.is_some_and(|from| from <= 53 && until.is_some_and(|to| to >= 53)))
        });
    let to = rule["to"].as_array().unwrap_or(&empty);
    // Pods without a namespace are those of the policy's own; the DNS is not among them.
    by_port
        && (to.is_empty()
            || to.iter().any(|peer| peer["namespaceSelector"].is_object() || peer["ipBlock"].is_object()))
}
