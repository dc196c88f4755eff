//! `prodrome rules fmt`.

use crate::{Outcome, library};
use anyhow::{Context, Result, bail};
use clap::Args;
use prodrome_rules::SourceFile;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Arguments of `prodrome rules fmt`.
#[derive(Args)]
#[command(
    after_help = "Exit code: 0 done, 1 with --check: a file is not in the canonical form, 2 a file is bad."
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
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let mut sources = Vec::new();
    for path in &arguments.files {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            sources.push(SourceFile::new("-", text));
        } else {
            sources.extend(library::read(path)?);
        }
    }
    let mut formatted = Vec::new();
    let mut bad = 0;
    for source in &sources {
        match prodrome_rules::format(source) {
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
