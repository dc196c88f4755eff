//! `sim-mutants`: shows that the simulation can fail. Each file of `tests/sim/mutants` is a deliberate bug. They are all
//! put into a copy of the workspace, asleep; then each is woken in turn, and seeds are run until one of them sees it.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use anyhow::{Context, Result, ensure};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Puts deliberate bugs into a copy of the workspace, and runs seeds with each until one sees it.
#[derive(Parser)]
struct Args {
    /// How many seeds a bug may take.
    #[arg(long, default_value_t = 400)]
    seeds: u64,
    /// How many seeds the workspace itself has to pass first.
    #[arg(long, default_value_t = 100)]
    sound: u64,
    /// Only the bugs whose names hold this.
    #[arg(long, default_value = "")]
    only: String,
    /// Where the copy is kept, and the simulation that is built of it. All else that is built goes to where this program
    /// was built: what others wrote is compiled once for both.
    #[arg(long, default_value = "target/sim-mutants")]
    scratch: PathBuf,
    /// Where the table is written.
    #[arg(long)]
    report: Option<PathBuf>,
}

const MUTANTS: &str = "tests/sim/mutants";

/// A deliberate bug.
struct Mutant {
    name: String,
    what: String,
    edits: Vec<Edit>,
}

/// One text in the place of another, in which MUTANT stands for whether the bug is awake.
struct Edit {
    file: PathBuf,
    old: String,
    new: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mutants = mutants(Path::new(MUTANTS), &args.only)?;
    let tree = args.scratch.join("tree");
    put_in(&mutants, &tree)?;
    let sim = build(&tree, &args.scratch)?;
    let Ran { line: sound, seen } = simulate(&sim, "", args.sound)?;
    ensure!(seen.is_none(), "the workspace itself fails: {}", seen.unwrap_or_default());
    println!("as it is: {sound}");
    let mut rows = Vec::new();
    let mut missed = 0;
    for Mutant { name, what, .. } in &mutants {
        let seen = simulate(&sim, name, args.seeds)?.seen;
        missed += usize::from(seen.is_none());
        let (seeds, how) = seen.as_deref().and_then(|seen| seen.split_once(' ')).unwrap_or(("-", "not seen"));
        println!("{name}: {seeds} seeds: {how}");
        rows.push(format!("| {name} | {what} | {seeds} | {how} |"));
        // After each, as all of them take long.
        if let Some(report) = &args.report {
            std::fs::write(report, section(&sound, args.seeds, (&rows[..], mutants.len())))?;
        }
    }
    ensure!(missed == 0, "{missed} of {} bugs were not seen within {} seeds", mutants.len(), args.seeds);
    Ok(())
}

fn mutants(folder: &Path, only: &str) -> Result<Vec<Mutant>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).context("run it from the repository's root")? {
        paths.push(entry?.path());
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path)?;
        parse(&name, &text).with_context(|| format!("{}", path.display()))
    };
    let all = paths.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().filter(|mutant| mutant.name.contains(only)).collect())
}

/// A line that says what the bug is; then, for each edit, `--- FILE`, the old text, `+++`, the new text.
fn parse(name: &str, text: &str) -> Result<Mutant> {
    let (what, rest) = text.split_once('\n').context("expected a line that says what the bug is")?;
    let mut edits = Vec::new();
    for part in rest.split("--- ").skip(1) {
        let (file, texts) = part.split_once('\n').context("expected a file behind ---")?;
        let (old, new) = texts.split_once("+++\n").context("expected +++ and the new text")?;
        let text = |text: &str| text.trim_end_matches('\n').to_owned();
        edits.push(Edit { file: file.trim().into(), old: text(old), new: text(new) });
    }
    ensure!(!edits.is_empty(), "expected an edit: --- FILE, the old text, +++, the new text");
    Ok(Mutant { name: name.to_owned(), what: what.to_owned(), edits })
}

/// Copies what is under version control, or will be, with all bugs put in; each sleeps until its name is that of the
/// environment. What comes out as it was keeps its time, so that it is not built again.
fn put_in(mutants: &[Mutant], tree: &Path) -> Result<()> {
    let listed =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
    ensure!(listed.status.success(), "git does not list the files");
    for file in String::from_utf8(listed.stdout)?.lines() {
        let Ok(mut content) = std::fs::read(file) else { continue };
        if file == SWITCHES.0 {
            content.extend_from_slice(SWITCHES.1.as_bytes());
        }
        if file == QUICKER.0 {
            content = replaced(content, QUICKER.1, QUICKER.2)?;
        }
        let content = with_bugs(mutants, Path::new(file), content)?;
        let to = tree.join(file);
        if std::fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(to, content)?;
    }
    Ok(())
}

