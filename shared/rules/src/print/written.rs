//! Rules as they were written: what a file's `defaults` say is left out, and `use` stands where it stood.

use super::{Out, rule_body_with, text};
use crate::check::{CheckedRule, Step};
use crate::format::Defaults;
use crate::rule::Rule;
use crate::source::{Tree, TreeValue};

/// A rule's keys and values, less what it has, or would have, from the file's defaults, and what it uses.
pub(crate) fn written_body(rule: &Rule, checked: &CheckedRule, defaults: &Defaults<'_>) -> Out {
    // What equals the language's default has to be said where the file's is another.
    let said: Vec<&str> =
        defaults.keys.iter().copied().filter(|key| checked.tree.get(key).is_some()).collect();
    let mut body = rule_body_with(rule, &said);
    let tree = &checked.tree;
    // A default tolerance is that of rules with a duration, and of none that counts.
    let has_duration = tree.get("duration").is_some() || defaults.keys.contains(&"duration");
    let tolerates = has_duration && tree.get("frequency").is_none();
    let is_repeated =
        |key: &str, value: &Out| defaults.say(key, value) && (key != "gapTolerance" || tolerates);
    if let Out::Map(entries) = &mut body {
        entries.retain(|(key, value)| !checked.defaulted.contains(key) && !is_repeated(key, value));
    }
    // From behind, so that places stay what they were.
    for site in checked.uses.iter().rev() {
        let names = match site.names.as_slice() {
            [name] => text(name),
            names => Out::List(names.iter().map(text).collect()),
        };
        let used = Out::Map(vec![("use".to_owned(), names)]);
        let Some(target) = follow(&mut body, &site.path) else { continue };
        match (target, site.items) {
            (Out::List(items), Some((start, count))) => {
                let end = (start + count).min(items.len());
                items.splice(start.min(end)..end, [used]);
            }
            (target, _) => *target = used,
        }
    }
    body
}

/// The canonical form flattens lists and groups of one: such steps are none.
fn follow<'o>(mut out: &'o mut Out, path: &[Step]) -> Option<&'o mut Out> {
    for step in path {
        out = match (step, out) {
            (Step::Key(key), Out::Map(entries)) => {
                let found = entries.iter().position(|(other, _)| other == key);
                match found {
                    Some(index) => &mut entries[index].1,
                    None if key == "anyOf" => return follow_flattened(entries, path, step),
                    None => return None,
                }
            }
            (Step::Item(index), Out::List(items)) => items.get_mut(*index)?,
            (Step::Item(0), out) => out,
            _ => return None,
        };
    }
    Some(out)
}

/// Of a group of one reference only the reference is printed.
fn follow_flattened<'o>(entries: &'o mut [(String, Out)], path: &[Step], at: &Step) -> Option<&'o mut Out> {
    let begin = path.iter().position(|step| std::ptr::eq(step, at))?;
    let [Step::Key(key), rest @ ..] = path.get(begin + 2..)? else { return None };
    let (_, out) = entries.iter_mut().find(|(other, _)| other == key)?;
    follow(out, rest)
}

/// A tree as it stands, for what no rule is made of.
pub(crate) fn tree_out(tree: &Tree) -> Out {
    match &tree.value {
        TreeValue::Null => Out::Word("null".to_owned()),
        TreeValue::Scalar(text, plain) => {
            // What stood without quotes may be a number, and must stay one.
            let is_word = *plain && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if is_word { Out::Word(text.clone()) } else { Out::Text(text.clone()) }
        }
        TreeValue::List(items) => Out::List(items.iter().map(tree_out).collect()),
        TreeValue::Map(entries) => {
            Out::Map(entries.iter().map(|(key, tree)| (key.text.clone(), tree_out(tree))).collect())
        }
    }
}
