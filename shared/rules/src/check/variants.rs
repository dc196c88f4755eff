//! Rules that were never written: what a rule of a file would be if its tree were another.

use super::Checker;
use super::macros::{Expanded, Macros};
use crate::diagnostic::LineIndex;
use crate::rule::Rule;
use crate::source::{self, SourceFile, Tree, TreeValue};

/// Gives the other trees of a rule, each with something beside it.
pub(crate) type Vary<'v, T> = dyn FnMut(&Rule, &Tree, &LineIndex<'_>) -> Vec<(Tree, T)> + 'v;

/// Hands every sound rule of a file to `vary`, with its tree once all that it uses is in place; gives the rules that
/// the trees make which come back, each with what came back beside it. Trees that make no sound rule are left out.
pub(crate) fn variants<T>(file: &SourceFile, vary: &mut Vary<'_, T>) -> Vec<(Rule, T)> {
    let mut checker = Checker {
        file: &file.name,
        lines: LineIndex::new(&file.text),
        diagnostics: Vec::new(),
        rule: None,
        macros: Macros::default(),
        written: None,
        uses: Vec::new(),
    };
    let mut trees: Vec<Tree> =
        source::read(&file.text).into_iter().filter_map(|document| document.tree.ok()).collect();
    checker.take_macros(&mut trees);
    let mut made = Vec::new();
    for tree in trees {
        let TreeValue::Map(entries) = tree.value else { continue };
        for (key, tree) in entries {
            let Some(Expanded { tree, .. }) = checker.expand(&tree) else { continue };
            checker.diagnostics.clear();
            let Some(rule) = checker.rule(&key, &tree).filter(|_| checker.error_count() == 0) else {
                continue;
            };
            for (tree, beside) in vary(&rule, &tree, &checker.lines) {
                checker.diagnostics.clear();
                let rule = checker.rule(&key, &tree).filter(|_| checker.error_count() == 0);
                made.extend(rule.map(|rule| (rule, beside)));
            }
        }
    }
    made
}
