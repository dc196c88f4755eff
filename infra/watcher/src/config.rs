use crate::finalizers::{Finalizers, HOLD, LabelSelector};
use crate::kind_pattern::KindPattern;
use crate::watcher::Settings;
use prodrome_model::{SHARDS_DEFAULT, Scope};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The settings of the program `watcher`, from its environment. An empty value counts as not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `KUBECONFIG`: the file to reach the cluster by. Not set in a pod: then its service account is used.
    pub kubeconfig: Option<PathBuf>,
    /// `CONTEXT`: the context of that file; its current one unless set.
    pub context: Option<String>,
    /// `TENANT` (default `default`), `REGION` (default `AWS_REGION`, or else `local`) and `CLUSTER`: how the cluster is
    /// called everywhere else, each in letters, digits, dots, dashes and underscores.
    pub scope: Scope,
    /// `KINDS`: the kinds to watch, by commas, spaces or lines; text after `#` is a comment. And `MORE_KINDS`, so
    /// that whoever adds one need not repeat the others.
    pub kinds: Vec<KindPattern>,
    /// `NAMESPACES`: the namespaces to watch, by commas or spaces; all unless set.
    pub namespaces: Vec<String>,
    /// `CHANGES_QUEUE_URL`: the SQS queue that packs go to.
    pub changes_queue_url: String,
    /// `RULES_TABLE`: the table of the rules that are pushed, to watch the kinds that they name and to list those anew
    /// that they touch; unless set, only changes are judged by such rules.
    pub rules_table: Option<String>,
    /// `NAMESPACE_RULES`: whether it is written into the status of each `DiagnosisRule` whether it compiles; default
    /// `false`.
    pub namespace_rules: bool,
    /// `SHARDS`: 1 to 64, default 4; the same as the functions have.
    pub shards: u16,
    /// `WAITING_BYTES_MAX`: how many bytes may wait for the queue; default 8 MiB.
    pub waiting_bytes_max: usize,
    /// `OUTAGE_BYTES_MAX`: how many while the queue is down, compressed object by object; default 20 MiB.
    pub outage_bytes_max: usize,
    /// `KEEP_MANAGED_FIELDS`: whether `metadata.managedFields` is sent along, as a rule may ask for it;
    /// default `false`.
    pub keep_managed_fields: bool,
    /// `STREAM_LISTS`: whether the API server is asked to stream lists, where it can; default `true`.
    pub stream_lists: bool,
    /// `PLACE_CONFIGMAP` (`name` or `namespace/name`) or `PLACE_FILE`: where the place is kept. Unless set, a
    /// `ConfigMap` named `prodrome-watcher` beside the pod.
    pub place: PlaceIn,
    /// `LEASE` (`name` or `namespace/name`): the `Lease` that watchers of one cluster share, of which the one that holds
    /// it forwards; unless set, this one does, whoever else there is. The place must be in a `ConfigMap` then.
    pub lease: Option<Named>,
    /// `FINALIZER_KINDS`: the kinds whose deletions are held until the last state is on its way, written as `KINDS`; none
    /// unless set. `FINALIZER_SELECTOR`: of objects with such labels only (`team=shop,tier!=test`).
    /// `FINALIZER_HOLD_SECONDS`: for so long at most; 1 to 600, default 30.
    pub finalizers: Finalizers,
    /// `CANARY_MINUTES`: how often the canary is broken for two minutes, 5 to 60; never unless set. `overlays/canary` has
    /// the object.
    pub canary: Option<Duration>,
    /// `LISTEN`: where `/healthz`, `/readyz` and `/metrics` are answered: an address or a port; default 8080.
    pub listen: SocketAddr,
    /// `LOG_LEVEL`: `error` to `trace`, or directives; default `info`.
    pub log_level: String,
}

/// Where the place is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceIn {
    /// A `ConfigMap` of the cluster.
    ConfigMap(Named),
    /// A file.
    File(PathBuf),
}