/// What a file is with all bugs that are in it.
fn with_bugs(mutants: &[Mutant], file: &Path, mut content: Vec<u8>) -> Result<Vec<u8>> {
    for mutant in mutants {
        for edit in mutant.edits.iter().filter(|edit| edit.file == file) {
            content = edit.put_in(&mutant.name, content)?;
        }
    }
    Ok(content)
}

/// Where the copy gets a function that says whether a bug is awake, and that function.
const SWITCHES: (&str, &str) = (
    "shared/model/src/lib.rs",
    "
/// Whether a deliberate bug is awake.
pub fn mutant(name: &str) -> bool {
    static AWAKE: std::sync::LazyLock<Option<std::ffi::OsString>> =
        std::sync::LazyLock::new(|| std::env::var_os(\"MUTANT\"));
    AWAKE.as_ref().is_some_and(|awake| awake == name)
}
",
);

/// Thousands of seeds are run: the copy's own crates are optimised a little, and what others wrote is as it is built
/// elsewhere.
const QUICKER: (&str, &str, &str) = (
    "Cargo.toml",
    "[profile.dev]\n",
    "[profile.dev.package.\"*\"]\nopt-level = 0\n\n[profile.dev]\nopt-level = 1\n",
);

/// A text with another in the place of a part that it has once.
fn replaced(content: Vec<u8>, old: &str, new: &str) -> Result<Vec<u8>> {
    let text = String::from_utf8(content)?;
    let found = text.matches(old).count();
    ensure!(found == 1, "the text to be replaced is there {found} times, expected once:\n{old}");
    Ok(text.replace(old, new).into_bytes())
}

impl Edit {
    fn put_in(&self, name: &str, content: Vec<u8>) -> Result<Vec<u8>> {
        let new = self.new.replace("MUTANT", &format!("prodrome_model::mutant({name:?})"));
        replaced(content, &self.old, &new).with_context(|| {
            format!("the bug {name} has to be brought up to date in {}", self.file.display())
        })
    }
}

/// What became of some seeds.
struct Ran {
    /// The last line.
    line: String,
    /// How many seeds it took, and what the one that failed complains of.
    seen: Option<String>,
}

/// Builds the copy's simulation.
fn build(tree: &Path, scratch: &Path) -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let target = me.ancestors().nth(2).context("expected this program in target/debug")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "-p", "prodrome-sim", "--bin", "sim"]).current_dir(tree);
    let built = build.env("CARGO_TARGET_DIR", target).output()?;
    ensure!(built.status.success(), "it does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
    // The workspace's own, built next, takes the place of the one that is there now.
    let sim = std::path::absolute(scratch.join("sim"))?;
    std::fs::copy(target.join("debug/sim"), &sim)?;
    Ok(sim)
}

/// Runs seeds with one bug awake, or none.
fn simulate(sim: &Path, mutant: &str, seeds: u64) -> Result<Ran> {
    let run =
        Command::new(sim).args(["--whole", "--seeds", &seeds.to_string()]).env("MUTANT", mutant).output()?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let line = said.lines().last().unwrap_or_default().to_owned();
    let fails = said.lines().find_map(|line| line.strip_prefix("seed ")?.split_once(" fails: "));
    let seen = fails.map(|(seed, complaint)| {
        let seeds = seed.parse::<u64>().unwrap_or_default() + 1;
        let complaint: String = complaint.chars().take(90).map(|c| if c == '|' { '/' } else { c }).collect();
        format!("{seeds} {}", complaint.trim_end_matches(['(', '[', ' ', ':']))
    });
    ensure!(seen.is_some() || run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(Ran { line, seen })
}

fn section(sound: &str, seeds: u64, (rows, many): (&[String], usize)) -> String {
    format!(
        "## Simulation\n\nThe whole pipeline (the real watcher and the real functions, over ports in memory, on virtual \
         time) under faults by seeds, held against what really happened: `make sim SEEDS=100000`. `make test` runs some \
         of the seeds.\n\nAs it is: {sound}.\n\nWhether it sees anything: deliberate bugs, each put into a copy of the \
         workspace, and the seeds it takes until one fails, of {seeds} (`make sim-mutants`, which wrote this; {} of {many} \
         bugs).\n\n\
         | bug | what it is | seeds | what was seen first |\n|---|---|---|---|\n{}\n",
        rows.len(),
        rows.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bug_can_be_put_into_the_code_as_it_is() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mutants = mutants(&root.join(MUTANTS), "")?;
        let edits = mutants.iter().flat_map(|mutant| &mutant.edits);
        let files: std::collections::BTreeSet<&Path> = edits.map(|edit| edit.file.as_path()).collect();
        for file in files {
            with_bugs(&mutants, file, std::fs::read(root.join(file))?)?;
        }
        assert!(mutants.len() > 20, "{} bugs", mutants.len());
        Ok(())
    }
}
