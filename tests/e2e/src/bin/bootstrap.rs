//! All functions in one program, which the emulator runs as the bootstrap of each: `PRODROME_FUNCTION` chooses.

#![expect(clippy::print_stderr, reason = "the last word, also where logs are not set up")]
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

use std::process::ExitCode;

fn main() -> ExitCode {
    let function = prodrome_lambda::environment("PRODROME_FUNCTION").unwrap_or_default();
    let done = match function.as_str() {
        "evaluate" => prodrome_evaluate::lambda::main(),
        "sweep" => prodrome_sweep::lambda::main(),
        "alert" => prodrome_alert::lambda::main(),
        other => Err(format!("PRODROME_FUNCTION is {other:?}: expected evaluate, sweep or alert").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bootstrap: {function}: {error}");
            ExitCode::from(2)
        }
    }
}
