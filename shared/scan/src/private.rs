use crate::Path;

/// The record of who owns which field: a third of a pod's bytes, of no use to most rules.
pub const MANAGED_FIELDS: Path<'static> = &["metadata", "managedFields"];

/// What of a kind must not leave the cluster: the contents of a `Secret` or `ConfigMap`, and the copy of them
/// that `kubectl apply` keeps in an annotation.
pub fn private_parts(group: &str, kind: &str) -> &'static [Path<'static>] {
    match (group, kind) {
        ("", "Secret" | "ConfigMap") => &[
            &["data"],
            &["stringData"],
            &["binaryData"],
            &["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"],
        ],
        _ => &[],
    }
}
