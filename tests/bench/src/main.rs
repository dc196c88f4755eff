//! `bench PROGRAMS`: measures the programs of a folder, prints the figures, and keeps them in the report. Run from the
//! repository's root.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command speaks to its user")]

use anyhow::{Context, Result};
use prodrome_bench::evaluation::evaluate;
use prodrome_bench::section::{self, Load};
use prodrome_bench::summary::grouped;
use prodrome_bench::watching::watch;
use prodrome_bench::{end_to_end, mix, programs, replays};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const SECTION: &str = "tests/report/bench.md";
const REPORT: &str = "tests/REPORT.md";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let programs: PathBuf = std::env::args_os().nth(1).context("usage: bench PROGRAMS")?.into();
    let root = Path::new(".");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut text = format!(
        "## Speed, size and cost\n\nMade by `make bench`, of optimised programs. Times marked *processor* are those \
that the process had on a processor, and hardly depend on what else runs; latencies are by the clock, and do. \
Machine: {}\n",
        prodrome_report::machine()
    );
    let rules = mix::rules(root)?;

    eprintln!("bench: the whole system on the emulator");
    let seen = end_to_end::run(&programs)?;
    text += &section::of_the_whole(&seen);

    let (recorded, all) = runtime.block_on(mix::recorded(root, &rules))?;
    let kept = recorded.templates.len();
    let mut loads = Vec::new();
    for mix in [runtime.block_on(mix::large(&rules, mix::LARGE_BYTES))?, recorded] {
        eprintln!("bench: the watcher before {}", mix.name);
        let watched = watch(&programs, &mix)?;
        let thousand = runtime.block_on(evaluate(&rules, &mix, &watched.thousand))?;
        let ten = runtime.block_on(evaluate(&rules, &mix, &watched.ten))?;
        loads.push(Load { name: mix.name, watched, thousand, ten });
    }
    text += &section::of_the_watcher(&loads);
    text += &section::of_the_evaluation(&loads, &rules);
    writeln!(
        text,
        "The recorded mix is all that `events/recordings` apply, without what a rule says something of: {} of {} changes are left, each as an object of its own.\n",
        grouped(kept as u64),
        grouped(all as u64)
    )?;
    text += &section::of_the_cost(&loads, seen.log_bytes_per_call);

    eprintln!("bench: replays and programs");
    text += &section::of_programs(&programs::sizes(&programs)?, &seen);
    text += &section::of_replays(&replays::replay(root, &programs)?);

    println!("{text}");
    std::fs::write(SECTION, &text).with_context(|| format!("cannot write {SECTION}"))?;
    let report = prodrome_report::assemble(Path::new("tests/report"))?;
    std::fs::write(REPORT, report).with_context(|| format!("cannot write {REPORT}"))
}
