use crate::program::{line, start};
use anyhow::{Result, bail};
use prodrome_test_cluster::Cluster;
use std::path::Path;
use std::process::{Child, Command};

/// `prodrome record`, beside everything else.
pub(crate) struct Tape {
    process: Child,
}

impl Tape {
    /// Begins to record into a folder, which must not hold a recording.
    pub(crate) fn start(prodrome: &Path, cluster: &Cluster, folder: &Path, log: &Path) -> Result<Self> {
        let mut command = Command::new(prodrome);
        command.arg("record").arg("--kubeconfig").arg(cluster.kubeconfig()).arg("--out").arg(folder);
        Ok(Self { process: start(&mut command, log)? })
    }

    /// Ends it, as Ctrl-C would.
    pub(crate) fn end(mut self) -> Result<()> {
        line(&format!("kill -INT {}", self.process.id()))?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the recording has ended: {status}");
        }
        Ok(())
    }
}
