//! `prodrome rules`: for those who write rules.

use crate::library::{self, Library};
use crate::{Outcome, render};
use anyhow::Result;
use clap::{Args, Subcommand};
use prodrome_rules::{Diagnostic, SourceFile};
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
    },
    /// List the rules, one a line
    List {
        #[command(flatten)]
        library: Library,
    },
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<Outcome> {
    match arguments.command {
        Command::Check { files } => {
            let sources = Library { rules: files, only: None }.sources()?;
            let loaded = prodrome_rules::load(&sources);
            report(&sources, &loaded.diagnostics);
            let bad = library::any_error(&loaded.diagnostics);
            println!("{} rules in {} files are sound", loaded.rules.rules().len(), sources.len());
            Ok(if bad { Outcome::Found } else { Outcome::Quiet })
        }
        Command::List { library } => {
            let rules = library.load()?;
            let colours = render::colours();
            for rule in rules.rules() {
                let kinds: Vec<_> = rule.kinds().iter().map(ToString::to_string).collect();
                let off = if rule.enabled() { "" } else { " (off)" };
                println!(
                    "{} {:8} {:34} {:>6}  {}{off}",
                    render::severity(rule.severity(), colours),
                    rule.owner(),
                    rule.name(),
                    render::span(rule.duration()),
                    kinds.join(", ")
                );
            }
            Ok(Outcome::Quiet)
        }
    }
}

/// Shows what is wrong with rule files on standard error, each with its place in the text.
pub(crate) fn report(_files: &[SourceFile], diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
}
