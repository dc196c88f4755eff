//! Conditions on what the watcher leaves out of the objects that it sends.

use crate::check::LET;
use crate::diagnostic::{Code, Diagnostic, Level, LineIndex};
use crate::kind::{KindName, KindPattern};
use crate::rule_set::RuleSet;
use crate::source::{Key, SourceFile, Tree, TreeValue, read};
use prodrome_model::GroupKind;
use prodrome_scan::{MANAGED_FIELDS, private_parts};

/// What is said of one path.
struct Left {
    expected: &'static str,
    help: &'static str,
}

/// A warning for each path of a rule that leads into what never leaves the cluster.
pub(super) fn doubts(file: &SourceFile, sound: &RuleSet) -> Vec<Diagnostic> {
    let lines = LineIndex::new(&file.text);
    let mut doubts = Vec::new();
    let trees: Vec<Tree> = read(&file.text).into_iter().filter_map(|document| document.tree.ok()).collect();
    let lets = trees.iter().find_map(|tree| tree.get(LET));
    for (name, tree) in trees.iter().flat_map(entries).filter(|(name, _)| sound.get(&name.text).is_some()) {
        let mut say = |path: &str, at: &Tree, left: &Left, found: String| {
            doubts.push(Diagnostic {
                code: Code::CutField,
                level: Level::Warning,
                file: file.name.clone(),
                place: lines.place(at.span),
                rule: Some(name.text.clone()),
                path: path.to_owned(),
                expected: left.expected.to_owned(),
                found,
                help: Some(left.help.to_owned()),
            });
        };
        let kinds = kinds(tree.get("resource"));
        for key in ["filterField", "checkField", "since"] {
            if let Some(part) = tree.get(key) {
                fields(part, key, lets, &mut |path, field| {
                    if let Some((left, found)) = of_object(&kinds, field) {
                        say(path, field, &left, found);
                    }
                });
            }
        }
        if let Some(reference) = tree.get("reference") {
            references(reference, "reference", lets, &mut |path, field, kinds| {
                if let Some((left, found)) = of_reference(kinds, field) {
                    say(path, field, &left, found);
                }
            });
        }
    }
    doubts
}

fn entries(tree: &Tree) -> &[(Key, Tree)] {
    match &tree.value {
        TreeValue::Map(entries) => entries,
        _ => &[],
    }
}

/// Of the object that the rule is about: what a change shows of it is all there is.
fn of_object(kinds: &[KindPattern], field: &Tree) -> Option<(Left, String)> {
    let keys = keys(field)?;
    if begins(&keys, MANAGED_FIELDS) {
        let help = "have the watcher send it along (KEEP_MANAGED_FIELDS=true in its settings), or ask for something else";
        return Some((Left { expected: "a field that the watcher sends", help }, keys.join(".")));
    }
    let kind = cut_of(kinds, &keys)?;
    let help = "say it of an object that refers to this one, with a `reference` and `usual: true`: a reference is read \
                in whole, from the cluster";
    let found = format!("{}, which is cut from each {kind} (only `prodrome scan` sees it)", keys.join("."));
    Some((Left { expected: "a field that leaves the cluster", help }, found))
}

/// Of an object that is referred to: it is read in whole, but no change of it tells.
fn of_reference(kinds: &[KindPattern], field: &Tree) -> Option<(Left, String)> {
    let keys = keys(field)?;
    let kind = cut_of(kinds, &keys)?;
    let help = "write `usual: true` beside it: then it is looked at again and again, at least every hour";
    let found =
        format!("{}, which is cut from each {kind}: a change of it makes nobody look", keys.join("."));
    Some((Left { expected: "a field whose changes are seen, or `usual: true`", help }, found))
}

fn cut_of(kinds: &[KindPattern], keys: &[&str]) -> Option<GroupKind> {
    let kinds = kinds.iter().filter_map(KindPattern::to_group_kind);
    let cut = |kind: &GroupKind| private_parts(&kind.group, &kind.kind).iter().any(|cut| begins(keys, cut));
    kinds.into_iter().find(cut)
}

fn begins(keys: &[&str], cut: &[&str]) -> bool {
    keys.len() >= cut.len() && keys.iter().zip(cut).all(|(key, cut)| key == cut)
}

fn keys(field: &Tree) -> Option<Vec<&str>> {
    let TreeValue::List(items) = &field.value else { return None };
    let key = |item| match item {
        &Tree { value: TreeValue::Scalar(ref text, _), .. } => Some(text.as_str()),
        _ => None,
    };
    items.iter().map(key).collect()
}

fn kinds(resource: Option<&Tree>) -> Vec<KindPattern> {
    let texts: Vec<&str> = match resource.map(|tree| &tree.value) {
        Some(TreeValue::Scalar(text, _)) => vec![text],
        Some(TreeValue::List(_)) => resource.and_then(keys).unwrap_or_default(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| Some(KindName::parse(text)?.pattern)).collect()
}

/// The path of each condition, and of each timestamp; those within `each` begin at an element of theirs.
fn fields<'t>(tree: &'t Tree, path: &str, lets: Option<&'t Tree>, tell: &mut dyn FnMut(&str, &'t Tree)) {
    match &tree.value {
        TreeValue::Map(entries) => {
            for (key, value) in entries {
                let at = format!("{path}.{}", key.text);
                match key.text.as_str() {
                    "field" | "equalField" | "notEqualField" | "lessThanField" | "greaterThanField" => {
                        tell(&at, value);
                    }
                    // What is used by its name is told where it stands. Of a rule that is sound no name uses itself.
                    "use" => {
                        let names = match &value.value {
                            TreeValue::Scalar(name, _) => vec![name.as_str()],
                            _ => keys(value).unwrap_or_default(),
                        };
                        for used in names.into_iter().filter_map(|name| lets?.get(name)) {
                            fields(used, path, lets, tell);
                        }
                    }
                    _ => fields(value, &at, lets, tell),
                }
            }
        }
        TreeValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                fields(item, &format!("{path}[{index}]"), lets, tell);
            }
        }
        TreeValue::Null | TreeValue::Scalar(..) => {}
    }
}

/// The paths that the conditions of references ask for, with the kinds that are referred to.
fn references<'t>(
    tree: &'t Tree,
    path: &str,
    lets: Option<&'t Tree>,
    tell: &mut dyn FnMut(&str, &'t Tree, &[KindPattern]),
) {
    match &tree.value {
        TreeValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                references(item, &format!("{path}[{index}]"), lets, tell);
            }
        }
        TreeValue::Map(entries) => {
            let kinds = kinds(tree.get("resource"));
            let is_usual = matches!(tree.get("usual").map(|usual| &usual.value), Some(TreeValue::Scalar(text, _)) if text == "true");
            for (key, value) in entries {
                let at = format!("{path}.{}", key.text);
                match key.text.as_str() {
                    "checkField" | "filterField" if !is_usual => {
                        fields(value, &at, lets, &mut |path, field| tell(path, field, &kinds));
                    }
                    "reference" | "anyOf" => references(value, &at, lets, tell),
                    _ => {}
                }
            }
        }
        TreeValue::Null | TreeValue::Scalar(..) => {}
    }
}
