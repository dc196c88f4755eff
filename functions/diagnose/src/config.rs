use prodrome_lambda::{Settings, SettingsError, environment};
use std::path::PathBuf;

/// The settings of the diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// `RUNS_TABLE`: the table of runs.
    pub runs_table: String,
    /// `DIAGNOSES_QUEUE_URL`: where a finding whose run is another's goes, to come again.
    pub diagnoses_queue_url: String,
    /// `DIAGNOSES_DEAD_LETTERS_URL`: where messages go that are malformed or kill the function; unless set they come again
    /// until the queue gives them up.
    pub diagnoses_dead_letters_url: Option<String>,
    /// `FINDINGS_QUEUE_URL`: where diagnosed findings go.
    pub findings_queue_url: String,
    /// `CHECKS_QUEUE_URL`: where the answers of plugins go that were asked for a check.
    pub checks_queue_url: String,
    /// `PLUGIN_PREFIX`: what the names of plugins' functions begin with, such as `prodrome-plugin-`.
    pub plugin_prefix: String,
    /// `RULES_DIR`: the folder of rule files, in which `flows` lies; a relative one lies in the function's package
    /// (`LAMBDA_TASK_ROOT`).
    pub rules_dir: PathBuf,
}

impl Config {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_vars(environment)
    }

    /// From any source of variables; the error names every mistake.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(get);
        let root = settings.optional("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
        let rules_dir = settings.required("RULES_DIR", "the folder of rule files");
        let config = Self {
            log_level: settings.optional("LOG_LEVEL").unwrap_or_default(),
            runs_table: settings.required("RUNS_TABLE", "the name of the table of runs"),
            diagnoses_queue_url: settings
                .required("DIAGNOSES_QUEUE_URL", "the URL of the queue of findings to be diagnosed"),
            diagnoses_dead_letters_url: settings.optional("DIAGNOSES_DEAD_LETTERS_URL"),
            findings_queue_url: settings.required("FINDINGS_QUEUE_URL", "the URL of the queue of findings"),
            checks_queue_url: settings.required("CHECKS_QUEUE_URL", "the URL of the queue of due checks"),
            plugin_prefix: settings
                .required("PLUGIN_PREFIX", "what the names of plugins' functions begin with"),
            rules_dir: root.join(rules_dir),
        };
        settings.finish()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_at_once() {
        let error = Config::from_vars(|_| None).unwrap_err().to_string();
        for name in [
            "RUNS_TABLE",
            "DIAGNOSES_QUEUE_URL",
            "FINDINGS_QUEUE_URL",
            "CHECKS_QUEUE_URL",
            "PLUGIN_PREFIX",
            "RULES_DIR",
        ] {
            assert!(error.contains(name), "{error}");
        }
    }
}
