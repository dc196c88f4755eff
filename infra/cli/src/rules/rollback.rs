//! `prodrome rules rollback`.

use super::table::{Signature, Table, refused};
use crate::{Outcome, clock, render};
use anyhow::Result;
use clap::Args;

/// Arguments of `prodrome rules rollback`.
#[derive(Args)]
#[command(
    after_help = "The text of that version becomes a new version, so that nothing of the history is lost. It is compiled \
first; where it no longer does, pull it, mend it and push it."
)]
pub(super) struct Arguments {
    /// The version to go back to
    version: u64,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    table: Table,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let Arguments { version, signature, table } = arguments;
    let book = table.book().await?;
    match book.roll_back(version, &signature.who, &signature.why, clock::now()).await {
        Err(error) => refused(error, &[]),
        Ok(entry) => {
            say!(
                "version {}: version {version} again, {}, {} new, {} changed, {} removed",
                entry.version,
                render::count(entry.rules, "rule"),
                entry.added.count,
                entry.changed.count,
                entry.removed.count
            );
            Ok(Outcome::Quiet)
        }
    }
}
