use prodrome_model::{PluginRequest, PluginResponse};
use std::future::Future;
use std::time::Duration;

/// Asks plugins by their names alone: in this process, or as functions of their own.
pub trait Plugins: Send + Sync {
    /// Asks one. Whoever calls gives up after `timeout`; an implementation may stop earlier.
    fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> impl Future<Output = Result<PluginResponse, CallError>> + Send;
}

impl<P: Plugins> Plugins for &P {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        (**self).call(plugin, request, timeout).await
    }
}

/// Why a plugin gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is none of that name.
    #[error("there is no plugin {plugin}")]
    Missing {
        /// Its name.
        plugin: String,
    },
    /// It took too long.
    #[error("it did not answer within {seconds} s")]
    Late {
        /// How long it had.
        seconds: u64,
    },
    /// It failed.
    #[error("it failed: {reason}")]
    Failed {
        /// What it, or the service that runs it, said.
        reason: String,
    },
    /// It answered something that is no answer.
    #[error("its answer is none: {reason}")]
    Nonsense {
        /// What is wrong with it.
        reason: String,
    },
    /// It failed too often lately and is spared.
    #[error("it failed {failures} times in a row and is spared for a while")]
    Spared {
        /// How often.
        failures: u32,
    },
}

impl CallError {
    /// Whether the same call may succeed in a moment.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Late { .. })
    }

    /// Whether it speaks against the plugin's health.
    pub const fn is_the_plugins_fault(&self) -> bool {
        !matches!(self, Self::Spared { .. })
    }
}