/// An object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Absent: the namespace of the pod or of the context.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Named {
    /// From `name` or `namespace/name`.
    fn parse(text: &str) -> Self {
        match text.split_once('/') {
            None => Self { namespace: None, name: text.to_owned() },
            Some((namespace, name)) => Self { namespace: Some(namespace.to_owned()), name: name.to_owned() },
        }
    }
}

/// All that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Each mistake.
    pub mistakes: Vec<Mistake>,
}

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which.
    pub name: &'static str,
    /// What it should be.
    pub expected: String,
    /// What it is; absent where it is not set.
    pub found: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(found) => write!(f, "{}: expected {}, found \"{found}\"", self.name, self.expected),
            None => write!(f, "{}: not set, expected {}", self.name, self.expected),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are wrong: ")?;
        for (i, mistake) in self.mistakes.iter().enumerate() {
            write!(f, "{}{mistake}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Config {
    /// The names of all settings.
    pub const NAMES: [&'static str; 26] = [
        "KUBECONFIG",
        "CONTEXT",
        "CLUSTER",
        "TENANT",
        "REGION",
        "KINDS",
        "MORE_KINDS",
        "NAMESPACES",
        "CHANGES_QUEUE_URL",
        "RULES_TABLE",
        "NAMESPACE_RULES",
        "SHARDS",
        "WAITING_BYTES_MAX",
        "OUTAGE_BYTES_MAX",
        "KEEP_MANAGED_FIELDS",
        "STREAM_LISTS",
        "PLACE_CONFIGMAP",
        "PLACE_FILE",
        "LEASE",
        "FINALIZER_KINDS",
        "FINALIZER_SELECTOR",
        "FINALIZER_HOLD_SECONDS",
        "CANARY_MINUTES",
        "LISTEN",
        "LOG_LEVEL",
        "AWS_REGION",
    ];

    /// From the environment of the process.
    ///
    /// # Errors
    /// As [`Config::from_vars`].
    pub fn from_env() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// From whatever answers for the variables.
    ///
    /// # Errors
    /// With every mistake at once.
    pub fn from_vars(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut vars = Vars { get: &get, mistakes: Vec::new() };
        let kubeconfig = vars.text("KUBECONFIG").map(PathBuf::from);
        let region = if vars.text("REGION").is_some() { "REGION" } else { "AWS_REGION" };
        let config = Self {
            scope: Scope {
                tenant: vars.named("TENANT").unwrap_or_else(|| "default".to_owned()),
                region: vars.named(region).unwrap_or_else(|| "local".to_owned()),
                cluster: match vars.named("CLUSTER") {
                    Some(name) => name,
                    None => vars.required("CLUSTER", "the cluster's name"),
                },
            },
            context: vars.text("CONTEXT"),
            kinds: vars.kinds(),
            namespaces: vars.words("NAMESPACES"),
            changes_queue_url: vars.queue_url(),
            rules_table: vars.text("RULES_TABLE"),
            namespace_rules: vars.parsed("NAMESPACE_RULES", "true or false", false, |_| true),
            shards: vars.parsed("SHARDS", "a number from 1 to 64", SHARDS_DEFAULT, |n| (1..=64).contains(n)),
            waiting_bytes_max: vars.parsed(
                "WAITING_BYTES_MAX",
                "a number of bytes, at least 65536",
                8 * 1024 * 1024,
                |n| *n >= 65536,
            ),
            outage_bytes_max: vars.parsed(
                "OUTAGE_BYTES_MAX",
                "a number of bytes, at least 65536",
                20 * 1024 * 1024,
                |n| *n >= 65536,
            ),
            keep_managed_fields: vars.parsed("KEEP_MANAGED_FIELDS", "true or false", false, |_| true),
            stream_lists: vars.parsed("STREAM_LISTS", "true or false", true, |_| true),
            place: vars.place(kubeconfig.is_some()),
            lease: vars.lease(),
            finalizers: vars.finalizers(),
            canary: vars.canary(),
            listen: vars.listen(),
            log_level: vars.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()),
            kubeconfig,
        };
        if vars.mistakes.is_empty() { Ok(config) } else { Err(ConfigError { mistakes: vars.mistakes }) }
    }

    /// What the watcher itself needs of it.
    pub fn settings(&self) -> Settings {
        Settings {
            namespaces: self.namespaces.clone(),
            shards: self.shards,
            waiting_bytes_max: self.waiting_bytes_max,
            outage_bytes_max: self.outage_bytes_max,
            keep_managed_fields: self.keep_managed_fields,
            stream_lists: self.stream_lists,
            finalizers: self.finalizers.clone(),
            canary: self.canary,
            ..Settings::new(self.scope.clone(), self.kinds.clone())
        }
    }
}

