//! `prodrome rules history`.

use super::Output;
use super::table::Table;
use crate::{Outcome, render};
use anyhow::Result;
use clap::Args;

/// Arguments of `prodrome rules history`.
#[derive(Args)]
pub(super) struct Arguments {
    /// How many versions, the newest first
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// The form of the output: text, or a JSON line for each version
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    table: Table,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let entries = arguments.table.book().await?.history().await?;
    if entries.is_empty() && arguments.output == Output::Text {
        say!("nothing was pushed yet: the rules that came with the functions hold");
    }
    for entry in entries.iter().take(arguments.limit) {
        if arguments.output == Output::Json {
            say!("{}", serde_json::to_string(entry)?);
            continue;
        }
        let back = entry.back_to.map(|to| format!(" (version {to} again)")).unwrap_or_default();
        say!(
            "{:>4}  {}  {}  +{} ~{} -{} of {}  {}{back}",
            entry.version,
            entry.at.strftime("%Y-%m-%d %H:%M:%SZ"),
            render::plain(&entry.who, 40),
            entry.added.count,
            entry.changed.count,
            entry.removed.count,
            entry.rules,
            render::plain(&entry.why, 200),
        );
    }
    if entries.len() > arguments.limit && arguments.output == Output::Text {
        say!("and {} older", entries.len() - arguments.limit);
    }
    Ok(Outcome::Quiet)
}
