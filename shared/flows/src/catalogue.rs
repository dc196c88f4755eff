use prodrome_model::FactType;
use std::collections::BTreeMap;

/// The named results of one plugin.
pub type PluginFacts = BTreeMap<String, FactType>;

/// The plugins that a flow may name, each with what it declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    plugins: BTreeMap<String, PluginFacts>,
    /// Whether a name that is not here passes in silence.
    open: bool,
}

impl Catalogue {
    /// One that knows no plugin and takes any.
    pub fn any() -> Self {
        Self { plugins: BTreeMap::new(), open: true }
    }

    /// One that knows none yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a plugin and the facts that it declares.
    #[must_use]
    pub fn with(mut self, name: &str, facts: PluginFacts) -> Self {
        self.plugins.insert(name.to_owned(), facts);
        self
    }

    /// What a plugin declares; `None` where it is not known.
    pub fn get(&self, name: &str) -> Option<&PluginFacts> {
        self.plugins.get(name)
    }

    /// The names that are known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }
}
