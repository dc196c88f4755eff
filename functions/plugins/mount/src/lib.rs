//! Why volumes are not there: claims and their classes, attaching, mounting.

use prodrome_causes::{Cause, Fact};
use prodrome_plugin::{Context, Evidence, NoParams, Object, Plugin, Problem, Response, Texts};

const EVENTS: &[&str] = &[
    "FailedMount",
    "FailedAttachVolume",
    "FailedMapVolume",
    "FailedUnMount",
    "FailedDetachVolume",
    "ProvisioningFailed",
    "FailedBinding",
    "VolumeResizeFailed",
    "FileSystemResizeFailed",
    "VolumeConditionAbnormal",
    "VolumeFailedDelete",
    "ClaimLost",
    "ClaimMisbound",
];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("mount", diagnose)
        .about("Why volumes are not there: claims, attaching, mounting.")
        .reads("", "pods", &["get", "list"])
        .reads("", "persistentvolumeclaims", &["get"])
        .reads("storage.k8s.io", "storageclasses", &["get", "list"])
        .reads("storage.k8s.io", "volumeattachments", &["list"])
        .reads("", "events", &["list"])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let cluster = context.cluster();
    let pods = context.pods().await?;
    let pods: Vec<&Object> = pods.iter().filter(|pod| !prodrome_plugin::pod::is_well(pod)).take(3).collect();
    let mut claims: Vec<Object> = Vec::new();
    if let Some(subject) = context.subject().await?.filter(|s| s.kind() == "PersistentVolumeClaim") {
        claims.push(subject);
    }
    for pod in &pods {
        for volume in pod.list("/spec/volumes") {
            let Some(name) = volume["persistentVolumeClaim"]["claimName"].as_str() else { continue };
            if claims.iter().any(|claim| claim.name() == name) {
                continue;
            }
            match cluster.get("PersistentVolumeClaim", pod.namespace(), name).await? {
                Some(claim) => claims.push(claim),
                None => {
                    let summary = format!("the claim {name}, which the pod mounts, does not exist");
                    return Ok(Response::cause("pvc-missing", 0.93, summary)
                        .because(Evidence::new("spec", format!("the pod mounts the claim {name}")))
                        .remedy(format!("Create the claim {name}, or correct the name in the pod's volumes."))
                        .blaming(context.workload().clone()));
                }
            }
        }
    }
    for claim in claims.iter().filter(|claim| claim.text("/status/phase") == "Pending") {
        if let Some(response) = unbound(&context, claim).await? {
            return Ok(response.blaming(claim.reference().clone()));
        }
    }
    let mut texts = Texts::new();
    for pod in &pods {
        let events = cluster.events(pod).await.unwrap_or_default();
        texts.about(pod.reference(), |texts| texts.events(&events, EVENTS));
    }
    for claim in &claims {
        let events = cluster.events(claim).await.unwrap_or_default();
        texts.about(claim.reference(), |texts| {
            texts.events(&events, EVENTS);
            for (_, condition) in claim.conditions() {
                texts.condition(&condition.reason, &condition.message);
            }
        });
    }
    if texts.is_empty() {
        return Ok(Response::cleared("no volume failed to be bound, attached or mounted"));
    }
    if let Some(path) = texts.find("hostPath type check failed") {
        return Ok(Response::cause(
            "volume-not-found",
            0.7,
            "the node has not what the pod mounts from it, or not of that type",
        )
        .because(Evidence::new("event", path))
        .owned_by(prodrome_plugin::Owner::Platform)
        .remedy("Make the path on the node, or let hostPath.type make it (DirectoryOrCreate, FileOrCreate).")
        .blaming(context.workload().clone()));
    }
    let Some(explained) = texts.explain() else {
        return Ok(Response::unknown("a volume fails, and the texts do not say why"));
    };
    let mut response = explained.response;
    if let Some(driver) =
        explained.facts.get(Fact::Driver).filter(|_| explained.cause == Cause::CsiDriverMissing)
    {
        response = response.sharing(format!("driver {driver}"));
    }
    Ok(response.blaming(context.workload().clone()))
}

