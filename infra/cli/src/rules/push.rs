//! `prodrome rules push`.

use super::table::{Signature, Table, refused};
use crate::library::{self, Library};
use crate::{Outcome, clock, render};
use anyhow::Result;
use clap::Args;
use prodrome_rulebook::{Change, Changes, Draft, DraftError, Plan, PushError};
use prodrome_rules::Diagnostic;
use std::path::PathBuf;

/// So many rules are named.
const NAMED_MAX: usize = 30;

/// Arguments of `prodrome rules push`.
#[derive(Args)]
#[command(
    after_help = "A file replaces the file of its name in the version that holds; the others stay, unless --prune takes \
them out. All rules are compiled first: where one has a mistake nothing is pushed. Until something is pushed the rules \
that came with the functions hold. Running functions take a version up within ten seconds.\n\n\
Exit code: 0 done, or there was nothing to do; 2 refused."
)]
pub(super) struct Arguments {
    /// Rule files or folders; the shipped rules where none are named
    files: Vec<PathBuf>,
    #[command(flatten)]
    signature: Signature,
    /// Take out the files that are not named here
    #[arg(long)]
    prune: bool,
    /// Refuse where another version holds than this, which the files were made from (0: none)
    #[arg(long, value_name = "VERSION")]
    on: Option<u64>,
    /// Say what would change, and push nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    table: Table,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let Arguments { files, signature, prune, on, dry_run, table } = arguments;
    let files = Library { rules: files, only: None }.sources()?;
    let draft = Draft { prune, on, ..Draft::new(signature.who, signature.why, files) };
    let (book, base) = (table.book().await?, library::shipped());
    let nothing = |error: &PushError| matches!(error, PushError::Draft(DraftError::Nothing));
    let (plan, holds) = match book.plan(&draft, &base).await {
        Err(error) if nothing(&error) => {
            say!("nothing to push: {error}");
            return Ok(Outcome::Quiet);
        }
        Err(error) => return refused(error, &draft.files),
        Ok(planned) => planned,
    };
    super::report(&plan.files, &doubts(&plan, &draft));
    // What is shown is what is pushed: whoever comes in between is told of.
    let draft = Draft { on: Some(holds), ..draft };
    let version = if dry_run {
        format!("version {} would be", holds + 1)
    } else {
        match book.push(&draft, &base, clock::now()).await {
            Err(error) => return refused(error, &draft.files),
            Ok(entry) => format!("version {}", entry.version),
        }
    };
    let [added, changed, removed] = plan.counts();
    say!(
        "{version}: {}, {added} new, {changed} changed, {removed} removed",
        render::count(plan.rules.rules().len(), "rule")
    );
    show(&plan.changes)?;
    if !plan.kept.is_empty() {
        let stay = if plan.kept.len() == 1 { "stays" } else { "stay" };
        say!(
            "{} that you did not name {stay} (--prune takes out what is not named)",
            render::count(plan.kept.len(), "file")
        );
    }
    Ok(Outcome::Quiet)
}

/// What `prodrome rules check` warns of in the files that are pushed.
fn doubts(plan: &Plan, draft: &Draft) -> Vec<Diagnostic> {
    let is_pushed = |file: &str| draft.files.iter().any(|pushed| pushed.short_name() == file);
    let reviewed = prodrome_rules::review(&plan.files, None).diagnostics;
    reviewed.into_iter().filter(|doubt| is_pushed(&doubt.file)).collect()
}

/// Each rule that becomes another, one a line: what is changed, what is new, what is gone.
fn show(changes: &Changes) -> Result<()> {
    let mut rules: Vec<_> = changes.rules.iter().collect();
    rules.sort_by_key(|(_, change)| match change {
        Change::OtherMeaning | Change::OtherClusters | Change::OtherWords => 0,
        Change::Added => 1,
        Change::Removed => 2,
    });
    for (name, change) in rules.into_iter().take(NAMED_MAX) {
        say!("  {} {name}{}", sign(*change), words(*change));
    }
    if changes.rules.len() > NAMED_MAX {
        say!("  and {} more", changes.rules.len() - NAMED_MAX);
    }
    Ok(())
}

/// In front of a rule's name.
pub(super) fn sign(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::OtherMeaning | Change::OtherClusters | Change::OtherWords => '~',
    }
}

/// Behind it.
pub(super) fn words(change: Change) -> &'static str {
    match change {
        Change::Added => "",
        Change::Removed => ": its open alerts end",
        Change::OtherMeaning => ": looks for something else",
        Change::OtherClusters => {
            ": looks for the same in other clusters; its open alerts end where it holds no more"
        }
        Change::OtherWords => ": looks for the same",
    }
}
