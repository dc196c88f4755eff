use crate::condition::{Clause, Condition, Test};
use crate::json::Node;
use crate::operator::{Operator, Relation};
use crate::quantity::Quantity;
use crate::rule::{Rule, Subjects};
use crate::time::parse_timestamp;
use crate::value::{self, Trail, Value};
use std::collections::BTreeSet;

/// How many are told of one object.
const MISFITS_MAX: usize = 20;
/// How much of a value is quoted.
const QUOTED_CHARS: usize = 40;

impl Rule {
    /// Where an object holds something else than the rule looks for: a text where it goes into a list, a word where it
    /// compares numbers or times. Such a condition does not hold, as if nothing were there; an API server lets no such
    /// object in, but a file may have one. Each as `path: expected …, found …`; sorted. A rule about every kind expects
    /// nothing of any.
    ///
    /// For whoever looks at a file, and not part of an evaluation, which has no time for it.
    pub fn misfits(&self, object: &Node<'_>) -> Vec<String> {
        if matches!(self.subjects, Subjects::Every { .. }) {
            return Vec::new();
        }
        let mut misfits = Misfits { root: object, found: BTreeSet::new() };
        for clause in self.written_filter().iter().chain(&self.check) {
            misfits.clause(clause, Some(object), &Trail::Root);
        }
        for place in self.since.iter().flat_map(|since| &since.places) {
            misfits.way(
                Some(object),
                &place.field,
                &Trail::Root,
                place.select.is_some() || !place.each.is_empty(),
            );
            if place.select.is_none() && place.each.is_empty() {
                let path: Vec<String> = place.field.iter().chain(&place.sub_field).cloned().collect();
                misfits.leaves(&path, Some(object), &Trail::Root, A_TIME, &is_time);
            }
        }
        misfits.found.into_iter().take(MISFITS_MAX).collect()
    }
}

const A_NUMBER: &str = "a number";
const A_TIME: &str = "a timestamp such as 2026-03-02T10:00:00Z";

struct Misfits<'n> {
    root: &'n Node<'n>,
    found: BTreeSet<String>,
}

impl<'n> Misfits<'n> {
    fn clause(&mut self, clause: &Clause, element: Option<&'n Node<'n>>, trail: &Trail<'_>) {
        match clause {
            Clause::Condition(condition) => self.condition(condition, element, trail),
            Clause::AnyOf(lists) => {
                lists.iter().flatten().for_each(|clause| self.clause(clause, element, trail));
            }
        }
    }

    fn condition(&mut self, condition: &Condition, element: Option<&'n Node<'n>>, trail: &Trail<'_>) {
        let picks = condition.select.is_some() || matches!(condition.test, Test::Each(_));
        self.way(element, &condition.field, trail, picks);
        if !condition.sub_field.is_empty() {
            condition.elements(element, trail, &mut |element, trail| {
                self.way(element, &condition.sub_field, trail, false);
            });
        }
        match &condition.test {
            Test::Each(parts) => condition.elements(element, trail, &mut |element, trail| {
                for part in parts {
                    self.clause(part, element, trail);
                }
            }),
            Test::Operator(operator, default) => {
                let (expected, fits): (_, &dyn Fn(&str) -> bool) = match operator {
                    Operator::GreaterThan(_) | Operator::LessThan(_) => (A_NUMBER, &is_number),
                    Operator::OlderThan(_) | Operator::NewerThan(_) | Operator::ExpiresWithin(_) => {
                        (A_TIME, &is_time)
                    }
                    Operator::Field(Relation::Less | Relation::Greater, other, _) => {
                        self.leaves(other, Some(self.root), &Trail::Root, A_NUMBER, &is_either);
                        (A_NUMBER, &is_either)
                    }
                    _ => return,
                };
                condition.values(element, trail, &mut |value, trail| {
                    // What stands for a missing value is the rule's own word.
                    if value.text() != default.as_deref() {
                        self.value(value, trail, expected, fits);
                    }
                });
            }
        }
    }

