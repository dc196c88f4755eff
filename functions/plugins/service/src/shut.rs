//! What keeps callers from pods that a Service leads to: nobody is there, or nobody is let in.

use prodrome_plugin::{Context, Evidence, LabelSelector, Object, Problem, Response, counted};

/// A workload that was scaled to nothing.
pub(crate) fn asleep(workload: &Object) -> Response {
    if workload.number("/spec/replicas") != Some(0.0) {
        return Response::cleared("it is not scaled to 0");
    }
    let (kind, name) = (workload.kind(), workload.name());
    Response::cause("scaled-to-zero", 0.9, format!("the {kind} {name} is scaled to 0"))
        .because(Evidence::new("spec", "spec.replicas = 0").on(workload.reference().clone()))
        .remedy(format!("Scale {name} up, if it is needed."))
        .blaming(workload.reference().clone())
}

/// A policy that lets nobody reach the pods that it selects, and whether another opens them.
pub(crate) async fn policy(context: &Context, policy: &Object) -> Result<Response, Problem> {
    let types = policy.list("/spec/policyTypes");
    let is_about_ingress = types.is_empty() || types.iter().any(|kind| kind == "Ingress");
    if !is_about_ingress || !policy.list("/spec/ingress").is_empty() {
        return Ok(Response::cleared("it lets some reach its pods"));
    }
    let selector = policy.selector("/spec/podSelector").unwrap_or_default();
    let pods = context.cluster().list("Pod", policy.namespace(), Some(&selector)).await?;
    let Some(pod) = pods.first() else { return Ok(Response::cleared("it selects no pod")) };
    let others = context.cluster().list("networking.k8s.io/NetworkPolicy", policy.namespace(), None).await?;
    for other in &others {
        let selects = other
            .selector("/spec/podSelector")
            .is_none_or(|s: LabelSelector| s.selects(&pod.metadata().labels));
        if selects && !other.list("/spec/ingress").is_empty() {
            return Ok(Response::cleared(format!("the policy {} opens its pods to some", other.name())));
        }
    }
    let name = policy.name();
    let summary =
        format!("the NetworkPolicy {name} lets nobody reach what it selects: {}", counted(pods.len(), "pod"));
    Ok(Response::cause("network-policy-denied", 0.85, summary)
        .because(
            Evidence::new("spec", "policyTypes has Ingress, and no ingress rule allows anybody")
                .on(policy.reference().clone()),
        )
        .because(Evidence::new("spec", format!("it selects {}", pod.name())).on(pod.reference().clone()))
        .remedy("Allow the callers in spec.ingress, or remove the policy.")
        .blaming(policy.reference().clone()))
}

/// A selector that leads to others, while no Service leads to the Deployment of the Service's name.
pub(crate) async fn other_pods(
    context: &Context,
    service: &Object,
    selector: &LabelSelector,
) -> Result<Option<Response>, Problem> {
    let (name, namespace) = (service.name(), service.namespace());
    let Some(meant) = context.cluster().get("apps/Deployment", namespace, name).await? else {
        return Ok(None);
    };
    let labels = crate::template_labels(&meant);
    if labels.is_empty() || meant.number("/spec/replicas") == Some(0.0) || selector.selects(&labels) {
        return Ok(None);
    }
    let services = context.cluster().list("Service", namespace, None).await?;
    if services
        .iter()
        .filter_map(|other| other.selector("/spec/selector"))
        .any(|other| other.selects(&labels))
    {
        return Ok(None);
    }
    let (wants, has) = (crate::print(selector), crate::print(&LabelSelector::of_labels(labels)));
    let summary =
        format!("the Service {name} selects {wants}: other pods than those of the Deployment {name}");
    Ok(Some(
        Response::cause("service-selects-wrong-pods", 0.87, summary)
            .because(
                Evidence::new("spec", format!("its pods have the labels {has}, and no Service selects them"))
                    .on(meant.reference().clone()),
            )
            .remedy(format!("Let the selector name the labels of the pods of {name}.")),
    ))
}
