//! Why a pod gets no sandbox: the network, the runtime, devices.

use prodrome_causes::Cause;
use prodrome_plugin::{
    Area, Context, Evidence, NoParams, ObjectRef, Plugin, Problem, Response, Texts, counted,
};

/// What is out of the question where every pod has its sandbox.
const RULED_OUT: [Cause; 3] = [Cause::SandboxCreateFailed, Cause::CniNotReady, Cause::IpExhausted];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("sandbox", diagnose)
        .about("Why a pod gets no sandbox: network, runtime, devices.")
        .reads("", "pods", &["get", "list"])
        .reads("", "events", &["list"])
        .names_of(&[Area::Sandbox, Area::Image, Area::Node, Area::Eviction, Area::Schedule, Area::Start])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    let mut texts = Texts::new();
    let mut node = String::new();
    let mut affected = 0;
    for pod in pods.iter().filter(|pod| !prodrome_plugin::pod::is_well(pod)).take(8) {
        let events = context.cluster().events(pod).await.unwrap_or_default();
        let mut own = Texts::new();
        own.events(
            &events,
            &[
                "FailedCreatePodSandBox",
                "FailedPodSandBoxStatus",
                "NetworkNotReady",
                "UnexpectedAdmissionError",
            ],
        );
        if pod.text("/status/phase") == "Failed" && !pod.text("/status/reason").is_empty() {
            own.condition(pod.text("/status/reason"), pod.text("/status/message"));
        }
        if own.is_empty() {
            continue;
        }
        affected += 1;
        if node.is_empty() {
            pod.text("/spec/nodeName").clone_into(&mut node);
        }
        texts.about(pod.reference(), |texts| {
            texts.events(
                &events,
                &[
                    "FailedCreatePodSandBox",
                    "FailedPodSandBoxStatus",
                    "NetworkNotReady",
                    "UnexpectedAdmissionError",
                ],
            );
            if pod.text("/status/phase") == "Failed" {
                texts.condition(pod.text("/status/reason"), pod.text("/status/message"));
            }
        });
    }
    if affected == 0 {
        return Ok(
            Response::cleared("no pod is without its sandbox").ruling_out_all(RULED_OUT.map(Cause::id))
        );
    }
    let Some(explained) = texts.explain() else {
        return Ok(Response::unknown("a pod gets no sandbox, and the texts do not say why"));
    };
    let mut response = explained.response;
    let of_the_node = matches!(
        explained.cause,
        Cause::CniNotReady
            | Cause::IpExhausted
            | Cause::SandboxCreateFailed
            | Cause::RuntimeDown
            | Cause::NodeDiskFull
    );
    if of_the_node && !node.is_empty() {
        let faulty =
            ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: node.clone() };
        response = response
            .because(Evidence::new("status", format!("{} on the node {node}", counted(affected, "pod"))))
            .sharing(format!("node {node}"))
            .blaming(faulty);
    } else {
        response = response.blaming(context.workload().clone());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_node_without_addresses_is_named() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "shop" },
            "spec": { "nodeName": "node-b" }, "status": { "phase": "Pending" } });
        let text = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "x": plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container"#;
        let kit = Kit::new().with(pod).event("Pod shop/a", "Warning", "FailedCreatePodSandBox", text);
        let answer = kit.ask(&plugin(), "Pod shop/a").await;
        assert_eq!(answer.cause.as_deref(), Some("ip-exhausted"));
        assert_eq!(answer.shared.as_deref(), Some("node node-b"));
    }
}
