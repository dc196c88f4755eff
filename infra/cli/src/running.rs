//! What `prodrome up` runs on this machine, so that other commands find it (`--local`).

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// A system that runs, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    /// Where its emulator answers.
    pub(crate) endpoint: String,
    /// The name of its stack.
    pub(crate) stack: String,
    pub(crate) rules_table: String,
    pub(crate) checks_table: String,
    /// Nothing where a version before this runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) episodes_table: Option<String>,
    /// The cluster that it watches.
    pub(crate) scope: String,
    /// A kubeconfig that reaches the cluster as its functions do.
    pub(crate) kubeconfig: PathBuf,
}

/// Says that a system runs, until it is dropped.
#[derive(Debug)]
pub(crate) struct Notice {
    file: PathBuf,
    text: String,
}

impl Running {
    /// The one that was started last.
    pub(crate) fn find() -> Result<Self> {
        Self::find_in(&prodrome_emulator::cache_dir_default())
    }

    fn find_in(folder: &Path) -> Result<Self> {
        let file = file(folder);
        let Ok(text) = std::fs::read_to_string(&file) else {
            bail!(
                "--local: no `prodrome up` runs on this machine; start one, or name what you mean in place of --local"
            );
        };
        let unreadable = || format!("{} is not what this `prodrome up` writes", file.display());
        let running: Self = serde_json::from_str(&text).with_context(unreadable)?;
        let address = running.endpoint.trim_start_matches("http://");
        if let Err(error) = TcpStream::connect(address) {
            bail!(
                "--local: the `prodrome up` that ran on this machine is gone ({error} at {address}); start one"
            );
        }
        Ok(running)
    }

    /// Lets others find it. One that runs already is found no longer.
    pub(crate) fn announce(&self) -> Result<Notice> {
        self.announce_in(&prodrome_emulator::cache_dir_default())
    }

    fn announce_in(&self, folder: &Path) -> Result<Notice> {
        let file = file(folder);
        let text = serde_json::to_string(self).context("cannot say what runs")?;
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder)?;
            // Readable by its user alone, and never half written.
            let mut new = tempfile::NamedTempFile::new_in(folder)?;
            new.write_all(text.as_bytes())?;
            new.persist(&file)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Notice { file, text })
    }

    /// How the SDK reaches it, and nothing else.
    pub(crate) async fn sdk_config(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::new("us-east-1"))
            .test_credentials()
            .load()
            .await
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        // Another may have been started since.
        if std::fs::read_to_string(&self.file).is_ok_and(|text| text == self.text)
            && let Err(error) = std::fs::remove_file(&self.file)
        {
            tracing::warn!(%error, file = %self.file.display(), "what says that this system runs stays");
        }
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("up.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn what_runs_is_found_until_it_ends_and_the_last_one_started_counts() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Running::find_in(folder.path()).unwrap_err().to_string();
        assert!(missing.contains("no `prodrome up` runs"), "{missing}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let of = |checks: &str| Running {
            endpoint: endpoint.clone(),
            stack: "prodrome".to_owned(),
            rules_table: "rules".to_owned(),
            checks_table: checks.to_owned(),
            episodes_table: Some("episodes".to_owned()),
            scope: "default/local/kind".to_owned(),
            kubeconfig: "/k".into(),
        };
        let first = of("first").announce_in(folder.path()).unwrap();
        assert_eq!(Running::find_in(folder.path()).unwrap(), of("first"));
        let second = of("second").announce_in(folder.path()).unwrap();
        drop(first);
        assert_eq!(
            Running::find_in(folder.path()).unwrap(),
            of("second"),
            "it is not the first one's to remove"
        );
        drop(listener);
        let dead = Running::find_in(folder.path()).unwrap_err().to_string();
        assert!(dead.contains("is gone"), "{dead}");
        drop(second);
        assert!(!file(folder.path()).exists());
    }
}
