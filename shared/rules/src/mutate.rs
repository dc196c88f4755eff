//! Rules changed a little in each place: a test that means something fails with each of them.

use crate::check::{Step, rule_of_tree, sound_trees};
use crate::diagnostic::LineIndex;
use crate::rule::Rule;
use crate::source::{Key, SourceFile, Span, Tree, TreeValue};
use crate::time::{parse_duration, print_duration};
use jiff::SignedDuration;
use std::fmt::Write as _;
use std::sync::Arc;

/// A rule in which one thing is changed. It is made when it is asked for: compiled rules are large.
#[derive(Debug, Clone)]
pub struct Mutant {
    original: Arc<Original>,
    edit: Edit,
    line: usize,
}

#[derive(Debug)]
struct Original {
    key: Key,
    tree: Tree,
    hash: String,
}

impl Mutant {
    /// The rule as it would be; `None` where that is no sound rule, or says the same as the original.
    pub fn rule(&self) -> Option<Rule> {
        let Original { key, tree, hash } = &*self.original;
        let mut tree = tree.clone();
        apply(&mut tree, &self.edit.at, &self.edit.act);
        rule_of_tree(key, &tree).filter(|rule| rule.hash() != hash)
    }

    /// The line of the file where the change is.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The changed place within the rule, all that it uses put in place: `checkField[0].equalValue`.
    pub fn path(&self) -> String {
        print_steps(&self.edit.at)
    }

    /// What sort of change it is.
    pub fn change(&self) -> Change {
        self.edit.change
    }

    /// The change in words.
    pub fn text(&self) -> &str {
        &self.edit.text
    }
}

/// What sort of change a [`Mutant`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// A condition is gone, or an alternative, or a key that narrows the rule.
    Dropped,
    /// An operator is turned into its contrary.
    Operator,
    /// A value is another one.
    Value,
    /// A duration is half as long, or twice.
    Duration,
}

impl Change {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Dropped, Self::Operator, Self::Value, Self::Duration];

    /// In a word: `dropped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Operator => "operator",
            Self::Value => "value",
            Self::Duration => "duration",
        }
    }
}

/// The mutants of a rule of a file; none where it is not there, or not sound.
pub fn mutants(file: &SourceFile, rule: &str) -> Vec<Mutant> {
    let found = sound_trees(file).into_iter().find(|(key, ..)| key.text == rule);
    let Some((key, tree, rule)) = found else { return Vec::new() };
    let mut edits = Edits::default();
    edits.rule(&tree);
    let original = Arc::new(Original { key, tree, hash: rule.hash().to_owned() });
    let lines = LineIndex::new(&file.text);
    let mutant = |edit: Edit| {
        let line = lines.position(edit.span.start).line;
        Mutant { original: original.clone(), edit, line }
    };
    edits.list.into_iter().map(mutant).collect()
}

/// What is done to a tree at a place.
#[derive(Debug, Clone)]
enum Act {
    /// What stands there goes.
    Remove,
    /// Another value stands there.
    Replace(TreeValue),
    /// The key that leads there is another one.
    Rename(&'static str),
}

#[derive(Debug, Clone)]
struct Edit {
    at: Vec<Step>,
    act: Act,
    span: Span,
    change: Change,
    text: String,
}

/// Operators and their contraries.
const CONTRARIES: [(&str, &str); 7] = [
    ("equalValue", "notEqualValue"),
    ("likeValue", "notLikeValue"),
    ("regexValue", "notRegexValue"),
    ("greaterThan", "lessThan"),
    ("olderThan", "newerThan"),
    ("equalField", "notEqualField"),
    ("lessThanField", "greaterThanField"),
];

fn contrary(operator: &str) -> Option<&'static str> {
    CONTRARIES.iter().find_map(|(one, other)| {
        (*one == operator).then_some(*other).or_else(|| (*other == operator).then_some(*one))
    })
}

/// Finds the places of a rule that can be changed.
#[derive(Default)]
struct Edits {
    at: Vec<Step>,
    list: Vec<Edit>,
}

impl Edits {
    fn rule(&mut self, tree: &Tree) {
        let TreeValue::Map(entries) = &tree.value else { return };
        for (key, value) in entries {
            self.within(Step::Key(key.text.clone()), |edits| match &*key.text {
                "filterField" | "checkField" => edits.clauses(value, &key.text),
                "reference" => edits.references(value),
                "duration" | "resolveAfter" | "period" => edits.duration(value, &key.text),
                "gapTolerance" | "since" | "namespaces" | "notResource" => edits.drop(value.span, &key.text),
                "frequency" => edits.frequency(value),
                _ => {}
            });
        }
    }

