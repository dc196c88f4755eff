//! `prodrome flows`: check, explain and draw root-cause flows.

use crate::library::{self, Library};
use crate::output::Output;
use crate::{Outcome, render};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use prodrome_flows::{Flow, Loaded};
use prodrome_model::Diagnosis;
use std::path::{Path, PathBuf};

/// Arguments of `prodrome flows`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say everything that is wrong with flow files
    Check {
        /// Flow files or folders; the shipped ones unless named
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The form of the output
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Say in words what a flow asks, of whom, in which order
    Explain(One),
    /// Draw a flow
    Graph {
        #[command(flatten)]
        one: One,
        /// The form of the picture
        #[arg(long, value_enum, default_value = "svg")]
        format: Picture,
    },
}

#[derive(Args)]
struct One {
    /// The flow's name, or a flow file
    flow: String,
    /// Colour a run in: what `prodrome diagnose --output json` printed
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Picture {
    Svg,
    Mermaid,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    match &arguments.command {
        Command::Check { files, output } => check(files, *output),
        Command::Explain(one) => {
            let (flow, run) = one.read()?;
            crate::write(&prodrome_flows::outline(&flow, run.as_ref()))?;
            Ok(Outcome::Quiet)
        }
        Command::Graph { one, format } => {
            let (flow, run) = one.read()?;
            let draw = match format {
                Picture::Svg => prodrome_flows::svg,
                Picture::Mermaid => prodrome_flows::mermaid,
            };
            crate::write(&draw(&flow, run.as_ref()))?;
            Ok(Outcome::Quiet)
        }
    }
}

fn check(files: &[PathBuf], output: Output) -> Result<Outcome> {
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    for path in files {
        let (read, none) = library::read_those_that_can_be(path)?;
        sources.extend(read);
        unreadable.extend(none);
    }
    if files.is_empty() {
        sources = library::shipped_flows();
    }
    if sources.is_empty() && unreadable.is_empty() {
        bail!("there is no flow file (*.yaml, *.yml, *.json) to check");
    }
    let read = sources.len() + unreadable.len();
    let Loaded { flows, mut diagnostics } = prodrome_flows::load(&sources, &prodrome_local::catalogue());
    diagnostics.extend(unreadable);
    match output {
        Output::Text => {
            crate::rules::report(&sources, &diagnostics);
            let errors = diagnostics.iter().filter(|d| d.is_error()).count();
            let (sound, files) = (flows.len(), render::count(read, "file"));
            let is = if sound == 1 { "is" } else { "are" };
            let doubts = diagnostics.len() - errors;
            let told = [(errors, "mistake"), (doubts, "doubt")].into_iter().filter(|(n, _)| *n > 0);
            let told: Vec<String> = told.map(|(n, what)| format!(", {}", render::count(n, what))).collect();
            say!("{} in {files} {is} sound{}", render::count(sound, "flow"), told.concat());
        }
        Output::Json => {
            for diagnostic in &diagnostics {
                say!("{}", render::json(diagnostic)?);
            }
        }
    }
    Ok(if library::any_error(&diagnostics) { Outcome::Found } else { Outcome::Quiet })
}

impl One {
    /// The flow, and the run to be coloured in.
    fn read(&self) -> Result<(Flow, Option<Diagnosis>)> {
        let flow = Library::default().flow(&self.flow)?;
        let run = match &self.run {
            Some(path) => Some(run_of(&flow, path)?),
            None => None,
        };
        Ok((flow, run))
    }
}

/// A run of this flow; one of another would colour nothing, or what only has the same name.
fn run_of(flow: &Flow, path: &Path) -> Result<Diagnosis> {
    let file = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
    let run: Diagnosis = serde_json::from_str(&text).with_context(|| {
        format!("{file} is no run: expected what `prodrome diagnose --output json` prints")
    })?;
    if run.flow != flow.name() {
        let ran = render::plain(&run.flow, 100);
        bail!("{file} is a run of the flow {ran}, and not of {}; draw `{ran}`", flow.name());
    }
    let strange = run.nodes.iter().find(|outcome| flow.node(&outcome.node).is_none());
    if let Some(outcome) = strange {
        let node = render::plain(&outcome.node, 100);
        bail!("{file} is a run of another version of the flow {}: that has a node {node}", flow.name());
    }
    Ok(run)
}