struct Vars<'a> {
    get: &'a dyn Fn(&'static str) -> Option<String>,
    mistakes: Vec<Mistake>,
}

impl Vars<'_> {
    fn text(&self, name: &'static str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn mistake(&mut self, name: &'static str, expected: impl Into<String>, found: Option<String>) {
        self.mistakes.push(Mistake { name, expected: expected.into(), found });
    }

    fn required(&mut self, name: &'static str, expected: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.mistake(name, expected, None);
            String::new()
        })
    }

    /// A part of a cluster's scope: it stands in keys, and in the names of parameters.
    fn named(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        if !Scope::is_sound_part(&text) {
            let expected =
                format!("at most {} letters, digits, dots, dashes or underscores", Scope::PART_MAX);
            self.mistake(name, expected, Some(text.clone()));
        }
        Some(text)
    }

    fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
        default: T,
        is_sound: impl Fn(&T) -> bool,
    ) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().ok().filter(is_sound).unwrap_or_else(|| {
            self.mistake(name, expected, Some(text));
            default
        })
    }

    fn words(&self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let code = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words = code.flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()));
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn kinds(&mut self) -> Vec<KindPattern> {
        if self.words("KINDS").is_empty() {
            self.mistake("KINDS", "the kinds to watch, such as Pod,apps/Deployment", None);
        }
        let mut kinds = self.patterns("KINDS");
        kinds.append(&mut self.patterns("MORE_KINDS"));
        kinds
    }

    fn patterns(&mut self, name: &'static str) -> Vec<KindPattern> {
        let mut kinds = Vec::new();
        for word in self.words(name) {
            match word.parse() {
                Ok(kind) => kinds.push(kind),
                Err(_) => self.mistake(name, "kinds such as Pod, apps/Deployment or *", Some(word)),
            }
        }
        kinds
    }

    fn finalizers(&mut self) -> Finalizers {
        let expected = "labels such as team=shop,tier!=test";
        let is_bound = |seconds: &u64| (1..=600).contains(seconds);
        let hold = self.parsed("FINALIZER_HOLD_SECONDS", "a number from 1 to 600", HOLD.as_secs(), is_bound);
        Finalizers {
            kinds: self.patterns("FINALIZER_KINDS"),
            selector: self.parsed("FINALIZER_SELECTOR", expected, LabelSelector::default(), |_| true),
            hold: Duration::from_secs(hold),
        }
    }

    fn canary(&mut self) -> Option<Duration> {
        self.text("CANARY_MINUTES")?;
        let minutes = self.parsed("CANARY_MINUTES", "a number from 5 to 60", 10, |n| (5..=60).contains(n));
        Some(Duration::from_mins(minutes))
    }

    fn queue_url(&mut self) -> String {
        const EXPECTED: &str = "the URL of the SQS queue for changes";
        let url = self.required("CHANGES_QUEUE_URL", EXPECTED);
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            self.mistake("CHANGES_QUEUE_URL", EXPECTED, Some(url.clone()));
        }
        url
    }

    fn place(&mut self, has_kubeconfig: bool) -> PlaceIn {
        let default = PlaceIn::ConfigMap(Named::parse("prodrome-watcher"));
        match (self.text("PLACE_CONFIGMAP"), self.text("PLACE_FILE")) {
            (Some(map), None) => PlaceIn::ConfigMap(Named::parse(&map)),
            (None, Some(file)) => PlaceIn::File(file.into()),
            (Some(_), Some(file)) => {
                self.mistake("PLACE_FILE", "nothing, as PLACE_CONFIGMAP is set", Some(file));
                default
            }
            // Outside of a cluster nothing must be written into it unasked.
            (None, None) if has_kubeconfig => {
                self.mistake(
                    "PLACE_FILE",
                    "a file for the place (or PLACE_CONFIGMAP), as KUBECONFIG is set",
                    None,
                );
                default
            }
            (None, None) => default,
        }
    }

    fn lease(&mut self) -> Option<Named> {
        let lease = self.text("LEASE")?;
        if self.text("PLACE_FILE").is_some() {
            // A file keeps nobody from moving the place of a later run.
            let expected =
                "nothing, as PLACE_FILE is set (several watchers share a place in PLACE_CONFIGMAP)";
            self.mistake("LEASE", expected, Some(lease));
            return None;
        }
        Some(Named::parse(&lease))
    }

    fn listen(&mut self) -> SocketAddr {
        let default = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080));
        let Some(text) = self.text("LISTEN") else { return default };
        let port = text.strip_prefix(':').unwrap_or(&text).parse().ok();
        let address =
            port.map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).or_else(|| text.parse().ok());
        address.unwrap_or_else(|| {
            self.mistake("LISTEN", "an address or a port, such as 127.0.0.1:8080", Some(text));
            default
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_vars(|name| {
            assert!(Config::NAMES.contains(&name), "{name} is not among the documented names");
            vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const LEAST: [(&str, &str); 3] =
        [("CLUSTER", "prod"), ("KINDS", "Pod"), ("CHANGES_QUEUE_URL", "https://sqs/changes")];

    #[test]
    fn little_must_be_set_in_a_pod() {
        let config = config(&LEAST).unwrap();
        assert_eq!(config.scope, Scope::new("default", "local", "prod"));
        assert_eq!(config.place, PlaceIn::ConfigMap(Named::parse("prodrome-watcher")));
        assert_eq!(config.lease, None);
        assert!(config.stream_lists);
        assert!(config.finalizers.kinds.is_empty(), "no deletion is held unasked");
        assert_eq!((config.shards, config.waiting_bytes_max, config.listen.port()), (4, 8 << 20, 8080));
        assert_eq!((config.kubeconfig, config.log_level.as_str()), (None, "info"));
    }

    #[test]
    fn everything_can_be_set() {
        let vars = [
            ("KUBECONFIG", "/k"),
            ("CONTEXT", "c"),
            ("CLUSTER", "prod"),
            ("TENANT", "t"),
            ("REGION", "eu-central-1"),
            ("KINDS", "Pod, apps/Deployment # the usual\n*.example.com/*"),
            ("MORE_KINDS", "Secret"),
            ("NAMESPACES", "a, b"),
            ("CHANGES_QUEUE_URL", "http://127.0.0.1/q"),
            ("SHARDS", "16"),
            ("WAITING_BYTES_MAX", "1000000"),
            ("OUTAGE_BYTES_MAX", "2000000"),
            ("KEEP_MANAGED_FIELDS", "true"),
            ("STREAM_LISTS", "false"),
            ("PLACE_FILE", "/p"),
            ("LISTEN", "127.0.0.1:9000"),
            ("FINALIZER_KINDS", "Pod apps/Deployment"),
            ("FINALIZER_SELECTOR", "team in (a, b)"),
            ("FINALIZER_HOLD_SECONDS", "10"),
            ("LOG_LEVEL", "debug"),
        ];
        let config = config(&vars).unwrap();
        let kinds: Vec<_> = config.kinds.iter().map(ToString::to_string).collect();
        assert_eq!(kinds, ["Pod", "apps/Deployment", "*.example.com/*", "Secret"]);
        assert_eq!(config.namespaces, ["a", "b"]);
        assert_eq!(config.place, PlaceIn::File("/p".into()));
        assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
        assert_eq!((config.settings().shards, config.settings().outage_bytes_max), (16, 2_000_000));
        assert!(config.keep_managed_fields && !config.settings().stream_lists);
        let Finalizers { kinds, selector, hold } = config.settings().finalizers;
        assert_eq!((kinds.len(), selector.to_string().as_str(), hold.as_secs()), (2, "team in (a, b)", 10));
    }

    #[test]
    fn an_aws_region_serves_as_the_region_and_a_port_as_the_address() {
        let mut vars = LEAST.to_vec();
        vars.extend([
            ("AWS_REGION", "us-east-1"),
            ("LISTEN", ":81"),
            ("PLACE_CONFIGMAP", "ops/place"),
            ("LEASE", "lead"),
        ]);
        let config = config(&vars).unwrap();
        assert_eq!(config.scope.region, "us-east-1");
        assert_eq!(config.listen.port(), 81);
        assert_eq!(config.place, PlaceIn::ConfigMap(Named::parse("ops/place")));
        assert_eq!(config.lease, Some(Named { namespace: None, name: "lead".into() }));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let vars = [
            ("KUBECONFIG", "/k"),
            ("KINDS", "Pod,a/b/c"),
            ("MORE_KINDS", "Po d!"),
            ("CHANGES_QUEUE_URL", "changes"),
            ("SHARDS", "0"),
            ("WAITING_BYTES_MAX", "8M"),
            ("OUTAGE_BYTES_MAX", "20M"),
            ("KEEP_MANAGED_FIELDS", "yes"),
            ("STREAM_LISTS", "no"),
            ("LISTEN", "here"),
            ("CLUSTER", " "),
            ("PLACE_FILE", "/p"),
            ("PLACE_CONFIGMAP", "p"),
            ("LEASE", "l"),
            ("FINALIZER_KINDS", "/"),
            ("FINALIZER_SELECTOR", "a>b"),
            ("FINALIZER_HOLD_SECONDS", "3600"),
        ];
        let error = config(&vars).unwrap_err();
        let named: Vec<_> = error.mistakes.iter().map(|mistake| mistake.name).collect();
        assert_eq!(
            named,
            [
                "CLUSTER",
                "KINDS",
                "MORE_KINDS",
                "CHANGES_QUEUE_URL",
                "SHARDS",
                "WAITING_BYTES_MAX",
                "OUTAGE_BYTES_MAX",
                "KEEP_MANAGED_FIELDS",
                "STREAM_LISTS",
                "PLACE_FILE",
                "LEASE",
                "FINALIZER_HOLD_SECONDS",
                "FINALIZER_KINDS",
                "FINALIZER_SELECTOR",
                "LISTEN"
            ]
        );
        let text = error.to_string();
        assert!(text.contains("CLUSTER: not set, expected the cluster's name"), "{text}");
        assert!(text.contains("SHARDS: expected a number from 1 to 64, found \"0\""), "{text}");
        assert!(!text.contains('\n'), "one line");
    }

    #[test]
    fn a_cluster_is_called_by_what_may_stand_in_a_key() {
        for (name, value) in [("TENANT", "a/b"), ("AWS_REGION", "eu#1"), ("CLUSTER", "user@prod")] {
            let mut vars =
                vec![("CLUSTER", "prod"), ("KINDS", "Pod"), ("CHANGES_QUEUE_URL", "https://sqs/c")];
            vars.retain(|(known, _)| *known != name);
            vars.push((name, value));
            let error = config(&vars).unwrap_err().to_string();
            let expected = format!(
                "{name}: expected at most 100 letters, digits, dots, dashes or underscores, found \"{value}\""
            );
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn nothing_set_names_what_is_needed() {
        let error = config(&[]).unwrap_err();
        let named: Vec<_> = error.mistakes.iter().map(|mistake| mistake.name).collect();
        assert_eq!(named, ["CLUSTER", "KINDS", "CHANGES_QUEUE_URL"]);
    }
}
