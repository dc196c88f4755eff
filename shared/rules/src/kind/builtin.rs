//! The kinds that Kubernetes itself has, so that a kind may be written without its group.

/// A kind of Kubernetes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Builtin {
    pub(crate) kind: &'static str,
    pub(crate) group: &'static str,
    pub(crate) namespaced: bool,
}

/// By its name, exactly as it is written.
pub(crate) fn find(kind: &str) -> Option<Builtin> {
    all().find(|builtin| builtin.kind == kind)
}

/// The kinds of one of Kubernetes' own groups: also those that nobody means who writes a kind alone. `None` for the
/// group of anybody else.
pub(crate) fn of_group(group: &str) -> Option<Vec<&'static str>> {
    let groups = KINDS.iter().map(|(group, _, kinds)| (*group, *kinds)).chain(OTHERS.iter().copied());
    let lists: Vec<_> = groups.filter(|(own, _)| *own == group).map(|(_, kinds)| kinds).collect();
    (!lists.is_empty()).then(|| lists.concat())
}

/// Whether new versions of Kubernetes still add kinds to a group of its own.
pub(crate) fn grows(group: &str) -> bool {
    GROWING.contains(&group)
}

pub(crate) fn all() -> impl Iterator<Item = Builtin> {
    KINDS.iter().flat_map(|(group, namespaced, kinds)| {
        kinds.iter().map(|kind| Builtin { kind, group, namespaced: *namespaced })
    })
}

/// Group, whether namespaced, kinds. `Event` is the core group's.
const KINDS: &[(&str, bool, &[&str])] = &[
    (
        "",
        true,
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("", false, &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        false,
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", false, &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", false, &["APIService"]),
    ("apps", true, &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", true, &["HorizontalPodAutoscaler"]),
    ("batch", true, &["CronJob", "Job"]),
    ("certificates.k8s.io", false, &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("certificates.k8s.io", true, &["PodCertificateRequest"]),
    ("coordination.k8s.io", true, &["Lease", "LeaseCandidate"]),
    ("discovery.k8s.io", true, &["EndpointSlice"]),
    ("flowcontrol.apiserver.k8s.io", false, &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", true, &["Ingress", "NetworkPolicy"]),
    ("networking.k8s.io", false, &["IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", false, &["RuntimeClass"]),
    ("policy", true, &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", true, &["Role", "RoleBinding"]),
    ("rbac.authorization.k8s.io", false, &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", true, &["ResourceClaim", "ResourceClaimTemplate"]),
    ("resource.k8s.io", false, &["DeviceClass", "DeviceTaintRule", "ResourceSlice"]),
    ("scheduling.k8s.io", false, &["PriorityClass"]),
    ("storage.k8s.io", true, &["CSIStorageCapacity"]),
    (
        "storage.k8s.io",
        false,
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
];

/// Kinds of Kubernetes' own groups that have no list of their own, are gone by now, or that a kind alone does not mean, as
/// a CRD of that name is known better.
const OTHERS: &[(&str, &[&str])] = &[
    ("", &["Binding"]),
    ("apps", &["Scale"]),
    ("autoscaling", &["Scale"]),
    ("events.k8s.io", &["Event"]),
    ("networking.k8s.io", &["ClusterCIDR"]),
    ("policy", &["Eviction", "PodSecurityPolicy"]),
    ("scheduling.k8s.io", &["PodGroup", "Workload"]),
];

/// Groups to which versions add kinds every year.
const GROWING: &[&str] = &[
    "admissionregistration.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_stands_there_twice() {
        let mut kinds: Vec<_> = all().map(|builtin| builtin.kind).collect();
        kinds.sort_unstable();
        let count = kinds.len();
        kinds.dedup();
        assert_eq!(kinds.len(), count);
        assert_eq!(find("Ingress").map(|b| b.group), Some("networking.k8s.io"));
        assert_eq!(find("Node").map(|b| b.namespaced), Some(false));
    }
}
