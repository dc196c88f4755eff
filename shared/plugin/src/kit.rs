//! The test kit: objects in, verdict out.

use crate::any_cluster::AnyCluster;
use crate::http::Http;
use crate::plugin::Plugin;
use crate::registry::call;
use crate::view::View;
use jiff::Timestamp;
use prodrome_cluster::{Logs, ObjectsCluster, owner};
use prodrome_model::{
    GroupKind, ObjectHead, ObjectKey, ObjectRef, Owner, PluginRequest, PluginResponse, Resource, RuleBrief,
    Scope, Severity,
};
use prodrome_recording::builtin_of_kind;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A program that a test runs against: the one that an environment variable names, else the one of this name on the
/// path.
pub fn program(name: &str, variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where a program is for a test is no setting")]
    let (named, path) = (std::env::var(variable), std::env::var("PATH"));
    if let Some(named) = named.ok().filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let path = path.unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A small cluster and a question.
#[derive(Debug, Clone)]
pub struct Kit {
    cluster: ObjectsCluster,
    logs: BTreeMap<String, Logs>,
    params: Map<String, Value>,
    results: BTreeMap<String, PluginResponse>,
    now: Timestamp,
    events: usize,
    outside: Option<Http>,
    settings: BTreeMap<String, String>,
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

impl Kit {
    /// An empty cluster, at noon of the first day of 2026.
    pub fn new() -> Self {
        Self {
            cluster: ObjectsCluster::new(),
            logs: BTreeMap::new(),
            params: Map::new(),
            results: BTreeMap::new(),
            now: Timestamp::from_second(1_767_268_800).unwrap_or(Timestamp::UNIX_EPOCH),
            events: 0,
            outside: None,
            settings: BTreeMap::new(),
        }
    }

    /// With an object.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a json!() is written in place")]
    pub fn with(self, object: Value) -> Self {
        let kind = object["kind"].as_str().expect("an object has a kind");
        let api_version = object["apiVersion"].as_str().expect("an object has an apiVersion");
        let resource = resource(api_version, kind, !object["metadata"]["namespace"].is_null());
        self.cluster.apply(&resource, object.to_string().as_bytes()).expect("an object has a name");
        self
    }

    /// With the objects of a JSON text: one, a list, or one after another.
    ///
    /// # Panics
    /// Where it holds something else.
    #[must_use]
    pub fn with_text(self, text: &str) -> Self {
        let mut kit = self;
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value.expect("this is JSON");
            match value["items"].as_array() {
                Some(items) => kit = items.iter().fold(kit, |kit, item| kit.with(item.clone())),
                None => kit = kit.with(value),
            }
        }
        kit
    }

    /// With an event about an object (`Pod shop/web-0`).
    #[must_use]
    pub fn event(mut self, about: &str, kind: &str, reason: &str, message: &str) -> Self {
        let about = parse(about);
        self.events += 1;
        let namespace = about.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let name = format!("event-{}", self.events);
        self.with(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": name, "namespace": namespace },
            "involvedObject": { "apiVersion": about.api_version, "kind": about.kind, "name": about.name, "namespace": about.namespace },
            "type": kind, "reason": reason, "message": message, "count": 3, "lastTimestamp": "2026-01-01T11:59:00Z",
        }))
    }

    /// With what a container (`shop/web-0/web`) wrote before it was started anew.
    #[must_use]
    pub fn previous_log(mut self, container: &str, text: &str) -> Self {
        self.logs.entry(container.to_owned()).or_default().previous = Some(text.to_owned());
        self
    }

    /// With what a container (`shop/web-0/web`) writes.
    #[must_use]
    pub fn log(mut self, container: &str, text: &str) -> Self {
        self.logs.entry(container.to_owned()).or_default().current = Some(text.to_owned());
        self
    }

    /// With a way to what is outside of the cluster; without, nothing outside is asked.
    #[must_use]
    pub fn outside(mut self, http: Http) -> Self {
        self.outside = Some(http);
        self
    }

    /// With a setting of the plugin's.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// At another time than noon of the first day of 2026.
    #[must_use]
    pub const fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// With params.
    #[must_use]
    pub fn params(mut self, params: Value) -> Self {
        self.params = if let Value::Object(map) = params { map } else { Map::new() };
        self
    }

    /// With what a node before answered.
    #[must_use]
    pub fn result(mut self, node: &str, response: PluginResponse) -> Self {
        self.results.insert(node.to_owned(), response);
        self
    }

    /// Asks about an object: `Pod shop/web-0`, `Node node-a`, `apps/Deployment shop/web`.
    ///
    /// # Panics
    /// Where the plugin declares which causes it names, and names another.
    pub async fn ask(&self, plugin: &Plugin, object: &str) -> PluginResponse {
        let view = self.view();
        let response = call(plugin, self.request_over(&view, plugin, object).await, &view).await;
        let cause = response.cause.as_deref().unwrap_or_default();
        assert!(
            !response.undeclared,
            "the plugin {} names {cause}, which it does not declare",
            plugin.name()
        );
        response
    }

    fn view(&self) -> View {
        if !self.logs.is_empty() {
            self.cluster.set_logs(self.logs.clone());
        }
        let mut cluster = AnyCluster::new(self.cluster.clone()).with_settings(self.settings.clone());
        if let Some(http) = self.outside.clone() {
            cluster = cluster.with_outside(http);
        }
        View::new(cluster)
    }

    /// The question that a plugin is asked about an object, to be put to it over another cluster.
    pub async fn request(&self, plugin: &Plugin, object: &str) -> PluginRequest {
        self.request_over(&self.view(), plugin, object).await
    }

    async fn request_over(&self, view: &View, plugin: &Plugin, object: &str) -> PluginRequest {
        let mut object = parse(object);
        let mut workload = object.clone();
        let mut uid = String::new();
        if let Ok(Some(found)) = view.fetch(&object).await {
            object = found.reference().clone();
            uid.clone_from(&found.metadata().uid);
            workload = owner::topmost_owner(view, &object, found.metadata()).await;
        }
        PluginRequest {
            version: 1,
            run: "test".to_owned(),
            node: plugin.name().to_owned(),
            cluster: Scope::new("default", "local", "test"),
            object,
            uid,
            workload,
            rule: RuleBrief {
                name: "Test".to_owned(),
                severity: Severity::P3,
                owner: Owner::User,
                since: self.now,
                summary: String::new(),
                evidence: Vec::new(),
            },
            params: self.params.clone(),
            results: self.results.clone(),
            now: self.now,
            deadline: Timestamp::MAX,
        }
    }

    /// The head of an object of the cluster, to look at what the kit made of it.
    pub async fn head(&self, object: &str) -> Option<ObjectHead> {
        use prodrome_cluster::Cluster as _;
        let key: ObjectKey = parse(object).key();
        let bytes = self.cluster.get(&key).await.ok().flatten()?;
        serde_json::from_slice(&bytes).ok()
    }
}

fn parse(text: &str) -> ObjectRef {
    let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, name),
    };
    let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
    let known = builtin_of_kind(&GroupKind::new(group, kind));
    let api_version = known.map_or_else(
        || if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") },
        |resource| resource.api_version(),
    );
    ObjectRef { api_version, kind: kind.to_owned(), namespace, name: name.to_owned() }
}

fn resource(api_version: &str, kind: &str, namespaced: bool) -> Resource {
    let group_kind = GroupKind::from_api_version(api_version, kind);
    builtin_of_kind(&group_kind).unwrap_or_else(|| Resource {
        plural: format!("{}s", kind.to_lowercase()),
        version: api_version.rsplit('/').next().unwrap_or("v1").to_owned(),
        group: group_kind.group,
        kind: group_kind.kind,
        namespaced,
    })
}
