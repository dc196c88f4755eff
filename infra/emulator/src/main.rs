//! `emulator run -- COMMAND…`: runs a command beside an emulator of its own, as `make test` does.
//!
//! The command finds it at `PRODROME_TEST_ENDPOINT`, and so does the AWS SDK in it. When the command ends, so
//! does the emulator; the exit code is the command's.

#![expect(clippy::print_stderr, reason = "a command speaks to its user")]

use prodrome_emulator::{Emulator, Options};
use std::error::Error;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

const USAGE: &str = "usage: emulator run -- COMMAND [ARGUMENT…]";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command: Vec<OsString> = match arguments.next().as_deref().and_then(|first| first.to_str()) {
        Some("run") => arguments.skip_while(|argument| argument == "--").collect(),
        Some("-h" | "--help") => {
            eprintln!("{USAGE}\n\nRuns a command with PRODROME_TEST_ENDPOINT set to an emulator of its own.");
            return ExitCode::SUCCESS;
        }
        _ => Vec::new(),
    };
    let [program, arguments @ ..] = command.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let emulator = match Emulator::start(&Options::default(), &|step| eprintln!("{step}")) {
        Ok(emulator) => emulator,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            return ExitCode::from(2);
        }
    };
    let status = Command::new(program)
        .args(arguments)
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .envs(emulator.sdk_environment())
        .env("PRODROME_TEST_ENDPOINT", emulator.endpoint())
        .status();
    emulator.stop();
    match status {
        Ok(status) => ExitCode::from(exit_code(status)),
        Err(error) => {
            eprintln!("error: cannot run {}: {error}", program.display());
            ExitCode::from(2)
        }
    }
}

/// As a shell does it: a signal counts from 128.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
