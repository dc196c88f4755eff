//! What is wrong with a node: its conditions, its taints, and what all of its pods say.

use prodrome_causes::Cause;
use prodrome_plugin::{Area, Context, Evidence, NoParams, Object, Plugin, Problem, Response, Texts, counted};
use std::collections::BTreeSet;

/// What is out of the question where the node is ready and under no pressure.
const RULED_OUT: [Cause; 5] = [
    Cause::NodeKubeletDown,
    Cause::NodeMemoryPressure,
    Cause::NodeDiskPressure,
    Cause::NodePidPressure,
    Cause::NodeShutdown,
];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("node", diagnose)
        .about("What is wrong with the node.")
        .reads("", "nodes", &["get"])
        .reads("", "pods", &["get", "list"])
        .reads("", "events", &["list"])
        .names_of(&[Area::Node, Area::Eviction, Area::Sandbox, Area::ControlPlane])
        .names(&[Cause::NodeOom, Cause::NodeDiskFull, Cause::NodeClockSkew])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let pods = context.pods_of(&subject).await?;
    if let Some(response) = evicted(&context, &pods) {
        return Ok(response);
    }
    let node = if subject.kind() == "Node" {
        Some(subject)
    } else {
        let on =
            pods.iter().find(|pod| !prodrome_plugin::pod::is_well(pod)).map(|pod| pod.text("/spec/nodeName"));
        match on.filter(|name| !name.is_empty()) {
            Some(name) => context.cluster().get("Node", None, name).await?,
            None => None,
        }
    };
    let Some(node) = node else { return Ok(Response::cleared("no node is concerned")) };
    let events = context.cluster().events(&node).await.unwrap_or_default();
    let all = context.cluster().list("Pod", None, None).await.unwrap_or_default();
    let mut response = explain(&node, &events);
    if response.cause.is_some() {
        let here: Vec<&Object> = all.iter().filter(|pod| pod.text("/spec/nodeName") == node.name()).collect();
        let unwell = here.iter().filter(|pod| !prodrome_plugin::pod::is_well(pod)).count();
        let namespaces: BTreeSet<&str> = here.iter().filter_map(|pod| pod.namespace()).collect();
        let are = if unwell == 1 { "is" } else { "are" };
        let text = format!(
            "of the {} on it, in {}, {unwell} {are} not well",
            counted(here.len(), "pod"),
            counted(namespaces.len(), "namespace")
        );
        response = response
            .because(Evidence::new("peers", text).on(node.reference().clone()))
            .sharing(format!("node {}", node.name()))
            .blaming(node.reference().clone());
    }
    Ok(response)
}

fn explain(node: &Object, events: &[prodrome_plugin::Event]) -> Response {
    let name = node.name();
    let status = |kind: &str| node.condition(kind).filter(|c| c.status == "True");
    for (kind, cause, what) in [
        ("MemoryPressure", "node-memory-pressure", "memory"),
        ("DiskPressure", "node-disk-pressure", "disk"),
        ("PIDPressure", "node-pid-pressure", "process ids"),
    ] {
        if let Some(condition) = status(kind) {
            let summary = format!("the node {name} runs out of {what}");
            return Response::cause(cause, 0.92, summary)
                .because(
                    Evidence::new("status", format!("{kind}: {}", condition.message))
                        .on(node.reference().clone()),
                )
                .remedy(format!(
                    "See which pods use the most {what} on {name}, and give them limits or other nodes."
                ));
        }
    }
    let ready = node.condition("Ready");
    let mut texts = Texts::new();
    match &ready {
        Some(ready) if ready.status == "Unknown" && is_shut_down(node) => {
            let summary = format!("the instance of the node {name} is shut down");
            return Response::cause("node-shutdown", 0.9, summary)
                .because(
                    Evidence::new("spec", format!("the cloud's controller has set the taint {SHUT_DOWN}"))
                        .on(node.reference().clone()),
                )
                .because(
                    Evidence::new("status", format!("{}: {}", ready.reason, ready.message))
                        .on(node.reference().clone()),
                )
                .remedy(format!("Start the instance again, or remove the node {name}: its pods go then."));
        }
        Some(ready) if ready.status == "Unknown" => {
            let summary = format!("the kubelet of the node {name} has stopped reporting");
            return Response::cause("node-kubelet-down", 0.88, summary)
                .because(
                    Evidence::new("status", format!("{}: {}", ready.reason, ready.message))
                        .on(node.reference().clone()),
                )
                .remedy("See whether the instance runs and can be reached, then whether the kubelet does.");
        }
        Some(ready) if ready.status == "False" => texts.condition(&ready.reason, &ready.message),
        _ => {}
    }
    for kind in [
        "NetworkUnavailable",
        "KernelDeadlock",
        "ReadonlyFilesystem",
        "FrequentKubeletRestart",
        "FrequentContainerdRestart",
    ] {
        if let Some(condition) = status(kind) {
            texts.condition(&condition.reason, &condition.message);
        }
    }
    texts.events(
        events,
        &["SystemOOM", "InvalidDiskCapacity", "ImageGCFailed", "FreeDiskSpaceFailed", "ContainerGCFailed"],
    );
    match texts.explain() {
        Some(explained) if is_of_a_node(explained.cause) => explained.response,
        _ if ready.as_ref().is_some_and(|ready| ready.status == "False") => Response::unknown(format!(
            "the node {name} is not ready: {}",
            ready.map(|r| r.message).unwrap_or_default()
        )),
        _ => Response::cleared(format!("the node {name} is ready and under no pressure"))
            .ruling_out_all(RULED_OUT.map(Cause::id)),
    }
}

