//! The command as a Lambda function: on the emulator all functions share one program.

use prodrome_lambda::environment;
use std::process::ExitCode;

/// Runs the function that `PRODROME_FUNCTION` names, if a Lambda runtime started this process.
pub(crate) fn run_if_started_by_lambda() -> Option<ExitCode> {
    environment("AWS_LAMBDA_RUNTIME_API")?;
    let function = environment("PRODROME_FUNCTION").unwrap_or_default();
    let done = match function.as_str() {
        "evaluate" => prodrome_evaluate::lambda::main(),
        "sweep" => prodrome_sweep::lambda::main(),
        "alert" => prodrome_alert::lambda::main(),
        other => {
            eprintln!("prodrome: PRODROME_FUNCTION is {other:?}: expected evaluate, sweep or alert");
            return Some(ExitCode::from(2));
        }
    };
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prodrome: {function}: {error}");
            ExitCode::from(2)
        }
    })
}
