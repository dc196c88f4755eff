//! `prodrome rules fmt`.

use crate::{Outcome, library};
use anyhow::{Context, Result, bail};
use clap::Args;
use prodrome_rules::{LineIndex, SourceFile};
use std::path::{Path, PathBuf};

/// Arguments of `prodrome rules fmt`.
#[derive(Args)]
#[command(
    after_help = "Comments stay. A file with YAML aliases stays as it is, as the canonical form has none; `let` and \
                        `use` do the same in it. Exit code: 0 done, 1 with --check: a file is not in the canonical \
                        form, 2 a file is bad."
)]
pub(super) struct Arguments {
    /// Rule files or folders; `-` is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Name the files that are not in the canonical form, and change nothing
    #[arg(long)]
    check: bool,
    /// Write the canonical form into the files, in place of printing it
    #[arg(short, long, conflicts_with = "check")]
    write: bool,
    /// Write out what YAML aliases repeat, at each place
    #[arg(long)]
    expand: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let mut sources = Vec::new();
    for path in &arguments.files {
        sources.extend(library::read(path)?);
    }
    let mut formatted = Vec::new();
    let mut bad = 0;
    for source in &sources {
        match prodrome_rules::format(source) {
            Ok(_) if !arguments.expand && keeps_aliases(source) => {
                formatted.push((source, source.text.clone()));
            }
            Ok(text) => formatted.push((source, text)),
            Err(diagnostics) => {
                bad += 1;
                super::report(std::slice::from_ref(source), &diagnostics);
            }
        }
    }
    if bad > 0 {
        let files = crate::render::count(sources.len(), "file");
        let have = if bad == 1 { "has" } else { "have" };
        bail!("nothing was formatted: {bad} of {files} {have} mistakes, told above");
    }
    let mut differing = false;
    for (source, text) in formatted {
        let is_json = Path::new(&source.name).extension().is_some_and(|e| e == "json");
        if !arguments.check && !arguments.write {
            crate::write(&text)?;
            continue;
        }
        // The canonical form is YAML: a JSON file cannot be in it.
        if text == source.text || is_json {
            continue;
        }
        differing = true;
        say!("{}", source.name);
        if arguments.write {
            if source.name == "-" {
                bail!("standard input cannot be written to; leave out --write");
            }
            write(Path::new(&source.name), &text)?;
        }
    }
    Ok(if differing && arguments.check { Outcome::Found } else { Outcome::Quiet })
}

/// Whether it has aliases, which is said: in the canonical form each would be what it stands for, once more.
fn keeps_aliases(source: &SourceFile) -> bool {
    let documents = prodrome_rules::source::read(&source.text);
    let aliases: Vec<_> = documents.iter().flat_map(|document| &document.aliases).collect();
    let Some(first) = aliases.first() else { return false };
    let what = if aliases.len() == 1 {
        "a YAML alias".to_owned()
    } else {
        format!("{} YAML aliases", aliases.len())
    };
    let at = LineIndex::new(&source.text).position(first.start);
    eprintln!(
        "{}:{}:{}: left as it is, for {what}: the canonical form has none; name what they repeat in `let`, which stays, or \
         write it out at each place with --expand",
        source.name, at.line, at.column
    );
    true
}

/// All or nothing: a rule file cut short would be read as other rules.
fn write(path: &Path, text: &str) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    // A link stays one: what it points at is replaced.
    let path = path.canonicalize().with_context(cannot)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(cannot)?;
    let permissions = std::fs::metadata(&path).with_context(cannot)?.permissions();
    std::fs::set_permissions(file.path(), permissions).with_context(cannot)?;
    file.persist(&path).with_context(cannot)?;
    Ok(())
}
