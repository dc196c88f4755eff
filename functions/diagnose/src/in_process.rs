use crate::plugins::{CallError, Plugins};
use prodrome_model::{PluginRequest, PluginResponse};
use prodrome_plugin::{AnyCluster, Registry, View, call};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many runs' views of the cluster are kept: those that go on side by side.
const VIEWS_MAX: usize = 8;

/// Plugins that run in this process, over one cluster. The nodes of a run share what they have read.
#[derive(Clone)]
pub struct InProcess {
    registry: Arc<Registry>,
    cluster: AnyCluster,
    views: Arc<Mutex<Vec<(String, View)>>>,
}

impl InProcess {
    /// Of these plugins, over a cluster.
    pub fn new(registry: Arc<Registry>, cluster: AnyCluster) -> Self {
        Self { registry, cluster, views: Arc::default() }
    }

    fn view(&self, run: &str) -> View {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, view)) = views.iter().find(|(known, _)| known == run) {
            return view.clone();
        }
        if views.len() >= VIEWS_MAX {
            views.remove(0);
        }
        let view = View::new(self.cluster.clone());
        views.push((run.to_owned(), view.clone()));
        view
    }
}

impl Plugins for InProcess {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        _: Duration,
    ) -> Result<PluginResponse, CallError> {
        let Some(found) = self.registry.get(plugin) else {
            return Err(CallError::Missing { plugin: plugin.to_owned() });
        };
        let view = self.view(&request.run);
        Ok(call(found, request, &view).await)
    }
}
