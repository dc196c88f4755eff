use crate::program::start;
use crate::site::Site;
use anyhow::{Context, Result, bail};
use prodrome_e2e::System;
use prodrome_test_cluster::{Account, Cluster};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const NAMESPACE: &str = "prodrome";
const LISTEN: &str = "127.0.0.1:8081";
const READY_WAIT: Duration = Duration::from_mins(2);

/// Applies what an operator would apply, but for the watcher's Deployment: it runs beside the cluster, as its account.
/// Returns as whom the watcher and the functions come.
pub(crate) fn install(site: &Site, cluster: &Cluster, runtime: &Runtime) -> Result<[Account; 2]> {
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra");
    let folder = site.folder.join("manifests");
    fs::create_dir_all(folder.join("ours"))?;
    for part in ["watcher", "reader"] {
        crate::program::output(
            Command::new("cp").arg("-R").arg(infra.join(part).join("deploy")).arg(folder.join(part)),
        )?;
    }
    let left_out = |kind: &str| json!({ "target": { "kind": kind }, "patch": format!("$patch: delete\nkind: {kind}\nmetadata: {{ name: prodrome-watcher }}\n") });
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": NAMESPACE,
        "resources": ["../watcher/base", "../reader/base"],
        "patches": [left_out("Deployment"), left_out("PodDisruptionBudget")],
    });
    fs::write(folder.join("ours/kustomization.yaml"), kustomization.to_string())?;
    runtime.block_on(async {
        cluster.namespace(NAMESPACE).await;
        cluster.kubectl(&["apply", "-k", &folder.join("ours").display().to_string()]).await;
        let watcher = cluster.account(NAMESPACE, "prodrome-watcher").await;
        Ok([watcher, cluster.account(NAMESPACE, "prodrome-reader").await])
    })
}

/// The real watcher, as its deployment would have it. It ends with the enclosure.
pub(crate) struct Watching {
    process: Child,
    log: PathBuf,
}

impl Watching {
    /// Starts it, and waits until it is in step.
    pub(crate) fn start(site: &Site, program: &Path, account: &Account, system: &System) -> Result<Self> {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/watcher/deploy/base");
        let log = site.log("watcher");
        let scope = system.scope();
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", account.kubeconfig())
            .env("TENANT", &scope.tenant)
            .env("REGION", &scope.region)
            .env("CLUSTER", &scope.cluster)
            .env("CHANGES_QUEUE_URL", system.stack().output("ChangesQueueUrl")?)
            .env("RULES_TABLE", system.stack().output("RulesTableName")?)
            .env("KINDS", fs::read_to_string(base.join("kinds.txt"))?)
            .env("PLACE_CONFIGMAP", "prodrome-watcher")
            .env("LEASE", "prodrome-watcher")
            .env("LISTEN", LISTEN)
            .envs(system.emulator().sdk_environment());
        let mut watching = Self { process: start(&mut command, &log)?, log };
        let begun = Instant::now();
        while ureq::get(format!("http://{LISTEN}/readyz")).call().is_err() {
            if let Some(status) = watching.process.try_wait()? {
                bail!("the watcher has ended: {status}; {}", watching.last_words());
            }
            if begun.elapsed() > READY_WAIT {
                bail!("the watcher is not ready; {}", watching.last_words());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(watching)
    }

    /// Says so where it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.process.try_wait().context("the watcher cannot be asked")? {
            None => Ok(()),
            Some(status) => bail!("the watcher has ended: {status}; {}", self.last_words()),
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    }
}
