//! `load [--seconds N] [--rate N] [--objects N] [--calm 0|1] [--backlog N] [--seed N] [--report FILE] [--logs DIR]`:
//! the deployed pipeline under load and faults. Prints the section of the report; fails where anything was lost or told
//! twice, and leaves there what the functions logged, where `--logs` names a folder. Where `PRODROME_FUNCTION` is set it
//! is that function, as the emulator runs it.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command speaks to its user")]

use anyhow::{Context, Result, bail};
use prodrome_load::{Plan, run, section};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match prodrome_lambda::environment("PRODROME_FUNCTION") {
        Some(function) => prodrome_local::serve(&function).map_err(Into::into),
        None => load(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn load() -> Result<()> {
    let mut plan = Plan {
        seconds: 60,
        rate: 1_000,
        objects: 20_000,
        calm: true,
        backlog: 1_000_000,
        seed: 1,
        logs: None,
    };
    let mut report: Option<PathBuf> = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} wants a value"))?;
        match &*name {
            "--report" => {
                report = Some(value.into());
                continue;
            }
            "--logs" => {
                plan.logs = Some(value.into());
                continue;
            }
            _ => {}
        }
        let number: u64 =
            value.parse().with_context(|| format!("{name}: expected a number, found {value}"))?;
        match &*name {
            "--seconds" => plan.seconds = number,
            "--rate" => plan.rate = number,
            "--objects" => plan.objects = number.max(1),
            "--backlog" => plan.backlog = number,
            "--calm" => plan.calm = number != 0,
            "--seed" => plan.seed = number,
            _ => bail!(
                "{name}: expected --seconds, --rate, --objects, --calm, --backlog, --seed, --report or --logs"
            ),
        }
    }
    let program = std::env::current_exe()?;
    let profile = if cfg!(debug_assertions) { "not optimised" } else { "optimised" };
    let machine = prodrome_report::machine();
    let outcome = run(&plan, &program, &|what| eprintln!("load: {what}"))?;
    let text = section(&plan, &outcome, profile, &machine);
    println!("{text}");
    if !outcome.wrong().is_empty() {
        bail!("not all is as it must be:\n{}", outcome.wrong().join("\n"));
    }
    if let Some(file) = report {
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
