//! The command as a Lambda function: on the emulator all functions share one program.

use prodrome_lambda::environment;
use std::process::ExitCode;

/// Runs the function that `PRODROME_FUNCTION` names, if a Lambda runtime started this process.
pub(crate) fn run_if_started_by_lambda() -> Option<ExitCode> {
    environment("AWS_LAMBDA_RUNTIME_API")?;
    Some(match prodrome_local::serve(&environment("PRODROME_FUNCTION").unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prodrome: {error}");
            ExitCode::from(2)
        }
    })
}
