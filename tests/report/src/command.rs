use crate::Told;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The files of a recording that the command may see.
const SEEN: [&str; 4] = ["watch.jsonl.zst", "watch.jsonl", "meta.json", "logs.json"];

/// The command `prodrome`, whose output is judged.
#[derive(Debug, Clone)]
pub struct Command {
    program: PathBuf,
    /// In place of the shipped ones.
    rules: Option<PathBuf>,
}

impl Command {
    /// The command at this path.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), rules: None }
    }

    /// The same, with the rules of a file in place of the shipped ones.
    #[must_use]
    pub fn with_rules(&self, file: impl Into<PathBuf>) -> Self {
        Self { program: self.program.clone(), rules: Some(file.into()) }
    }

    /// What a replay of the recording in a folder tells. The command gets a copy without the truth.
    pub fn replay(&self, dir: &Path) -> Result<Vec<Told>> {
        let name = dir.file_name().with_context(|| format!("{} has no name", dir.display()))?;
        let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
        let copy = scratch.path().join(name);
        std::fs::create_dir(&copy)?;
        for file in
            SEEN.iter().map(|file| (dir.join(file), copy.join(file))).filter(|(from, _)| from.is_file())
        {
            std::fs::copy(&file.0, &file.1).with_context(|| format!("cannot copy {}", file.0.display()))?;
        }
        self.json_lines(&["replay".as_ref(), copy.as_os_str(), "--output".as_ref(), "json".as_ref()])
    }

    /// The lines of a run that prints JSON lines.
    pub(crate) fn json_lines<T: serde::de::DeserializeOwned>(
        &self,
        arguments: &[&std::ffi::OsStr],
    ) -> Result<Vec<T>> {
        let output = std::process::Command::new(&self.program)
            .args(arguments)
            .args(self.rules.iter().flat_map(|file| [std::ffi::OsStr::new("--rules"), file.as_os_str()]))
            .env_remove("AWS_LAMBDA_RUNTIME_API") // by which it would be a function
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{} cannot be run", self.program.display()))?;
        if !matches!(output.status.code(), Some(0 | 1)) {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!("{} {arguments:?}: {}: {}", self.program.display(), output.status, why.trim());
        }
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                serde_json::from_slice(line)
                    .with_context(|| format!("unexpected output: {}", String::from_utf8_lossy(line)))
            })
            .collect()
    }
}
