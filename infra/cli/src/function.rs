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
        "diagnose" => prodrome_diagnose::lambda::main(),
        other => {
            let plugin = other.strip_prefix("plugin-").and_then(|name| prodrome_local::plugins().take(name));
            if let Some(plugin) = plugin {
                return Some(exit(&function, prodrome_plugin::run(plugin)));
            }
            eprintln!(
                "prodrome: PRODROME_FUNCTION is {other:?}: expected evaluate, sweep, diagnose, alert or plugin-NAME"
            );
            return Some(ExitCode::from(2));
        }
    };
    Some(exit(&function, done))
}

fn exit<E: std::fmt::Display>(function: &str, done: Result<(), E>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prodrome: {function}: {error}");
            ExitCode::from(2)
        }
    }
}
