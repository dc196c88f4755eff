use crate::plugins;

/// Why a function could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It is not said which.
    #[error("PRODROME_FUNCTION is not set: expected evaluate, sweep, diagnose, alert or plugin-NAME")]
    Unset,
    /// There is no such function.
    #[error("PRODROME_FUNCTION is {0:?}: expected evaluate, sweep, diagnose, alert or plugin-NAME")]
    Unknown(String),
    /// It ended.
    #[error("{function}: {reason}")]
    Ended {
        /// Which.
        function: String,
        /// What it said.
        reason: String,
    },
}

/// Is the Lambda function of this name, until the runtime stops it. On the emulator all functions are one program,
/// so that it is linked once.
///
/// # Errors
/// Where there is no such function, or it cannot go on.
pub fn serve(function: &str) -> Result<(), ServeError> {
    let done = match function {
        "" => return Err(ServeError::Unset),
        "evaluate" => prodrome_evaluate::lambda::main(),
        "sweep" => prodrome_sweep::lambda::main(),
        "alert" => prodrome_alert::lambda::main(),
        "diagnose" => prodrome_diagnose::lambda::main(),
        other => match other.strip_prefix("plugin-").and_then(|name| plugins().take(name)) {
            Some(plugin) => prodrome_plugin::run(plugin),
            None => return Err(ServeError::Unknown(other.to_owned())),
        },
    };
    done.map_err(|error| ServeError::Ended { function: function.to_owned(), reason: error.to_string() })
}
