//! `report PRODROME [SUITES]`: writes the section on recordings, that on suites where their folder is named, and
//! puts `tests/REPORT.md` together. Run from the repository's root.

#![expect(clippy::print_stderr, reason = "a command speaks to its user")]

use anyhow::{Context, Result, bail};
use prodrome_report::{Command, assemble, replay_all, section, suites_section};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const RECORDINGS: &str = "events/recordings";
const RULES: &str = "rules";
const SECTIONS: &str = "tests/report";
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
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (program, suites) = match arguments.as_slice() {
        [program] => (program, None),
        [program, suites] => (program, Some(suites)),
        _ => bail!("usage: report PRODROME [SUITES]"),
    };
    let command = Command::new(program);
    eprintln!("replaying {RECORDINGS}");
    write("recordings.md", &section(&replay_all(&command, Path::new(RECORDINGS))?))?;
    if let Some(suites) = suites {
        eprintln!("judging the suites in {}", suites.display());
        write("suites.md", &suites_section(&command, suites, Path::new(RULES))?)?;
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
