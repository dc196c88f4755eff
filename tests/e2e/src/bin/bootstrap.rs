//! All functions in one program, which the emulator runs as the bootstrap of each: `PRODROME_FUNCTION` chooses.

#![expect(clippy::print_stderr, reason = "the last word, also where logs are not set up")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match prodrome_local::serve(&prodrome_lambda::environment("PRODROME_FUNCTION").unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bootstrap: {error}");
            ExitCode::from(2)
        }
    }
}