/// Why a claim is not bound.
async fn unbound(context: &Context, claim: &Object) -> Result<Option<Response>, Problem> {
    let cluster = context.cluster();
    let events = cluster.events(claim).await.unwrap_or_default();
    let name = claim.name();
    let class_name = claim.at("/spec/storageClassName").as_str();
    let said = |response: Response, reasons: &[&str]| {
        let told = events.iter().find(|event| reasons.contains(&event.reason.as_str()));
        match told {
            Some(event) => response.because(
                Evidence::new("event", format!("{}: {}", event.reason, event.message))
                    .on(claim.reference().clone()),
            ),
            None => response,
        }
    };
    match class_name {
        Some("") => {
            let summary = format!("the claim {name} asks for a volume that exists already, and none fits");
            Ok(Some(said(Response::cause("pvc-unbound", 0.8, summary), &["FailedBinding"])))
        }
        Some(class_name) => {
            let Some(class) = cluster.get("storage.k8s.io/StorageClass", None, class_name).await? else {
                let told = events.iter().any(|event| event.message.contains(class_name));
                if !told && !cluster.is_known("storage.k8s.io/StorageClass", None).await {
                    return Ok(None);
                }
                let summary =
                    format!("the claim {name} asks for the storage class {class_name}, which does not exist");
                let known = cluster.list("storage.k8s.io/StorageClass", None, None).await.unwrap_or_default();
                let known: Vec<&str> = known.iter().map(Object::name).take(8).collect();
                let remedy = if known.is_empty() {
                    "Create the storage class, or name one that there is.".to_owned()
                } else {
                    format!("Name a storage class that there is: {}.", known.join(", "))
                };
                let response = Response::cause("storageclass-missing", 0.93, summary)
                    .because(
                        Evidence::new("spec", format!("spec.storageClassName = {class_name}"))
                            .on(claim.reference().clone()),
                    )
                    .remedy(remedy);
                return Ok(Some(said(response, &["ProvisioningFailed"])));
            };
            let mut texts = Texts::new();
            texts.events(&events, &["ProvisioningFailed", "FailedBinding"]);
            if let Some(explained) = texts.explain() {
                return Ok(Some(explained.response));
            }
            let waits_for_pod = class.text("/volumeBindingMode") == "WaitForFirstConsumer";
            if waits_for_pod && events.iter().all(|event| event.reason == "WaitForFirstConsumer") {
                return Ok(None);
            }
            let provisioner = class.text("/provisioner");
            if events
                .iter()
                .any(|event| event.reason == "ExternalProvisioning" || event.reason == "Provisioning")
            {
                let summary =
                    format!("the provisioner {provisioner} does not make the volume of the claim {name}");
                let response = Response::cause("csi-controller-down", 0.75, summary)
                    .remedy(format!("See whether the controller of {provisioner} runs, and what it writes."))
                    .sharing(format!("provisioner {provisioner}"));
                return Ok(Some(said(response, &["ExternalProvisioning", "Provisioning"])));
            }
            Ok(None)
        }
        None => {
            let summary =
                format!("the claim {name} names no storage class, and the cluster has no default one");
            let response = Response::cause("pvc-unbound", 0.8, summary)
                .remedy("Name a storage class in the claim, or mark one as the cluster's default.")
                .owned_by(prodrome_plugin::Owner::Platform);
            Ok(Some(said(response, &["FailedBinding"])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_claim_that_is_not_bound_says_why() {
        let claim = |class: serde_json::Value| {
            json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop" },
            "spec": { "storageClassName": class }, "status": { "phase": "Pending" } })
        };
        let class = json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "fast" }, "provisioner": "ebs.csi.aws.com" });
        let ask = async |kit: Kit| kit.ask(&plugin(), "PersistentVolumeClaim shop/data").await.cause;
        assert_eq!(
            ask(Kit::new().with(claim(json!("slow"))).with(class.clone())).await.as_deref(),
            Some("storageclass-missing")
        );
        assert_eq!(ask(Kit::new().with(claim(json!(null)))).await.as_deref(), Some("pvc-unbound"));
        let waits = Kit::new().with(claim(json!("fast"))).with(class).event(
            "PersistentVolumeClaim shop/data", "Normal", "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator.");
        assert_eq!(ask(waits).await.as_deref(), Some("csi-controller-down"));
    }
}
