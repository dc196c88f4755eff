//! The `prodrome` command: everything on one machine, and every Lambda function in one program.
//!
//! Started by a Lambda runtime (`AWS_LAMBDA_RUNTIME_API` is set) it is the function that `PRODROME_FUNCTION`
//! names. Otherwise it is a command line.
#![expect(clippy::print_stderr, reason = "a command speaks on its standard streams")]
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

/// Writes a line to standard output. Unlike `println!` it is no panic where nobody reads any more (`… | head`).
macro_rules! say {
    ($($part:tt)*) => { $crate::write(&format!("{}\n", format_args!($($part)*)))? };
}

/// Writes a line to standard error, as that of the standard library does, and without what steers a terminal: names of
/// files, arguments and what stands in files are anybody's.
macro_rules! eprintln {
    ($($part:tt)*) => { $crate::complain(&format!($($part)*)) };
}

mod clock;
mod container_logs;
mod diagnose;
mod flows;
mod function;
mod kind_names;
mod ledger;
mod library;
mod objects;
mod output;
mod plugin;
mod progress;
mod reach;
mod record;
mod render;
mod replay;
mod rules;
mod running;
mod scan;
mod uninstall;
mod up;
mod why;

use clap::{CommandFactory, Parser, Subcommand};
use prodrome_model::shown::harmless_lines;
use std::io::{IsTerminal as _, Write as _};
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
    /// Make a new root-cause plugin, deploy one, or say what the shipped ones do and may
    Plugin(plugin::Arguments),
    /// Draft, check, test, backtest, explain, list, format and push rules
    Rules(rules::Arguments),
    /// Say what an error text means, whose it is and what to do, offline
    Why(why::Arguments),
    /// Say what became of each change that the watchers handed over (handled, waiting, dead, lost), and of the findings that came of them
    Ledger(ledger::Arguments),
    /// Take away what the watcher has put into a cluster
    Uninstall(uninstall::Arguments),
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::anyhow!(error).context("cannot start the runtime")),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Up(arguments) => up::run(arguments).await,
            Command::Scan(arguments) => scan::run(arguments).await,
            Command::Replay(arguments) => Box::pin(replay::run(arguments)).await,
            Command::Record(arguments) => record::run(arguments).await,
            Command::Diagnose(arguments) => diagnose::run(arguments).await,
            Command::Flows(arguments) => flows::run(&arguments),
            Command::Plugin(arguments) => plugin::run(&arguments).await,
            Command::Rules(arguments) => Box::pin(rules::run(arguments)).await,
            Command::Why(arguments) => why::run(&arguments),
            Command::Ledger(arguments) => ledger::run(arguments).await,
            Command::Uninstall(arguments) => uninstall::run(arguments).await,
            Command::Completion { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "prodrome", &mut script);
                write(&String::from_utf8_lossy(&script)).map(|()| Outcome::Quiet)
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

/// Writes to standard output.
fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Tells of arguments that cannot be taken, or what help was asked for.
fn refused(error: &clap::Error) -> ExitCode {
    let words = error.render();
    let (plain, painted) = (words.to_string(), words.ansi().to_string());
    // Colours are left out where an argument that is quoted brings some of its own.
    let harmless = std::env::args_os().all(|argument| {
        let argument = argument.to_string_lossy();
        harmless_lines(&argument) == *argument
    });
    if error.use_stderr() {
        let text = if render::colours_of_errors() && harmless { painted } else { harmless_lines(&plain) };
        // Where nobody reads, the exit code still tells.
        drop(std::io::stderr().lock().write_all(text.as_bytes()));
    } else {
        drop(write(if render::colours() { &painted } else { &plain }));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Writes a line to standard error.
fn complain(line: &str) {
    // Where nobody reads, the exit code still tells.
    drop(writeln!(std::io::stderr().lock(), "{}", harmless_lines(line)));
}

/// The chain of causes on one line; nothing where it is only that nobody reads any more.
fn failed(error: &anyhow::Error) -> ExitCode {
    // The outermost error alone: a connection that breaks has its place and its reason around it.
    let broken = |kind| kind == std::io::ErrorKind::BrokenPipe;
    let outermost = error.chain().next();
    let is_unread =
        outermost.and_then(|e| e.downcast_ref::<std::io::Error>()).is_some_and(|e| broken(e.kind()));
    let is_unread_json =
        outermost.and_then(|e| e.downcast_ref::<serde_json::Error>()?.io_error_kind()).is_some_and(broken);
    if is_unread || is_unread_json {
        return ExitCode::from(141); // as the signal SIGPIPE would end it
    }
    // Progress may have left half a line.
    let begin = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    drop(write!(std::io::stderr().lock(), "{begin}"));
    eprintln!("prodrome: {}", chain(error));
    ExitCode::from(2)
}

/// An error and what is behind it, on one line, each fact once.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match &*text {
        "" => cause,
        _ if text.contains(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}
