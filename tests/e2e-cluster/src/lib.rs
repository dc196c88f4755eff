//! Real nodes with real faults, watched by the real watcher and judged by the functions on the emulator.
//!
//! The cluster is whole: etcd, an API server, controllers, a scheduler, and nodes of a kubelet and a containerd each, on
//! one machine without Docker, as root. All of it runs in an [`Enclosure`]: namespaces that end with the run, and a
//! network that leads nowhere. `make e2e-cluster` runs it.

mod cgroups;
mod control;
#[cfg(test)]
mod counterparts;
mod enclosure;
mod faults;
mod healthy;
mod image;
mod life;
mod limited;
mod names;
mod node;
mod objects;
mod program;
mod registry;
mod replayed;
mod scenario;
mod section;
mod site;
mod story;
mod tape;
mod verdict;
mod watching;
mod world;

pub use enclosure::Enclosure;
pub use site::Site;
pub use story::Story;

use anyhow::Result;
use std::path::PathBuf;

/// What is run.
#[derive(Debug, Default)]
pub struct Plan {
    /// A program that is all functions, by `PRODROME_FUNCTION`.
    pub program: PathBuf,
    /// The watcher.
    pub watcher: PathBuf,
    /// The command `prodrome`, and the folder that it records the cluster into.
    pub record: Option<(PathBuf, PathBuf)>,
    /// The names of the scenarios; all, where there are none.
    pub only: Vec<String>,
}

/// Starts the cluster and lives through the faults; `say` hears what is going on.
pub fn live(site: Site, plan: &Plan, say: &dyn Fn(&str)) -> Result<Story> {
    let mut scenarios = scenario::scenarios();
    if !plan.only.is_empty() {
        scenarios.retain(|scenario| plan.only.iter().any(|name| name == scenario.name));
    }
    anyhow::ensure!(!scenarios.is_empty(), "{}: no scenario has such a name", plan.only.join(", "));
    let mut world = world::World::start(site, &plan.program, &plan.watcher, say)?;
    let tape = match &plan.record {
        None => None,
        Some((prodrome, folder)) => {
            Some(tape::Tape::start(prodrome, &world.cluster, folder, &world.site.log("record"))?)
        }
    };
    let mut story = story::live(&mut world, scenarios, say)?;
    if let Some((tape, (prodrome, folder))) = tape.zip(plan.record.as_ref()) {
        tape.end()?;
        say("the recording is replayed");
        story.replayed = Some(replayed::Replayed::new(prodrome, folder)?);
    }
    Ok(story)
}
