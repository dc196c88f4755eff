//! The `prodrome` command: everything on one machine, and every Lambda function in one program.
//!
//! Started by a Lambda runtime (`AWS_LAMBDA_RUNTIME_API` is set) it is the function that `PRODROME_FUNCTION`
//! names. Otherwise it is a command line.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks on its standard streams")]
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

mod clock;
mod diagnose;
mod flows;
mod function;
mod library;
mod objects;
mod plugin;
mod record;
mod render;
mod replay;
mod rules;
mod scan;
mod up;
mod why;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Notices that something in a Kubernetes cluster is going wrong before its users do.
#[derive(Parser)]
#[command(name = "prodrome", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system on this machine and watch a cluster, or the demo
    Up(up::Arguments),
    /// Look once at a cluster, or at objects in files, and say what is wrong
    Scan(scan::Arguments),
    /// Play recordings on virtual time and say what would have been alerted
    Replay(replay::Arguments),
    /// Write down what a cluster's API server sends, for `replay`
    Record(record::Arguments),
    /// Say why an object is broken: run a root-cause flow now
    Diagnose(diagnose::Arguments),
    /// Check, explain and draw root-cause flows
    Flows(flows::Arguments),
    /// Make a new root-cause plugin, or list the shipped ones
    Plugin(plugin::Arguments),
    /// Check, test, explain, list and format rules
    Rules(rules::Arguments),
    /// Say what an error text means, whose it is and what to do, offline
    Why(why::Arguments),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    if let Some(code) = function::run_if_started_by_lambda() {
        return code;
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::anyhow!(error).context("cannot start the runtime")),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Up(arguments) => up::run(arguments).await,
            Command::Scan(arguments) => scan::run(arguments).await,
            Command::Replay(arguments) => replay::run(arguments).await,
            Command::Record(arguments) => record::run(arguments).await,
            Command::Diagnose(arguments) => diagnose::run(arguments).await,
            Command::Flows(arguments) => flows::run(&arguments),
            Command::Plugin(arguments) => plugin::run(&arguments),
            Command::Rules(arguments) => rules::run(arguments).await,
            Command::Why(arguments) => why::run(&arguments),
            Command::Completion { shell } => {
                clap_complete::generate(shell, &mut Cli::command(), "prodrome", &mut std::io::stdout());
                Ok(Outcome::Quiet)
            }
        }
    });
    match done {
        Ok(Outcome::Quiet) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) => failed(&error),
    }
}

/// What a command came to: its exit code is 0 or 1. What could not be done at all ends with 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done, and nothing found.
    Quiet,
    /// Done, and something found: a firing finding, a failed rule test.
    Found,
}

/// The chain of causes on one line.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("prodrome: {error:#}");
    ExitCode::from(2)
}
