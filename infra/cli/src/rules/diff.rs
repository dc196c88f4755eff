//! `prodrome rules diff`.

mod lines;

use super::push::{sign, words};
use super::table::Table;
use crate::library::{self, Library};
use crate::{Outcome, render};
use anyhow::{Result, bail};
use clap::Args;
use lines::Line;
use prodrome_rulebook::{Changes, Rulebook};
use prodrome_rules::{Rule, RuleSet, SourceFile, load};
use prodrome_store::DynamoStore;
use std::path::PathBuf;

/// Arguments of `prodrome rules diff`.
#[derive(Args)]
#[command(
    after_help = "Without arguments: from the version before to the one that holds. With one: from that version to the one \
that holds, or from the one that holds to what a push of those files would make of it: files that are not named stay, unless \
--prune takes them out.\n\nExit code: 0 nothing differs, 1 something does."
)]
pub(super) struct Arguments {
    /// A version, or rule files or a folder of them
    from: Option<String>,
    /// The same
    to: Option<String>,
    /// Take files that are not named to be taken out, as `push --prune` does
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    table: Table,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let book = arguments.table.book().await?;
    let holds = book.head().await?.map_or(0, |head| head.version);
    let is_version = |text: &String| text.parse::<u64>().is_ok();
    let (from, to) = match (arguments.from, arguments.to) {
        (None, _) if holds == 0 => bail!("nothing was pushed yet"),
        (None, _) => ((holds - 1).to_string(), holds.to_string()),
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) if is_version(&from) => (from, holds.to_string()),
        (Some(to), None) => (holds.to_string(), to),
    };
    // What of the other side is not named stays, as in a push.
    let under = |other: &String| if arguments.prune { None } else { other.parse::<u64>().ok() };
    let (old, new) = (side(&book, &from, under(&to)).await?, side(&book, &to, under(&from)).await?);
    let changes = Changes::between(&old, &new);
    let colours = render::colours();
    for (name, change) in &changes.rules {
        say!("{} {}{}", sign(*change), render::paint(name, "1", colours), words(*change));
        let text = |rules: &RuleSet| rules.get(name).map(Rule::to_yaml).unwrap_or_default();
        for line in lines::difference(&text(&old), &text(&new)) {
            match line {
                Line::Same(text) => say!("    {text}"),
                Line::Old(text) => say!("{}", render::paint(&format!("  - {text}"), "31", colours)),
                Line::New(text) => say!("{}", render::paint(&format!("  + {text}"), "32", colours)),
            }
        }
    }
    Ok(if changes.is_empty() { Outcome::Quiet } else { Outcome::Found })
}

/// The rules of a version (0: the shipped ones), or of files laid over a version. What does not compile is reported and left out.
async fn side(book: &Rulebook<DynamoStore>, text: &str, under: Option<u64>) -> Result<RuleSet> {
    let files = if let Ok(version) = text.parse() {
        of_version(book, version).await?
    } else {
        let mut files = Library { rules: vec![PathBuf::from(text)], only: None }.sources()?;
        if let Some(version) = under {
            let named: Vec<String> = files.iter().map(|file| file.short_name().to_owned()).collect();
            let stay = of_version(book, version).await?;
            files.extend(stay.into_iter().filter(|file| !named.iter().any(|name| name == file.short_name())));
        }
        files
    };
    let loaded = load(&files);
    super::report(&files, &loaded.diagnostics);
    Ok(loaded.rules)
}

async fn of_version(book: &Rulebook<DynamoStore>, version: u64) -> Result<Vec<SourceFile>> {
    Ok(if version == 0 { library::shipped() } else { book.version(version).await?.files })
}