    fn within(&mut self, step: Step, edit: impl FnOnce(&mut Self)) {
        self.at.push(step);
        edit(self);
        self.at.pop();
    }

    fn add(&mut self, span: Span, change: Change, act: Act, text: String) {
        self.list.push(Edit { at: self.at.clone(), act, span, change, text });
    }

    fn drop(&mut self, span: Span, what: &str) {
        self.add(span, Change::Dropped, Act::Remove, format!("{what} dropped"));
    }

    /// Conditions of which all must hold; `key` is what they stand under.
    fn clauses(&mut self, tree: &Tree, key: &str) {
        let items = match &tree.value {
            TreeValue::List(items) => items,
            TreeValue::Map(_) => return self.clause(tree),
            _ => return,
        };
        if let [only] = items.as_slice() {
            // Its list goes with it, where that may be missing.
            if matches!(key, "filterField" | "compareField" | "unless" | "checkField") {
                self.drop(only.span, &in_words(only));
            }
        }
        for (index, item) in items.iter().enumerate() {
            self.within(Step::Item(index), |edits| {
                if items.len() > 1 {
                    edits.drop(item.span, &in_words(item));
                }
                edits.clause(item);
            });
        }
    }

    fn clause(&mut self, tree: &Tree) {
        let TreeValue::Map(entries) = &tree.value else { return };
        for (key, value) in entries {
            let name = &*key.text;
            self.within(Step::Key(name.to_owned()), |edits| match name {
                "anyOf" => edits.alternatives(value),
                "each" => edits.clauses(value, name),
                "match" | "default" => edits.drop(value.span, &format!("{name}: {}", scalar(value))),
                "nilValue" => {
                    let other = if scalar(value) == "true" { "false" } else { "true" };
                    let text = format!("nilValue becomes {other}");
                    edits.add(value.span, Change::Operator, Act::Replace(plain(other)), text);
                }
                "olderThan" | "newerThan" | "expiresWithin" => {
                    edits.contrary(key);
                    edits.duration(value, name);
                }
                "greaterThan" | "lessThan" => {
                    edits.contrary(key);
                    edits.number(value, name);
                }
                "times" => edits.number(value, name),
                "equalValue" | "notEqualValue" | "likeValue" | "notLikeValue" | "regexValue"
                | "notRegexValue" => {
                    edits.contrary(key);
                    edits.values(value, name);
                }
                "subIdentifierValue" => edits.values(value, name),
                _ => edits.contrary(key),
            });
        }
    }

    fn contrary(&mut self, key: &Key) {
        if let Some(other) = contrary(&key.text) {
            let text = format!("{} becomes {other}", key.text);
            self.add(key.span, Change::Operator, Act::Rename(other), text);
        }
    }

    /// One of several values goes.
    fn values(&mut self, tree: &Tree, name: &str) {
        let TreeValue::List(items) = &tree.value else { return };
        for (index, item) in items.iter().enumerate().filter(|_| items.len() > 1) {
            self.within(Step::Item(index), |edits| {
                let text = format!("{} taken out of {name}", scalar(item));
                edits.add(item.span, Change::Value, Act::Remove, text);
            });
        }
    }

    fn number(&mut self, tree: &Tree, name: &str) {
        let text = scalar(tree);
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let others = match (digits.parse::<u64>(), unit) {
            (Ok(number), "") => [number.checked_add(1), number.checked_sub(1)],
            (Ok(number), unit) if !unit.starts_with('.') => [number.checked_mul(2), None],
            _ => [None, None],
        };
        for other in others.into_iter().flatten() {
            let other = format!("{other}{unit}");
            let text = format!("{name} {text} becomes {other}");
            self.add(tree.span, Change::Value, Act::Replace(plain(&other)), text);
        }
    }

    fn duration(&mut self, tree: &Tree, name: &str) {
        let Some(duration) = parse_duration(scalar(tree)) else { return };
        let others = if duration.is_zero() {
            vec![SignedDuration::from_mins(1)]
        } else {
            vec![duration * 2, SignedDuration::from_secs(duration.as_secs() / 2)]
        };
        for other in others {
            let other = print_duration(other);
            let text = format!("{name} {} becomes {other}", print_duration(duration));
            self.add(tree.span, Change::Duration, Act::Replace(plain(&other)), text);
        }
    }

