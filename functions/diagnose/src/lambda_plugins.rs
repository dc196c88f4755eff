use crate::plugins::{CallError, Plugins};
use prodrome_lambda::{Functions, InvokeError};
use prodrome_model::{PluginRequest, PluginResponse};
use std::time::Duration;

/// Plugins that are functions of their own, called by name: `<prefix><plugin>`.
#[derive(Debug, Clone)]
pub struct LambdaPlugins {
    functions: Functions,
    prefix: String,
}

impl LambdaPlugins {
    /// Functions whose names begin with a prefix (`<stack>-plugin-`).
    pub fn new(functions: Functions, prefix: impl Into<String>) -> Self {
        Self { functions, prefix: prefix.into() }
    }
}

impl Plugins for LambdaPlugins {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        let payload =
            serde_json::to_vec(&request).map_err(|e| CallError::Failed { reason: e.to_string() })?;
        let answer = self.functions.invoke(&format!("{}{plugin}", self.prefix), payload, timeout).await;
        let bytes = answer.map_err(|error| match error {
            InvokeError::Missing { function } => CallError::Missing { plugin: function },
            InvokeError::Late { seconds } => CallError::Late { seconds },
            InvokeError::TooLarge { bytes_max } => {
                CallError::Nonsense { reason: format!("it has more than {bytes_max} bytes") }
            }
            other => CallError::Failed { reason: other.to_string() },
        })?;
        serde_json::from_slice(&bytes).map_err(|error| CallError::Nonsense { reason: error.to_string() })
    }
}
