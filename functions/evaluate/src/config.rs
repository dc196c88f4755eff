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
    /// `CHANGES_QUEUE_URL`: where a change that failed is sent on alone.
    pub changes_queue_url: String,
    /// `CHECKS_QUEUE_URL`: where checks that fall due soon go.
    pub checks_queue_url: String,
    /// `FINDINGS_QUEUE_URL`: where findings go.
    pub findings_queue_url: String,
    /// `SHARDS`: into how many shards markers are spread, 1 to 64; must be the watcher's. 4 unless set.
    pub shards: u16,
    /// `RULES_DIR`: the folder of rule files; a relative one lies in the function's package
    /// (`LAMBDA_TASK_ROOT`).
    pub rules_dir: PathBuf,
    /// How to reach the live cluster.
    pub cluster: ClusterConfig,
}

/// How the live cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterConfig {
    /// Not at all: findings are made from the last known state.
    None,
    /// By a kubeconfig: `CLUSTER_KUBECONFIG`, and `CLUSTER_CONTEXT` where it is not the current one.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// By its address: `CLUSTER_ENDPOINT`, `CLUSTER_CA` (PEM in base64; public roots unless set), and one of
    /// `CLUSTER_NAME` and `CLUSTER_TOKEN_PARAMETER`, or neither.
    Endpoint {
        /// The URL of the API server.
        url: String,
        /// Its certificate authority: PEM in base64.
        ca: Option<String>,
        /// As whom.
        credentials: Credentials,
    },
}

/// As whom the cluster is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// As nobody.
    None,
    /// `CLUSTER_NAME`: as the function's own role; the name of the EKS cluster.
    Eks(String),
    /// `CLUSTER_TOKEN_PARAMETER`: with a bearer token that an SSM parameter holds.
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
        let rules_dir = PathBuf::from(settings.required("RULES_DIR", "the folder of rule files"));
        let root = settings.optional("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
        let cluster = match (settings.optional("CLUSTER_KUBECONFIG"), settings.optional("CLUSTER_ENDPOINT")) {
            (Some(path), _) => {
                ClusterConfig::Kubeconfig { path: path.into(), context: settings.optional("CLUSTER_CONTEXT") }
            }
            (None, Some(url)) => {
                let (eks, parameter) =
                    (settings.optional("CLUSTER_NAME"), settings.optional("CLUSTER_TOKEN_PARAMETER"));
                if eks.is_some() && parameter.is_some() {
                    settings.mistake("CLUSTER_NAME and CLUSTER_TOKEN_PARAMETER are both set: expected one");
                }
                let credentials = match (eks, parameter) {
                    (Some(name), _) => Credentials::Eks(name),
                    (None, Some(parameter)) => Credentials::Parameter(parameter),
                    (None, None) => Credentials::None,
                };
                ClusterConfig::Endpoint { url, ca: settings.optional("CLUSTER_CA"), credentials }
            }
            (None, None) => ClusterConfig::None,
        };
        let shards = settings.parsed("SHARDS", "a number from 1 to 64", SHARDS_DEFAULT);
        if !(1..=64).contains(&shards) {
            settings.mistake(format!("SHARDS is {shards}: expected a number from 1 to 64"));
        }
        let config = Self {
            log_level: settings.optional("LOG_LEVEL").unwrap_or_default(),
            checks_table: settings.required("CHECKS_TABLE", "the name of the table of checks"),
            changes_queue_url: settings.required("CHANGES_QUEUE_URL", "the URL of the queue of changes"),
            checks_queue_url: settings.required("CHECKS_QUEUE_URL", "the URL of the queue of due checks"),
            findings_queue_url: settings.required("FINDINGS_QUEUE_URL", "the URL of the queue of findings"),
            shards,
            rules_dir: root.join(rules_dir),
            cluster,
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
        for name in ["RULES_DIR", "CHECKS_TABLE", "CHANGES_QUEUE_URL", "SHARDS is 0"] {
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_cluster_is_spoken_to_in_one_way() {
        let with = |set: &[(&str, &str)]| {
            Config::from_vars(|name| {
                let given = set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
                let needed = ["_URL", "_TABLE", "_DIR"].iter().any(|end| name.ends_with(end));
                given.or_else(|| needed.then(|| "x".to_owned()))
            })
        };
        let credentials = |set: &[(&str, &str)]| match with(set).unwrap().cluster {
            ClusterConfig::Endpoint { credentials, .. } => credentials,
            other => panic!("{other:?}"),
        };
        let (url, eks, token) = (
            ("CLUSTER_ENDPOINT", "https://k8s"),
            ("CLUSTER_NAME", "prod"),
            ("CLUSTER_TOKEN_PARAMETER", "/p"),
        );
        assert_eq!(credentials(&[url]), Credentials::None);
        assert_eq!(credentials(&[url, eks]), Credentials::Eks("prod".into()));
        assert_eq!(credentials(&[url, token]), Credentials::Parameter("/p".into()));
        let error = with(&[url, eks, token]).unwrap_err().to_string();
        assert!(error.contains("are both set: expected one"), "{error}");
    }

    #[test]
    fn rules_lie_in_the_package_unless_the_path_is_whole() {
        let vars = |dir: &'static str| {
            move |name: &str| match name {
                "RULES_DIR" => Some(dir.to_owned()),
                "LAMBDA_TASK_ROOT" => Some("/var/task".to_owned()),
                "CHECKS_TABLE" | "CHANGES_QUEUE_URL" | "CHECKS_QUEUE_URL" | "FINDINGS_QUEUE_URL" => {
                    Some("x".to_owned())
                }
                _ => None,
            }
        };
        assert_eq!(Config::from_vars(vars("rules")).unwrap().rules_dir, PathBuf::from("/var/task/rules"));
        assert_eq!(Config::from_vars(vars("/etc/rules")).unwrap().rules_dir, PathBuf::from("/etc/rules"));
    }
}
