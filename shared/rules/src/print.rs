//! The canonical form of a rule: keys in the language's order, defaults left out, durations as `5m`.

mod written;
mod yaml;

use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::frequency::{CountBy, Frequency};
use crate::glob::Glob;
use crate::globs::Globs;
use crate::mode::Mode;
use crate::operator::{Operator, Relation};
use crate::periodic::Periodic;
use crate::reference::{NamespaceFrom, PartnerKind, Reference, ReferenceGroup, Want, Way};
use crate::rule::{Rule, Subjects};
use crate::since::{Since, SincePlace, Take};
use crate::time::print_duration;
use crate::value::Select;
use prodrome_model::stable_hash;
use serde_json::Value;
use std::fmt::Display;

pub(crate) use written::{tree_out, written_body};
pub(crate) use yaml::{Above, write_rule};

/// A value to print.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Out {
    /// A number or boolean, as it is.
    Word(String),
    /// A text, quoted where it could be read as something else.
    Text(String),
    List(Vec<Out>),
    Map(Vec<(String, Out)>),
}

/// The identity of what a rule says.
pub(crate) fn hash(rule: &Rule) -> String {
    stable_hash(&["rule", &rule.name, &yaml::compact(&rule_body(rule))])
}

/// One condition or `anyOf`, on one line: the same for those that are written alike.
pub(crate) fn clause_text(clause: &Clause) -> String {
    yaml::compact(&clauses(std::slice::from_ref(clause), "field"))
}

/// What says nothing of which objects match. Where a rule holds is none of what it looks for: in a cluster in which it
/// holds as before nothing begins anew.
const OTHER_THAN_MEANING: [&str; 13] = [
    "clusters",
    "period",
    "duration",
    "gapTolerance",
    "resolveAfter",
    "severity",
    "owner",
    "summary",
    "runbook",
    "flow",
    "labels",
    "enabled",
    "mode",
];

/// The identity of what a rule looks for.
pub(crate) fn meaning(rule: &Rule) -> String {
    let mut body = rule_body(rule);
    if let Out::Map(entries) = &mut body {
        entries.retain(|(key, _)| !OTHER_THAN_MEANING.contains(&key.as_str()));
    }
    stable_hash(&["meaning", &yaml::compact(&body)])
}

/// A rule's keys and values.
pub(crate) fn rule_body(rule: &Rule) -> Out {
    rule_body_with(rule, &[])
}

/// The same, and these keys also where they say what is so anyway.
pub(crate) fn rule_body_with(rule: &Rule, said: &[&str]) -> Out {
    let says = |key: &str| said.contains(&key);
    let mut map = Map::default();
    match &rule.subjects {
        Subjects::Kinds(names) => match names.as_slice() {
            [name] => map.add("resource", text(name)),
            names => map.add("resource", texts(names)),
        },
        Subjects::Every { except } => {
            map.add("resource", text("*"));
            map.add_some("notResource", (!except.is_empty()).then(|| texts(except)));
        }
    }
    for (key, said) in [("namespaces", &rule.namespaces.0), ("clusters", &rule.clusters.0)] {
        map.add_some(key, (!said.is_all() || says(key)).then(|| globs(said)));
    }
    let clauses_or_none = |list: &[Clause]| (!list.is_empty()).then(|| clauses(list, "field"));
    map.add_some("filterField", clauses_or_none(rule.written_filter()));
    map.add_some("checkField", clauses_or_none(&rule.check));
    match rule.references.as_slice() {
        [] => {}
        [group] => map.add("reference", reference_group(group)),
        groups => map.add("reference", Out::List(groups.iter().map(reference_group).collect())),
    }
    map.add_some("duration", (!rule.duration.is_zero() || says("duration")).then(|| duration(rule.duration)));
    map.add_some(
        "gapTolerance",
        (!rule.gap_tolerance.is_zero() || says("gapTolerance")).then(|| duration(rule.gap_tolerance)),
    );
    map.add_some("resolveAfter", rule.resolve_after.map(duration));
    match rule.since.as_slice() {
        [] => {}
        [one] => map.add("since", since(one)),
        several => map.add("since", Out::List(several.iter().map(since).collect())),
    }
    map.add_some("frequency", rule.frequency.as_ref().map(frequency));
    if let Some(periodic) = &rule.periodic {
        map.add("period", duration(periodic.every));
        map.add("plugin", plugin(periodic));
    }
    map.add_some(
        "severity",
        (rule.severity != Rule::SEVERITY_DEFAULT || says("severity")).then(|| text(rule.severity)),
    );
    map.add_some("owner", (rule.owner != Rule::OWNER_DEFAULT || says("owner")).then(|| text(rule.owner)));
    map.add_some("summary", rule.summary.as_ref().map(text));
    map.add_some("runbook", rule.runbook.as_ref().map(text));
    map.add_some("flow", rule.flow.as_ref().map(text));
    if !rule.labels.is_empty() || says("labels") {
        map.add("labels", Out::Map(rule.labels.iter().map(|(k, v)| (k.clone(), text(v))).collect()));
    }
    map.add_some("enabled", (!rule.enabled || says("enabled")).then(|| Out::Word(rule.enabled.to_string())));
    map.add_some("mode", (rule.mode != Mode::Live || says("mode")).then(|| text(rule.mode)));
    map.out()
}

