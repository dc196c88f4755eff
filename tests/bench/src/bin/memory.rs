//! `bench-memory WATCHER REFLECTOR INFORMER OBJECTS…`: measures the memory of the watcher beside others, and keeps the
//! figures in the report. INFORMER is empty where there is none. Run from the repository's root.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command speaks to its user")]

use anyhow::{Context, Result, bail, ensure};
use prodrome_bench::memory::{GOAL_BYTES, OBJECT_BYTES, Other, Programs, measure, most, section};
use prodrome_bench::mix;
use std::path::Path;
use std::process::ExitCode;

const SECTION: &str = "tests/report/watcher-memory.md";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-memory: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [watcher, reflector, informer, sizes @ ..] = arguments.as_slice() else {
        bail!("usage: bench-memory WATCHER REFLECTOR INFORMER OBJECTS…");
    };
    let programs = Programs {
        load: std::env::current_exe()?.with_file_name("bench-load"),
        watcher: watcher.into(),
        reflector: reflector.into(),
        informer: (!informer.is_empty()).then(|| informer.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mix = runtime.block_on(mix::large(&mix::rules(Path::new("."))?, OBJECT_BYTES))?;
    let others = [Other::Pages, Other::Typed, Other::Dynamic, Other::Informer];
    let (machine, mut rounds) = (prodrome_report::machine(), Vec::new());
    for objects in sizes {
        let objects = objects.parse().context("OBJECTS is no number")?;
        for other in
            others.into_iter().filter(|other| *other != Other::Informer || programs.informer.is_some())
        {
            eprintln!("bench-memory: {objects} objects, beside {other:?}");
            rounds.push(measure(&programs, &mix, objects, other)?);
        }
    }
    let text = section(&rounds, &machine);
    println!("{text}");
    std::fs::write(SECTION, &text).with_context(|| format!("cannot write {SECTION}"))?;
    let most = most(&rounds);
    ensure!(most <= GOAL_BYTES, "the watcher held {most} bytes, more than {GOAL_BYTES}");
    Ok(())
}
