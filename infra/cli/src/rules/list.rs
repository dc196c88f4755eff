//! `prodrome rules list`: the rules, one a line; those of files, or those that a deployed system runs.

use super::shadow;
use super::table::Table;
use crate::library::{self, Library};
use crate::{Outcome, render};
use anyhow::Result;
use clap::Args;
use prodrome_rulebook::Entry;
use prodrome_rules::{Mode, Rule};
use std::path::PathBuf;

/// Arguments of `prodrome rules list`.
#[derive(Args)]
#[command(
    after_help = "With --live each rule has the version that it came with, and who pushed that; of a staged \
rule it says what it would have told, where --local or --checks-table names where that is kept."
)]
pub(super) struct Arguments {
    /// Rule files or folders, as with --rules
    #[arg(conflicts_with = "live")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    library: Library,
    /// Those that a deployed system runs now
    #[arg(long, conflicts_with = "rules")]
    live: bool,
    #[command(flatten)]
    table: Table,
    /// With --live, the table of checks: the stack's output `ChecksTableName`
    #[arg(long, value_name = "NAME", env = "PRODROME_CHECKS_TABLE")]
    checks_table: Option<String>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let Arguments { files, mut library, live, table, checks_table } = arguments;
    if live {
        return of_system(&library, &table, checks_table.as_deref()).await;
    }
    library.rules.extend(files);
    for rule in library.load()?.rules() {
        say!("{}", line(rule));
    }
    Ok(Outcome::Quiet)
}

/// The rules of the version that holds, each with where it comes from.
async fn of_system(library: &Library, table: &Table, checks_table: Option<&str>) -> Result<Outcome> {
    let book = table.book().await?;
    let entries = book.history().await?;
    let (rules, head) = match entries.first() {
        Some(entry) => (prodrome_rules::load(&book.version(entry.version).await?.files).rules, Some(entry)),
        None => (prodrome_rules::load(&library::shipped()).rules, None),
    };
    let rules = library.only.as_ref().map_or_else(|| rules.clone(), |glob| rules.only(glob));
    match head {
        Some(Entry { version, at, who, why, .. }) => say!(
            "version {version} since {}, by {}: {}",
            at.strftime("%Y-%m-%d %H:%M:%SZ"),
            render::plain(who, 40),
            render::plain(why, 200)
        ),
        None => say!("nothing was pushed yet: the rules that came with the functions hold"),
    }
    let checks = match (table.local, checks_table) {
        (false, None) => None,
        (_, name) => Some(table.checks(name).await?),
    };
    for rule in rules.rules() {
        let from = came_with(rule.name(), &entries)
            .map(|entry| format!("  version {}, {}", entry.version, render::plain(&entry.who, 40)));
        say!("{}{}", line(rule), from.unwrap_or_default());
        if let (Some(checks), true, Mode::Shadow) = (&checks, rule.enabled(), rule.mode()) {
            let findings = shadow::findings(checks, rule.name()).await?;
            say!("     {}; `prodrome rules shadow {}` shows them", shadow::sum(&findings), rule.name());
        }
    }
    Ok(Outcome::Quiet)
}

/// The newest version that made a rule what it is. An entry that names only the first of many may be one of these too,
/// where no later one names the rule: so what is not found came with the functions, or with such a one.
fn came_with<'e>(name: &str, entries: &'e [Entry]) -> Option<&'e Entry> {
    let names = |entry: &&Entry| entry.added.names.iter().chain(&entry.changed.names).any(|of| of == name);
    entries.iter().find(names) // the newest first
}

fn line(rule: &Rule) -> String {
    let kinds: Vec<_> = rule.kinds().iter().map(ToString::to_string).collect();
    let off = match (rule.enabled(), rule.mode()) {
        (false, _) => " (off)",
        (true, Mode::Shadow) => " (staged)",
        (true, Mode::Live) => "",
    };
    format!(
        "{} {:8} {:34} {:>6}  {}{off}",
        render::severity(rule.severity(), render::colours()),
        rule.owner().as_str(),
        rule.name(),
        render::span(rule.duration()),
        kinds.join(", ")
    )
}