fn globs(globs: &Globs) -> Out {
    let mut map = Map::default();
    for (key, list) in [("include", &globs.include), ("exclude", &globs.exclude)] {
        map.add_some(key, (!list.is_empty()).then(|| texts(list.iter().map(Glob::as_str))));
    }
    map.out()
}

/// `field_key` is what the path is called: `field`, or `subField` within `each`.
fn clauses(list: &[Clause], field_key: &'static str) -> Out {
    let items = list.iter().map(|clause| match clause {
        Clause::Condition(one) => condition(one, field_key),
        Clause::AnyOf(lists) => {
            let lists = lists.iter().map(|list| clauses(list, field_key)).collect();
            Out::Map(vec![("anyOf".to_owned(), Out::List(lists))])
        }
    });
    Out::List(items.collect())
}

fn condition(condition: &Condition, field_key: &'static str) -> Out {
    let mut map = Map::default();
    map.add_some(field_key, (!condition.field.is_empty()).then(|| texts(&condition.field)));
    map.add_select(condition.select.as_ref());
    map.add_some("subField", (!condition.sub_field.is_empty()).then(|| texts(&condition.sub_field)));
    if condition.quantifier == Quantifier::All {
        map.add("match", text("all"));
    }
    match &condition.test {
        Test::Each(parts) => map.add("each", clauses(parts, "subField")),
        Test::Operator(asked, default) => {
            map.add_some("default", default.as_ref().map(text));
            operator(asked, &mut map);
        }
    }
    map.out()
}

fn operator(operator: &Operator, map: &mut Map) {
    match operator {
        Operator::Equal(values) => map.add("equalValue", texts(values)),
        Operator::NotEqual(values) => map.add("notEqualValue", texts(values)),
        Operator::Nil(want) => map.add("nilValue", Out::Word(want.to_string())),
        Operator::Like(globs) => map.add("likeValue", one_or_more(globs.iter().map(Glob::as_str))),
        Operator::NotLike(globs) => map.add("notLikeValue", one_or_more(globs.iter().map(Glob::as_str))),
        Operator::Regex(patterns) => {
            map.add("regexValue", one_or_more(patterns.iter().map(|pattern| pattern.0.as_str())));
        }
        Operator::NotRegex(patterns) => {
            map.add("notRegexValue", one_or_more(patterns.iter().map(|pattern| pattern.0.as_str())));
        }
        Operator::GreaterThan(bound) => map.add("greaterThan", quantity(&bound.text)),
        Operator::LessThan(bound) => map.add("lessThan", quantity(&bound.text)),
        Operator::OlderThan(length) => map.add("olderThan", duration(*length)),
        Operator::NewerThan(length) => map.add("newerThan", duration(*length)),
        Operator::ExpiresWithin(length) => map.add("expiresWithin", duration(*length)),
        Operator::Field(relation, path, factor) => {
            let key = match relation {
                Relation::Equal => "equalField",
                Relation::NotEqual => "notEqualField",
                Relation::Less => "lessThanField",
                Relation::Greater => "greaterThanField",
            };
            map.add(key, texts(path));
            map.add_some("times", factor.map(|factor| Out::Word(factor.to_string())));
        }
    }
}

fn reference_group(group: &ReferenceGroup) -> Out {
    match group.any_of.as_slice() {
        [one] => reference(one),
        several => {
            let several = several.iter().map(reference).collect();
            Out::Map(vec![("anyOf".to_owned(), Out::List(several))])
        }
    }
}

fn reference(reference: &Reference) -> Out {
    let mut map = Map::default();
    match &reference.resource {
        PartnerKind::Fixed(name) => map.add("resource", text(name)),
        PartnerKind::FromField { field, only, default } => {
            let mut kind = Map::default();
            kind.add("field", texts(field));
            kind.add_some("kinds", (!only.is_empty()).then(|| texts(only)));
            kind.add_some("default", default.as_ref().map(text));
            map.add("resource", kind.out());
        }
    }
    map.add_some("direction", reference.incoming.then(|| text("incoming")));
    match &reference.way {
        Way::Named { paths, unless } => {
            match paths.as_slice() {
                [path] => map.add("name", texts(path)),
                paths => map.add("name", Out::List(paths.iter().map(texts).collect())),
            }
            match unless.as_slice() {
                [] => {}
                [Clause::Condition(one)] => map.add("unless", condition(one, "field")),
                several => map.add("unless", clauses(several, "field")),
            }
        }
        Way::Selected(path) => map.add("selector", texts(path)),
    }
    match &reference.namespace {
        None => {}
        Some(NamespaceFrom::Same) => map.add("namespace", text("same")),
        Some(NamespaceFrom::None) => map.add("namespace", text("none")),
        Some(NamespaceFrom::Field(path)) => map.add("namespace", texts(path)),
    }
    map.add_some("filterField", (!reference.filter.is_empty()).then(|| clauses(&reference.filter, "field")));
    map.add_some(
        "compareField",
        (!reference.compare.is_empty()).then(|| clauses(&reference.compare, "field")),
    );
    match &reference.want {
        Want::Missing => map.add("exists", Out::Word("false".to_owned())),
        Want::Check(list) => map.add("checkField", clauses(list, "field")),
        Want::Then(list, next) => {
            map.add_some("checkField", (!list.is_empty()).then(|| clauses(list, "field")));
            map.add("reference", self::reference(next));
        }
    }
    map.add_some("usual", reference.usual.then(|| Out::Word("true".to_owned())));
    map.out()
}

