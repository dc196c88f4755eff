use crate::System;
use anyhow::Result;
use prodrome_model::{GroupKind, Resource};
use prodrome_recording::builtin_of_kind;
use prodrome_recording::play::{Fault, PlayServer, Request, Verb};
use serde_json::Value;

/// The cluster's objects. Each has `apiVersion`, `kind` and `metadata`; the API server gives it its version.
impl System {
    /// Makes or changes an object.
    ///
    /// # Panics
    /// Where the kind is none that every cluster serves.
    pub fn apply(&self, object: &Value) {
        self.api().apply(&resource_of(object), &object.to_string());
    }

    /// The object as the API server has it now, with its version.
    ///
    /// # Panics
    /// Where the kind is none that every cluster serves.
    pub fn live(&self, object: &Value) -> Result<Value> {
        let resource = resource_of(object);
        let prefix = if resource.group.is_empty() {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{}", resource.api_version())
        };
        let metadata = &object["metadata"];
        let place = match metadata["namespace"].as_str() {
            Some(namespace) => format!("/namespaces/{namespace}"),
            None => String::new(),
        };
        let name = metadata["name"].as_str().unwrap_or_default();
        let url = format!("{}{prefix}{place}/{}/{name}", self.api().url(), resource.plural);
        Ok(serde_json::from_str(&ureq::get(&url).call()?.body_mut().read_to_string()?)?)
    }

    /// From now on the API server does not answer who reads one object at a path that contains this.
    pub fn hang(&self, path_part: &str) {
        self.api().inject(Fault::hang().on_path(path_part).on_verb(Verb::Get));
    }

    /// It answers everybody again.
    pub fn hang_no_more(&self) {
        self.api().clear_faults();
    }

    /// What the API server was asked lately.
    pub fn requests(&self) -> Vec<Request> {
        self.api().requests()
    }

    /// Deletes an object; what is given is its last state.
    ///
    /// # Panics
    /// Where the kind is none that every cluster serves.
    pub fn delete(&self, object: &Value) {
        self.api().delete(&resource_of(object), &object.to_string());
    }
}

/// A cluster that the functions read, beside the system's own.
pub struct AnotherCluster(pub(crate) PlayServer);

impl AnotherCluster {
    /// Makes or changes an object.
    ///
    /// # Panics
    /// Where the kind is none that every cluster serves.
    pub fn apply(&self, object: &Value) {
        self.0.apply(&resource_of(object), &object.to_string());
    }

    /// What it was asked.
    pub fn requests(&self) -> Vec<Request> {
        self.0.requests()
    }
}

pub(crate) fn resource_of(object: &Value) -> Resource {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let served = builtin_of_kind(&GroupKind::new(group, &*kind));
    served.unwrap_or_else(|| panic!("{api_version} {kind} is no kind that every cluster serves"))
}
