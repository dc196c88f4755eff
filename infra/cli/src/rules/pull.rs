//! `prodrome rules pull`.

use super::table::Table;
use crate::{Outcome, render};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `prodrome rules pull`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder to write the rule files into; it is made where it is not there
    folder: PathBuf,
    /// Which version; the one that holds unless named
    #[arg(long)]
    version: Option<u64>,
    /// Write over files that are there and say something else
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    table: Table,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let Arguments { folder, version, force, table } = arguments;
    let book = table.book().await?;
    let version = match (version, book.head().await?) {
        (Some(version), _) => version,
        (None, Some(head)) => head.version,
        (None, None) => bail!("nothing was pushed yet: the rules that came with the functions hold"),
    };
    let found = book.version(version).await?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let differs =
        |name: &str, text: &str| std::fs::read(folder.join(name)).is_ok_and(|old| old != text.as_bytes());
    let differing: Vec<_> =
        found.files.iter().filter(|f| differs(&f.name, &f.text)).map(|f| f.name.as_str()).collect();
    if !force && !differing.is_empty() {
        bail!(
            "{} in {} would be written over: {}; --force does",
            render::count(differing.len(), "file"),
            folder.display(),
            differing.join(", ")
        );
    }
    for file in &found.files {
        // Its name was checked when it was pushed; whoever wrote the table may have had other ideas.
        let is_plain =
            !file.name.contains(['/', '\\']) && file.name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !is_plain {
            bail!("version {version} has a file named {:?}, which is no name for a file here", file.name);
        }
        let path = folder.join(&file.name);
        std::fs::write(&path, &file.text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    say!(
        "version {version}: {} in {}; push with --on {version} to be refused where somebody else has pushed since",
        render::count(found.files.len(), "file"),
        folder.display()
    );
    Ok(Outcome::Quiet)
}
