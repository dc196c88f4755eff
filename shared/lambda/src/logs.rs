use prodrome_redact::Redacting;
use std::panic::PanicHookInfo;
use tracing_subscriber::EnvFilter;

/// Writes logs as JSON lines to standard output, from `level` on (`info`, or directives such as
/// `info,prodrome=debug`). A level that cannot be read counts as `info`, and is said so. Secrets that a line holds are
/// masked; a panic is such a line too.
pub fn init_logs(level: &str) {
    let filter = EnvFilter::try_new(if level.is_empty() { "info" } else { level });
    let wrong = filter.as_ref().err().map(ToString::to_string);
    let installed = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(|| Redacting::new(std::io::stdout()))
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .try_init();
    match installed {
        Ok(()) => std::panic::set_hook(Box::new(log_panic)),
        Err(error) => tracing::debug!(%error, "logs are set up already"),
    }
    if let Some(reason) = wrong {
        tracing::warn!(level, reason, "the log level cannot be read, info is used");
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or("unknown panic");
    let place = panic.location().map(ToString::to_string);
    tracing::error!(reason, place, "panicked");
}
