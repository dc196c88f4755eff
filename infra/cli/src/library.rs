//! Where the commands take their rules from: a folder or files that were named, else the shipped library.

use anyhow::{Context, Result, bail};
use prodrome_flows::{Flow, FlowSet};
use prodrome_rules::{Diagnostic, Loaded, RuleSet, SourceFile};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The shipped rule files: name and text.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped_rules.rs"));

/// The shipped flow files: name and text.
const SHIPPED_FLOWS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped_flows.rs"));

/// Which rules to use.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Library {
    /// Rules to use in place of the shipped ones: a folder or a file; may be repeated
    #[arg(long = "rules", value_name = "DIR|FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Only the rules whose name matches this glob
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
}

impl Library {
    /// Reads the rules. Bad rules are left out and reported on standard error; none at all is an error.
    pub(crate) fn load(&self) -> Result<RuleSet> {
        Ok(self.load_counting()?.0)
    }

    /// The same; and that some were left out, for whoever would take their silence for health.
    pub(crate) fn load_counting(&self) -> Result<(RuleSet, Option<LeftOut>)> {
        let (files, unreadable) = self.readable()?;
        let Loaded { rules, mut diagnostics } = prodrome_rules::load(&files);
        diagnostics.extend(unreadable);
        crate::rules::report(&files, &diagnostics);
        let mistakes = diagnostics.iter().filter(|d| d.is_error()).count();
        let rules = match &self.only {
            Some(glob) => rules.only(glob),
            None => rules,
        };
        if rules.rules().is_empty() {
            match &self.only {
                Some(glob) if mistakes == 0 => {
                    bail!("no rule is named like {glob:?}; `prodrome rules list` shows all")
                }
                _ => bail!(
                    "there is no rule to use: {} in {}",
                    crate::render::count(mistakes, "mistake"),
                    crate::render::count(files.len(), "file")
                ),
            }
        }
        Ok((rules, (mistakes > 0).then_some(LeftOut { mistakes })))
    }

    /// The root-cause flows: those in `flows` beside the rules that were named, else the shipped ones. Bad ones are
    /// left out and reported on standard error.
    pub(crate) fn flows(&self) -> Result<FlowSet> {
        Ok(sound_flows(self.readable_flows()?))
    }

    /// A flow by its name, or the one of a file.
    pub(crate) fn flow(&self, named: &str) -> Result<Flow> {
        let path = Path::new(named);
        if path.is_dir() {
            bail!("expected a flow's name or a flow file, found the folder {named}; name one of its files");
        }
        // A name is of small letters, digits and dashes.
        if path.is_file() || named.contains(['/', '\\', '.']) {
            let flows = sound_flows(read_those_that_can_be(path)?);
            return flows
                .iter()
                .next()
                .cloned()
                .with_context(|| format!("there is no sound flow in {named}"));
        }
        let flows = self.flows()?;
        let known: Vec<&str> = flows.iter().map(Flow::name).collect();
        let hint = || prodrome_rules::suggest(named, &known);
        flows.get(named).cloned().with_context(|| format!("there is no sound flow {named}; {}", hint()))
    }

    /// The flow files, read.
    pub(crate) fn flow_sources(&self) -> Result<Vec<SourceFile>> {
        all_readable(self.readable_flows()?)
    }

    /// The same, and which of them are no texts.
    pub(crate) fn readable_flows(&self) -> Result<(Vec<SourceFile>, Vec<Diagnostic>)> {
        let (mut files, mut unreadable) = (Vec::new(), Vec::new());
        for folder in self.rules.iter().map(|path| path.join("flows")).filter(|path| path.is_dir()) {
            let (read, none) = read_those_that_can_be(&folder)?;
            files.extend(read);
            unreadable.extend(none);
        }
        if files.is_empty() && unreadable.is_empty() {
            files = shipped_flows();
        }
        Ok((files, unreadable))
    }

    /// The rule files, read.
    pub(crate) fn sources(&self) -> Result<Vec<SourceFile>> {
        all_readable(self.readable()?)
    }

    /// The same, and which of them are no texts.
    pub(crate) fn readable(&self) -> Result<(Vec<SourceFile>, Vec<Diagnostic>)> {
        if self.rules.is_empty() {
            return Ok((shipped(), Vec::new()));
        }
        let (mut files, mut unreadable) = (Vec::new(), Vec::new());
        for path in &self.rules {
            let (read, none) = read_those_that_can_be(path)?;
            files.extend(read);
            unreadable.extend(none);
        }
        if files.is_empty() && unreadable.is_empty() {
            bail!("no rule files (*.yaml, *.yml, *.json) in {}", display(&self.rules));
        }
        Ok((files, unreadable))
    }
}

