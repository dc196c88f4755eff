//! Why something that is deleted does not go, or a node is not emptied: finalizers and whose they are, what still uses
//! it, its node, budgets.

mod drain;

use prodrome_plugin::{Cause, Context, Evidence, NoParams, Object, Owner, Plugin, Problem, Response};

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("terminating", diagnose)
        .about("Why something that is deleted does not go, or a node is not emptied.")
        .reads("", "pods", &["get", "list"])
        .reads("", "nodes", &["get"])
        .reads("", "namespaces", &["get"])
        .reads("policy", "poddisruptionbudgets", &["list"])
        .names(&[
            Cause::ApiserviceDown,
            Cause::AppForcedKill,
            Cause::FinalizerStuck,
            Cause::NodeKubeletDown,
            Cause::PdbBlocks,
        ])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    if let Some(response) = drain::blocked(&context, &subject).await? {
        return Ok(response);
    }
    if !subject.is_being_deleted() {
        return Ok(Response::cleared("it is not being deleted").ruling_out("finalizer-stuck"));
    }
    let me = subject.reference().clone();
    let finalizers: Vec<&str> = subject
        .list("/metadata/finalizers")
        .iter()
        .chain(subject.list("/spec/finalizers"))
        .filter_map(|finalizer| finalizer.as_str())
        .collect();
    if subject.kind() == "Pod" {
        let node = context.cluster().get("Node", None, subject.text("/spec/nodeName")).await?;
        if let Some(node) =
            node.filter(|node| node.condition("Ready").is_some_and(|ready| ready.status == "Unknown"))
        {
            let summary =
                format!("the pod cannot go: the kubelet of its node {} does not report", node.name());
            return Ok(Response::cause("node-kubelet-down", 0.85, summary)
                .because(Evidence::new("status", "Ready = Unknown").on(node.reference().clone()))
                .sharing(format!("node {}", node.name()))
                .blaming(node.reference().clone()));
        }
        if finalizers.is_empty() {
            let summary = "the pod's containers do not end when they are told to";
            return Ok(Response::cause("app-forced-kill", 0.6, summary)
                .because(Evidence::new("status", "it has no finalizer, and its node is well"))
                .remedy("Let the program end on SIGTERM within terminationGracePeriodSeconds.")
                .blaming(context.workload().clone()));
        }
    }
    let mut response = None;
    if subject.kind() == "Namespace" {
        let remaining: Vec<String> = subject
            .conditions()
            .filter(|(kind, condition)| {
                condition.status == "True"
                    && matches!(
                        *kind,
                        "NamespaceFinalizersRemaining"
                            | "NamespaceContentRemaining"
                            | "NamespaceDeletionContentFailure"
                            | "NamespaceDeletionDiscoveryFailure"
                    )
            })
            .map(|(_, condition)| condition.message)
            .collect();
        let discovery =
            subject.condition("NamespaceDeletionDiscoveryFailure").is_some_and(|c| c.status == "True");
        let cause = if discovery { "apiservice-down" } else { "finalizer-stuck" };
        if !remaining.is_empty() {
            let summary = format!("the namespace cannot go: {}", remaining[0]);
            let mut answer = Response::cause(cause, 0.88, summary);
            for text in remaining {
                answer = answer.because(Evidence::new("status", text));
            }
            response =
                Some(answer.remedy(
                    "See to the objects that are named: their finalizers wait for their controllers.",
                ));
        }
    }
    if finalizers.contains(&"kubernetes.io/pvc-protection") {
        let users = context.pods_of(&subject).await.unwrap_or_default();
        let users: Vec<&str> = users.iter().map(Object::name).take(5).collect();
        let summary = if users.is_empty() {
            "the claim is protected, though no pod uses it".to_owned()
        } else {
            format!("the claim cannot go while pods use it: {}", users.join(", "))
        };
        response = Some(
            Response::cause("finalizer-stuck", 0.88, summary)
                .remedy("Remove the pods that use the claim, or let it be.")
                .owned_by(Owner::User),
        );
    }
    let response = match response {
        Some(response) => response,
        None if finalizers.is_empty() => {
            return Ok(Response::unknown("it has no finalizer, and nothing says why it stays"));
        }
        None => {
            let summary = format!("it waits for the controllers of its finalizers {}", finalizers.join(", "));
            Response::cause("finalizer-stuck", 0.85, summary)
                .remedy("See whether the controller that sets the finalizer runs, and what it writes about this object.")
        }
    };
    Ok(response.because(Evidence::new("spec", format!("finalizers: {}", finalizers.join(", ")))).blaming(me))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_finalizer_is_named_and_a_protected_claim_says_who_uses_it() {
        let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "lb", "namespace": "shop",
            "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["service.kubernetes.io/load-balancer-cleanup"] } });
        let answer = Kit::new().with(service).ask(&plugin(), "Service shop/lb").await;
        assert_eq!(answer.cause.as_deref(), Some("finalizer-stuck"));
        assert!(answer.summary.contains("load-balancer-cleanup"));
        let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop",
            "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes.io/pvc-protection"] } });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "db-0", "namespace": "shop" },
            "spec": { "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }] } });
        let answer = Kit::new().with(claim).with(pod).ask(&plugin(), "PersistentVolumeClaim shop/data").await;
        assert!(answer.summary.contains("db-0"), "{answer:?}");
        assert_eq!(answer.owner, Some(Owner::User));
    }
}
