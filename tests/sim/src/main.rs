//! `sim`: runs seeds, and says how those that fail can be run again.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use clap::Parser;
use prodrome_sim::{Complaint, Outcome, Plan, run, shrink};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::{NonZeroUsize, ParseIntError};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Runs the simulation.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed, with all that happens in it.
    #[arg(long)]
    seed: Option<u64>,
    /// Of that seed's faults, only those with these numbers.
    #[arg(long)]
    faults: Option<Numbers>,
    /// Of that seed's deeds, only those with these numbers.
    #[arg(long)]
    deeds: Option<Numbers>,
    /// Stop after so many seeds that fail.
    #[arg(long, default_value_t = 1)]
    failures: usize,
    /// On how many threads; as many as the machine has processors where it is not said.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Do not make what fails smaller.
    #[arg(long)]
    whole: bool,
    /// Add a line of what was run to the table of this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Numbers with commas between them; none where it is empty.
#[derive(Clone)]
struct Numbers(Vec<usize>);

impl FromStr for Numbers {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.split(',')
            .filter(|number| !number.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        let (deeds, faults) = (args.deeds.map(|list| list.0), args.faults.map(|list| list.0));
        return one(&Plan::of(seed).only(deeds.as_deref(), faults.as_deref()));
    }
    let begun = Instant::now();
    let (mut ran, mut failed, mut findings, mut alerts, mut deaths) = (0_u64, 0, 0, 0, 0);
    let threads = args.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    in_order(args.from..args.from + args.seeds, threads, |seed, outcome| {
        ran += 1;
        findings += outcome.findings;
        alerts += outcome.alerts;
        deaths += outcome.deaths;
        if !outcome.complaints.is_empty() {
            failed += 1;
            println!("seed {seed} fails: {}", outcome.complaints[0]);
            println!("{}", again(seed, &outcome.complaints[0], args.whole));
            if failed >= args.failures {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    let took = begun.elapsed();
    let each_ms = took.as_millis() / u128::from(ran.max(1));
    println!(
        "{ran} seeds, {failed} failed; {findings} findings told in {alerts} alerts, {deaths} invocations died; {:.1} s, {each_ms} ms a seed",
        took.as_secs_f64()
    );
    if let Some(file) = &args.report {
        let last = args.from + ran.saturating_sub(1);
        let row = format!(
            "| {} to {last} | {ran} | {failed} | {findings} | {alerts} | {deaths} | {:.0} |\n",
            args.from,
            took.as_secs_f64() / 60.0
        );
        if let Err(error) = append(file, &row) {
            eprintln!("sim: {}: {error}", file.display());
            return ExitCode::from(2);
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs seeds on so many threads, each on one of them, and hands over what they come to in their order, until it is enough.
fn in_order(seeds: Range<u64>, threads: usize, mut take: impl FnMut(u64, Outcome) -> ControlFlow<()>) {
    let Range { start, end } = seeds;
    let next = AtomicU64::new(start);
    let (done, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || done.send((seed, run(&Plan::of(seed)))).is_err() {
                        return; // nobody waits for more
                    }
                }
            });
        }
        drop(done);
        let (mut early, mut due) = (BTreeMap::new(), start);
        for (seed, outcome) in outcomes {
            early.insert(seed, outcome);
            while let Some(outcome) = early.remove(&due) {
                if take(due, outcome).is_break() {
                    return;
                }
                due += 1;
            }
        }
    });
}

fn append(file: &Path, row: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new().append(true).open(file)?.write_all(row.as_bytes())
}

/// The command that runs what is left of a seed that fails, where no more is left out than what it fails alike without.
fn again(seed: u64, complaint: &Complaint, whole: bool) -> String {
    if whole {
        return format!("  run it again: cargo run -p prodrome-sim -- --seed {seed}");
    }
    let plan = Plan::of(seed);
    let left = shrink(&plan, |plan| run(plan).complaints.iter().any(|it| it.what == complaint.what));
    let list = |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    format!(
        "  run it again: cargo run -p prodrome-sim -- --seed {seed} --faults={} --deeds={}",
        list(&left.faults),
        list(&left.deeds)
    )
}

fn one(plan: &Plan) -> ExitCode {
    println!("{} deeds until {} ms", plan.deeds.len(), plan.length);
    for deed in &plan.deeds {
        println!("{:>9} ms {:?}", deed.at, deed.what);
    }
    for fault in &plan.faults {
        println!("{:>9} ms to {} ms: {:?}", fault.from, fault.to, fault.what);
    }
    let outcome = run(plan);
    println!("{}", outcome.digest);
    for complaint in &outcome.complaints {
        println!("{complaint}");
    }
    if outcome.complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
