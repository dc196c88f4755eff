//! Why volumes are not there: claims and their classes, attaching, mounting.

mod attached;

use prodrome_causes::{Cause, Fact};
use prodrome_plugin::{
    Area, Context, Evidence, NoParams, Object, ObjectRef, Plugin, Problem, Response, Texts,
};

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
    "VolumeMismatch",
];

/// What is out of the question where no volume fails.
const RULED_OUT: [Cause; 8] = [
    Cause::PvcUnbound,
    Cause::PvcMissing,
    Cause::VolumeMultiAttach,
    Cause::VolumeAttachFailed,
    Cause::VolumeMountTimeout,
    Cause::VolumeNotFound,
    Cause::StorageclassMissing,
    Cause::CsiDriverMissing,
];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("mount", diagnose)
        .about("Why volumes are not there: claims, attaching, mounting.")
        .reads("", "pods", &["get", "list"])
        .reads("", "persistentvolumeclaims", &["get"])
        .reads("", "persistentvolumes", &["list"])
        .reads("storage.k8s.io", "storageclasses", &["get", "list"])
        .reads("storage.k8s.io", "volumeattachments", &["list"])
        .reads("", "nodes", &["get"])
        .reads("", "events", &["list"])
        .names_of(&[Area::Storage, Area::Start, Area::Certs, Area::Workload, Area::Node, Area::ControlPlane])
        .names(&[
            Cause::PvcUnbound,
            Cause::CloudQuota,
            Cause::CapacityUnavailable,
            Cause::VolumeAttachLimit,
            Cause::VolumeZoneConflict,
            Cause::NodeDiskFull,
            Cause::AppConfigWrong,
            Cause::AppFilePermission,
        ])
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
            let Some(claim) = cluster.get("PersistentVolumeClaim", pod.namespace(), name).await? else {
                let summary = format!("the claim {name}, which the pod mounts, does not exist");
                return Ok(Response::cause("pvc-missing", 0.93, summary)
                    .because(Evidence::new("spec", format!("the pod mounts the claim {name}")))
                    .remedy(format!("Create the claim {name}, or correct the name in the pod's volumes."))
                    .blaming(context.workload().clone()));
            };
            claims.push(claim);
        }
    }
    for claim in claims.iter().filter(|claim| claim.text("/status/phase") == "Pending") {
        if let Some(response) = unbound(&context, claim).await? {
            return Ok(response.blaming(claim.reference().clone()));
        }
    }
    let mut texts = Texts::new();
    for pod in &pods {
        let mut events = cluster.events(pod).await.unwrap_or_default();
        // All volumes are mounted before the sandbox is made: what failed until then is over.
        let mounted =
            pod.condition("PodReadyToStartContainers").filter(|condition| condition.status == "True");
        if let Some(since) = mounted.and_then(|condition| condition.since) {
            events.retain(|event| event.last_seen.is_none_or(|seen| seen > since));
        }
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
    let attachments = attached::of_claims(&context, &claims).await;
    for attachment in &attachments {
        if let Some(error) = attached::error(attachment) {
            texts.about(attachment.reference(), |texts| texts.condition("FailedAttachVolume", error));
        }
    }
    if texts.is_empty() {
        let well = Response::cleared("no volume failed to be bound, attached or mounted");
        return Ok(well.ruling_out_all(RULED_OUT.map(Cause::id)));
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
    if matches!(explained.cause, Cause::VolumeMultiAttach | Cause::VolumeAttachFailed) {
        response = attached::elsewhere(&context, &pods, &attachments, response).await;
    }
    if let Some(driver) =
        explained.facts.get(Fact::Driver).filter(|_| explained.cause == Cause::CsiDriverMissing)
    {
        response = response.sharing(format!("driver {driver}"));
    }
    // The node's own disk fails every volume that is made there.
    let of_node = matches!(explained.cause, Cause::NodeKernel | Cause::NodeDiskFull);
    if let Some(name) = node_of(&response, &pods).filter(|_| of_node) {
        let node = ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            namespace: None,
            name: name.to_owned(),
        };
        response = response.sharing(format!("node {name}")).blaming(node);
    }
    if response.faulty.is_none() {
        let at_fault = volume_at_fault(explained.cause, &texts, &claims);
        response = response.blaming(at_fault.unwrap_or_else(|| context.workload().clone()));
    }
    Ok(response)
}

/// The node of the pod that the most telling text is about. Other pods of the workload may be unwell for another reason,
/// on nodes at which nothing is wrong.
fn node_of<'a>(response: &Response, pods: &[&'a Object]) -> Option<&'a str> {
    let about = response.evidence.first()?.object.as_ref()?;
    let pod = pods.iter().find(|pod| pod.reference() == about)?;
    Some(pod.text("/spec/nodeName")).filter(|name| !name.is_empty())
}

