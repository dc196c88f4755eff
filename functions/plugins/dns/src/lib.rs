//! Why a name does not resolve: the name itself and how the pod looks it up, whether there is such a Service, whether
//! the cluster's DNS answers, and what the DNS outside says of it.

mod ask;
mod look;
mod lost;
mod names;
mod servers;

use prodrome_plugin::{Cause, Context, FactType, NoParams, Object, Plugin, Problem, Response};

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("dns", diagnose)
        .about("Why a name does not resolve.")
        .reads("", "pods", &["get", "list"])
        .reads("", "pods/log", &["get"])
        .reads("", "events", &["list"])
        .reads("", "services", &["get", "list"])
        .reads("", "namespaces", &["get"])
        .reads_named("", "configmaps", servers::CONFIG_MAPS)
        .reads("apps", "deployments", &["get", "list"])
        .reads("networking.k8s.io", "networkpolicies", &["list"])
        .asks("the DNS about names outside of the cluster")
        .setting(
            "DNS_SERVERS",
            "Servers that are asked about names, such as 10.0.0.2:53; those of the function unless set.",
        )
        .fact("name", FactType::Text)
        .names(&[
            Cause::AppDnsFailure,
            Cause::DnsCoredns,
            Cause::DnsPolicyWrong,
            Cause::DnsUpstream,
            Cause::NetworkPolicyDenied,
            Cause::ServiceMissing,
        ])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    if subject.kind() == "ConfigMap" {
        return Ok(names::corefile(&subject));
    }
    if servers::is_of_the_cluster(&subject) {
        return Ok(servers::broken(&context).await.unwrap_or_else(|| {
            Response::cleared("its servers are ready, and their Corefile answers for Services")
        }));
    }
    let pods = context.pods_of(&subject).await.unwrap_or_default();
    if let Some(lost) = lost::lost(&context, &pods).await {
        let name = lost.name.clone();
        return Ok(look::into(&context, &lost).await.fact("name", name));
    }
    // Nobody has said yet that a name is missing; the resolvers may tell that one will be.
    Ok(if is_workload(&subject) {
        names::resolvers(&subject)
    } else {
        Response::cleared("nothing says that a name does not resolve")
    })
}

fn is_workload(object: &Object) -> bool {
    matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet")
}