/// What the controller of a cloud sets on a node whose instance is stopped, but not gone.
const SHUT_DOWN: &str = "node.cloudprovider.kubernetes.io/shutdown";

fn is_shut_down(node: &Object) -> bool {
    node.list("/spec/taints").iter().any(|taint| taint["key"] == SHUT_DOWN)
}

fn is_of_a_node(cause: Cause) -> bool {
    let id = cause.id();
    id.starts_with("node-") || matches!(cause, Cause::CniNotReady | Cause::RuntimeDown)
}

/// A pod that was evicted says why itself.
fn evicted(context: &Context, pods: &[Object]) -> Option<Response> {
    let pod = pods
        .iter()
        .find(|pod| pod.text("/status/phase") == "Failed" && pod.text("/status/reason") == "Evicted")?;
    let message = pod.text("/status/message");
    let mut texts = Texts::new();
    texts.condition("Evicted", message);
    let explained = texts.explain()?;
    let mut response = explained.response;
    // Under which pressure the node was says more than that a pod had to go.
    let pressure = [
        ("resource: memory", "node-memory-pressure"),
        ("ephemeral-storage", "node-disk-pressure"),
        ("nodefs", "node-disk-pressure"),
        ("imagefs", "node-disk-pressure"),
        ("inodes", "node-disk-pressure"),
        ("resource: pids", "node-pid-pressure"),
    ];
    if explained.cause == Cause::EvictedNodePressure
        && let Some((_, cause)) = pressure.iter().find(|(word, _)| message.contains(word))
    {
        response.cause = Some((*cause).to_owned());
    }
    let node = pod.text("/spec/nodeName");
    if explained.cause == Cause::EvictedNodePressure && !node.is_empty() {
        let faulty = prodrome_plugin::ObjectRef {
            api_version: "v1".into(),
            kind: "Node".into(),
            namespace: None,
            name: node.to_owned(),
        };
        response = response.sharing(format!("node {node}")).blaming(faulty);
    } else {
        response = response.blaming(context.workload().clone());
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    #[expect(clippy::needless_pass_by_value, reason = "a json!() is written in place")]
    fn node(conditions: Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "a" }, "status": { "conditions": conditions } })
    }

    #[tokio::test]
    async fn an_instance_that_is_stopped_is_told_from_a_kubelet_that_is_down() {
        let mut silent =
            node(json!([{ "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown" }]));
        let down = Kit::new().with(silent.clone()).ask(&plugin(), "Node a").await;
        assert_eq!(down.cause.as_deref(), Some("node-kubelet-down"));
        silent["spec"] = json!({ "taints": [{ "key": SHUT_DOWN, "effect": "NoSchedule" }] });
        let stopped = Kit::new().with(silent).ask(&plugin(), "Node a").await;
        assert_eq!(stopped.cause.as_deref(), Some("node-shutdown"), "{stopped:?}");
    }

    #[tokio::test]
    async fn conditions_are_told_apart() {
        let ready = json!({ "type": "Ready", "status": "True" });
        for (conditions, want) in [
            (json!([ready]), None),
            (
                json!([{ "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status." }]),
                Some("node-kubelet-down"),
            ),
            (
                json!([ready, { "type": "MemoryPressure", "status": "True", "message": "kubelet has insufficient memory available" }]),
                Some("node-memory-pressure"),
            ),
            (
                json!([{ "type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized" }]),
                Some("cni-not-ready"),
            ),
        ] {
            let answer = Kit::new().with(node(conditions.clone())).ask(&plugin(), "Node a").await;
            assert_eq!(answer.cause.as_deref(), want, "{conditions}");
        }
    }
}