/// The volume itself, where it is what has to be mended, and the texts speak of it: not of whoever mounts it.
fn volume_at_fault(cause: Cause, texts: &Texts, claims: &[Object]) -> Option<ObjectRef> {
    let of_volume = matches!(
        cause,
        Cause::VolumeNotFound | Cause::VolumeAttachFailed | Cause::FsCorrupt | Cause::KmsDenied
    );
    let names = claims.iter().map(|claim| claim.text("/spec/volumeName")).filter(|name| !name.is_empty());
    let name = names.filter(|_| of_volume).find(|name| texts.find(name).is_some())?;
    Some(ObjectRef {
        api_version: "v1".to_owned(),
        kind: "PersistentVolume".to_owned(),
        namespace: None,
        name: name.to_owned(),
    })
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
            let response = match offered(context, claim, false).await {
                Some(response) => response,
                None => Response::cause("pvc-unbound", 0.8, summary),
            };
            Ok(Some(said(response, &["FailedBinding", "VolumeMismatch"])))
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
            // Volumes that are made by hand: one that fits has to be there, and free.
            let by_hand = class.text("/provisioner") == "kubernetes.io/no-provisioner";
            if by_hand || events.iter().any(|event| event.reason == "VolumeMismatch") {
                return Ok(offered(context, claim, by_hand).await.map(|response| {
                    said(response, &["VolumeMismatch", "FailedBinding", "ProvisioningFailed"])
                }));
            }
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

/// What the volumes that a claim might have got are like: taken, released, too small, of other modes. `None` where the
/// claim may still wait for its first pod.
async fn offered(context: &Context, claim: &Object, by_hand: bool) -> Option<Response> {
    let name = claim.name();
    let class = claim.text("/spec/storageClassName");
    let all = context.cluster().list("PersistentVolume", None, None).await.ok()?;
    let named = claim.text("/spec/volumeName");
    let candidates: Vec<&Object> = all
        .iter()
        .filter(|volume| {
            volume.name() == named || named.is_empty() && volume.text("/spec/storageClassName") == class
        })
        .collect();
    let wanted = claim.list("/spec/accessModes");
    let lacks = |volume: &Object| {
        let modes = volume.list("/spec/accessModes");
        wanted.iter().find(|mode| !modes.contains(mode)).and_then(|mode| mode.as_str())
    };
    let free = |volume: &Object| volume.text("/status/phase") == "Available" && lacks(volume).is_none();
    if by_hand && candidates.iter().any(|volume| free(volume)) {
        return None;
    }
    let summary = if candidates.is_empty() {
        format!(
            "the claim {name} waits for a volume of the class {class} that is made by hand, and there is none"
        )
    } else {
        format!("none of the {} volumes that the claim {name} might get fits it", candidates.len())
    };
    let mut response = Response::cause("pvc-unbound", 0.88, summary);
    for volume in candidates.iter().take(4) {
        let phase = volume.text("/status/phase");
        let text = match lacks(volume) {
            Some(mode) => format!("it has not the access mode {mode}"),
            None if phase == "Released" => "it is released, and still names the claim that it had".to_owned(),
            None => format!("it is {phase}"),
        };
        response = response.because(Evidence::new("status", text).on(volume.reference().clone()));
    }
    Some(response.remedy("Make a volume that fits, free the released one (take out its claimRef), or correct the claim's class, size and modes."))
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

    #[tokio::test]
    async fn a_volume_that_is_attached_elsewhere_is_found_with_whoever_holds_it() {
        let pod = |name: &str, node: &str, phase: &str, owner: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "shop", "uid": name,
                    "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true }] },
                "spec": { "nodeName": node, "containers": [{ "name": "c" }], "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }] },
                "status": { "phase": phase, "conditions": [{ "type": "Ready", "status": if phase == "Running" { "True" } else { "False" } }] } })
        };
        let set = |name: &str| json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "name": name, "namespace": "shop", "uid": name } });
        let node = |ready: &str| json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n2" }, "status": { "conditions": [{ "type": "Ready", "status": ready }] } });
        let kit = |ready: &str, holder: &str| {
            Kit::new()
                .with(set("web")).with(set("other"))
                .with(pod("web-b", "n1", "Pending", "web"))
                .with(pod("held", "n2", "Running", holder))
                .with(node(ready))
                .with(json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop" },
                    "spec": { "volumeName": "pv-1" }, "status": { "phase": "Bound" } }))
                .with(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": { "name": "csi-1" },
                    "spec": { "nodeName": "n2", "source": { "persistentVolumeName": "pv-1" } }, "status": { "attached": true } }))
                .event("Pod shop/web-b", "Warning", "FailedAttachVolume",
                    r#"Multi-Attach error for volume "pv-1" Volume is already exclusively attached to one node and can't be attached to another"#)
        };
        for (ready, holder, cause, faulty) in [
            ("Unknown", "web", "volume-multi-attach", "Node n2"),
            ("True", "web", "volume-multi-attach", "ReplicaSet shop/web"),
            ("True", "other", "rwo-volume-shared", "ReplicaSet shop/web"),
        ] {
            let answer = kit(ready, holder).ask(&plugin(), "Pod shop/web-b").await;
            let found = answer.faulty.as_ref().map(ToString::to_string).unwrap_or_default();
            assert_eq!((answer.cause.as_deref(), found.as_str()), (Some(cause), faulty), "{answer:?}");
            assert!(answer.evidence.iter().any(|e| e.text.contains("attached to the node n2")), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_mount_that_failed_before_the_pod_had_its_sandbox_is_over() {
        let pod = |sandbox: &str, since: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop" },
                "spec": { "nodeName": "n1", "containers": [{ "name": "c" }] },
                "status": { "phase": "Pending", "conditions": [
                    { "type": "PodReadyToStartContainers", "status": sandbox, "lastTransitionTime": since }] } })
        };
        let denied = "MountVolume.SetUp failed for volume \"kube-api-access-x\" : failed to fetch token: serviceaccounts \
                      \"default\" is forbidden: User \"system:node:n1\" cannot create resource \"serviceaccounts/token\" in API \
                      group \"\" in the namespace \"shop\": no relationship found between node 'n1' and this object";
        for (sandbox, since, want) in [
            ("True", "2026-01-01T11:59:02Z", None),
            ("True", "2026-01-01T11:58:00Z", Some("rbac-denied")),
            ("False", "2026-01-01T11:59:02Z", Some("rbac-denied")),
        ] {
            let kit = Kit::new().with(pod(sandbox, since));
            let kit = kit.event("Pod shop/web", "Warning", "FailedMount", denied);
            let answer = kit.ask(&plugin(), "Pod shop/web").await;
            assert_eq!(answer.cause.as_deref(), want, "{sandbox} {since}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_disk_of_the_node_that_is_read_only_is_the_nodes_fault() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "nodeName": "n1", "containers": [{ "name": "c" }] }, "status": { "phase": "Pending" } });
        let message = "MountVolume.SetUp failed for volume \"cfg\" : mkdir \
                       /var/lib/kubelet/pods/6c1f/volumes/kubernetes.io~configmap: read-only file system";
        let kit = Kit::new().with(pod).event("Pod shop/web", "Warning", "FailedMount", message);
        let answer = kit.ask(&plugin(), "Pod shop/web").await;
        let faulty = answer.faulty.as_ref().map(ToString::to_string);
        assert_eq!((answer.cause.as_deref(), faulty.as_deref()), (Some("node-kernel"), Some("Node n1")));
        assert_eq!(answer.shared.as_deref(), Some("node n1"));
    }

    #[tokio::test]
    async fn the_node_at_fault_is_that_of_the_pod_that_the_event_is_about() {
        let pod = |name: &str, node: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "shop", "uid": name,
                    "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "web", "controller": true }] },
                "spec": { "nodeName": node, "containers": [{ "name": "c" }] }, "status": { "phase": "Pending" } })
        };
        let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "web", "namespace": "shop", "uid": "web" },
            "spec": { "selector": { "matchLabels": {} } } });
        let message = "MountVolume.SetUp failed for volume \"cfg\" : mkdir \
                       /var/lib/kubelet/pods/6c1f/volumes/kubernetes.io~configmap: read-only file system";
        let kit = Kit::new().with(set).with(pod("web-0", "n1")).with(pod("web-1", "n2"));
        let kit = kit
            .event("Pod shop/web-0", "Normal", "Pulling", "Pulling image \"r.example/web:1\"")
            .event("Pod shop/web-1", "Warning", "FailedMount", message);
        let answer = kit.ask(&plugin(), "StatefulSet shop/web").await;
        let faulty = answer.faulty.as_ref().map(ToString::to_string);
        assert_eq!((answer.cause.as_deref(), faulty.as_deref()), (Some("node-kernel"), Some("Node n2")));
        assert_eq!(answer.shared.as_deref(), Some("node n2"));
    }

    #[tokio::test]
    async fn what_a_driver_says_of_attaching_is_read_where_the_event_is_gone() {
        let kit = Kit::new()
            .with(json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop" },
                "spec": { "volumeName": "pv-1" }, "status": { "phase": "Bound" } }))
            .with(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": { "name": "csi-1" },
                "spec": { "nodeName": "n1", "source": { "persistentVolumeName": "pv-1" } },
                "status": { "attached": false, "attachError": { "message": "rpc error: code = NotFound desc = InvalidVolume.NotFound: The volume 'vol-1' does not exist" } } }));
        let answer = kit.ask(&plugin(), "PersistentVolumeClaim shop/data").await;
        assert_eq!(answer.cause.as_deref(), Some("volume-not-found"), "{answer:?}");
    }
}
