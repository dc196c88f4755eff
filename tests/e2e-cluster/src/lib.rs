//! Real nodes with real faults, watched by the real watcher and judged by the functions on the emulator.
//!
//! The cluster is whole: etcd, an API server, controllers, a scheduler, and nodes of a kubelet and a containerd each, on
//! one machine without Docker, as root. All of it runs in an [`Enclosure`]: namespaces that end with the run, and a
//! network that leads nowhere. `make e2e-cluster` runs it.

mod control;
mod enclosure;
mod image;
mod names;
mod node;
mod objects;
mod program;
mod registry;
mod scenario;
mod section;
mod site;
mod story;
mod verdict;
mod watching;
mod world;

pub use enclosure::Enclosure;
pub use site::Site;
pub use story::Story;

use anyhow::Result;
use std::path::Path;

/// Starts the cluster and lives through the faults; with names of scenarios, through those alone. `program` is all
/// functions, by `PRODROME_FUNCTION`, `watcher` the watcher; `say` hears what is going on.
pub fn live(
    site: Site,
    program: &Path,
    watcher: &Path,
    only: &[String],
    say: &dyn Fn(&str),
) -> Result<Story> {
    let mut scenarios = scenario::scenarios();
    if !only.is_empty() {
        scenarios.retain(|scenario| only.iter().any(|name| name == scenario.name));
    }
    let mut world = world::World::start(site, program, watcher, say)?;
    story::live(&mut world, scenarios, say)
}
