use crate::System;
use prodrome_model::{GroupKind, Resource};
use prodrome_recording::builtin_of_kind;
use serde_json::Value;

/// The cluster's objects. Each has `apiVersion`, `kind` and `metadata`; the API server gives it its version.
impl System {
    /// Makes or changes an object.
    ///
    /// # Panics
    /// Where the kind is none that every cluster serves.
    pub fn apply(&self, object: &Value) {
        self.cluster.apply(&resource_of(object), &object.to_string());
    }

    /// Deletes an object; what is given is its last state.
    ///
    /// # Panics
    /// Where the kind is none that every cluster serves.
    pub fn delete(&self, object: &Value) {
        self.cluster.delete(&resource_of(object), &object.to_string());
    }
}

pub(crate) fn resource_of(object: &Value) -> Resource {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let served = builtin_of_kind(&GroupKind::new(group, &*kind));
    served.unwrap_or_else(|| panic!("{api_version} {kind} is no kind that every cluster serves"))
}
