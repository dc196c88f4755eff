use prodrome_model::{GroupKind, Resource};

/// The resource at a collection's path among those that every cluster serves.
pub fn builtin_of_path(group: &str, version: &str, plural: &str) -> Option<Resource> {
    let row = BUILTIN.iter().find(|row| row.0 == group && row.2 == plural)?;
    Some(Resource { version: version.to_owned(), ..row_resource(row) })
}

/// How every cluster serves a kind, or `None` for a kind that is not built in.
///
/// An empty group means the core group; where that lacks the kind, the one group that has it.
pub fn builtin_of_kind(kind: &GroupKind) -> Option<Resource> {
    let exact = BUILTIN.iter().find(|row| row.0 == kind.group && row.3 == kind.kind);
    let any = || BUILTIN.iter().find(|row| kind.group.is_empty() && row.3 == kind.kind);
    exact.or_else(any).map(row_resource)
}

/// All resources that every cluster serves.
pub fn builtin() -> impl Iterator<Item = Resource> {
    BUILTIN.iter().map(row_resource)
}

fn row_resource(row: &Row) -> Resource {
    let &(group, version, plural, kind, namespaced) = row;
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced,
    }
}

type Row = (&'static str, &'static str, &'static str, &'static str, bool);

/// Group, preferred version, plural, kind, namespaced. Where two groups have a kind, the one that is meant by
/// the kind alone stands first.
const BUILTIN: &[Row] = &[
    ("", "v1", "configmaps", "ConfigMap", true),
    ("", "v1", "endpoints", "Endpoints", true),
    ("", "v1", "events", "Event", true),
    ("", "v1", "limitranges", "LimitRange", true),
    ("", "v1", "namespaces", "Namespace", false),
    ("", "v1", "nodes", "Node", false),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true),
    ("", "v1", "persistentvolumes", "PersistentVolume", false),
    ("", "v1", "pods", "Pod", true),
    ("", "v1", "podtemplates", "PodTemplate", true),
    ("", "v1", "replicationcontrollers", "ReplicationController", true),
    ("", "v1", "resourcequotas", "ResourceQuota", true),
    ("", "v1", "secrets", "Secret", true),
    ("", "v1", "serviceaccounts", "ServiceAccount", true),
    ("", "v1", "services", "Service", true),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        false,
    ),
    ("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", false),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        false,
    ),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", false),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", true),
    ("apps", "v1", "daemonsets", "DaemonSet", true),
    ("apps", "v1", "deployments", "Deployment", true),
    ("apps", "v1", "replicasets", "ReplicaSet", true),
    ("apps", "v1", "statefulsets", "StatefulSet", true),
    ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true),
    ("batch", "v1", "cronjobs", "CronJob", true),
    ("batch", "v1", "jobs", "Job", true),
    ("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", false),
    ("coordination.k8s.io", "v1", "leases", "Lease", true),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true),
    ("events.k8s.io", "v1", "events", "Event", true),
    ("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema", false),
    (
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "prioritylevelconfigurations",
        "PriorityLevelConfiguration",
        false,
    ),
    ("networking.k8s.io", "v1", "ingressclasses", "IngressClass", false),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", true),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true),
    ("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", true),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false),
    ("storage.k8s.io", "v1", "csidrivers", "CSIDriver", false),
    ("storage.k8s.io", "v1", "csinodes", "CSINode", false),
    ("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity", true),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", false),
    ("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_alone_finds_the_core_group_first_and_then_the_one_that_has_it() {
        let group = |kind: &str| builtin_of_kind(&GroupKind::core(kind)).map(|r| r.group);
        assert_eq!(group("Event").as_deref(), Some(""));
        assert_eq!(group("Deployment").as_deref(), Some("apps"));
        assert_eq!(group("Database"), None);
        assert_eq!(builtin_of_kind(&GroupKind::new("shop.example.com", "Pod")), None);
    }

    #[test]
    fn a_path_keeps_its_version() {
        let resource = builtin_of_path("autoscaling", "v1", "horizontalpodautoscalers").unwrap();
        assert_eq!((resource.version.as_str(), resource.kind.as_str()), ("v1", "HorizontalPodAutoscaler"));
    }
}
