//! `report PRODROME [--suites DIR] [--scenarios DIR]`: writes the section on recordings, those on suites and scenarios
//! where their folders are named, and puts `tests/REPORT.md` together. Run from the repository's root.

#![expect(clippy::print_stderr, reason = "a command speaks to its user")]

use anyhow::{Context, Result, bail};
use prodrome_report::{Command, assemble, replay_all, scenarios_section, section, suites_section};
use std::path::Path;
use std::process::ExitCode;

const RECORDINGS: &str = "events/recordings";
const RULES: &str = "rules";
const SECTIONS: &str = "tests/report";
const USAGE: &str = "usage: report PRODROME [--suites DIR] [--scenarios DIR]";
const REPORT: &str = "tests/REPORT.md";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [program, folders @ ..] = arguments.as_slice() else { bail!(USAGE) };
    let (mut suites, mut scenarios) = (None, None);
    for folder in folders.chunks(2) {
        match folder {
            ["--suites", dir] => suites = Some(Path::new(*dir)),
            ["--scenarios", dir] => scenarios = Some(Path::new(*dir)),
            _ => bail!(USAGE),
        }
    }
    let command = Command::new(program);
    eprintln!("replaying {RECORDINGS}");
    write("recordings.md", &section(&replay_all(&command, Path::new(RECORDINGS))?))?;
    if let Some(suites) = suites {
        eprintln!("judging the suites in {}", suites.display());
        write("suites.md", &suites_section(&command, suites, Path::new(RULES))?)?;
    }
    if let Some(scenarios) = scenarios {
        eprintln!("replaying the scenarios in {}", scenarios.display());
        write("scenarios.md", &scenarios_section(&command, scenarios)?)?;
    }
    let report = assemble(Path::new(SECTIONS))?;
    std::fs::write(REPORT, report).with_context(|| format!("cannot write {REPORT}"))?;
    eprintln!("written: {REPORT}");
    Ok(())
}

fn write(name: &str, text: &str) -> Result<()> {
    let file = Path::new(SECTIONS).join(name);
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}
