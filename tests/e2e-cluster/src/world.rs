use crate::control::start_controllers;
use crate::image;
use crate::node::Node;
use crate::registry::Registries;
use crate::scenario::NODES;
use crate::site::{HERE, Site};
use crate::watching::{Watching, install};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_e2e::{Setup, System};
use prodrome_test_cluster::{Assets, Cluster};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const NODES_WAIT: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Everything that runs.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) cluster: Cluster,
    nodes: Vec<Node>,
    pub(crate) system: System,
    pub(crate) watching: Watching,
    pub(crate) runtime: Runtime,
    asides: Vec<JoinHandle<Result<()>>>,
}

impl World {
    /// Starts it. `program` is all functions, `watcher` the watcher; `say` hears what is going on.
    pub(crate) fn start(site: Site, program: &Path, watcher: &Path, say: &dyn Fn(&str)) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        say("starting the registries");
        let registries = Registries::start(&site, &runtime)?;
        image::push_all(&site)?;
        say("starting the control plane");
        let assets = Assets::from_env().map_err(anyhow::Error::msg)?;
        let cluster = runtime.block_on(Cluster::whole(assets, HERE, &NODES));
        start_controllers(&site, &cluster)?;
        say("starting the nodes");
        let mut nodes = Vec::new();
        for (number, name) in (1..).zip(NODES) {
            let kubeconfig = cluster.component_kubeconfig(&format!("system:node:{name}"));
            nodes.push(Node::start(&site, &registries, name, number, &kubeconfig)?);
        }
        until_ready(&cluster, &runtime)?;
        say("starting the emulator, the functions and the watcher");
        let [watches, reads] = install(&site, &cluster, &runtime)?;
        // As an operator with registries of his own would have it.
        let authority = STANDARD.encode(std::fs::read(&registries.authority)?);
        let setup = Setup::new(program)
            .cluster(reads.kubeconfig())
            .parameter("OutsideNetworks", format!("{HERE}/24"))
            .parameter("OutsideCa", authority)
            // Whatever else this machine does: what is not done in time is done again much later.
            .parameter("TimeoutSeconds", "120")
            .parameter("VisibilitySeconds", "720");
        let system = System::start(&setup)?;
        let watching = Watching::start(&site, watcher, &watches, &system)?;
        Ok(Self { site, cluster, nodes, system, watching, runtime, asides: Vec::new() })
    }

    pub(crate) fn node(&mut self, name: &str) -> Result<&mut Node> {
        self.nodes.iter_mut().find(|node| node.name() == name).with_context(|| format!("there is no {name}"))
    }

    /// Makes or changes objects, in order.
    pub(crate) fn apply_all(&self, objects: &[Value]) -> Result<()> {
        let file = self.site.folder.join("objects.json");
        std::fs::write(&file, json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string())?;
        self.runtime.block_on(self.cluster.kubectl(&["apply", "-f", &file.display().to_string()]));
        Ok(())
    }

    /// Runs kubectl beside everything else: a drain takes its time. [`Self::end_asides`] says whether it did what it
    /// should: its work, or refuse it.
    pub(crate) fn kubectl_aside(&mut self, namespace: &str, words: &[String], works: bool) {
        let (cluster, words) = (self.cluster.clone(), words.to_vec());
        let namespace = namespace.to_owned();
        self.asides.push(self.runtime.spawn(async move {
            let of_all = ["-n", &*namespace].into_iter();
            let words: Vec<&str> = of_all.chain(words.iter().map(String::as_str)).collect();
            let output = cluster.try_kubectl(&words).await;
            let said = String::from_utf8_lossy(&output.stderr);
            let words = words.join(" ");
            ensure!(output.status.success() == works, "kubectl {words}: {}: {said}", output.status);
            Ok(())
        }));
    }

    /// Waits for all that runs beside.
    pub(crate) fn end_asides(&mut self) -> Result<()> {
        for aside in std::mem::take(&mut self.asides) {
            self.runtime.block_on(aside)??;
        }
        Ok(())
    }
}

fn until_ready(cluster: &Cluster, runtime: &Runtime) -> Result<()> {
    let begun = Instant::now();
    loop {
        let list = runtime.block_on(cluster.get("/api/v1/nodes"));
        let ready = |node: &Value| {
            let conditions = node["status"]["conditions"].as_array();
            conditions
                .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
        };
        let nodes = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if nodes.len() == NODES.len() && nodes.iter().all(ready) {
            return Ok(());
        }
        if begun.elapsed() > NODES_WAIT {
            bail!("the nodes are not ready: {list}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
