use jiff::Timestamp;
use prodrome_diagnose::{CallError, InProcess, Plugins};
use prodrome_model::{ObjectRef, PluginRequest, PluginResponse};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What plugins of periodic checks answer, as a test has written it down.
#[derive(Debug, Clone, Default)]
pub struct Script {
    lines: Arc<Mutex<Vec<Line>>>,
    asked: Arc<Mutex<Vec<(Timestamp, ObjectRef)>>>,
}

#[derive(Debug)]
struct Line {
    plugin: String,
    /// Kind and name; of any object where it is absent.
    object: Option<(String, String)>,
    response: PluginResponse,
}

impl Script {
    /// From now on a plugin answers so, about one object (kind and name) or about all.
    pub fn say(&self, plugin: &str, object: Option<(String, String)>, response: PluginResponse) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Line { plugin: plugin.to_owned(), object, response });
    }

    /// What was asked about, and when.
    pub fn asked(&self) -> Vec<(Timestamp, ObjectRef)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last that was written of it.
    fn answer(&self, plugin: &str, request: &PluginRequest) -> PluginResponse {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((request.now, request.object.clone()));
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |line: &&Line| {
            let object = line.object.as_ref();
            line.plugin == plugin
                && object
                    .is_none_or(|(kind, name)| *kind == request.object.kind && *name == request.object.name)
        };
        let found = lines.iter().rev().find(is_it).map(|line| line.response.clone());
        found.unwrap_or_else(|| PluginResponse::unknown("nobody says what it answers"))
    }
}

/// Plugins on one machine.
pub(crate) enum LocalPlugins {
    /// They run in this process.
    Real(InProcess),
    /// They say what a script has them say.
    Scripted(Script),
}

impl Plugins for LocalPlugins {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        match self {
            Self::Real(plugins) => plugins.call(plugin, request, timeout).await,
            Self::Scripted(script) => Ok(script.answer(plugin, &request)),
        }
    }
}
