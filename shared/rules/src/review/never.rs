//! Conditions that cannot hold together. Careful: where a path may lead through a list, two conditions may hold of
//! two elements, so that only places with one value are looked at.

use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::explain::condition_in_words;
use crate::glob::Glob;
use crate::operator::{Operator, Relation};
use crate::quantity::Quantity;
use crate::rule::Rule;
use crate::value::{Select, Value};
use jiff::Timestamp;
use std::collections::HashMap;

/// Where a rule leaves no namespace, which is as idle as one that never matches.
pub(super) const NAMESPACES: &str = "namespaces";
/// The same of clusters.
pub(super) const CLUSTERS: &str = "clusters";

/// What can never hold.
pub(super) struct Never {
    /// Empty for the conditions of the rule as a whole.
    pub(super) path: &'static str,
    /// In words.
    pub(super) found: String,
}

/// What of a rule can never hold: all of it, or alternatives.
pub(super) fn of_rule(rule: &Rule) -> Vec<Never> {
    let mut found = Vec::new();
    let all: Vec<&Clause> = rule.filter.iter().chain(&rule.check).collect();
    for (path, is_none) in
        [(NAMESPACES, rule.namespaces.0.is_none(Glob::is_within)), (CLUSTERS, rule.clusters.is_none())]
    {
        if is_none {
            let found = format!("{path} of which each that is included is excluded again");
            return vec![Never { path, found }];
        }
    }
    let mut whole = conjunction(&all, &[], "checkField", &mut found);
    for reference in rule.references() {
        let there: Vec<&Clause> = reference.filter.iter().chain(reference.wanted()).collect();
        let words = conjunction(&there, &[], "reference", &mut found);
        if reference.wants_missing() {
            // Where none can be found, it is always missing: the contrary mistake, and as idle.
            found.extend(words.map(|found| Never { path: "reference", found }));
        } else if rule.reference_groups().iter().all(|group| group.references().len() == 1) {
            whole = whole.or(words);
        }
    }
    match whole {
        Some(words) => vec![Never { path: "", found: words }],
        None => found,
    }
}

/// Why these cannot all hold, beside others that hold as well. Alternatives that cannot are told by the way.
fn conjunction(
    clauses: &[&Clause],
    beside: &[&Condition],
    path: &'static str,
    dead: &mut Vec<Never>,
) -> Option<String> {
    let mut conditions = beside.to_vec();
    let mut lists = Vec::new();
    for clause in clauses {
        match clause {
            Clause::Condition(condition) => conditions.push(condition),
            Clause::AnyOf(any_of) => lists.push(any_of),
        }
    }
    if let Some(words) = contradiction(&conditions) {
        return Some(words);
    }
    for condition in &conditions[beside.len()..] {
        if let Test::Each(parts) = &condition.test {
            let parts: Vec<&Clause> = parts.iter().collect();
            if let Some(words) = conjunction(&parts, &[], path, dead) {
                return Some(format!("of each element, {words}"));
            }
        }
    }
    for any_of in lists {
        let whys: Vec<Option<String>> = any_of
            .iter()
            .map(|list| conjunction(&list.iter().collect::<Vec<_>>(), &conditions, path, dead))
            .collect();
        if let Some(first) = whys.iter().flatten().next() {
            if whys.iter().all(Option::is_some) {
                return Some(first.clone());
            }
            dead.extend(whys.into_iter().flatten().map(|found| Never { path, found }));
        }
    }
    None
}

/// Of the conditions on one value, some that exclude each other.
fn contradiction(conditions: &[&Condition]) -> Option<String> {
    let mut places: HashMap<_, Vec<&Condition>> = HashMap::new();
    let mut order = Vec::new();
    for condition in conditions {
        if matches!(condition.test, Test::Operator(..)) && is_single(condition) {
            let select = condition.select.as_ref().map(|select| (&select.name, &select.values));
            let key = (&condition.field, select, &condition.sub_field);
            let of_place = places.entry(key).or_default();
            if of_place.is_empty() {
                order.push(key);
            }
            of_place.push(condition);
        }
    }
    order.iter().find_map(|key| {
        let of_place = &places[key];
        let words =
            |of: &[&Condition]| of.iter().map(|c| condition_in_words(c)).collect::<Vec<_>>().join(", and ");
        if !exclude(of_place) {
            return None;
        }
        // Two say it more clearly than all, if two are enough.
        let pairs = of_place
            .iter()
            .enumerate()
            .flat_map(|(at, one)| of_place[at + 1..].iter().map(move |other| [*one, *other]));
        let alone = of_place.iter().find(|one| exclude(&[**one]));
        Some(match alone {
            Some(one) => words(&[*one]),
            None => pairs
                .into_iter()
                .find(|pair| exclude(pair))
                .map_or_else(|| words(of_place), |pair| words(&pair)),
        })
    })
}