fn frequency(frequency: &Frequency) -> Out {
    let mut map = Map::default();
    map.add("count", Out::Word(frequency.count.to_string()));
    map.add("within", duration(frequency.within));
    match &frequency.by {
        CountBy::Object => {}
        CountBy::Owner | CountBy::Namespace => map.add("by", text(frequency.by_words())),
        CountBy::Value(path) => map.add("by", texts(path)),
    }
    map.add_some("distinct", frequency.distinct.as_ref().map(texts));
    map.out()
}

fn plugin(periodic: &Periodic) -> Out {
    if periodic.params.is_empty() {
        return text(&periodic.plugin);
    }
    let mut map = Map::default();
    map.add("name", text(&periodic.plugin));
    map.add(
        "params",
        Out::Map(periodic.params.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
    );
    map.out()
}

fn json(value: &Value) -> Out {
    match value {
        Value::String(value) => text(value),
        Value::Array(items) => Out::List(items.iter().map(json).collect()),
        Value::Object(entries) => {
            Out::Map(entries.iter().map(|(key, value)| (key.clone(), json(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Out::Word(value.to_string()),
    }
}

fn since(since: &Since) -> Out {
    let latest = since.take == Take::Latest;
    match since.places.as_slice() {
        [one] => since_place(one, latest),
        several => {
            let key = if latest { "latest" } else { "earliest" };
            Out::Map(vec![(
                key.to_owned(),
                Out::List(several.iter().map(|p| since_place(p, false)).collect()),
            )])
        }
    }
}

fn since_place(since: &SincePlace, latest: bool) -> Out {
    if !latest && since.select.is_none() && since.each.is_empty() && since.sub_field.is_empty() {
        return texts(&since.field);
    }
    let mut map = Map::default();
    map.add("field", texts(&since.field));
    map.add_select(since.select.as_ref());
    map.add_some("each", (!since.each.is_empty()).then(|| clauses(&since.each, "subField")));
    map.add_some("subField", (!since.sub_field.is_empty()).then(|| texts(&since.sub_field)));
    map.add_some("take", latest.then(|| text("latest")));
    map.out()
}

fn duration(duration: jiff::SignedDuration) -> Out {
    // Digits and units: YAML reads it as a text without quotes too.
    Out::Word(print_duration(duration))
}

/// Without quotes where YAML reads it as the number or the text that it is.
fn quantity(written: &str) -> Out {
    let digits = written.strip_prefix('-').unwrap_or(written);
    let digits = ["Ki", "Mi", "Gi", "Ti", "Pi", "m", "k", "M", "G", "T", "P"]
        .iter()
        .find_map(|suffix| digits.strip_suffix(suffix))
        .unwrap_or(digits);
    let is_plain = digits.len() < 16
        && digits.split('.').count() <= 2
        && digits.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        && (digits == "0" || digits.starts_with("0.") || !digits.starts_with('0'));
    if is_plain { Out::Word(written.to_owned()) } else { text(written) }
}

fn text(text: impl Display) -> Out {
    Out::Text(text.to_string())
}

fn texts(list: impl IntoIterator<Item = impl Display>) -> Out {
    Out::List(list.into_iter().map(text).collect())
}

fn one_or_more<'t>(list: impl Iterator<Item = &'t str>) -> Out {
    let mut list: Vec<Out> = list.map(text).collect();
    if list.len() == 1 { list.remove(0) } else { Out::List(list) }
}

#[derive(Default)]
struct Map(Vec<(String, Out)>);

impl Map {
    fn add(&mut self, key: &str, out: Out) {
        self.0.push((key.to_owned(), out));
    }

    fn add_some(&mut self, key: &str, out: Option<Out>) {
        if let Some(out) = out {
            self.add(key, out);
        }
    }

    fn add_select(&mut self, select: Option<&Select>) {
        if let Some(select) = select {
            self.add("subIdentifierName", text(&select.name));
            self.add("subIdentifierValue", texts(&select.values));
        }
    }

    fn out(self) -> Out {
        Out::Map(self.0)
    }
}
