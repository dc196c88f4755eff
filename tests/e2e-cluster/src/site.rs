use crate::names::Names;
use crate::program::line;
use anyhow::Result;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Where the control plane, the registries and the name server are.
pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(10, 253, 0, 1);
/// A registry that wants a password.
pub(crate) const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 253, 0, 2);
/// Nobody listens there.
pub(crate) const CLOSED: Ipv4Addr = Ipv4Addr::new(10, 253, 0, 3);
/// A registry whose authority nobody knows.
pub(crate) const UNKNOWN: Ipv4Addr = Ipv4Addr::new(10, 253, 0, 4);
/// A registry that answers nothing but that it is ill.
pub(crate) const BUSY: Ipv4Addr = Ipv4Addr::new(10, 253, 0, 5);
/// A registry that answers nothing but that it is asked too much.
pub(crate) const LIMITED: Ipv4Addr = Ipv4Addr::new(10, 253, 0, 6);
/// The bridge that the nodes are at.
pub(crate) const BRIDGE: &str = "prodrome0";

/// The ground that a cluster stands on: a network without a way out, names, and where the programs are.
#[derive(Clone)]
pub struct Site {
    pub(crate) parts: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Site {
    /// Makes it, in namespaces that are this process's own. `parts` are the programs of nodes (`tests/cluster/nodes`).
    pub fn new(folder: &Path, parts: &Path) -> Result<Self> {
        line("ip link set lo up")?;
        line(&format!("ip link add {BRIDGE} type bridge"))?;
        line(&format!("ip link set {BRIDGE} up"))?;
        for address in [HERE, PRIVATE, CLOSED, UNKNOWN, BUSY, LIMITED] {
            line(&format!("ip addr add {address}/24 dev {BRIDGE}"))?;
        }
        let resolver = folder.join("resolv.conf");
        std::fs::write(&resolver, format!("nameserver {HERE}\noptions attempts:1 timeout:3\n"))?;
        line(&format!("mount --bind {} /etc/resolv.conf", resolver.display()))?;
        Names::serve(HERE)?;
        Ok(Self { parts: parts.to_owned(), folder: folder.to_owned() })
    }

    pub(crate) fn part(&self, name: &str) -> PathBuf {
        self.parts.join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}
