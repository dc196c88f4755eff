//! Whether what a Service of type `LoadBalancer` or an Ingress promises the world answers: each port of the balancer by
//! TCP, each host of the Ingress by HTTP, with its certificate.
//!
//! It is made for periodic checks (`plugin: endpoint-probe`), and may stand in a flow as well. Balancers in private
//! networks are asked only where an operator has named the network.

mod explain;
mod probe;
mod targets;

use explain::explain;
use prodrome_plugin::{Cause, Context, Plugin, Problem, Response};
use serde::Deserialize;
use targets::targets;

/// What it is asked with.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Params {
    /// From how many days before its end on a certificate is a fault; 0: only once it has ended.
    certificate_days: u32,
    /// Where an Ingress without TLS is asked.
    http_port: u16,
    /// Where an Ingress with TLS is asked.
    https_port: u16,
    /// Whether it is a fault that nothing at all comes back. A firewall, or no way out from here, looks the same.
    silence_is_fault: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { certificate_days: 7, http_port: 80, https_port: 443, silence_is_fault: false }
    }
}

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("endpoint-probe", diagnose)
        .about("Whether a load balancer, or the hosts of an Ingress, answer.")
        .reads("", "services", &["get"])
        .reads("networking.k8s.io", "ingresses", &["get"])
        .asks("the load balancer")
        .names(&[Cause::CertExpired, Cause::LbCertMissing, Cause::LbTargetUnhealthy])
}

async fn diagnose(context: Context, params: Params) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    if subject.is_being_deleted() {
        return Ok(Response::cleared("it is being deleted"));
    }
    let targets = targets(&subject, &params);
    if targets.is_empty() {
        return Ok(Response::cleared("it has no load balancer that can be asked"));
    }
    let http = context.http("the load balancer")?;
    let answers = probe::all(&http, targets).await;
    Ok(explain(&subject, &answers, &params, context.now()))
}
