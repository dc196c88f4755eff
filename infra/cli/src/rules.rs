//! `prodrome rules`: for those who write rules.

mod backtest;
mod cases;
mod coverage;
mod diff;
mod explain;
mod fmt;
mod history;
mod list;
mod located;
mod mutate;
mod names;
mod new;
mod pull;
mod push;
mod rollback;
mod shadow;
mod table;
mod test;
mod timeline;
mod trial;

use crate::library::{self, Library};
use crate::output::Output;
use crate::reach::Reached;
use crate::{Outcome, render};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use prodrome_cluster::Cluster as _;
use prodrome_model::{GroupKind, Resource};
use prodrome_rules::{Diagnostic, SourceFile, Style};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

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
        /// Rule files or folders, `-` is standard input; the shipped rules where none are named
        files: Vec<PathBuf>,
        /// Say too which kinds the cluster of this kubeconfig does not serve
        #[arg(long, value_name = "FILE")]
        kubeconfig: Option<PathBuf>,
        /// The context of the kubeconfig
        #[arg(long, requires = "kubeconfig")]
        context: Option<String>,
        /// Plugins of your own that rules may name, beside the shipped ones
        #[arg(long, value_name = "NAME", value_delimiter = ',', env = "PRODROME_PLUGINS")]
        plugins: Vec<String>,
        /// The form of the output: text, or a JSON line for each mistake
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Run the tests of rules on virtual time, through the handlers that are deployed
    Test(test::Arguments),
    /// Draft a rule and its test from an object that has the fault
    New(new::Arguments),
    /// Play recordings with the new text of rules, and say what changes: new, gone, earlier, later, and how loud
    Backtest(backtest::Arguments),
    /// Change rules in one place at a time, and say which changes their tests do not notice
    Mutate(mutate::Arguments),
    /// Say in words what rules mean, and which of their conditions hold of an object
    Explain(explain::Arguments),
    /// Print rule files in the canonical form
    Fmt(fmt::Arguments),
    /// Give rules to a deployed system, as its next version
    Push(push::Arguments),
    /// Write the rules of a deployed system into a folder
    Pull(pull::Arguments),
    /// Say how the rules of a deployed system differ, between versions or from files
    Diff(diff::Arguments),
    /// List the versions of the rules of a deployed system: who, when, why
    History(history::Arguments),
    /// Make an older version of the rules of a deployed system hold again
    Rollback(rollback::Arguments),
    /// Show what staged rules of a deployed system would have told
    Shadow(shadow::Arguments),
    /// List rules, one a line: those of files, or with --live those that a deployed system runs
    List(list::Arguments),
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    match arguments.command {
        Command::Check { files, kubeconfig, context, plugins, output } => {
            let served = match kubeconfig {
                Some(file) => Some(served(&file, context.as_deref()).await?),
                None => None,
            };
            check(files, served.as_deref(), &plugins, output)
        }
        Command::Explain(arguments) => explain::run(arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::New(arguments) => Box::pin(new::run(arguments)).await,
        Command::Backtest(arguments) => Box::pin(backtest::run(arguments)).await,
        Command::Mutate(arguments) => Box::pin(mutate::run(arguments)).await,
        Command::Test(arguments) => test::run(arguments).await,
        Command::Push(arguments) => push::run(arguments).await,
        Command::Pull(arguments) => pull::run(arguments).await,
        Command::Diff(arguments) => diff::run(arguments).await,
        Command::History(arguments) => history::run(arguments).await,
        Command::Rollback(arguments) => rollback::run(arguments).await,
        Command::Shadow(arguments) => shadow::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
    }
}

/// The kinds that a cluster has.
async fn served(kubeconfig: &Path, context: Option<&str>) -> Result<Vec<GroupKind>> {
    let reached = Reached::by(Some(kubeconfig), context).await?;
    let resources = reached.cluster().resources().await.context("the cluster does not tell what it serves");
    let resources = resources.map_err(|error| reached.place.blame(&error))?;
    Ok(resources.iter().map(Resource::group_kind).collect())
}

fn check(
    files: Vec<PathBuf>,
    served: Option<&[GroupKind]>,
    plugins: &[String],
    output: Output,
) -> Result<Outcome> {
    let library = Library { rules: files, only: None };
    let (sources, unreadable) = library.readable()?;
    let mut loaded = prodrome_rules::review(&sources, served);
    let files = sources.len() + unreadable.len();
    loaded.diagnostics.extend(unreadable);
    // What is wrong with a flow `prodrome flows check` says.
    let (flows, _) = library.readable_flows()?;
    let flows = prodrome_flows::load(&flows, &prodrome_local::catalogue()).flows;
    loaded.diagnostics.extend(names::of_flows(&sources, &flows));
    let shipped = prodrome_local::catalogue();
    let known: Vec<&str> = shipped.names().chain(plugins.iter().map(String::as_str)).collect();
    loaded.diagnostics.extend(names::of_plugins(&sources, &known));
    loaded.diagnostics.extend(names::of_params(&sources, &shipped));
    match output {
        Output::Json => {
            for diagnostic in &loaded.diagnostics {
                say!("{}", render::json(diagnostic)?);
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
            let sound = loaded.rules.rules().len();
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
        let style = Style { colour: render::colours_of_errors(), ..Style::default() };
        eprint!("{}", prodrome_rules::render(diagnostics, files, style));
        return;
    }
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
}
