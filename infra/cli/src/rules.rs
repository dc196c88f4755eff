//! `prodrome rules`: for those who write rules.

mod cases;
mod explain;
mod flow_names;
mod fmt;
mod located;
mod test;
mod trial;

use crate::library::{self, Library};
use crate::{Outcome, render};
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use prodrome_rules::{Diagnostic, SourceFile, Style};
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Arguments of `prodrome rules`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say everything that is wrong with rule files
    Check {
        /// Rule files or folders; the shipped rules where none are named
        files: Vec<PathBuf>,
        /// The form of the output: text, or a JSON line for each mistake
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Run the tests of rules on virtual time, through the handlers that are deployed
    Test(test::Arguments),
    /// Say in words what rules mean, and which of their conditions hold of an object
    Explain(explain::Arguments),
    /// Print rule files in the canonical form
    Fmt(fmt::Arguments),
    /// List the rules, one a line
    List {
        #[command(flatten)]
        library: Library,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    match arguments.command {
        Command::Check { files, output } => check(files, output),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Test(arguments) => test::run(arguments).await,
        Command::List { library } => {
            let rules = library.load()?;
            let colours = render::colours();
            for rule in rules.rules() {
                let kinds: Vec<_> = rule.kinds().iter().map(ToString::to_string).collect();
                let off = if rule.enabled() { "" } else { " (off)" };
                say!(
                    "{} {:8} {:34} {:>6}  {}{off}",
                    render::severity(rule.severity(), colours),
                    rule.owner().as_str(),
                    rule.name(),
                    render::span(rule.duration()),
                    kinds.join(", ")
                );
            }
            Ok(Outcome::Quiet)
        }
    }
}

fn check(files: Vec<PathBuf>, output: Output) -> Result<Outcome> {
    let library = Library { rules: files, only: None };
    let sources = library.sources()?;
    let mut loaded = prodrome_rules::load(&sources);
    let flows = prodrome_flows::load(&library.flow_sources()?, &prodrome_local::catalogue()).flows;
    loaded.diagnostics.extend(flow_names::doubts(&sources, &flows));
    match output {
        Output::Json => {
            for diagnostic in &loaded.diagnostics {
                say!("{}", serde_json::to_string(diagnostic)?);
            }
        }
        Output::Text => {
            report(&sources, &loaded.diagnostics);
            let errors = loaded.diagnostics.iter().filter(|d| d.is_error()).count();
            let warnings = loaded.diagnostics.len() - errors;
            let of = |n: usize, what: &str| match n {
                0 => String::new(),
                _ => format!(", {}", render::count(n, what)),
            };
            let (sound, files) = (loaded.rules.rules().len(), sources.len());
            let is = if sound == 1 { "is" } else { "are" };
            say!(
                "{} in {} {is} sound{}{}",
                render::count(sound, "rule"),
                render::count(files, "file"),
                of(errors, "mistake"),
                of(warnings, "warning")
            );
        }
    }
    Ok(if library::any_error(&loaded.diagnostics) { Outcome::Found } else { Outcome::Quiet })
}

/// Shows what is wrong with rule files on standard error: drawn with the lines that it is in on a terminal, else
/// one line each.
pub(crate) fn report(files: &[SourceFile], diagnostics: &[Diagnostic]) {
    if std::io::stderr().is_terminal() {
        let style = Style { colour: render::colours(), ..Style::default() };
        eprint!("{}", prodrome_rules::render(diagnostics, files, style));
        return;
    }
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
}
