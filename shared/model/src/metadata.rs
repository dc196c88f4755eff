use crate::{GroupKind, ObjectKey, ObjectRef, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The head of any Kubernetes object: the parts that Prodrome itself reads. All else is the rules' matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectHead {
    /// Absent in the items of a list.
    #[serde(default)]
    pub api_version: String,
    /// Absent in the items of a list.
    #[serde(default)]
    pub kind: String,
    /// The object's metadata.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub metadata: Metadata,
}

impl ObjectHead {
    /// The key under a kind that is known from elsewhere (the watched path), as the body may not carry it.
    pub fn key(&self, kind: GroupKind) -> ObjectKey {
        ObjectKey { kind, namespace: self.metadata.namespace.clone(), name: self.metadata.name.clone() }
    }

    /// The subject of findings about this object, with `api_version` and `kind` as known from elsewhere.
    pub fn subject(&self, api_version: &str, kind: &str) -> Subject {
        Subject::Object {
            object: ObjectRef {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                namespace: self.metadata.namespace.clone(),
                name: self.metadata.name.clone(),
            },
            uid: self.metadata.uid.clone(),
        }
    }
}

/// The part of an object's metadata that Prodrome reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The name.
    #[serde(deserialize_with = "null_is_absent")]
    pub name: String,
    /// Absent for cluster-scoped objects.
    pub namespace: Option<String>,
    /// The identity.
    #[serde(deserialize_with = "null_is_absent")]
    pub uid: String,
    /// The version, opaque but for its order within one resource of one cluster.
    #[serde(deserialize_with = "null_is_absent")]
    pub resource_version: String,
    /// When it was made.
    pub creation_timestamp: Option<Timestamp>,
    /// Set once deletion was asked for; includes the grace period.
    pub deletion_timestamp: Option<Timestamp>,
    /// Labels; written by tenants.
    #[serde(deserialize_with = "null_is_absent")]
    pub labels: BTreeMap<String, String>,
    /// Owners; the one with `controller` is followed upwards.
    #[serde(deserialize_with = "null_is_absent")]
    pub owner_references: Vec<OwnerReference>,
}

impl Metadata {
    /// The resource version as the integer it is in practice; 0 where it is absent or something else.
    pub fn version(&self) -> u64 {
        self.resource_version.parse().unwrap_or(0)
    }

    /// The controlling owner, or the only owner where none says that it controls.
    pub fn controller(&self) -> Option<&OwnerReference> {
        let controlling = self.owner_references.iter().find(|o| o.controller);
        controlling.or_else(|| self.owner_references.first().filter(|_| self.owner_references.len() == 1))
    }
}

/// A reference to an owner, always in the same namespace or cluster-scoped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// The owner's `apiVersion`.
    pub api_version: String,
    /// The owner's kind.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's identity.
    pub uid: String,
    /// Whether it is the controlling owner.
    #[serde(deserialize_with = "null_is_absent")]
    pub controller: bool,
}

/// A label selector as objects carry it. A plain map (a Service's `spec.selector`) reads as `matchLabels`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// All of these labels, with these values.
    pub match_labels: BTreeMap<String, String>,
    /// And all of these requirements.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement of a [`LabelSelector`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelectorRequirement {
    /// The label's key.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: String,
    /// The values of `In` and `NotIn`.
    pub values: Vec<String>,
}

impl LabelSelector {
    /// A selector of plain labels.
    pub fn of_labels(match_labels: BTreeMap<String, String>) -> Self {
        Self { match_labels, match_expressions: Vec::new() }
    }

    /// Whether an object with these labels is selected. An empty selector selects everything; an operator
    /// that is not known selects nothing.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.match_expressions.iter().all(|r| {
                let value = labels.get(&r.key);
                match r.operator.as_str() {
                    "In" => value.is_some_and(|v| r.values.contains(v)),
                    "NotIn" => value.is_none_or(|v| !r.values.contains(v)),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }

    /// As the query parameter `labelSelector` of the Kubernetes API.
    pub fn to_query(&self) -> String {
        let labels = self.match_labels.iter().map(|(k, v)| format!("{k}={v}"));
        let expressions = self.match_expressions.iter().map(|r| match r.operator.as_str() {
            "In" => format!("{} in ({})", r.key, r.values.join(",")),
            "NotIn" => format!("{} notin ({})", r.key, r.values.join(",")),
            "DoesNotExist" => format!("!{}", r.key),
            _ => r.key.clone(),
        });
        labels.chain(expressions).collect::<Vec<_>>().join(",")
    }
}

/// Files written by hand hold `labels:` with nothing behind it.
fn null_is_absent<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_as_kubernetes_does() {
        let selector: LabelSelector = serde_json::from_str(
            r#"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"NotIn","values":["db"]}]}"#,
        )
        .unwrap();
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
        };
        assert!(selector.selects(&labels(&[("app", "web")])));
        assert!(!selector.selects(&labels(&[("app", "web"), ("tier", "db")])));
        assert!(!selector.selects(&labels(&[])));
        assert_eq!(selector.to_query(), "app=web,tier notin (db)");
    }

    #[test]
    fn a_head_is_read_from_any_object() {
        let head: ObjectHead =
            serde_json::from_str(r#"{"metadata":{"name":"a","resourceVersion":"12"},"spec":{}}"#).unwrap();
        assert_eq!((head.metadata.version(), head.kind.as_str()), (12, ""));
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let head: ObjectHead = serde_json::from_str(
            r#"{"metadata":{"name":"a","namespace":null,"labels":null,"ownerReferences":null,"uid":null,
                "resourceVersion":null,"creationTimestamp":null}}"#,
        )
        .unwrap();
        assert_eq!(head.metadata, Metadata { name: "a".into(), ..Metadata::default() });
        assert_eq!(
            serde_json::from_str::<ObjectHead>(r#"{"metadata":null}"#).unwrap(),
            ObjectHead::default()
        );
    }
}
