//! From trees to rules: everything that a rule file can get wrong is found here, all at once.

mod condition;
mod fields;
mod macros;
mod periodic;
mod reference;
mod rule;
mod scalar;
mod variants;

pub(crate) use scalar::nearest_builtin;

pub use fields::{nearest, suggest};

use crate::diagnostic::{Code, Diagnostic, Level, LineIndex};
use crate::review::Home;
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use crate::source::{self, Comment, Key, SourceFile, Span, Tree, TreeValue};
use crate::text::{cut, one_line};
use macros::{Expanded, Macros};
use std::collections::{BTreeMap, HashMap};

pub(crate) use macros::{DEFAULTS, LET, Step, UseSite};
pub(crate) use variants::{rule_of_tree, sound_trees};

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
    load_placed(files).0
}

/// [`load`], and where each of the rules stands.
pub(crate) fn load_placed(files: &[SourceFile]) -> (Loaded, Vec<Home>) {
    let mut loaded = Loaded::default();
    let mut homes = Vec::new();
    let mut names = Names::default();
    for file in files {
        let checked = check_file(file);
        let mut diagnostics = checked.diagnostics;
        let lines = LineIndex::new(&file.text);
        for checked in checked.rules {
            if let Some(duplicate) = names.claim(file, &lines, &checked) {
                diagnostics.push(duplicate);
            } else if let Some(rule) = checked.rule {
                homes.push(Home { file: file.name.clone(), place: lines.place(checked.name_span) });
                loaded.rules.rules.push(rule);
            }
        }
        diagnostics.sort_by_key(|diagnostic| diagnostic.place.start);
        loaded.diagnostics.extend(diagnostics);
    }
    (loaded, homes)
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
    /// Its `defaults` and `let`, if it has them.
    pub(crate) heads: Vec<(Key, Tree)>,
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
    /// The keys that it has from the file's defaults.
    pub(crate) defaulted: Vec<String>,
    /// Where it uses conditions that the file names.
    pub(crate) uses: Vec<UseSite>,
}

/// All rules of one file, duplicates among them included.
pub(crate) fn check_file(file: &SourceFile) -> CheckedFile {
    let mut checker = Checker::new(&file.name, &file.text);
    let mut rules = Vec::new();
    let mut trees = Vec::new();
    let mut comments = Vec::new();
    for document in source::read(&file.text) {
        comments.extend(document.comments);
        match document.tree {
            Ok(tree) => trees.push(tree),
            Err(error) => {
                // What a reader of YAML stumbles on stands behind what causes it.
                let help = if error.reason.contains("illegal placement of ':'") {
                    Some("is a bracket, a brace or a quote before it not closed?".to_owned())
                } else if error.reason.contains("tabs disallowed") {
                    Some("indent with spaces".to_owned())
                } else if error.reason == source::TOO_MANY {
                    let max = source::NODES_MAX;
                    Some(format!(
                        "a document may hold {max}; divide it, by lines of `---` or into several files"
                    ))
                } else {
                    None
                };
                checker.error(Code::Syntax, error.span, "", "YAML or JSON", &error.reason, help);
            }
        }
    }
    let heads = checker.take_macros(&mut trees);
    for tree in trees {
        checker.document(tree, &mut rules);
    }
    checker.unused_lets();
    CheckedFile { heads, rules, diagnostics: checker.diagnostics, comments }
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
    macros: Macros,
    /// The rule as it was written, where something was put in place: paths are those of what was written.
    written: Option<Tree>,
    /// What the rule uses, and where.
    uses: Vec<(String, Span)>,
    /// Those of the file, compiled once however often they stand there.
    regexes: BTreeMap<String, regex::Regex>,
}

impl<'f> Checker<'f> {
    fn new(file: &'f str, text: &'f str) -> Self {
        Self {
            file,
            lines: LineIndex::new(text),
            diagnostics: Vec::new(),
            rule: None,
            macros: Macros::default(),
            written: None,
            uses: Vec::new(),
            regexes: BTreeMap::new(),
        }
    }
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
            self.uses.clear();
            self.written = Some(tree.clone());
            let expanded = self.expand(&tree);
            self.written = None;
            let (mut defaulted, mut uses) = (Vec::new(), Vec::new());
            let rule = match expanded {
                None => None,
                Some(Expanded { tree, uses: none, defaulted: no }) if none.is_empty() && no.is_empty() => {
                    self.rule(&key, &tree)
                }
                Some(expanded) => {
                    self.written = Some(tree.clone());
                    let rule = self.rule(&key, &expanded.tree);
                    self.written = None;
                    (defaulted, uses) = (expanded.defaulted, expanded.uses);
                    rule
                }
            };
            let rule = rule.filter(|_| self.error_count() == errors_before);
            rules.push(CheckedRule { name: key.text, name_span: key.span, tree, rule, defaulted, uses });
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
        mut help: Option<String>,
    ) {
        let mut path = path.to_owned();
        if self.written.is_some()
            && let Some((origin, named)) = self.origin(span)
        {
            path = origin;
            let uses = self.uses.iter().find(|(name, _)| Some(name) == named.as_ref());
            if let Some((_, used)) = uses {
                let at = self.lines.place(*used).start;
                let used = format!("used at {}:{}:{}", self.file, at.line, at.column);
                help = Some(help.map_or_else(|| used.clone(), |help| format!("{help}; {used}")));
            }
        }
        self.diagnostics.push(Diagnostic {
            code,
            level,
            file: self.file.to_owned(),
            place: self.lines.place(span),
            rule: self.rule.as_deref().map(shown),
            path: shown(&path),
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
