//! Where a volume is attached, while a pod elsewhere waits for it.

use prodrome_causes::Cause;
use prodrome_plugin::{Context, Evidence, Object, ObjectRef, Response};
use serde_json::Value;

/// The attachments of the volumes of these claims.
pub(crate) async fn of_claims(context: &Context, claims: &[Object]) -> Vec<Object> {
    let volumes: Vec<&str> =
        claims.iter().map(|claim| claim.text("/spec/volumeName")).filter(|name| !name.is_empty()).collect();
    if volumes.is_empty() {
        return Vec::new();
    }
    let all = context.cluster().list("storage.k8s.io/VolumeAttachment", None, None).await.unwrap_or_default();
    all.into_iter().filter(|one| volumes.contains(&one.text("/spec/source/persistentVolumeName"))).collect()
}

/// What a driver said of attaching or detaching.
pub(crate) fn error(attachment: &Object) -> Option<&str> {
    ["/status/attachError/message", "/status/detachError/message"]
        .into_iter()
        .find_map(|pointer| attachment.at(pointer).as_str())
        .filter(|message| !message.is_empty())
}

/// Whose it is where the volume is: a node that does not report, a pod that goes, or one that stays.
pub(crate) async fn elsewhere(
    context: &Context,
    pods: &[&Object],
    attachments: &[Object],
    mut response: Response,
) -> Response {
    let waiting: Vec<&str> = pods.iter().map(|pod| pod.text("/spec/nodeName")).collect();
    let there = attachments.iter().find(|one| {
        one.at("/status/attached").as_bool() == Some(true) && !waiting.contains(&one.text("/spec/nodeName"))
    });
    let Some(there) = there else { return response };
    let name = there.text("/spec/nodeName");
    let text = format!("the volume is attached to the node {name}");
    response = response.because(Evidence::new("status", text).on(there.reference().clone()));
    match context.cluster().get("Node", None, name).await {
        Ok(None) => {
            return response.because(Evidence::new("cluster", format!("the node {name} is gone"))).remedy(
                format!("See that its instance is gone, then delete the attachment {}.", there.name()),
            );
        }
        Ok(Some(node)) if node.condition("Ready").is_none_or(|ready| ready.status != "True") => {
            return response
                .because(Evidence::new("status", "it does not report that it is ready").on(node.reference().clone()))
                .remedy(format!("If {name} is down for good: kubectl taint nodes {name} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute; the volume is then let go."))
                .sharing(format!("node {name}"))
                .blaming(node.reference().clone());
        }
        _ => {}
    }
    let Some(user) = user_there(context, pods, name).await else { return response };
    if user.is_being_deleted() {
        let text = "it is being deleted, and still holds the volume";
        return response.because(Evidence::new("status", text).on(user.reference().clone()));
    }
    let (top, mine) = (context.top(&user).await, context.workload());
    response = response.because(Evidence::new("spec", "it uses the same claim").on(user.reference().clone()));
    if is_same(&top, mine) {
        return response.remedy(
            "Let the old pod go before the new one comes: strategy Recreate, or a StatefulSet with a claim for each.",
        );
    }
    let evidence = std::mem::take(&mut response.evidence);
    let summary = format!(
        "{} {} uses the same claim on the node {name}, and it can be attached to one node only",
        top.kind, top.name
    );
    let shared = Response::cause(Cause::RwoVolumeShared.id(), 0.85, summary)
        .remedy("Give each its own claim, or take a volume that many nodes can mount (ReadWriteMany).")
        .blaming(mine.clone());
    Response { evidence, ..shared }
}

/// The pod on that node that uses a claim of these.
async fn user_there(context: &Context, pods: &[&Object], node: &str) -> Option<Object> {
    let namespace = pods.first()?.namespace();
    let wanted: Vec<&str> = pods.iter().flat_map(|pod| claims(pod)).collect();
    let all = context.cluster().list("Pod", namespace, None).await.unwrap_or_default();
    let done = |pod: &Object| matches!(pod.text("/status/phase"), "Succeeded" | "Failed");
    all.into_iter().find(|pod| {
        pod.text("/spec/nodeName") == node && !done(pod) && claims(pod).any(|claim| wanted.contains(&claim))
    })
}

fn claims(pod: &Object) -> impl Iterator<Item = &str> {
    pod.list("/spec/volumes").iter().filter_map(claim)
}

fn claim(volume: &Value) -> Option<&str> {
    volume["persistentVolumeClaim"]["claimName"].as_str()
}

fn is_same(one: &ObjectRef, other: &ObjectRef) -> bool {
    (&one.kind, &one.namespace, &one.name) == (&other.kind, &other.namespace, &other.name)
}
