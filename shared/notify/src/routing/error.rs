/// A mistake in a routing file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column} {}{message}{}", prefix(path), suffix(help.as_ref()))]
pub struct RoutingError {
    /// The file's name, as it was given to `parse`.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// The way to the field, such as `routes[0].match.severity`; empty for the file as a whole.
    pub path: String,
    /// What was expected, and what was found.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn suffix(help: Option<&String>) -> String {
    help.map(|help| format!("; {help}")).unwrap_or_default()
}
