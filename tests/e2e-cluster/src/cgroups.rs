//! The cgroups of nodes, in each hierarchy of version 1 (hybrid or not). They live outside of every namespace.

use anyhow::{Context, Result, bail};
use std::fs::{create_dir, read_dir, read_to_string, remove_dir, write};
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
/// What each cgroup that a run makes is called at first.
const PREFIX: &str = "prodrome-";

/// The cgroup of a node, as its kubelet has to know it.
pub(crate) fn of_node(node: &str) -> String {
    format!("/{PREFIX}{node}")
}

/// Makes it. In the hierarchy of CPUs it may use those of the root, which it does not by itself.
pub(crate) fn make(node: &str) -> Result<()> {
    for hierarchy in hierarchies()? {
        let group = hierarchy.join(format!("{PREFIX}{node}"));
        create_dir(&group).with_context(|| format!("cannot make the cgroup {}", group.display()))?;
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(all) = read_to_string(hierarchy.join(file)) {
                write(group.join(file), all)?;
            }
        }
    }
    Ok(())
}

/// Removes those of all nodes. It fails as long as a process is in one.
pub(crate) fn remove_all() -> Result<()> {
    for hierarchy in hierarchies()? {
        for group in read_dir(&hierarchy)? {
            let group = group?;
            if group.file_name().to_string_lossy().starts_with(PREFIX) {
                remove(&group.path())?;
            }
        }
    }
    Ok(())
}

fn remove(group: &Path) -> Result<()> {
    for child in read_dir(group)? {
        let child = child?;
        if child.file_type()?.is_dir() {
            remove(&child.path())?;
        }
    }
    remove_dir(group).with_context(|| format!("the cgroup {} is in use", group.display()))
}

fn hierarchies() -> Result<Vec<PathBuf>> {
    if Path::new(ROOT).join("cgroup.controllers").exists() {
        bail!(
            "{ROOT} is of version 2 alone; expected hierarchies of version 1, which the nodes are set up for"
        );
    }
    let mut found = Vec::new();
    for hierarchy in read_dir(ROOT)? {
        let hierarchy = hierarchy?.path();
        // Some are links to others.
        if !hierarchy.is_symlink() && hierarchy.is_dir() {
            found.push(hierarchy);
        }
    }
    Ok(found)
}
