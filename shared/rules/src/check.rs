//! From trees to rules: everything that a rule file can get wrong is found here, all at once.

mod condition;
mod fields;
mod reference;
mod rule;
mod scalar;

pub use fields::{nearest, suggest};

use crate::diagnostic::{Code, Diagnostic, Level, LineIndex};
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use crate::source::{self, Comment, SourceFile, Span, Tree, TreeValue};
use crate::text::{cut, one_line};
use std::collections::HashMap;

/// How much of a name or a path a message shows, in characters.
const SHOWN_MAX: usize = 300;

/// What [`load`] makes of rule files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The rules that are sound.
    pub rules: RuleSet,
    /// What is wrong with the others, and what is doubtful, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether nothing was refused.
    pub fn is_sound(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads rule files. A rule with a mistake is left out and reported, with all of its mistakes; the others are
/// in. Where a name stands twice, also in two files, the first one is kept.
pub fn load(files: &[SourceFile]) -> Loaded {
    let mut loaded = Loaded::default();
    let mut names = Names::default();
    for file in files {
        let checked = check_file(file);
        let mut diagnostics = checked.diagnostics;
        let lines = LineIndex::new(&file.text);
        for checked in checked.rules {
            match names.claim(file, &lines, &checked) {
                Some(duplicate) => diagnostics.push(duplicate),
                None => loaded.rules.rules.extend(checked.rule),
            }
        }
        diagnostics.sort_by_key(|diagnostic| diagnostic.place.start);
        loaded.diagnostics.extend(diagnostics);
    }
    loaded
}

/// The names that stand twice in one file.
pub(crate) fn duplicates(file: &SourceFile, rules: &[CheckedRule]) -> Vec<Diagnostic> {
    let mut names = Names::default();
    let lines = LineIndex::new(&file.text);
    rules.iter().filter_map(|rule| names.claim(file, &lines, rule)).collect()
}

/// Which names are taken, and where. A rule with mistakes takes its name too.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn claim(
        &mut self,
        file: &SourceFile,
        lines: &LineIndex<'_>,
        checked: &CheckedRule,
    ) -> Option<Diagnostic> {
        let place = lines.place(checked.name_span);
        let Some(first) = self.0.get(&checked.name) else {
            let here = format!("{}:{}:{}", file.name, place.start.line, place.start.column);
            self.0.insert(checked.name.clone(), here);
            return None;
        };
        Some(Diagnostic {
            code: Code::DuplicateRule,
            level: Level::Error,
            file: file.name.clone(),
            place,
            rule: Some(shown(&checked.name)),
            path: String::new(),
            expected: "each rule's name once".to_owned(),
            found: "it a second time".to_owned(),
            help: Some(format!("the first one stands at {first}")),
        })
    }
}

/// A file and what was read from it.
pub(crate) struct CheckedFile {
    pub(crate) rules: Vec<CheckedRule>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) comments: Vec<Comment>,
}

/// A rule of a file, if it is sound.
pub(crate) struct CheckedRule {
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) tree: Tree,
    pub(crate) rule: Option<Rule>,
}

/// All rules of one file, duplicates among them included.
pub(crate) fn check_file(file: &SourceFile) -> CheckedFile {
    let mut checker =
        Checker { file: &file.name, lines: LineIndex::new(&file.text), diagnostics: Vec::new(), rule: None };
    let mut rules = Vec::new();
    let mut comments = Vec::new();
    for document in source::read(&file.text) {
        comments.extend(document.comments);
        match document.tree {
            Ok(tree) => checker.document(tree, &mut rules),
            Err(error) => {
                checker.error(Code::Syntax, error.span, "", "YAML or JSON", &error.reason, None);
            }
        }
    }
    CheckedFile { rules, diagnostics: checker.diagnostics, comments }
}

/// That something is wrong, and has been said.
struct Reported;

/// Collects what is wrong. Its methods give `None`, or [`Reported`], where they have reported something.
struct Checker<'f> {
    file: &'f str,
    lines: LineIndex<'f>,
    diagnostics: Vec<Diagnostic>,
    /// The rule that is being checked.
    rule: Option<String>,
}

impl Checker<'_> {
    fn document(&mut self, tree: Tree, rules: &mut Vec<CheckedRule>) {
        let entries = match tree.value {
            TreeValue::Null => return,
            TreeValue::Map(entries) => entries,
            _ => {
                let help = "write `RuleName:` and the rule's keys under it".to_owned();
                let found = tree.describe();
                self.error(
                    Code::WrongType,
                    tree.span,
                    "",
                    "a map from rule names to rules",
                    &found,
                    Some(help),
                );
                return;
            }
        };
        for (key, tree) in entries {
            self.rule = Some(key.text.clone());
            let errors_before = self.error_count();
            let rule = self.rule(&key, &tree).filter(|_| self.error_count() == errors_before);
            rules.push(CheckedRule { name: key.text, name_span: key.span, tree, rule });
            self.rule = None;
        }
    }

    fn error_count(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count()
    }

    fn error(
        &mut self,
        code: Code,
        span: Span,
        path: &str,
        expected: &str,
        found: &str,
        help: Option<String>,
    ) {
        self.report(Level::Error, code, span, path, expected, found, help);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a diagnostic, each of another meaning")]
    fn report(
        &mut self,
        level: Level,
        code: Code,
        span: Span,
        path: &str,
        expected: &str,
        found: &str,
        help: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic {
            code,
            level,
            file: self.file.to_owned(),
            place: self.lines.place(span),
            rule: self.rule.as_deref().map(shown),
            path: shown(path),
            expected: expected.to_owned(),
            found: shown(found),
            help,
        });
    }
}

/// A text of the file as a message may hold it: one line, and not endless.
fn shown(text: &str) -> String {
    one_line(&cut(text, SHOWN_MAX))
}
