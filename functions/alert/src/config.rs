use prodrome_lambda::{Settings, SettingsError, environment};
use std::path::PathBuf;

/// The settings of the alert function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// `EPISODES_TABLE`: the table of alerts and episodes.
    pub episodes_table: String,
    /// `FINDINGS_QUEUE_URL`: where alerts that fall due soon go.
    pub findings_queue_url: String,
    /// `FINDINGS_DEAD_LETTERS_URL`: where messages go that are malformed or kill the function; unless set they come again
    /// until the queue gives them up.
    pub findings_dead_letters_url: Option<String>,
    /// Where the routing file is.
    pub routing: RoutingSource,
}

/// Where the routing file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutingSource {
    /// `ROUTING_FILE`: a file, on one machine. It wins; a relative one lies in the function's package
    /// (`LAMBDA_TASK_ROOT`).
    File(PathBuf),
    /// `ROUTING_PARAMETER`: a parameter of the SSM parameter store, by name; `/prodrome/routing` unless set.
    Parameter(String),
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
        let parameter =
            settings.optional("ROUTING_PARAMETER").unwrap_or_else(|| "/prodrome/routing".to_owned());
        let routing = match settings.optional("ROUTING_FILE") {
            Some(path) => RoutingSource::File(root.join(path)),
            None => RoutingSource::Parameter(parameter),
        };
        let config = Self {
            log_level: settings.optional("LOG_LEVEL").unwrap_or_default(),
            episodes_table: settings.required("EPISODES_TABLE", "the name of the table of episodes"),
            findings_queue_url: settings.required("FINDINGS_QUEUE_URL", "the URL of the queue of findings"),
            findings_dead_letters_url: settings.optional("FINDINGS_DEAD_LETTERS_URL"),
            routing,
        };
        settings.finish()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, SettingsError> {
        let get = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Config::from_vars(get)
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let error = config(&[("EPISODES_TABLE", "")]).unwrap_err().to_string();
        assert!(error.contains("EPISODES_TABLE") && error.contains("FINDINGS_QUEUE_URL"), "{error}");
    }

    #[test]
    fn a_routing_file_wins_over_a_parameter() {
        let base = [("EPISODES_TABLE", "e"), ("FINDINGS_QUEUE_URL", "f"), ("LAMBDA_TASK_ROOT", "/var/task")];
        let with =
            |more: &[(&'static str, &'static str)]| config(&[&base[..], more].concat()).unwrap().routing;
        assert_eq!(with(&[]), RoutingSource::Parameter("/prodrome/routing".into()));
        assert_eq!(
            with(&[("ROUTING_PARAMETER", "/p"), ("ROUTING_FILE", "")]),
            RoutingSource::Parameter("/p".into())
        );
        assert_eq!(
            with(&[("ROUTING_PARAMETER", "/p"), ("ROUTING_FILE", "r.yaml")]),
            RoutingSource::File("/var/task/r.yaml".into())
        );
        assert_eq!(with(&[("ROUTING_FILE", "/etc/r.yaml")]), RoutingSource::File("/etc/r.yaml".into()));
    }
}
