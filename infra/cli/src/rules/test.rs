//! `prodrome rules test`.

use super::cases::{self, Case, TestData, What};
use super::coverage::Seen;
use super::timeline::{self, concerned};
use super::trial;
use crate::progress::Progress;
use crate::{Outcome, library, render};
use anyhow::{Context, Result, bail};
use clap::Args;
use prodrome_rules::{Rule, RuleSet, SourceFile};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `prodrome rules test`.
#[derive(Args)]
#[command(after_help = "Exit code: 0 all cases pass, 1 some fail, 2 a file is bad.")]
pub(super) struct Arguments {
    /// Test files (NAME.test.yaml), rule files that have one beside them, or folders; rules/ where none are named
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// Only the cases in whose name this stands
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Fail too where a rule fires in no case, or is quiet in none; and name the conditions that are the same in all
    #[arg(long, conflicts_with = "case")]
    coverage: bool,
    /// Draw what held when: of each case the rules that it names, and the objects that they are about
    #[arg(long)]
    timeline: bool,
    /// Write the same as a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// A test file, read.
pub(super) struct Suite {
    pub(super) file: PathBuf,
    /// The rule file beside it.
    pub(super) sources: Vec<SourceFile>,
    pub(super) rules: Arc<RuleSet>,
    pub(super) cases: Vec<Case>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let mut suites = read(&files(&arguments.files)?)?;
    if let Some(text) = &arguments.case {
        for suite in &mut suites {
            suite.cases.retain(|case| case.name.contains(text));
        }
        if suites.iter().all(|suite| suite.cases.is_empty()) {
            bail!("no case has {text:?} in its name");
        }
    }
    let total: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let (mut progress, mut done) = (Progress::new(), 0);
    let colours = render::colours();
    let mut failed = 0;
    let (mut pictures, mut seen) = (Vec::new(), Seen::default());
    for suite in &suites {
        for case in &suite.cases {
            let played = trial::play(case, suite.rules.clone()).await;
            let told = &played.told;
            let lines = trial::judge(case, told, None);
            done += 1;
            progress.tell(|| format!("{done} of {}", render::count(total, "case")));
            if arguments.coverage {
                seen.add(&suite.file, &timeline::of_case(case, &suite.rules, &played, &|_| true));
            }
            if arguments.timeline || arguments.svg.is_some() {
                let drawn =
                    timeline::of_case(case, &suite.rules, &played, &|rule| concerned(case, told, rule));
                if arguments.timeline {
                    progress.clear();
                    say!("{}", timeline::text::draw(&drawn, columns(), colours));
                }
                pictures.push(drawn);
            }
            if lines.is_empty() {
                continue;
            }
            failed += 1;
            progress.clear();
            say!(
                "{} {}:{} {}",
                render::paint("failed", "1;31", colours),
                suite.file.display(),
                case.line,
                render::plain(&case.name, 200)
            );
            for line in lines {
                say!("    {line}");
            }
            let is_silent = |rule: &Rule| {
                let mut expected = case.expect.iter().filter(|expect| expect.what == What::Fires);
                expected.any(|expect| expect.rule == rule.name())
                    && !told.iter().any(|notice| notice.rule == rule.name())
            };
            for track in timeline::of_case(case, &suite.rules, &played, &is_silent).tracks {
                if let Some(why) = track.why {
                    say!("    {} on {} tells nothing: {why}", track.rule, track.object);
                }
            }
        }
    }
    progress.clear();
    let gaps = if arguments.case.is_none() { gaps(&suites) } else { Vec::new() };
    for gap in &gaps {
        say!("{} {gap}", render::paint("uncovered", "33", colours));
    }
    seen.tell(colours)?;
    if let Some(file) = &arguments.svg {
        std::fs::write(file, timeline::svg::draw(&pictures))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    say!(
        "{} in {}: {} passed, {failed} failed",
        render::count(total, "case"),
        render::count(suites.len(), "file"),
        total - failed
    );
    let bad = failed > 0 || (arguments.coverage && !gaps.is_empty());
    Ok(if bad { Outcome::Found } else { Outcome::Quiet })
}

/// How wide a timeline may be.
fn columns() -> usize {
    let width =
        terminal_size::terminal_size().filter(|_| render::is_screen()).map(|(width, _)| width.0.into());
    width.unwrap_or(120)
}

/// The test files that were meant.
pub(super) fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let default = [PathBuf::from("rules")];
    let named = if named.is_empty() { &default[..] } else { named };
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let entries = std::fs::read_dir(path)
                .with_context(|| format!("cannot read the folder {}", path.display()))?;
            let before = files.len();
            for entry in entries {
                let path = entry?.path();
                if is_test(&path) && path.is_file() {
                    files.push(path);
                }
            }
            if files.len() == before {
                bail!("no *.test.yaml in the folder {}", path.display());
            }
        } else if is_test(path) {
            files.push(path.clone());
        } else if path.is_file() {
            let test = path.with_extension("test.yaml");
            if !test.is_file() {
                bail!("{} has no tests: expected {} beside it", path.display(), test.display());
            }
            files.push(test);
        } else {
            bail!("there is no {}; name test files (NAME.test.yaml), rule files or folders", path.display());
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".test.yaml"))
}

/// Reads test files and the rule files beside them. All mistakes are told on standard error.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Suite>> {
    let mut data = TestData::default();
    let mut suites = Vec::new();
    let mut mistakes = 0;
    for file in files {
        let rule_file = rule_file(file)?;
        let sources = library::read(&rule_file)?;
        let loaded = prodrome_rules::load(&sources);
        super::report(&sources, &loaded.diagnostics);
        let errors = loaded.diagnostics.iter().filter(|d| d.is_error()).count();
        mistakes += errors;
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))?;
        match cases::read(file, &text, &loaded.rules, &mut data) {
            // A staged rule is tested as if it told somebody.
            Ok(cases) => {
                let rules = Arc::new(loaded.rules.live());
                suites.push(Suite { file: file.clone(), sources, rules, cases });
            }
            Err(found) => {
                mistakes += found.len();
                for mistake in found {
                    eprintln!("{mistake}");
                }
            }
        }
    }
    match mistakes {
        0 => Ok(suites),
        1 => bail!("no test was run: there is a mistake"),
        _ => bail!("no test was run: there are {mistakes} mistakes"),
    }
}

/// `NAME.yaml` (or `.yml`, `.json`) beside `NAME.test.yaml`.
fn rule_file(test: &Path) -> Result<PathBuf> {
    let name = test.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.trim_end_matches(".test.yaml");
    let candidates =
        ["yaml", "yml", "json"].map(|extension| test.with_file_name(format!("{stem}.{extension}")));
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    found.with_context(|| format!("{} tests {}, which is not there", test.display(), candidates[0].display()))
}

/// The rules that fire in no case, and those that no case nearly matches.
fn gaps(suites: &[Suite]) -> Vec<String> {
    let mut gaps = Vec::new();
    for suite in suites {
        let expected = suite.cases.iter().flat_map(|case| &case.expect);
        let fires: BTreeSet<&str> =
            expected.filter(|expect| expect.what == What::Fires).map(|expect| &*expect.rule).collect();
        let quiet: BTreeSet<&str> =
            suite.cases.iter().flat_map(|case| &case.quiet).map(String::as_str).collect();
        for rule in suite.rules.rules() {
            for (covered, what) in [(&fires, "fires in no case"), (&quiet, "is quiet in no case")] {
                if !covered.contains(rule.name()) {
                    gaps.push(format!("{}: {} {what}", suite.file.display(), rule.name()));
                }
            }
        }
    }
    gaps
}
