//! `e2e-cluster --watcher PROGRAM --parts DIR [--report FILE] [--prodrome PROGRAM --record DIR] [SCENARIO…]`: real faults
//! on real nodes, and whether each was told, in time, with its cause, and once. Needs root. Where `PRODROME_FUNCTION` is
//! set it is that function, as the emulator runs it.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command speaks to its user")]

use anyhow::{Context, Result};
use prodrome_e2e_cluster::{Enclosure, Plan, Site, live};
use prodrome_emulator::cache_dir_default;
use std::path::PathBuf;
use std::process::ExitCode;

/// The first word of the run inside the enclosure.
const INSIDE: &str = "--inside";

fn main() -> ExitCode {
    let done = match prodrome_lambda::environment("PRODROME_FUNCTION") {
        Some(function) => prodrome_local::serve(&function).map(|()| ExitCode::SUCCESS).map_err(Into::into),
        None => run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("e2e-cluster: {error:#}");
        ExitCode::from(2)
    })
}

fn run() -> Result<ExitCode> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let folder = cache_dir_default().join("e2e-cluster");
    if words.first().is_none_or(|word| word != INSIDE) {
        words.insert(0, INSIDE.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(Enclosure::new(&folder)?.run(&words));
    }
    let (mut watcher, mut parts, mut report, mut prodrome, mut record) = (None, None, None, None, None);
    let mut only = Vec::new();
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        let place = match &*word {
            "--watcher" => &mut watcher,
            "--parts" => &mut parts,
            "--report" => &mut report,
            "--prodrome" => &mut prodrome,
            "--record" => &mut record,
            _ => {
                only.push(word);
                continue;
            }
        };
        *place = Some(PathBuf::from(words.next().with_context(|| format!("{word} wants a value"))?));
    }
    let watcher = watcher.context("--watcher is missing: the program")?;
    let parts = parts.context("--parts is missing: the folder that tests/cluster/nodes prints")?;
    let machine = prodrome_report::machine();
    let site = Site::new(&folder, &parts)?;
    let plan = Plan { program: std::env::current_exe()?, watcher, record: prodrome.zip(record), only };
    let story = live(site, &plan, &|what| eprintln!("e2e-cluster: {what}"))?;
    let text = story.section(&machine);
    println!("{text}");
    if let Some(file) = report {
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let wrong = story.wrong();
    for what in &wrong {
        eprintln!("e2e-cluster: {what}");
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
