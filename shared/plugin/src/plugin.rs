use crate::context::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use prodrome_causes::{Area, Cause};
use prodrome_model::{FactType, PluginResponse, Unseen};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

type Handler = Box<dyn Fn(Context) -> BoxFuture<'static, Result<PluginResponse, Problem>> + Send + Sync>;

/// A plugin: its name, what it declares, and the function that answers.
pub struct Plugin {
    name: &'static str,
    about: &'static str,
    reads: Vec<Reads>,
    outside: Option<&'static str>,
    settings: Vec<(&'static str, &'static str)>,
    facts: BTreeMap<String, FactType>,
    causes: Option<BTreeSet<Cause>>,
    params: Schema,
    handler: Handler,
}

/// What a plugin may read of the cluster, as a role grants it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reads {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource in the plural, such as `pods` or `pods/log`.
    pub resource: &'static str,
    /// `get`, `list`.
    pub verbs: Vec<&'static str>,
    /// The objects that it gets, by their names; empty where it may be any.
    pub names: Vec<&'static str>,
    /// Whether it is granted only where an operator adds that knowingly: without, the plugin says that it could not
    /// look.
    pub overlay: bool,
}

/// Why a plugin has no answer. It becomes `unknown`, with this as the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The flow gives params that the plugin does not take.
    #[error("the params are not what the plugin takes: {0}")]
    Params(String),
    /// Something that it needs cannot be looked at.
    #[error("{0}")]
    Unseen(Unseen),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<Unseen> for Problem {
    fn from(unseen: Unseen) -> Self {
        Self::Unseen(unseen)
    }
}

impl Plugin {
    /// A plugin under a name, which is part of its function's name (`<stack>-plugin-<name>`).
    pub fn new<P, F, Fut>(name: &'static str, diagnose: F) -> Self
    where
        P: DeserializeOwned + JsonSchema,
        F: Fn(Context, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<PluginResponse, Problem>> + Send + 'static,
    {
        let handler: Handler = Box::new(move |context| {
            match serde_json::from_value::<P>(Value::Object(context.request().params.clone())) {
                Ok(params) => diagnose(context, params).boxed(),
                Err(error) => futures::future::ready(Err(Problem::Params(error.to_string()))).boxed(),
            }
        });
        let params = schemars::schema_for!(P);
        Self {
            name,
            about: "",
            reads: Vec::new(),
            outside: None,
            settings: Vec::new(),
            facts: BTreeMap::new(),
            causes: None,
            params,
            handler,
        }
    }

    /// What it finds out, in a line.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// With something that it reads of the cluster.
    #[must_use]
    pub fn reads(mut self, group: &'static str, resource: &'static str, verbs: &[&'static str]) -> Self {
        self.reads.push(Reads { group, resource, verbs: verbs.to_vec(), names: Vec::new(), overlay: false });
        self
    }

    /// With objects of a kind that it gets by these names, and no others of that kind.
    #[must_use]
    pub fn reads_named(
        mut self,
        group: &'static str,
        resource: &'static str,
        names: &[&'static str],
    ) -> Self {
        self.reads.push(Reads { group, resource, verbs: vec!["get"], names: names.to_vec(), overlay: false });
        self
    }

    /// With something that it reads only where an operator has added that right knowingly.
    #[must_use]
    pub fn reads_if_granted(
        mut self,
        group: &'static str,
        resource: &'static str,
        verbs: &[&'static str],
    ) -> Self {
        self.reads.push(Reads { group, resource, verbs: verbs.to_vec(), names: Vec::new(), overlay: true });
        self
    }

    /// With what it asks outside of the cluster, by [`Context::http`].
    #[must_use]
    pub const fn asks(mut self, what: &'static str) -> Self {
        self.outside = Some(what);
        self
    }

    /// With a named result that nodes behind it may use in their `when`.
    #[must_use]
    pub fn fact(mut self, name: &str, kind: FactType) -> Self {
        self.facts.insert(name.to_owned(), kind);
        self
    }

    /// With causes that it may name, or with none. What a flow's `when` asks of it is held against them; another one that
    /// it names is told, and marked as not declared.
    #[must_use]
    pub fn names(mut self, causes: &[Cause]) -> Self {
        self.causes.get_or_insert_default().extend(causes);
        self
    }

    /// With every cause of these areas: for what reads texts, which may say any of them.
    #[must_use]
    pub fn names_of(self, areas: &[Area]) -> Self {
        let causes = Cause::ALL.iter().filter(|cause| areas.contains(&cause.area()));
        let causes: Vec<Cause> = causes.copied().collect();
        self.names(&causes)
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it finds out.
    pub const fn describe(&self) -> &'static str {
        self.about
    }

    /// What it reads.
    pub fn rights(&self) -> &[Reads] {
        &self.reads
    }

    /// What it asks outside of the cluster.
    pub const fn outside(&self) -> Option<&'static str> {
        self.outside
    }

    /// With a setting of its own, read from its function's environment: [`Context::setting`].
    #[must_use]
    pub fn setting(mut self, name: &'static str, what: &'static str) -> Self {
        self.settings.push((name, what));
        self
    }

    /// Its own settings: each with what it is.
    pub fn settings(&self) -> &[(&'static str, &'static str)] {
        &self.settings
    }

    /// Its named results.
    pub const fn facts(&self) -> &BTreeMap<String, FactType> {
        &self.facts
    }

    /// The causes that it may name; `None` where it does not say.
    pub const fn causes(&self) -> Option<&BTreeSet<Cause>> {
        self.causes.as_ref()
    }

    /// The JSON Schema of its params.
    pub const fn params(&self) -> &Schema {
        &self.params
    }

    pub(crate) fn answer(&self, context: Context) -> BoxFuture<'static, Result<PluginResponse, Problem>> {
        (self.handler)(context)
    }
}

/// For plugins without params.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}
