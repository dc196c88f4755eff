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
use prodrome_rules::{Rule, RuleSet, load};
use prodrome_store::DynamoStore;
use std::path::PathBuf;

/// Arguments of `prodrome rules diff`.
#[derive(Args)]
#[command(
    after_help = "Without arguments: from the version before to the one that holds. With one: from that version to the one \
that holds, or from the one that holds to those files.\n\nExit code: 0 nothing differs, 1 something does."
)]
pub(super) struct Arguments {
    /// A version, or rule files or a folder of them
    from: Option<String>,
    /// The same
    to: Option<String>,
    #[command(flatten)]
    table: Table,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let book = arguments.table.book().await;
    let holds = book.head().await?.map_or(0, |head| head.version);
    let is_version = |text: &String| text.parse::<u64>().is_ok();
    let (from, to) = match (arguments.from, arguments.to) {
        (None, _) if holds == 0 => bail!("nothing was pushed yet"),
        (None, _) => ((holds - 1).to_string(), holds.to_string()),
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) if is_version(&from) => (from, holds.to_string()),
        (Some(to), None) => (holds.to_string(), to),
    };
    let (old, new) = (side(&book, &from).await?, side(&book, &to).await?);
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

/// The rules of a version (0: the shipped ones) or of files. What does not compile is reported and left out.
async fn side(book: &Rulebook<DynamoStore>, text: &str) -> Result<RuleSet> {
    let files = match text.parse::<u64>() {
        Ok(0) => library::shipped(),
        Ok(version) => book.version(version).await?.files,
        Err(_) => Library { rules: vec![PathBuf::from(text)], only: None }.sources()?,
    };
    let loaded = load(&files);
    super::report(&files, &loaded.diagnostics);
    Ok(loaded.rules)
}
