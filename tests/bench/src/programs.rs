//! The sizes of what is built.

use anyhow::{Context, Result};
use std::path::Path;

/// What is shipped; of the plugins, which differ in little, one.
const PROGRAMS: [&str; 7] =
    ["evaluate", "sweep", "diagnose", "alert", "plugin-crash-loop", "watcher", "prodrome"];

/// The name and the bytes of each program in a folder.
pub fn sizes(programs: &Path) -> Result<Vec<(&'static str, u64)>> {
    let size = |name: &'static str| {
        let file = programs.join(name);
        let metadata =
            std::fs::metadata(&file).with_context(|| format!("{} is not built", file.display()))?;
        Ok((name, metadata.len()))
    };
    PROGRAMS.into_iter().map(size).collect()
}
