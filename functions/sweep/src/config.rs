use prodrome_lambda::{Settings, SettingsError, environment};

/// The settings of the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// `CHECKS_TABLE`: the table of checks.
    pub checks_table: String,
    /// `EPISODES_TABLE`: the table of alerts and episodes.
    pub episodes_table: String,
    /// `CHECKS_QUEUE_URL`: where checks that fall due go.
    pub checks_queue_url: String,
    /// `FINDINGS_QUEUE_URL`: where alerts that fall due go.
    pub findings_queue_url: String,
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
            checks_table: settings.required("CHECKS_TABLE", "the name of the table of checks"),
            episodes_table: settings.required("EPISODES_TABLE", "the name of the table of episodes"),
            checks_queue_url: settings.required("CHECKS_QUEUE_URL", "the URL of the queue of due checks"),
            findings_queue_url: settings.required("FINDINGS_QUEUE_URL", "the URL of the queue of findings"),
        };
        settings.finish()?;
        Ok(config)
    }
}
