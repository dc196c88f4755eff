//! A pod about which no scheduler says anything.

use prodrome_plugin::pod::{containers, is_well};
use prodrome_plugin::{Context, Evidence, Object, Owner, Response};

const DEFAULT: &str = "default-scheduler";

/// Whether the scheduler that the pod asks for is there. `None` where nothing of it can be seen, as with a control plane
/// that is run by others.
pub(crate) async fn absent(context: &Context, pod: &Object) -> Option<Response> {
    let name = Some(pod.text("/spec/schedulerName")).filter(|name| !name.is_empty()).unwrap_or(DEFAULT);
    let of_default = name == DEFAULT;
    let namespace = of_default.then_some("kube-system");
    let all = context.cluster().list("Pod", namespace, None).await.ok()?;
    let of = |other: &&Object| {
        if of_default {
            other.label("component") == Some("kube-scheduler") || other.name().starts_with("kube-scheduler")
        } else {
            other.name().contains(name)
        }
    };
    let schedulers: Vec<&Object> = all.iter().filter(of).filter(|other| other.name() != pod.name()).collect();
    if schedulers.iter().any(|pod| is_well(pod)) {
        return None;
    }
    let response = |summary: String| {
        Response::cause("scheduler-down", 0.88, summary).because(
            Evidence::new("status", "no scheduler has written a condition or an event about it")
                .on(pod.reference().clone()),
        )
    };
    let Some(broken) = schedulers.first() else {
        return (!of_default).then(|| {
            response(format!("the pod asks for the scheduler {name}, and no pod of that name runs"))
                .owned_by(Owner::User)
                .remedy(format!("Take out spec.schedulerName, or have {name} run."))
                .blaming(context.workload().clone())
        });
    };
    let mut response = response(format!("the scheduler does not run: {} is not ready", broken.name()));
    for container in containers(broken) {
        let ended = container
            .ended()
            .map(|ended| format!("{}, exit code {}: {}", container.name, ended.exit_code, ended.message));
        if let Some(text) =
            ended.or_else(|| container.waiting.as_ref().map(|w| format!("{}: {}", w.reason, w.message)))
        {
            response = response.because(Evidence::new("status", text).on(broken.reference().clone()));
        }
    }
    Some(
        response
            .remedy("See the log of the scheduler's container, and its manifest on the node.")
            .blaming(broken.reference().clone()),
    )
}
