use std::path::{Path, PathBuf};

/// The programs of a cluster.
#[derive(Debug, Clone)]
pub struct Assets {
    folder: PathBuf,
}

impl Assets {
    const PROGRAMS: [&'static str; 3] = ["etcd", "kube-apiserver", "kubectl"];

    /// Those that the environment names; an error says what is missing.
    pub fn from_env() -> Result<Self, String> {
        #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
        let named = std::env::var("KUBEBUILDER_ASSETS").unwrap_or_default();
        if named.is_empty() {
            let how = "make cluster-tools, then export KUBEBUILDER_ASSETS=$(tests/cluster/assets)";
            return Err(format!("no API server; {how}"));
        }
        let folder = PathBuf::from(named);
        match Self::PROGRAMS.iter().find(|program| !folder.join(program).is_file()) {
            Some(missing) => Err(format!("KUBEBUILDER_ASSETS={} has no {missing}", folder.display())),
            None => Ok(Self { folder }),
        }
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