/// The flows that are sound; what is wrong with the others is said on standard error.
fn sound_flows((files, unreadable): (Vec<SourceFile>, Vec<Diagnostic>)) -> FlowSet {
    let mut loaded = prodrome_flows::load(&files, &prodrome_local::catalogue());
    loaded.diagnostics.extend(unreadable);
    crate::rules::report(&files, &loaded.diagnostics);
    loaded.flows
}

/// Rules were left out for their mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    mistakes: usize,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mistakes = crate::render::count(self.mistakes, "mistake");
        write!(
            f,
            "{mistakes} in the rules: what is written there was not looked for (`prodrome rules check` shows all)"
        )
    }
}

impl std::error::Error for LeftOut {}

/// The shipped rule files.
pub(crate) fn shipped() -> Vec<SourceFile> {
    let file =
        |(name, text): &(&str, &str)| SourceFile { name: (*name).to_owned(), text: (*text).to_owned() };
    SHIPPED.iter().map(file).collect()
}

/// The rules that are not shipped, by their names.
pub(crate) fn own(rules: &RuleSet) -> RuleSet {
    let shipped = prodrome_rules::load(&shipped()).rules;
    RuleSet::new(rules.rules().iter().filter(|rule| shipped.get(rule.name()).is_none()).cloned())
}

/// The shipped flow files.
pub(crate) fn shipped_flows() -> Vec<SourceFile> {
    SHIPPED_FLOWS.iter().map(|(name, text)| SourceFile::new(*name, *text)).collect()
}

/// A rule file, or the rule files of a folder (tests beside them are left out).
pub(crate) fn read(path: &Path) -> Result<Vec<SourceFile>> {
    all_readable(read_those_that_can_be(path)?)
}

/// The files, for whom one that is no text is a mistake of its own.
fn all_readable((files, unreadable): (Vec<SourceFile>, Vec<Diagnostic>)) -> Result<Vec<SourceFile>> {
    match unreadable.first() {
        Some(file) => bail!("{} is not UTF-8, so nothing in it can be read", file.file),
        None => Ok(files),
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

/// The same, and which files of it are no texts. `-` is standard input.
pub(crate) fn read_those_that_can_be(path: &Path) -> Result<(Vec<SourceFile>, Vec<Diagnostic>)> {
    let mut paths = Vec::new();
    if path.is_dir() {
        for entry in
            std::fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?
        {
            let path = entry?.path();
            if path.is_file() && is_rule_file(&path) {
                paths.push(path);
            }
        }
        paths.sort();
    } else {
        paths.push(path.to_owned());
    }
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        let bytes = bytes(&path).with_context(|| {
            // A rule's name where a file is expected.
            let name = path.to_string_lossy();
            let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "*?".contains(c));
            let hint = if is_name && !path.exists() {
                format!("; the rule of that name is taken by --only '{name}', where the command has that")
            } else {
                String::new()
            };
            format!("cannot read the file {}{hint}", path.display())
        })?;
        let name = path.display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => files.push(SourceFile { name, text }),
            Err(error) => unreadable.push(no_text(name, error.as_bytes(), error.utf8_error().valid_up_to())),
        }
    }
    Ok((files, unreadable))
}

/// That a file is no text, and from where on.
fn no_text(file: String, bytes: &[u8], valid: usize) -> Diagnostic {
    let sound = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let start = prodrome_rules::LineIndex::new(&sound).position(valid);
    Diagnostic {
        code: prodrome_rules::Code::Syntax,
        level: prodrome_rules::Level::Error,
        file,
        place: prodrome_rules::Place { start, end: start },
        rule: None,
        path: String::new(),
        expected: "a text in UTF-8".to_owned(),
        found: "bytes that are none".to_owned(),
        help: Some("save it as UTF-8; nothing in it is read".to_owned()),
    }
}

fn is_rule_file(path: &Path) -> bool {
    SourceFile::is_rule_file(&path.file_name().unwrap_or_default().to_string_lossy())
}

fn display(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether any of the diagnostics is an error rather than a warning.
pub(crate) fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
