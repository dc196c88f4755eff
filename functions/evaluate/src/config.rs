use prodrome_access::Access;
use prodrome_lambda::{Settings, SettingsError, environment};
use prodrome_model::SHARDS_DEFAULT;
use std::path::PathBuf;

/// The settings of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// `CHECKS_TABLE`: the table of checks.
    pub checks_table: String,
    /// `EPISODES_TABLE`: the table of alerts and episodes, where the watchers' signs of life are noted.
    pub episodes_table: String,
    /// `CHANGES_QUEUE_URL`: where a change that failed, and may not fail again, is sent on alone.
    pub changes_queue_url: String,
    /// `CHECKS_QUEUE_URL`: where checks that fall due soon go.
    pub checks_queue_url: String,
    /// `FINDINGS_QUEUE_URL`: where findings go.
    pub findings_queue_url: String,
    /// `DIAGNOSES_QUEUE_URL`: where findings of rules with a root-cause flow go; unless set, they are told without a
    /// cause.
    pub diagnoses_queue_url: Option<String>,
    /// `CHANGES_DEAD_LETTERS_URL`: where changes go that are malformed, and packs that kill the function.
    pub changes_dead_letters_url: String,
    /// `CHECKS_DEAD_LETTERS_URL`: the same of due checks; unless set they come again until the queue gives them up.
    pub checks_dead_letters_url: Option<String>,
    /// `RULES_TABLE`: the table of the rules that are pushed; unless set, those of `RULES_DIR` hold.
    pub rules_table: Option<String>,
    /// `NAMESPACE_RULES`: whether rules that stand in the cluster as objects are taken up, `true` or `false`; `false`
    /// unless set. Needs `RULES_TABLE`.
    pub namespace_rules: bool,
    /// `SHARDS`: into how many shards markers are spread, 1 to 64; must be the watcher's. 4 unless set.
    pub shards: u16,
    /// `RULES_DIR`: the folder of rule files; a relative one lies in the function's package
    /// (`LAMBDA_TASK_ROOT`).
    pub rules_dir: PathBuf,
    /// How to reach the live clusters.
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
        let rules_dir = PathBuf::from(settings.required("RULES_DIR", "the folder of rule files"));
        let root = settings.optional("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
        let access = Access::from_settings(&mut settings);
        let namespace_rules = settings.optional("NAMESPACE_RULES");
        let takes = matches!(namespace_rules.as_deref(), Some("true" | "1"));
        if let Some(other) = namespace_rules.filter(|text| !takes && !matches!(&**text, "false" | "0")) {
            settings.mistake(format!("NAMESPACE_RULES is {other:?}: expected true or false"));
        }
        let shards = settings.parsed("SHARDS", "a number from 1 to 64", SHARDS_DEFAULT);
        if !(1..=64).contains(&shards) {
            settings.mistake(format!("SHARDS is {shards}: expected a number from 1 to 64"));
        }
        let config = Self {
            log_level: settings.optional("LOG_LEVEL").unwrap_or_default(),
            checks_table: settings.required("CHECKS_TABLE", "the name of the table of checks"),
            episodes_table: settings.required("EPISODES_TABLE", "the name of the table of episodes"),
            changes_queue_url: settings.required("CHANGES_QUEUE_URL", "the URL of the queue of changes"),
            checks_queue_url: settings.required("CHECKS_QUEUE_URL", "the URL of the queue of due checks"),
            findings_queue_url: settings.required("FINDINGS_QUEUE_URL", "the URL of the queue of findings"),
            diagnoses_queue_url: settings.optional("DIAGNOSES_QUEUE_URL"),
            changes_dead_letters_url: settings
                .required("CHANGES_DEAD_LETTERS_URL", "the URL of the dead letters of the queue of changes"),
            checks_dead_letters_url: settings.optional("CHECKS_DEAD_LETTERS_URL"),
            rules_table: settings.optional("RULES_TABLE"),
            namespace_rules: takes,
            shards,
            rules_dir: root.join(rules_dir),
            access,
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
        let error = Config::from_vars(|name| (name == "SHARDS").then(|| "0".to_owned())).unwrap_err();
        let changes = ["CHANGES_QUEUE_URL", "CHANGES_DEAD_LETTERS_URL"];
        for name in ["RULES_DIR", "CHECKS_TABLE", "EPISODES_TABLE", "SHARDS is 0"].into_iter().chain(changes)
        {
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn rules_lie_in_the_package_unless_the_path_is_whole() {
        let vars = |dir: &'static str| {
            move |name: &str| match name {
                "RULES_DIR" => Some(dir.to_owned()),
                "LAMBDA_TASK_ROOT" => Some("/var/task".to_owned()),
                "CHECKS_TABLE"
                | "EPISODES_TABLE"
                | "CHANGES_QUEUE_URL"
                | "CHECKS_QUEUE_URL"
                | "FINDINGS_QUEUE_URL"
                | "CHANGES_DEAD_LETTERS_URL" => Some("x".to_owned()),
                _ => None,
            }
        };
        assert_eq!(Config::from_vars(vars("rules")).unwrap().rules_dir, PathBuf::from("/var/task/rules"));
        assert_eq!(Config::from_vars(vars("/etc/rules")).unwrap().rules_dir, PathBuf::from("/etc/rules"));
    }
}