/// Whether no value satisfies all of them.
fn exclude(conditions: &[&Condition]) -> bool {
    if satisfies_all(Value::Missing, conditions) {
        return false;
    }
    let tests = || conditions.iter().filter_map(|condition| operator(condition));
    for operator in tests() {
        match operator {
            Operator::Equal(texts) => {
                return !texts.iter().any(|text| satisfies_all(Value::Text(text), conditions));
            }
            Operator::Nil(true) => return !satisfies_all(Value::Text(""), conditions),
            _ => {}
        }
    }
    let more: Option<Quantity> = tests().filter_map(|o| bound(o, true)).max();
    let less: Option<Quantity> = tests().filter_map(|o| bound(o, false)).min();
    if more.zip(less).is_some_and(|(more, less)| more >= less) {
        return true;
    }
    let older = tests().filter_map(|o| if let Operator::OlderThan(d) = o { Some(*d) } else { None }).max();
    let newer = tests().filter_map(|o| if let Operator::NewerThan(d) = o { Some(*d) } else { None }).min();
    if older.zip(newer).is_some_and(|(older, newer)| older >= newer) {
        return true;
    }
    if excluded_by_patterns(conditions) {
        return true;
    }
    let relations: Vec<_> = tests()
        .filter_map(|o| match o {
            Operator::Field(relation, path, factor) if path.iter().all(|key| !may_be_list(key)) => {
                Some((*relation, path, *factor))
            }
            _ => None,
        })
        .collect();
    relations.iter().enumerate().any(|(at, one)| {
        relations[at + 1..].iter().any(|other| {
            let together = matches!(
                (one.0, other.0),
                (Relation::NotEqual, Relation::Less | Relation::Greater)
                    | (Relation::Less | Relation::Greater, Relation::NotEqual)
            );
            one.1 == other.1 && one.2 == other.2 && one.0 != other.0 && !together
        })
    })
}

/// Whether no text is both like what it has to be like, and not like what it must not be like.
fn excluded_by_patterns(conditions: &[&Condition]) -> bool {
    let tests = || conditions.iter().filter_map(|condition| operator(condition));
    let likes: Vec<_> =
        tests().filter_map(|o| if let Operator::Like(globs) = o { Some(globs) } else { None }).collect();
    let nots = || tests().filter_map(|o| if let Operator::NotLike(globs) = o { Some(globs) } else { None });
    let gone = |glob: &Glob| nots().flatten().any(|not| glob.is_within(not));
    let apart = |globs: &[Glob], others: &[Glob]| {
        globs.iter().all(|glob| others.iter().all(|other| glob.excludes(other)))
    };
    let not_regexes =
        || tests().filter_map(|o| if let Operator::NotRegex(patterns) = o { Some(patterns) } else { None });
    likes.iter().any(|globs| globs.iter().all(gone))
        || likes.iter().enumerate().any(|(at, globs)| likes[at + 1..].iter().any(|other| apart(globs, other)))
        || tests().any(|o| match o {
            Operator::Regex(patterns) => {
                patterns.iter().all(|pattern| not_regexes().any(|not| not.contains(pattern)))
            }
            _ => false,
        })
}

fn operator(condition: &Condition) -> Option<&Operator> {
    match &condition.test {
        Test::Operator(operator, _) => Some(operator),
        Test::Each(_) => None,
    }
}

fn bound(operator: &Operator, lower: bool) -> Option<Quantity> {
    match operator {
        Operator::GreaterThan(bound) if lower => Some(bound.quantity),
        Operator::LessThan(bound) if !lower => Some(bound.quantity),
        _ => None,
    }
}

/// Whether a value may satisfy them all: what depends on the time or on another field may.
fn satisfies_all(value: Value<'_>, conditions: &[&Condition]) -> bool {
    conditions.iter().all(|condition| {
        let Test::Operator(operator, default) = &condition.test else { return true };
        let value = match (value, default) {
            (Value::Missing, Some(text)) => Value::Text(text),
            _ => value,
        };
        if value == Value::Missing && condition.quantifier == Quantifier::All {
            return matches!(operator, Operator::Nil(true));
        }
        match operator {
            Operator::Field(..) => value != Value::Missing,
            _ if operator.is_timed() => {
                value.text().is_some_and(|text| crate::time::parse_timestamp(text).is_some())
            }
            _ => operator.holds(value, &|_| Vec::new(), Timestamp::UNIX_EPOCH),
        }
    })
}

