use crate::cgroups;
use crate::image::PAUSE;
use crate::objects::TAINT;
use crate::program::line;
use crate::registry::Registries;
use crate::scenario::DEDICATED;
use crate::site::{BRIDGE, HERE, Site};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The first process of a node: it does what it is told, and says what came of it. With it all of the node ends.
const INIT: &str = r#"while IFS= read -r told; do eval "$told"; echo "$?"; done"#;
const START_WAIT: Duration = Duration::from_secs(10);
/// The settings of the network of pods, in the node's folder, and where they are while it has none.
const NETWORK: &str = "cni/10-pods.conflist";
const NETWORK_ASIDE: &str = "10-pods.conflist";
const SOCKET: &str = "/run/containerd/containerd.sock";
/// What kubelet would set for the whole machine, and the values it wants: it finds them set, in a file of the node's.
const SYSCTLS: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// A node: a real kubelet and a real containerd, with processes, mounts and a network of their own.
pub(crate) struct Node {
    name: String,
    folder: PathBuf,
    path: String,
    tell: ChildStdin,
    answers: BufReader<ChildStdout>,
    init: Child,
}

impl Node {
    /// Starts the `number`th node, as whoever the kubeconfig says.
    pub(crate) fn start(
        site: &Site,
        registries: &Registries,
        name: &str,
        number: u8,
        kubeconfig: &Path,
    ) -> Result<Self> {
        let folder = site.folder.join(name);
        for part in ["var", "var.work", "kubelet", "containerd", "cni", "hosts", "sysctl"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let log = File::options().create(true).append(true).open(site.log(name))?;
        let mut init = Command::new("unshare");
        init.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", INIT]);
        let mut init = init.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let tell = init.stdin.take().context("it was piped")?;
        let answers = BufReader::new(init.stdout.take().context("it was piped")?);
        let path =
            format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", site.parts.display());
        let mut node = Self { name: name.to_owned(), folder, path, tell, answers, init };
        node.tell("true")?;
        let process = child_of(node.init.id())?;
        line(&format!("ip link add {name} type veth peer name eth0 netns {process}"))?;
        line(&format!("ip link set {name} master {BRIDGE} up"))?;
        node.ground(number)?;
        line(&format!("ip route add 10.244.{number}.0/24 via {}", address(number)))?;
        cgroups::make(name)?;
        node.containerd_settings(site, registries, number)?;
        node.kubelet_settings(number, kubeconfig)?;
        node.start_containerd(site)?;
        node.start_kubelet(site)?;
        Ok(node)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Does something as the node's own; where it fails the node's log says why.
    fn tell(&mut self, command: &str) -> Result<()> {
        writeln!(self.tell, "{command}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim() != "0" {
            bail!(
                "{}: {command}: {}",
                self.name,
                if answer.is_empty() { "the node has ended" } else { answer.trim() }
            );
        }
        Ok(())
    }

    /// Its network and its mounts.
    fn ground(&mut self, number: u8) -> Result<()> {
        let folder = self.folder.display().to_string();
        for command in [
            "ip link set lo up".to_owned(),
            format!("ip addr add {}/24 dev eth0", address(number)),
            "ip link set eth0 up".to_owned(),
            format!("mount -t overlay overlay -o lowerdir=/var,upperdir={folder}/var,workdir={folder}/var.work /var"),
            "mount -t tmpfs tmpfs /run".to_owned(),
            "mkdir -p /run/containerd /run/netns /run/lock /var/lib/kubelet /var/log/pods /var/log/containers".to_owned(),
            format!("mount --bind {folder}/kubelet /var/lib/kubelet"),
            // Or volumes would not be seen by the containers.
            "mount --make-rshared /".to_owned(),
        ] {
            self.tell(&command)?;
        }
        for (name, value) in SYSCTLS {
            let file = self.folder.join("sysctl").join(name.replace('/', "."));
            std::fs::write(&file, format!("{value}\n"))?;
            self.tell(&format!("mount --bind {} /proc/sys/{name}", file.display()))?;
        }
        Ok(())
    }

    fn containerd_settings(&self, site: &Site, registries: &Registries, number: u8) -> Result<()> {
        let folder = self.folder.display().to_string();
        for host in ["registry", "private", "busy", "limited"] {
            let host = self.folder.join(format!("hosts/{host}.example.com"));
            std::fs::create_dir_all(&host)?;
            let name = host.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let authority = registries.authority.display();
            let hosts =
                format!("server = \"https://{name}\"\n[host.\"https://{name}\"]\nca = \"{authority}\"\n");
            std::fs::write(host.join("hosts.toml"), hosts)?;
        }
        let network = json!({
            "cniVersion": "1.0.0", "name": "pods", "plugins": [{
                "type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true,
                "ipam": {
                    "type": "host-local", "dataDir": "/run/cni",
                    "ranges": [[{ "subnet": format!("10.244.{number}.0/24") }]], "routes": [{ "dst": "0.0.0.0/0" }],
                },
            }],
        });
        std::fs::write(self.folder.join(NETWORK), network.to_string())?;
        let parts = site.parts.display();
        let settings = format!(
            r#"version = 3
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
address = "{SOCKET}"
[plugins.'io.containerd.cri.v1.images']
snapshotter = "overlayfs"
pinned_images = {{ sandbox = "{PAUSE}" }}
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "{folder}/hosts"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{parts}"]
conf_dir = "{folder}/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{parts}/runc"
SystemdCgroup = false
"#
        );
        std::fs::write(self.folder.join("containerd.toml"), settings)?;
        Ok(())
    }

    /// Starts its containerd, and waits until it listens.
    pub(crate) fn start_containerd(&mut self, site: &Site) -> Result<()> {
        let log = site.log(&format!("{}-containerd", self.name));
        self.tell(&format!(
            "rm -f {SOCKET}; PATH={} {} --config {} >>{} 2>&1 </dev/null & containerd=$!",
            self.path,
            site.part("containerd").display(),
            self.folder.join("containerd.toml").display(),
            log.display()
        ))?;
        self.tell(&format!(
            "for i in $(seq 300); do [ -S {SOCKET} ] && break; sleep 0.1; done; [ -S {SOCKET} ]"
        ))
    }

    /// Kills its containerd, as a crash would. The containers run on.
    pub(crate) fn kill_containerd(&mut self) -> Result<()> {
        self.tell("kill -9 $containerd; wait $containerd; true")
    }

    /// Takes away the settings of its network of pods, as where what installs them was removed. Pods keep what they have.
    pub(crate) fn take_network(&self) -> Result<()> {
        Ok(std::fs::rename(self.folder.join(NETWORK), self.folder.join(NETWORK_ASIDE))?)
    }

    /// Gives them back. They are written: containerd takes no notice of a file that is moved there.
    pub(crate) fn give_network(&self) -> Result<()> {
        Ok(std::fs::write(self.folder.join(NETWORK), std::fs::read(self.folder.join(NETWORK_ASIDE))?)?)
    }

    /// Makes a folder of its own: what is below /var is.
    pub(crate) fn make_folder(&mut self, folder: &str) -> Result<()> {
        self.tell(&format!("mkdir -p {folder}"))
    }

    fn kubelet_settings(&self, number: u8, kubeconfig: &Path) -> Result<()> {
        let taint = json!({ "key": TAINT, "value": "batch", "effect": "NoSchedule" });
        let taints = if self.name == DEDICATED { vec![taint] } else { Vec::new() };
        let settings = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "registerWithTaints": taints, "maxPods": 200,
            "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
            "cgroupDriver": "cgroupfs", "cgroupRoot": cgroups::of_node(&self.name), "failCgroupV1": false,
            "enforceNodeAllocatable": [], "failSwapOn": false, "makeIPTablesUtilChains": false,
            "evictionHard": {
                "memory.available": "50Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%",
            },
            "imageGCHighThresholdPercent": 100, "serializeImagePulls": false,
            // Whoever is in the site's network may ask for logs: nobody is but the control plane.
            "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
            "authorization": { "mode": "AlwaysAllow" },
            "clusterDomain": "cluster.local", "clusterDNS": [HERE.to_string()], "resolvConf": "/etc/resolv.conf",
        });
        std::fs::write(self.folder.join("kubelet.json"), settings.to_string())?;
        std::fs::write(
            self.folder.join("words"),
            format!(
                "--config={} --kubeconfig={} --hostname-override={} --node-ip={} --root-dir=/var/lib/kubelet",
                self.folder.join("kubelet.json").display(),
                kubeconfig.display(),
                self.name,
                address(number),
            ),
        )?;
        Ok(())
    }

    /// Starts its kubelet.
    pub(crate) fn start_kubelet(&mut self, site: &Site) -> Result<()> {
        let log = site.log(&format!("{}-kubelet", self.name));
        let words = std::fs::read_to_string(self.folder.join("words"))?;
        let program = site.part("kubelet");
        self.tell(&format!(
            "PATH={} {} {words} >>{} 2>&1 </dev/null & kubelet=$!",
            self.path,
            program.display(),
            log.display()
        ))
    }

    /// Kills its kubelet, as a crash would. The containers run on.
    pub(crate) fn kill_kubelet(&mut self) -> Result<()> {
        self.tell("kill -9 $kubelet; wait $kubelet; true")
    }
}

fn address(number: u8) -> String {
    format!("10.253.0.{}", 10 + number)
}

/// The process that another one has started, once it has.
fn child_of(process: u32) -> Result<u32> {
    let begun = Instant::now();
    loop {
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
        match children.split_whitespace().next() {
            Some(child) => return Ok(child.parse()?),
            None if begun.elapsed() > START_WAIT => bail!("process {process} starts nothing"),
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
