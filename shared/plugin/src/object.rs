use jiff::Timestamp;
use prodrome_model::{GroupKind, LabelSelector, Metadata, ObjectHead, ObjectRef};
use prodrome_recording::builtin_of_kind;
use serde_json::Value;
use std::sync::Arc;

/// A Kubernetes object that was read: its name, its head, and any field by its JSON pointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    reference: ObjectRef,
    metadata: Metadata,
    json: Arc<Value>,
}

/// A condition of an object's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// The machine's word.
    pub reason: String,
    /// The text.
    pub message: String,
    /// When it last changed.
    pub since: Option<Timestamp>,
}

impl Object {
    /// Reads an object of a kind that is known from elsewhere. `None` where it is none.
    pub(crate) fn parse(kind: &GroupKind, bytes: &[u8]) -> Option<Self> {
        let head: ObjectHead = serde_json::from_slice(bytes).ok()?;
        let json: Value = serde_json::from_slice(bytes).ok()?;
        let api_version = if head.api_version.is_empty() {
            builtin_of_kind(kind).map_or_else(
                || if kind.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", kind.group) },
                |resource| resource.api_version(),
            )
        } else {
            head.api_version
        };
        let reference = ObjectRef {
            api_version,
            kind: kind.kind.clone(),
            namespace: head.metadata.namespace.clone(),
            name: head.metadata.name.clone(),
        };
        Some(Self { reference, metadata: head.metadata, json: Arc::new(json) })
    }

    /// Its name and kind.
    pub const fn reference(&self) -> &ObjectRef {
        &self.reference
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        &self.reference.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.reference.name
    }

    /// Its namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.reference.namespace.as_deref()
    }

    /// Its head.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.get(name).map(String::as_str)
    }

    /// The whole of it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Any value by its JSON pointer (`/spec/replicas`); null where there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A text; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// A number.
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.at(pointer).as_f64()
    }

    /// The items of a list; none where there is no list.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().map_or(&[], Vec::as_slice)
    }

    /// A timestamp.
    pub fn time(&self, pointer: &str) -> Option<Timestamp> {
        self.text(pointer).parse().ok()
    }

    /// A label selector; `None` where there is none, or an empty one, which would select everything.
    pub fn selector(&self, pointer: &str) -> Option<LabelSelector> {
        let value = self.at(pointer);
        let map = value.as_object().filter(|map| !map.is_empty())?;
        if map.contains_key("matchLabels") || map.contains_key("matchExpressions") {
            return serde_json::from_value(value.clone()).ok();
        }
        let labels = map.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()));
        Some(LabelSelector::of_labels(labels.collect()))
    }

    /// A condition of its status by the type.
    pub fn condition(&self, kind: &str) -> Option<Condition> {
        self.conditions().find(|(name, _)| *name == kind).map(|(_, condition)| condition)
    }

    /// All conditions of its status, each with its type.
    pub fn conditions(&self) -> impl Iterator<Item = (&str, Condition)> {
        self.list("/status/conditions").iter().map(|condition| {
            let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
            let found = Condition {
                status: text("status"),
                reason: text("reason"),
                message: text("message"),
                since: text("lastTransitionTime").parse().ok(),
            };
            (condition["type"].as_str().unwrap_or_default(), found)
        })
    }

    /// Whether it is being deleted.
    pub const fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }
}
