//! Rules that were never written: what a rule of a file would be if its tree were another.

use super::Checker;
use super::macros::Expanded;
use crate::rule::Rule;
use crate::source::{self, Key, SourceFile, Tree, TreeValue};

/// The sound rules of a file, each with its name as it stands there and its tree once all that it uses is in place.
pub(crate) fn sound_trees(file: &SourceFile) -> Vec<(Key, Tree, Rule)> {
    let mut checker = Checker::new(&file.name, &file.text);
    let mut trees: Vec<Tree> =
        source::read(&file.text).into_iter().filter_map(|document| document.tree.ok()).collect();
    checker.take_macros(&mut trees);
    let mut sound = Vec::new();
    for tree in trees {
        let TreeValue::Map(entries) = tree.value else { continue };
        for (key, tree) in entries {
            let Some(Expanded { tree, .. }) = checker.expand(&tree) else { continue };
            checker.diagnostics.clear();
            let rule = checker.rule(&key, &tree).filter(|_| checker.error_count() == 0);
            sound.extend(rule.map(|rule| (key, tree, rule)));
        }
    }
    sound
}

/// The rule that a tree makes in which nothing is left to be put in place; `None` where it has mistakes.
pub(crate) fn rule_of_tree(key: &Key, tree: &Tree) -> Option<Rule> {
    let mut checker = Checker::new("", "");
    checker.rule(key, tree).filter(|_| checker.error_count() == 0)
}
