//! The compiled program against the evaluation of the tree: whatever the rules and the object, the same.

mod bounds;
mod differential;
mod recorded;

use jiff::Timestamp;
use prodrome_model::GroupKind;
use prodrome_rules::engine::{Level, Program, Scratch, Subject};
use prodrome_rules::json::{self, JsonFault};
use prodrome_rules::{Evaluation, RuleSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The verdicts of all rules on one object, by the tree.
fn by_tree(
    rules: &RuleSet,
    kind: &GroupKind,
    json: &[u8],
    now: Timestamp,
) -> Result<BTreeMap<String, (bool, Option<Timestamp>)>, json::JsonError> {
    let tree = json::parse(json)?;
    let mut verdicts = BTreeMap::new();
    let mut note = |name: String, evaluation: Evaluation| {
        if evaluation.matches || evaluation.turns_at.is_some() {
            verdicts.insert(name, (evaluation.matches, evaluation.turns_at));
        }
    };
    for rule in rules.for_kind(kind) {
        note(rule.name().to_owned(), rule.evaluate(&tree, now));
    }
    for (rule, reference) in rules.referring_to(kind).filter(|(_, reference)| reference.wakes()) {
        let place = rule.references().position(|r| std::ptr::eq(r, reference)).unwrap();
        note(format!("{} of {}", place, rule.name()), reference.partner(&tree, now));
    }
    Ok(verdicts)
}

/// The same by the program.
fn by_program(
    program: &Program,
    scratch: &mut Scratch,
    json: &[u8],
    now: Timestamp,
) -> Result<BTreeMap<String, (bool, Option<Timestamp>)>, json::JsonError> {
    let verdicts = program.run(json, now, scratch)?;
    let named = verdicts.iter().map(|(subject, verdict)| {
        for place in verdicts.places(verdict) {
            assert!(json.get(place).is_some());
        }
        let name = match subject {
            Subject::Rule(rule) => rule.name().to_owned(),
            Subject::Partner(rule, reference) => {
                let place = rule.references().position(|r| std::ptr::eq(r, reference)).unwrap();
                format!("{} of {}", place, rule.name())
            }
        };
        (name, (verdict.matches, verdict.turns_at))
    });
    Ok(named.collect())
}

/// Says what differs, if anything does.
fn difference(
    rules: &RuleSet,
    program: &Program,
    scratch: &mut Scratch,
    kind: &GroupKind,
    json: &[u8],
    now: Timestamp,
) -> Option<String> {
    let tree = by_tree(rules, kind, json, now);
    let ours = by_program(program, scratch, json, now);
    let agree = match (&tree, &ours) {
        (Ok(tree), Ok(ours)) => tree == ours,
        (Ok(_), Err(_)) => false,
        // What is skipped is not read: it may be judged though a character in it is wrong.
        (Err(error), Ok(_)) => !matches!(
            error.fault,
            JsonFault::CutShort | JsonFault::NotUtf8 | JsonFault::TooDeep | JsonFault::Trailing
        ),
        (Err(_), Err(_)) => true,
    };
    (!agree).then(|| format!("tree {tree:?}\nours {ours:?}\nof {}", String::from_utf8_lossy(json)))
}

fn program(rules: &Arc<RuleSet>, kind: &GroupKind, level: Level) -> Program {
    Program::new(rules, kind).with_level(level)
}
