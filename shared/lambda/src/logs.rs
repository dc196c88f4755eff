use tracing_subscriber::EnvFilter;

/// Writes logs as JSON lines to standard output, from `level` on (`info`, or directives such as
/// `info,prodrome=debug`). A level that cannot be read counts as `info`, and is said so.
pub fn init_logs(level: &str) {
    let filter = EnvFilter::try_new(if level.is_empty() { "info" } else { level });
    let wrong = filter.as_ref().err().map(ToString::to_string);
    let installed = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .try_init();
    if let Err(error) = installed {
        tracing::debug!(%error, "logs are set up already");
    }
    if let Some(reason) = wrong {
        tracing::warn!(level, reason, "the log level cannot be read, info is used");
    }
}
