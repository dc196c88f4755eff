use prodrome_access::Access;
use prodrome_lambda::{Settings, SettingsError, environment};

/// The settings of a plugin's function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// How to reach the live cluster.
    pub access: Access,
}

impl Config {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_vars(environment)
    }

    /// From any source of variables; the error names every mistake.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(get);
        let config = Self {
            log_level: settings.optional("LOG_LEVEL").unwrap_or_default(),
            access: Access::from_settings(&mut settings),
        };
        settings.finish()?;
        Ok(config)
    }
}