/// Whether a condition looks at one value, and at no list's elements.
fn is_single(condition: &Condition) -> bool {
    let single =
        |path: &[String]| path.iter().enumerate().all(|(at, key)| is_in_map(path, at) || !may_be_list(key));
    match (&condition.select, condition.field.split_last()) {
        // Of the conditions of a type, say, there is one.
        (Some(Select { values, .. }), Some((_, before))) => {
            values.len() == 1 && single(before) && single(&condition.sub_field)
        }
        (None, _) => {
            single(&condition.field) && (condition.sub_field.is_empty() || !ends_in_list(&condition.field))
        }
        (Some(_), None) => false,
    }
}

fn ends_in_list(path: &[String]) -> bool {
    path.last().is_some_and(|key| may_be_list(key))
}

/// Whether the key at this place is one that a user chose: of labels, annotations and the like.
fn is_in_map(path: &[String], at: usize) -> bool {
    at > 0 && MAPS.contains(&&*path[at - 1])
}

/// Maps from what users choose to texts.
const MAPS: [&str; 7] =
    ["labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "hard"];
/// Named in the plural, or as if, and no list.
const NO_LISTS: [&str; 17] = [
    "status",
    "labels",
    "annotations",
    "matchLabels",
    "limits",
    "requests",
    "replicas",
    "progress",
    "class",
    "address",
    "options",
    "parameters",
    "resources",
    "success",
    "restarts",
    "health",
    "os",
];
/// Named in the singular, and a list.
const LISTS: [&str; 14] = [
    "ingress", "egress", "env", "envFrom", "command", "from", "to", "http", "tcp", "tls", "grpc", "match",
    "route", "data",
];

/// By Kubernetes' conventions a list is named in the plural.
fn may_be_list(key: &str) -> bool {
    if LISTS.contains(&key) {
        return true;
    }
    key.ends_with('s')
        && !NO_LISTS.contains(&key)
        && !key.ends_with("Replicas")
        && !key.ends_with("ss")
        && !key.ends_with("Status")
}

#[cfg(test)]
mod tests {
    use crate::{Code, SourceFile, review};

    /// What is said of a rule with these conditions.
    fn said(conditions: &str) -> Vec<String> {
        let text = format!("R:\n  resource: Pod\n  checkField:\n{conditions}");
        let reviewed = review(&[SourceFile::new("r.yaml", text)], None);
        assert!(reviewed.is_sound(), "{:?}", reviewed.diagnostics);
        let never = reviewed.diagnostics.iter().filter(|d| d.code == Code::NeverTrue);
        never.map(|d| format!("{}{}", if d.path.is_empty() { "" } else { "in part: " }, d.found)).collect()
    }

    #[test]
    fn conditions_that_exclude_each_other_are_told() {
        for (conditions, want) in [
            ("[status, phase], equalValue: [A, B]} / [status, phase], equalValue: [C]}", true),
            ("[status, phase], equalValue: [A, B]} / [status, phase], equalValue: [B, C]}", false),
            ("[status, phase], equalValue: [A]} / [status, phase], notEqualValue: [A, B]}", true),
            ("[status, phase], equalValue: [A]} / [status, phase], likeValue: B*}", true),
            ("[status, phase], regexValue: x} / [status, phase], equalValue: [fox]}", false),
            (
                "[metadata, deletionTimestamp], nilValue: true} / [metadata, deletionTimestamp], olderThan: 5m}",
                true,
            ),
            (
                "[metadata, deletionTimestamp], nilValue: true} / [metadata, deletionTimestamp], nilValue: false}",
                true,
            ),
            ("[status, phase], nilValue: true} / [status, phase], default: A, equalValue: [A]}", false),
            ("[status, phase], nilValue: true} / [status, phase], equalValue: [A]}", true),
            ("[status, phase], likeValue: a*} / [status, phase], notLikeValue: a*}", true),
            ("[status, phase], likeValue: [ab*, ac*]} / [status, phase], notLikeValue: a*}", true),
            ("[status, phase], likeValue: a*} / [status, phase], notLikeValue: ab*}", false),
            ("[status, phase], likeValue: a*} / [status, phase], likeValue: b*}", true),
            ("[status, phase], likeValue: [a*, '*b']} / [status, phase], likeValue: [b*, '*a']}", false),
            ("[status, phase], likeValue: a*} / [status, phase], likeValue: '*a'}", false),
            ("[status, phases], likeValue: a*} / [status, phases], likeValue: b*}", false),
            ("[status, phase], regexValue: '^a'} / [status, phase], notRegexValue: ['^a', b]}", true),
            ("[status, phase], regexValue: ['^a', c]} / [status, phase], notRegexValue: ['^a', b]}", false),
            ("[spec, replicas], greaterThan: 5} / [spec, replicas], lessThan: 3}", true),
            ("[spec, replicas], greaterThan: 5} / [spec, replicas], lessThan: 5}", true),
            ("[spec, replicas], greaterThan: 1} / [spec, replicas], lessThan: 5}", false),
            (
                "[spec, replicas], default: 9, greaterThan: 5} / [spec, replicas], default: 0, lessThan: 3}",
                false,
            ),
            ("[status, at], olderThan: 10m} / [status, at], newerThan: 5m}", true),
            ("[status, at], olderThan: 5m} / [status, at], newerThan: 10m}", false),
            ("[status, a], lessThanField: [spec, a]} / [status, a], greaterThanField: [spec, a]}", true),
            ("[status, a], lessThanField: [spec, a]} / [status, a], notEqualField: [spec, a]}", false),
            ("[metadata, labels, apps], equalValue: [a]} / [metadata, labels, apps], equalValue: [b]}", true),
            // Of several elements one may be this and another that.
            ("[status, phases], equalValue: [A]} / [status, phases], equalValue: [B]}", false),
            ("[spec, ingress, host], equalValue: [A]} / [spec, ingress, host], equalValue: [B]}", false),
            (
                "[c], subIdentifierName: type, subIdentifierValue: [R], subField: [status], equalValue: [A]} / [c], subIdentifierName: type, subIdentifierValue: [R], subField: [status], equalValue: [B]}",
                true,
            ),
            (
                "[c], subIdentifierName: type, subIdentifierValue: [R, S], subField: [status], equalValue: [A]} / [c], subIdentifierName: type, subIdentifierValue: [R, S], subField: [status], equalValue: [B]}",
                false,
            ),
            (
                "[c], each: [{subField: [t], equalValue: [A]}, {subField: [t], equalValue: [B]}]} / [x], nilValue: true}",
                true,
            ),
            (
                "[c], each: [{subField: [t], equalValue: [A]}, {subField: [u], equalValue: [B]}]} / [x], nilValue: true}",
                false,
            ),
        ] {
            let conditions = format!(
                "    - {{field: {}
",
                conditions.replace(
                    " / ",
                    "
    - {field: "
                )
            );
            assert_eq!(!said(&conditions).is_empty(), want, "{conditions}{:?}", said(&conditions));
        }
    }

    #[test]
    fn it_says_which_conditions_they_are_and_which_alternative() {
        assert_eq!(
            said(
                "    - {field: [x], nilValue: true}\n    - {field: [status, phase], equalValue: [A]}\n    - {field: [status, phase], equalValue: [B]}\n"
            ),
            ["status.phase is \"A\", and status.phase is \"B\""]
        );
        let some = "    - {field: [p], equalValue: [A]}\n    - anyOf:\n        - {field: [p], equalValue: [B]}\n        - {field: [q], nilValue: true}\n";
        assert_eq!(said(some), ["in part: p is \"A\", and p is \"B\""]);
        let all = "    - {field: [p], equalValue: [A]}\n    - anyOf:\n        - {field: [p], equalValue: [B]}\n        - {field: [p], nilValue: true}\n";
        assert_eq!(said(all), ["p is \"A\", and p is \"B\""]);
    }

    #[test]
    fn clusters_that_are_all_taken_out_are_told() {
        for (clusters, want) in [
            ("{include: [prod-1], exclude: ['prod-*']}", true),
            ("{include: ['*/eu/*'], exclude: ['*/*']}", true),
            ("{include: [prod-1, test], exclude: ['prod-*']}", false),
            // A name and a whole are not compared.
            ("{include: [prod-1], exclude: ['*/eu/*']}", false),
            ("{exclude: [prod-1]}", false),
        ] {
            let conditions = format!("    - {{field: [x], nilValue: true}}\n  clusters: {clusters}\n");
            let want: &[&str] = if want {
                &["in part: clusters of which each that is included is excluded again"]
            } else {
                &[]
            };
            assert_eq!(said(&conditions), want, "{clusters}");
        }
    }

    #[test]
    fn namespaces_that_are_all_taken_out_are_told() {
        for (namespaces, want) in [
            ("{include: [a], exclude: ['*']}", true),
            ("{include: ['a-*'], exclude: ['a-*']}", true),
            ("{include: [a, b], exclude: [a]}", false),
            ("{exclude: [a]}", false),
        ] {
            let conditions = format!("    - {{field: [x], nilValue: true}}\n  namespaces: {namespaces}\n");
            assert_eq!(!said(&conditions).is_empty(), want, "{namespaces}");
        }
        let text = "R: { resource: Pod, namespaces: { include: [a], exclude: ['*'] }, checkField: [{ field: [x], nilValue: true }] }";
        let reviewed = review(&[SourceFile::new("r.yaml", text)], None);
        let told: Vec<String> = reviewed.diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "r.yaml:1:1 R.namespaces: warning: expected a namespace that is left, found namespaces of which each that is included is excluded again; exclude less than is included, or leave `exclude` out"
            ]
        );
    }
}
