//! `bench-diagnosis PROGRAMS [--new-plugin]`: measures diagnoses on the emulator, prints the figures, and keeps them in
//! the report. Run from the repository's root.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command speaks to its user")]

use anyhow::{Context, Result};
use prodrome_bench::diagnosis;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const SECTION: &str = "tests/report/diagnosis.md";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-diagnosis: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let programs: PathBuf =
        arguments.first().context("usage: bench-diagnosis PROGRAMS [--new-plugin]")?.into();
    let new_plugin = arguments.iter().any(|argument| argument == "--new-plugin");
    let root = Path::new(".").canonicalize()?;
    let profile = if programs.ends_with("release") { "optimised" } else { "not optimised" };
    let mut text = format!(
        "## Diagnoses\n\nMade by `make bench-diagnosis`, of {profile} programs on the emulator. Machine: {}\n",
        prodrome_report::machine()
    );
    eprintln!("bench-diagnosis: diagnoses of recorded pods");
    text += &diagnosis::runs::measure(&root, &programs)?.to_string();
    eprintln!("bench-diagnosis: a flow of twelve nodes");
    text += &diagnosis::twelve::measure()?.to_string();
    if new_plugin {
        eprintln!("bench-diagnosis: a new plugin, from nothing to an answer");
        text += &diagnosis::newcomer::measure(&root, &programs)?.to_string();
    }
    println!("{text}");
    std::fs::write(SECTION, &text).with_context(|| format!("cannot write {SECTION}"))
}
