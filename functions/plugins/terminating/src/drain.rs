//! Why a node is not emptied: budgets that let none of its pods go, and pods that ask not to be disturbed.

use prodrome_plugin::{Context, Evidence, Object, Response, Unseen};

/// Taints of nodes that are being emptied.
const DRAINED_BY: [&str; 4] = [
    "node.kubernetes.io/unschedulable",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "ToBeDeletedByClusterAutoscaler",
];
const UNDISTURBED: &str = "/metadata/annotations/karpenter.sh~1do-not-disrupt";

/// What keeps a node from being emptied, asked about the node, Karpenter's claim to it, or the budget itself. `None`
/// where nothing of the kind is to be seen.
pub(crate) async fn blocked(context: &Context, subject: &Object) -> Result<Option<Response>, Unseen> {
    match subject.kind() {
        "PodDisruptionBudget" => Ok(shut(subject)),
        "Node" if is_being_emptied(subject) => of_node(context, subject.name()).await,
        "NodeClaim" => of_node(context, subject.text("/status/nodeName")).await,
        _ => Ok(None),
    }
}

fn is_being_emptied(node: &Object) -> bool {
    let is_of_a_drain =
        |taint: &serde_json::Value| taint["key"].as_str().is_some_and(|key| DRAINED_BY.contains(&key));
    node.is_being_deleted()
        || node.at("/spec/unschedulable").as_bool() == Some(true)
        || node.list("/spec/taints").iter().any(is_of_a_drain)
}

async fn of_node(context: &Context, node: &str) -> Result<Option<Response>, Unseen> {
    if node.is_empty() {
        return Ok(None);
    }
    let all = context.cluster().list("Pod", None, None).await?;
    let stays = |pod: &&Object| {
        let of_node = pod
            .metadata()
            .controller()
            .is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node");
        pod.text("/spec/nodeName") == node
            && !of_node
            && !pod.is_being_deleted()
            && !matches!(pod.text("/status/phase"), "Succeeded" | "Failed")
    };
    let here: Vec<&Object> = all.iter().filter(stays).collect();
    let budgets = context.cluster().list("policy/PodDisruptionBudget", None, None).await?;
    for pod in &here {
        let of_pod = |budget: &&Object| {
            budget.namespace() == pod.namespace()
                && budget.selector("/spec/selector").is_some_and(|s| s.selects(&pod.metadata().labels))
        };
        if let Some(response) = budgets.iter().filter(of_pod).find_map(shut) {
            let text = format!("it is on the node {node}, and the budget is its");
            return Ok(Some(response.because(Evidence::new("peers", text).on(pod.reference().clone()))));
        }
    }
    let undisturbed = here.iter().find(|pod| pod.at(UNDISTURBED) == "true");
    let Some(pod) = undisturbed else { return Ok(None) };
    let summary = format!(
        "the node {node} is not emptied while {} is there, which asks not to be disturbed",
        pod.name()
    );
    let faulty = context.top(pod).await;
    Ok(Some(
        Response::cause("pdb-blocks", 0.7, summary)
            .because(Evidence::new("spec", "karpenter.sh/do-not-disrupt = true").on(pod.reference().clone()))
            .remedy("Wait until its work is done, or take the annotation away.")
            .blaming(faulty),
    ))
}

/// Whether a budget lets no pod go now, and what would have to change.
fn shut(budget: &Object) -> Option<Response> {
    let count = |field: &str| budget.number(&format!("/status/{field}")).unwrap_or(0.0);
    let (expected, healthy, wanted) =
        (count("expectedPods"), count("currentHealthy"), count("desiredHealthy"));
    if expected < 1.0 || count("disruptionsAllowed") > 0.0 {
        return None;
    }
    let name = budget.name();
    let counts = format!("expectedPods = {expected}, desiredHealthy = {wanted}, currentHealthy = {healthy}");
    let rule = ["minAvailable", "maxUnavailable"].into_iter().find_map(|key| {
        match budget.at(&format!("/spec/{key}")) {
            serde_json::Value::Null => None,
            value => {
                Some(format!("{key} = {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            }
        }
    });
    let response = if wanted >= expected {
        let summary = format!("the budget {name} never lets a pod go: all {expected} of them must be up");
        Response::cause("pdb-blocks", 0.92, summary)
            .remedy("Let there be one more replica than the budget asks for, or use maxUnavailable: 1.")
    } else {
        let summary = format!(
            "the budget {name} lets no pod go now: {healthy} of the {wanted} that must be up are healthy"
        );
        Response::cause("pdb-blocks", 0.75, summary)
            .remedy("Make the pods healthy that are not; then it lets one go.")
    };
    let me = budget.reference();
    let spoken = rule.into_iter().chain([counts]).map(|text| Evidence::new("status", text).on(me.clone()));
    Some(spoken.fold(response, Response::because).blaming(me.clone()))
}

#[cfg(test)]
mod tests {
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn budget(wanted: u32, expected: u32, healthy: u32) -> Value {
        json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "minAvailable": wanted, "selector": { "matchLabels": { "app": "web" } } },
            "status": { "expectedPods": expected, "desiredHealthy": wanted, "currentHealthy": healthy,
                "disruptionsAllowed": healthy.saturating_sub(wanted) } })
    }

    fn pod(annotations: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop", "labels": { "app": "web" },
            "annotations": annotations }, "spec": { "nodeName": "a" }, "status": { "phase": "Running" } })
    }

    fn node(drained: bool) -> Value {
        json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "a" }, "spec": { "unschedulable": drained } })
    }

    #[tokio::test]
    async fn a_node_that_is_emptied_waits_for_the_budget_that_lets_no_pod_go() {
        let quiet = json!({ "karpenter.sh/do-not-disrupt": "true" });
        let claim = json!({ "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": { "name": "c" }, "status": { "nodeName": "a" } });
        for (name, objects, asked, want) in [
            (
                "never",
                vec![node(true), pod(&json!({})), budget(1, 1, 1)],
                "Node a",
                Some((0.92, "PodDisruptionBudget")),
            ),
            (
                "not now",
                vec![node(true), pod(&json!({})), budget(2, 3, 2)],
                "Node a",
                Some((0.75, "PodDisruptionBudget")),
            ),
            ("it may", vec![node(true), pod(&json!({})), budget(1, 2, 2)], "Node a", None),
            ("nobody drains", vec![node(false), pod(&json!({})), budget(1, 1, 1)], "Node a", None),
            (
                "a claim",
                vec![claim, node(true), pod(&json!({})), budget(1, 1, 1)],
                "karpenter.sh/NodeClaim c",
                Some((0.92, "PodDisruptionBudget")),
            ),
            ("undisturbed", vec![node(true), pod(&quiet)], "Node a", Some((0.7, "Pod"))),
            (
                "the budget",
                vec![budget(1, 1, 1)],
                "policy/PodDisruptionBudget shop/web",
                Some((0.92, "PodDisruptionBudget")),
            ),
        ] {
            let answer = objects.into_iter().fold(Kit::new(), Kit::with).ask(&crate::plugin(), asked).await;
            let found = answer
                .cause
                .as_deref()
                .map(|_| (answer.confidence, answer.faulty.as_ref().unwrap().kind.as_str()));
            assert_eq!(found, want, "{name}: {answer:?}");
        }
    }
}
