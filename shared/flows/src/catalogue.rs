use prodrome_model::FactType;
use serde_json::Value;
use std::collections::BTreeMap;

/// The named results of one plugin.
pub type PluginFacts = BTreeMap<String, FactType>;

/// The plugins that a flow may name, each with what it declares, and the causes that they name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    plugins: BTreeMap<String, Declared>,
    causes: Vec<String>,
    /// Whether a name that is not here passes in silence.
    open: bool,
}

/// What a plugin declares.
#[derive(Debug, Clone, Default, PartialEq)]
struct Declared {
    facts: PluginFacts,
    params: Option<Value>,
    causes: Option<Vec<String>>,
}

impl Catalogue {
    /// One that knows no plugin and takes any.
    pub fn any() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// One that knows none yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a plugin and the facts that it declares; its params are not checked.
    #[must_use]
    pub fn with(mut self, name: &str, facts: PluginFacts) -> Self {
        self.plugins.entry(name.to_owned()).or_default().facts = facts;
        self
    }

    /// With the JSON Schema of the params that a plugin takes.
    #[must_use]
    pub fn taking(mut self, name: &str, params: Value) -> Self {
        self.plugins.entry(name.to_owned()).or_default().params = Some(params);
        self
    }

    /// With the causes that a plugin may name. Without them it may be any.
    #[must_use]
    pub fn naming<'c>(mut self, name: &str, ids: impl IntoIterator<Item = &'c str>) -> Self {
        let causes = ids.into_iter().map(str::to_owned).collect();
        self.plugins.entry(name.to_owned()).or_default().causes = Some(causes);
        self
    }

    /// With the vocabulary of causes. Without one, any word passes for a cause.
    #[must_use]
    pub fn with_causes<'c>(mut self, ids: impl IntoIterator<Item = &'c str>) -> Self {
        self.causes.extend(ids.into_iter().map(str::to_owned));
        self
    }

    /// The results that a plugin declares; `None` where it is not known.
    pub fn get(&self, name: &str) -> Option<&PluginFacts> {
        self.plugins.get(name).map(|declared| &declared.facts)
    }

    /// The JSON Schema of a plugin's params, where it is known.
    pub fn params(&self, name: &str) -> Option<&Value> {
        self.plugins.get(name)?.params.as_ref()
    }

    /// The causes that a plugin may name, where that is known.
    pub fn named_by(&self, name: &str) -> Option<&[String]> {
        self.plugins.get(name)?.causes.as_deref()
    }

    /// The ids of causes; none where any word passes.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The names that are known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }
}
