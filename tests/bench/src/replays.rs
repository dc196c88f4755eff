//! `prodrome replay` on all recordings in one call.

use crate::process;
use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use prodrome_recording::Recording;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What was replayed, and how long that took on a processor.
pub struct Replayed {
    /// Recordings.
    pub recordings: usize,
    /// Lines that the API server sent.
    pub events: u64,
    /// What they are the record of.
    pub recorded: SignedDuration,
    /// Processor time.
    pub cpu: Duration,
}

/// Replays every recording.
pub fn replay(root: &Path, programs: &Path) -> Result<Replayed> {
    let entries = std::fs::read_dir(root.join("events/recordings"))?;
    let mut dirs = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    dirs.retain(|dir| dir.join("meta.json").is_file());
    dirs.sort();
    let (mut events, mut recorded) = (0, SignedDuration::ZERO);
    for dir in &dirs {
        let recording = Recording::open(dir)?;
        recorded += recording.length();
        events += recording.items()?.count() as u64;
    }
    let before = process::cpu_of_children()?;
    let ended = Command::new(programs.join("prodrome"))
        .arg("replay")
        .args(&dirs)
        .args(["--output", "json"])
        .env_remove("AWS_LAMBDA_RUNTIME_API")
        .stdout(Stdio::null())
        .status()
        .context("prodrome cannot be run")?;
    ensure!(matches!(ended.code(), Some(0 | 1)), "prodrome replay: {ended}");
    let cpu = process::cpu_of_children()?.saturating_sub(before);
    Ok(Replayed { recordings: dirs.len(), events, recorded, cpu })
}
