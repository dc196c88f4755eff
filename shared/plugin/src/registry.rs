use crate::context::Context;
use crate::plugin::{Plugin, Problem};
use crate::view::View;
use futures::FutureExt;
use prodrome_model::{PluginRequest, PluginResponse, Unseen};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

/// Plugins that run in this process, by name.
#[derive(Default)]
pub struct Registry {
    plugins: BTreeMap<&'static str, Plugin>,
}

impl Registry {
    /// Of these plugins.
    pub fn new(plugins: impl IntoIterator<Item = Plugin>) -> Self {
        Self { plugins: plugins.into_iter().map(|plugin| (plugin.name(), plugin)).collect() }
    }

    /// A plugin by its name.
    pub fn get(&self, name: &str) -> Option<&Plugin> {
        self.plugins.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values()
    }

    /// A plugin by its name, taken out.
    pub fn take(&mut self, name: &str) -> Option<Plugin> {
        self.plugins.remove(name)
    }
}

/// Asks a plugin in this process. One that fails or panics answers `unknown` with the reason; what its view of the
/// cluster could not see goes with the answer. What it quotes it quotes without secrets.
pub async fn call(plugin: &Plugin, request: PluginRequest, cluster: &View) -> PluginResponse {
    let view = cluster.of(plugin);
    let asked = plugin.answer(Context::new(request, view.clone()));
    let answered = AssertUnwindSafe(asked).catch_unwind().await;
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => {
            let mut response = PluginResponse::unknown(problem.to_string());
            if let Problem::Unseen(unseen) = problem {
                response.not_looked_at.push(unseen);
            }
            response
        }
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(plugin = plugin.name(), panic = text, "a plugin broke down");
            PluginResponse::unknown(format!("the plugin broke down: {text}"))
        }
    };
    let seen_by_it: Vec<Unseen> = view.unseen();
    for unseen in seen_by_it {
        if !response.not_looked_at.contains(&unseen) {
            response.not_looked_at.push(unseen);
        }
    }
    response.redacted()
}
