use prodrome_model::{Finding, Notice, ObjectRef, Owner, Scope, Severity};
use std::collections::BTreeMap;

/// What routes and lists look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// How bad.
    pub severity: Severity,
    /// Who has to act.
    pub owner: Owner,
    /// The rule's name.
    pub rule: &'a str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// The object's namespace; of a `Namespace` its own name; absent for other cluster-scoped objects.
    pub namespace: Option<&'a str>,
    /// The rule's labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The object's own labels. Written by tenants: what they match, tenants can bring about.
    pub object_labels: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a Notice> for Facts<'a> {
    fn from(notice: &'a Notice) -> Self {
        let Notice {
            severity, owner, rule, scope: Scope { cluster, .. }, object, labels, object_labels, ..
        } = notice;
        let namespace = namespace_of(object);
        Self { severity: *severity, owner: *owner, rule, cluster, namespace, labels, object_labels }
    }
}

impl<'a> From<&'a Finding> for Facts<'a> {
    fn from(finding: &'a Finding) -> Self {
        let Finding {
            severity,
            owner,
            rule,
            scope: Scope { cluster, .. },
            subject,
            labels,
            object_labels,
            ..
        } = finding;
        let namespace = namespace_of(subject.object());
        Self { severity: *severity, owner: *owner, rule, cluster, namespace, labels, object_labels }
    }
}

fn namespace_of(object: &ObjectRef) -> Option<&str> {
    let itself =
        || (object.kind == "Namespace" && object.api_version == "v1").then_some(object.name.as_str());
    object.namespace.as_deref().or_else(itself)
}