    fn alternatives(&mut self, tree: &Tree) {
        let TreeValue::List(lists) = &tree.value else { return };
        for (index, list) in lists.iter().enumerate() {
            self.within(Step::Item(index), |edits| {
                if lists.len() > 1 {
                    let words = match &list.value {
                        TreeValue::List(items) if items.len() == 1 => in_words(&items[0]),
                        TreeValue::List(items) => format!("{} conditions", items.len()),
                        _ => in_words(list),
                    };
                    edits.drop(list.span, &format!("the alternative {words}"));
                }
                edits.clauses(list, "anyOf");
            });
        }
    }

    fn references(&mut self, tree: &Tree) {
        match &tree.value {
            TreeValue::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.within(Step::Item(index), |edits| {
                        if items.len() > 1 {
                            edits.drop(item.span, "a reference");
                        }
                        edits.references(item);
                    });
                }
            }
            TreeValue::Map(entries) => {
                for (key, value) in entries {
                    self.within(Step::Key(key.text.clone()), |edits| match &*key.text {
                        "anyOf" | "reference" => edits.references(value),
                        "filterField" | "checkField" | "compareField" | "unless" => {
                            edits.clauses(value, &key.text);
                        }
                        _ => {}
                    });
                }
            }
            TreeValue::Null | TreeValue::Scalar(..) => {}
        }
    }

    fn frequency(&mut self, tree: &Tree) {
        let TreeValue::Map(entries) = &tree.value else { return };
        for (key, value) in entries {
            self.within(Step::Key(key.text.clone()), |edits| match &*key.text {
                "count" => edits.number(value, "count"),
                "within" => edits.duration(value, "within"),
                "by" | "distinct" => edits.drop(value.span, &key.text),
                _ => {}
            });
        }
    }
}

fn plain(text: &str) -> TreeValue {
    TreeValue::Scalar(text.to_owned(), true)
}

fn scalar(tree: &Tree) -> &str {
    match &tree.value {
        TreeValue::Scalar(text, _) => text,
        _ => "",
    }
}

/// A condition, short: its path and its operator.
fn in_words(tree: &Tree) -> String {
    let path = |key| match tree.get(key).map(|tree| &tree.value) {
        Some(TreeValue::List(keys)) => keys.iter().map(scalar).collect::<Vec<_>>().join("."),
        _ => String::new(),
    };
    if tree.get("anyOf").is_some() {
        return "the anyOf".to_owned();
    }
    let TreeValue::Map(entries) = &tree.value else { return "a condition".to_owned() };
    let mut place = path("field");
    if let Some(TreeValue::List(values)) = tree.get("subIdentifierValue").map(|tree| &tree.value) {
        let values: Vec<_> = values.iter().map(scalar).collect();
        _ = write!(place, "[{}]", values.join("|"));
    }
    let beyond = path("subField");
    if !beyond.is_empty() {
        let dot = if place.is_empty() { "" } else { "." };
        _ = write!(place, "{dot}{beyond}");
    }
    let is_operator = |key: &str| key.ends_with("Value") && key != "subIdentifierValue" || key == "each";
    let other = |key: &str| key.ends_with("Than") || key.ends_with("Within") || key.ends_with("Field");
    let operator = entries
        .iter()
        .map(|(key, _)| &*key.text)
        .find(|key| is_operator(key) || (other(key) && *key != "subField"));
    match operator {
        Some(operator) => crate::text::cut(&format!("{place} {operator}"), 120),
        None => place,
    }
}

fn print_steps(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        // Writing to a String cannot fail.
        _ = match step {
            Step::Key(key) if text.is_empty() => write!(text, "{key}"),
            Step::Key(key) => write!(text, ".{key}"),
            Step::Item(index) => write!(text, "[{index}]"),
        };
    }
    text
}