    /// What a path goes through, and where it picks elements what it ends at: no scalar.
    fn way(&mut self, node: Option<&'n Node<'n>>, path: &[String], trail: &Trail<'_>, picks: bool) {
        let ends = if picks { path.len() } else { path.len().saturating_sub(1) };
        for end in 1..=ends {
            let expected = if end == path.len() { "a list" } else { "fields or a list" };
            value::places(node, &path[..end], trail, &mut |node, trail| {
                if let Some(Node::Scalar(scalar)) = node
                    && !scalar.text.is_empty()
                {
                    self.add(trail, expected, &scalar.text);
                }
            });
        }
    }

    fn leaves(
        &mut self,
        path: &[String],
        node: Option<&'n Node<'n>>,
        trail: &Trail<'_>,
        expected: &str,
        fits: &dyn Fn(&str) -> bool,
    ) {
        value::values(node, path, trail, &mut |value, trail| self.value(value, trail, expected, fits));
    }

    fn value(&mut self, value: Value<'_>, trail: &Trail<'_>, expected: &str, fits: &dyn Fn(&str) -> bool) {
        if let Some(text) = value.text().filter(|text| !text.is_empty() && !fits(text)) {
            self.add(trail, expected, text);
        }
    }

    fn add(&mut self, trail: &Trail<'_>, expected: &str, text: &str) {
        let quoted = crate::text::one_line(&crate::text::cut(text, QUOTED_CHARS));
        self.found.insert(format!("{trail}: expected {expected}, found \"{quoted}\""));
    }
}

fn is_number(text: &str) -> bool {
    Quantity::parse(text).is_some()
}

fn is_time(text: &str) -> bool {
    parse_timestamp(text).is_some()
}

fn is_either(text: &str) -> bool {
    is_number(text) || is_time(text)
}

#[cfg(test)]
mod tests {
    use crate::{SourceFile, json, load};

    #[test]
    fn what_stands_where_something_else_is_expected_is_told_with_its_place() {
        let rules = load(&[SourceFile::new(
            "a.yaml",
            "A:\n  resource: Pod\n  filterField:\n    - { field: [metadata, creationTimestamp], olderThan: 5m }\n\
             \x20   - { field: [status, ready], default: none, lessThanField: [spec, wanted] }\n  checkField:\n\
             \x20   - { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready], subField: [status], equalValue: [\"False\"] }\n\
             \x20   - { field: [status, containers], each: [{ subField: [restarts], greaterThan: 3 }] }\n\
             \x20   - anyOf: [[{ field: [status, node, name], nilValue: true }], [{ field: [status, node], nilValue: false }]]\n\
             \x20 since: [status, startTime]\nB:\n  resource: '*'\n  checkField: [{ field: [status, phase, is], nilValue: true }]\n",
        )]);
        assert_eq!(rules.diagnostics, []);
        let misfits = |rule: &str, object: &str| {
            rules.rules.get(rule).unwrap().misfits(&json::parse(object.as_bytes()).unwrap())
        };
        let sound = r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"wanted":3},"status":{"ready":"2",
            "conditions":[{"type":"Ready","status":"True"}],"containers":[{"restarts":1},{}],"node":{"name":"a"},"startTime":null}}"#;
        assert_eq!(misfits("A", sound), Vec::<String>::new());
        assert_eq!(misfits("A", "{}"), Vec::<String>::new());
        let wrong = r#"{"metadata":{"creationTimestamp":"yesterday"},"spec":{"wanted":"three"},"status":{"ready":"some",
            "conditions":"x","containers":[{"restarts":"many"}],"node":"a","startTime":7}}"#;
        assert_eq!(
            misfits("A", wrong),
            [
                "metadata.creationTimestamp: expected a timestamp such as 2026-03-02T10:00:00Z, found \"yesterday\"",
                "spec.wanted: expected a number, found \"three\"",
                "status.conditions: expected a list, found \"x\"",
                "status.containers[0].restarts: expected a number, found \"many\"",
                "status.node: expected fields or a list, found \"a\"",
                "status.ready: expected a number, found \"some\"",
                "status.startTime: expected a timestamp such as 2026-03-02T10:00:00Z, found \"7\"",
            ]
        );
        assert_eq!(misfits("A", r#"{"status":7}"#), ["status: expected fields or a list, found \"7\""]);
        assert_eq!(misfits("B", r#"{"status":{"phase":"Running"}}"#), Vec::<String>::new());
    }
}
