use crate::Proxy;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// What a [`System`](crate::System) is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(crate) program: PathBuf,
    pub(crate) rules: PathBuf,
    pub(crate) recordings: Vec<PathBuf>,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) from_seconds: u32,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) alertmanager: Option<String>,
    pub(crate) receivers: Vec<(String, String)>,
    pub(crate) canary: Option<String>,
    pub(crate) gather_seconds: u32,
    pub(crate) proxy: Option<Proxy>,
}

impl Setup {
    /// With a program that is all functions, by `PRODROME_FUNCTION`, and the shipped rules.
    pub fn new(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            rules: root().join("rules"),
            recordings: Vec::new(),
            kubeconfig: None,
            from_seconds: 0,
            parameters: Vec::new(),
            alertmanager: None,
            receivers: Vec::new(),
            canary: None,
            gather_seconds: 30,
            proxy: None,
        }
    }

    /// With the rules of another folder.
    #[must_use]
    pub fn rules(self, folder: impl Into<PathBuf>) -> Self {
        Self { rules: folder.into(), ..self }
    }

    /// With recordings of `events/recordings`, played side by side from this second on.
    #[must_use]
    pub fn playing(self, names: &[&str], from_seconds: u32) -> Self {
        let recordings = names.iter().map(|name| root().join("events/recordings").join(name)).collect();
        Self { recordings, from_seconds, ..self }
    }

    /// The functions read a cluster that runs already, by this file, in place of one of the system's own. Whoever says so
    /// runs the watcher too.
    #[must_use]
    pub fn cluster(self, kubeconfig: impl Into<PathBuf>) -> Self {
        Self { kubeconfig: Some(kubeconfig.into()), ..self }
    }

    /// With another value for a parameter of the template.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.push((name.to_owned(), value.into()));
        self
    }

    /// And an Alertmanager is told whatever the webhook is told.
    #[must_use]
    pub fn alertmanager(self, url: &str) -> Self {
        Self { alertmanager: Some(url.to_owned()), ..self }
    }

    /// And a receiver of this name is told of the namespaces of this pattern, in place of the others.
    #[must_use]
    pub fn receiver(mut self, name: &str, namespaces: &str) -> Self {
        self.receivers.push((name.to_owned(), namespaces.to_owned()));
        self
    }

    /// And a receiver of this name is told of the canary.
    #[must_use]
    pub fn canary(self, name: &str) -> Self {
        Self { canary: Some(name.to_owned()), ..self }
    }

    /// Objects that join an alert within so many seconds are told together.
    #[must_use]
    pub fn gathering(self, seconds: u32) -> Self {
        Self { gather_seconds: seconds, ..self }
    }

    /// The watcher and the functions reach tables and queues through this.
    #[must_use]
    pub fn through(self, proxy: &Proxy) -> Self {
        Self { proxy: Some(proxy.clone()), ..self }
    }
}

/// A folder in another, with the shipped rules and flows, and one more file of rules.
pub fn shipped_rules_and(folder: &Path, name: &str, rules: &str) -> Result<PathBuf> {
    let (shipped, copy) = (root().join("rules"), folder.join("rules"));
    for part in ["", "flows"] {
        std::fs::create_dir(copy.join(part))?;
        for entry in std::fs::read_dir(shipped.join(part))? {
            let path = entry?.path();
            if path.is_file() {
                std::fs::copy(&path, copy.join(part).join(path.file_name().unwrap_or_default()))?;
            }
        }
    }
    std::fs::write(copy.join(name), rules)?;
    Ok(copy)
}

/// The folder that holds `template.yaml`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