/// Does it, if the place is there.
fn apply(tree: &mut Tree, at: &[Step], act: &Act) {
    let Some((step, rest)) = at.split_first() else {
        if let Act::Replace(value) = act {
            tree.value = value.clone();
        }
        return;
    };
    match (step, &mut tree.value) {
        (Step::Key(name), TreeValue::Map(entries)) => {
            let Some(index) = entries.iter().rposition(|(key, _)| key.text == *name) else { return };
            match (rest, act) {
                ([], Act::Remove) => drop(entries.remove(index)),
                ([], Act::Rename(other)) => (*other).clone_into(&mut entries[index].0.text),
                _ => apply(&mut entries[index].1, rest, act),
            }
        }
        (Step::Item(index), TreeValue::List(items)) if *index < items.len() => match (rest, act) {
            ([], Act::Remove) => drop(items.remove(*index)),
            _ => apply(&mut items[*index], rest, act),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
let:
  alive:
    - { field: [metadata, deletionTimestamp], nilValue: true }
R:
  resource: Pod
  filterField:
    - use: alive
    - { field: [status, phase], equalValue: [Running, Pending] }
  checkField:
    - anyOf:
        - - { field: [spec, nodeName], default: \"\", notEqualValue: [a] }
          - { field: [status, restarts], greaterThan: 5 }
        - { field: [status, size], lessThan: 2Gi }
    - field: [status, conditions]
      match: all
      each:
        - { subField: [type], regexValue: x }
        - { subField: [at], olderThan: 1h }
  duration: 5m
S:
  resource: Pod
  checkField: [{ field: [a], nilValue: true }]
";

    #[test]
    fn every_place_is_changed_and_knows_its_line() {
        let file = SourceFile::new("r.yaml", FILE);
        let told: Vec<String> = mutants(&file, "R")
            .iter()
            .filter(|mutant| mutant.rule().is_some())
            .map(|m| format!("{} {} {}: {}", m.line(), m.change().as_str(), m.path(), m.text()))
            .collect();
        assert_eq!(
            told,
            [
                "3 dropped filterField[0]: metadata.deletionTimestamp nilValue dropped",
                "3 operator filterField[0].nilValue: nilValue becomes false",
                "8 dropped filterField[1]: status.phase equalValue dropped",
                "8 operator filterField[1].equalValue: equalValue becomes notEqualValue",
                "8 value filterField[1].equalValue[0]: Running taken out of equalValue",
                "8 value filterField[1].equalValue[1]: Pending taken out of equalValue",
                "10 dropped checkField[0]: the anyOf dropped",
                "11 dropped checkField[0].anyOf[0]: the alternative 2 conditions dropped",
                "11 dropped checkField[0].anyOf[0][0]: spec.nodeName notEqualValue dropped",
                "11 dropped checkField[0].anyOf[0][0].default: default:  dropped",
                "11 operator checkField[0].anyOf[0][0].notEqualValue: notEqualValue becomes equalValue",
                "12 dropped checkField[0].anyOf[0][1]: status.restarts greaterThan dropped",
                "12 operator checkField[0].anyOf[0][1].greaterThan: greaterThan becomes lessThan",
                "12 value checkField[0].anyOf[0][1].greaterThan: greaterThan 5 becomes 6",
                "12 value checkField[0].anyOf[0][1].greaterThan: greaterThan 5 becomes 4",
                "13 dropped checkField[0].anyOf[1]: the alternative status.size lessThan dropped",
                "13 operator checkField[0].anyOf[1].lessThan: lessThan becomes greaterThan",
                "13 value checkField[0].anyOf[1].lessThan: lessThan 2Gi becomes 4Gi",
                "14 dropped checkField[1]: status.conditions each dropped",
                "15 dropped checkField[1].match: match: all dropped",
                "17 dropped checkField[1].each[0]: type regexValue dropped",
                "17 operator checkField[1].each[0].regexValue: regexValue becomes notRegexValue",
                "18 dropped checkField[1].each[1]: at olderThan dropped",
                "18 operator checkField[1].each[1].olderThan: olderThan becomes newerThan",
                "18 duration checkField[1].each[1].olderThan: olderThan 1h becomes 2h",
                "18 duration checkField[1].each[1].olderThan: olderThan 1h becomes 30m",
                "19 duration duration: duration 5m becomes 10m",
                "19 duration duration: duration 5m becomes 2m30s",
            ]
        );
    }

    #[test]
    fn what_would_be_no_rule_is_no_mutant() {
        // Its one condition cannot go: a rule without any would always match.
        let file = SourceFile::new("r.yaml", FILE);
        let sound = mutants(&file, "S").into_iter().filter(|mutant| mutant.rule().is_some());
        let told: Vec<String> = sound.map(|mutant| mutant.text().to_owned()).collect();
        assert_eq!(told, ["nilValue becomes false"]);
    }
}
