//! Where the ledger is kept: partition `ledger` holds a statement and `ledger-account` an account for each run of a
//! watcher (sort: `<scope>#<epoch>`), `ledger#<scope>#<epoch>` its rows, in the order of the numbers of the changes;
//! `ledger-uncounted` says by scope when a watcher was heard that does not number its changes, `ledger-silence` of which
//! clusters nothing is heard.

use crate::Span;
use prodrome_model::Scope;
use prodrome_store::Key;

pub(crate) const STATEMENTS: &str = "ledger";
pub(crate) const ACCOUNTS: &str = "ledger-account";
pub(crate) const UNCOUNTED: &str = "ledger-uncounted";
pub(crate) const SILENCES: &str = "ledger-silence";
/// Rows of packs that were handled.
pub(crate) const DONE: &str = "done#";
/// Rows of packs that were given up, or are tried again and again.
pub(crate) const FAILED: &str = "fail#";

/// A run of a watcher, as it is written into keys.
pub(crate) fn run(scope: &Scope, epoch: u64) -> String {
    format!("{scope}#{epoch:020}")
}

/// What the names of all runs of a cluster begin with.
pub(crate) fn runs_of(scope: &Scope) -> String {
    format!("{scope}#")
}

/// The scope and the epoch of a run.
pub(crate) fn parse_run(run: &str) -> Option<(&str, u64)> {
    let (scope, epoch) = run.rsplit_once('#')?;
    Some((scope, epoch.parse().ok()?))
}

pub(crate) fn statement(run: &str) -> Key {
    Key::new(STATEMENTS, run)
}

pub(crate) fn account(run: &str) -> Key {
    Key::new(ACCOUNTS, run)
}

pub(crate) fn uncounted(scope: &Scope) -> Key {
    Key::new(UNCOUNTED, scope.to_string())
}

pub(crate) fn silence(scope: &Scope) -> Key {
    Key::new(SILENCES, scope.to_string())
}

pub(crate) fn rows(run: &str) -> String {
    format!("ledger#{run}")
}

pub(crate) fn row(run: &str, prefix: &str, span: Span) -> Key {
    Key::new(rows(run), format!("{prefix}{:020}#{:020}", span.first, span.last))
}

/// Behind every row that begins at a number or before.
pub(crate) fn behind(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:020}#~")
}

pub(crate) fn parse_row(prefix: &str, sort: &str) -> Option<Span> {
    let (first, last) = sort.strip_prefix(prefix)?.split_once('#')?;
    let span = Span { first: first.parse().ok()?, last: last.parse().ok()? };
    (0 < span.first && span.first <= span.last && span.last < u64::MAX).then_some(span)
}
