//! The parts of a rule in words.

use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::frequency::{CountBy, Frequency};
use crate::glob::Glob;
use crate::globs::Globs;
use crate::kind::KindName;
use crate::operator::{Operator, Pattern, Relation};
use crate::periodic::Periodic;
use crate::reference::{NamespaceFrom, PartnerKind, Reference, Want, Way};
use crate::rule::{Rule, Subjects};
use crate::since::{Since, Take};
use crate::time::print_duration;
use crate::value::{Select, print_path};
use serde_json::Value;

pub(super) fn subjects(subjects: &Subjects) -> String {
    match subjects {
        Subjects::Kinds(names) => list(names, " or "),
        Subjects::Every { except } if except.is_empty() => "objects of any kind".to_owned(),
        Subjects::Every { except } => format!("objects of any kind but {}", list(except, " and ")),
    }
}

pub(super) fn namespaces(rule: &Rule) -> String {
    places(&rule.namespaces.0, "namespace")
}

pub(super) fn clusters(rule: &Rule) -> String {
    format!("it holds {}", places(&rule.clusters.0, "cluster"))
}

fn places(places: &Globs, what: &str) -> String {
    let globs = |globs: &[Glob]| list(&globs.iter().map(Glob::as_str).collect::<Vec<_>>(), " and ");
    match (places.include.as_slice(), places.exclude.as_slice()) {
        ([], exclude) => format!("in every {what} but {}", globs(exclude)),
        (include, []) => format!("in the {what}s {}", globs(include)),
        (include, exclude) => format!("in the {what}s {}, but not in {}", globs(include), globs(exclude)),
    }
}

pub(super) fn timing(rule: &Rule) -> String {
    let mut text = if rule.duration.is_zero() {
        "it fires at once".to_owned()
    } else {
        format!("it fires when all of this has held for {}", print_duration(rule.duration))
    };
    if !rule.is_about_events() && !rule.duration.is_zero() && !rule.gap_tolerance.is_zero() {
        text = format!("{text}, breaks shorter than {} aside", print_duration(rule.gap_tolerance));
    }
    format!("{text}; it resolves when it has not held for {}", print_duration(rule.resolve_after()))
}

pub(super) fn periodic_words(periodic: &Periodic) -> String {
    let (plugin, every) = (periodic.plugin(), print_duration(periodic.every()));
    let asked = format!("the plugin {plugin} finds a cause; it is asked about each object every {every}");
    match periodic.params() {
        params if params.is_empty() => asked,
        params => format!("{asked}, with {}", Value::Object(params.clone())),
    }
}

pub(super) fn frequency_words(frequency: &Frequency) -> String {
    let whose = match &frequency.by {
        CountBy::Object => "of one object".to_owned(),
        CountBy::Owner => "of objects with the same topmost owner".to_owned(),
        CountBy::Namespace => "in one namespace".to_owned(),
        CountBy::Value(path) => format!("of objects with the same {}", print_path(path)),
    };
    let (count, within) = (frequency.count, print_duration(frequency.within));
    match &frequency.distinct {
        None => format!("the match has to begin {count} times within {within}, {whose}"),
        Some(path) => {
            format!(
                "matches have to begin with {count} different {} within {within}, {whose}",
                print_path(path)
            )
        }
    }
}

pub(super) fn since_words(since: &Since) -> String {
    let places = since.places.iter().map(|p| place_words(&p.field, p.select.as_ref(), &p.sub_field));
    let places = list(&places.collect::<Vec<_>>(), " and ");
    match since.take {
        Take::Earliest if since.places.len() == 1 => {
            format!("the match began at {places}, where that is earlier")
        }
        Take::Earliest => format!("the match began at the earliest of {places}, where that is earlier"),
        Take::Latest => format!("the match began at the latest of {places}, where that is earlier"),
    }
}

pub(super) fn condition_words(condition: &Condition) -> String {
    let place = place_words(&condition.field, condition.select.as_ref(), &condition.sub_field);
    let place = match condition.quantifier {
        Quantifier::Any => place,
        Quantifier::All => format!("every {place}"),
    };
    match &condition.test {
        Test::Operator(operator, default) => {
            let default = default
                .as_ref()
                .map_or(String::new(), |text| format!(" (where it is missing, {} counts)", quote(text)));
            format!("{place} {}{default}", operator_words(operator))
        }
        Test::Each(_) if condition.quantifier == Quantifier::All => format!("{place}, each with all of"),
        Test::Each(_) => format!("some {place} with all of"),
    }
}

/// `status.conditions[type=Ready].status`.
pub(super) fn place_words(field: &[String], select: Option<&Select>, sub_field: &[String]) -> String {
    let mut text = print_path(field);
    if let Some(select) = select {
        text = format!("{text}[{}={}]", select.name, select.values.join("|"));
    }
    if !sub_field.is_empty() {
        let sub = print_path(sub_field);
        text.push_str(if text.is_empty() || sub.starts_with('[') { "" } else { "." });
        text.push_str(&sub);
    }
    if text.is_empty() { "the element itself".to_owned() } else { text }
}

fn any_glob(globs: &[Glob]) -> String {
    list(&globs.iter().map(|glob| quote(glob.as_str())).collect::<Vec<_>>(), " or ")
}

fn any_pattern(patterns: &[Pattern]) -> String {
    list(&patterns.iter().map(|pattern| format!("/{}/", pattern.0.as_str())).collect::<Vec<_>>(), " or ")
}

fn operator_words(operator: &Operator) -> String {
    let quoted = |texts: &[String]| list(&texts.iter().map(|text| quote(text)).collect::<Vec<_>>(), " or ");
    match operator {
        Operator::Equal(texts) => format!("is {}", quoted(texts)),
        Operator::NotEqual(texts) => format!("is there, and is not {}", quoted(texts)),
        Operator::Nil(true) => "is absent or empty".to_owned(),
        Operator::Nil(false) => "is there, and not empty".to_owned(),
        Operator::Like(globs) => format!("is like {}", any_glob(globs)),
        Operator::NotLike(globs) => format!("is there, and is not like {}", any_glob(globs)),
        Operator::Regex(patterns) => format!("has {} in it", any_pattern(patterns)),
        Operator::NotRegex(patterns) => format!("is there, and has not {} in it", any_pattern(patterns)),
        Operator::GreaterThan(bound) => format!("is greater than {}", bound.text),
        Operator::LessThan(bound) => format!("is less than {}", bound.text),
        Operator::OlderThan(length) => format!("is {} ago or longer", print_duration(*length)),
        Operator::NewerThan(length) => format!("is less than {} ago", print_duration(*length)),
        Operator::ExpiresWithin(length) => {
            format!("is no more than {} ahead, or past", print_duration(*length))
        }
        Operator::Field(relation, path, factor) => {
            let relation = match relation {
                Relation::Equal => "is the same as",
                Relation::NotEqual => "is there, and not the same as",
                Relation::Less => "is less than",
                Relation::Greater => "is greater than",
            };
            let times = factor.map_or(String::new(), |factor| format!("{factor} × "));
            format!("{relation} {times}{}", print_path(path))
        }
    }
}

pub(super) fn reference_words(reference: &Reference) -> String {
    let kind = match &reference.resource {
        PartnerKind::Fixed(name) => name.kind.clone(),
        PartnerKind::FromField { field, only, .. } if only.is_empty() => {
            format!("object (of the kind in {})", print_path(field))
        }
        PartnerKind::FromField { field, only, .. } => {
            let only: Vec<&str> = only.iter().map(|name: &KindName| name.kind.as_str()).collect();
            format!("{} (as {} says)", list(&only, " or "), print_path(field))
        }
    };
    let kind = crate::text::with_article(&kind);
    let mut text = match &reference.way {
        Way::Named { paths, unless } => {
            let paths: Vec<_> = paths.iter().map(|path| print_path(path)).collect();
            let paths = list(&paths, " or ");
            let mut text = if reference.incoming {
                format!("{kind} that names this object in {paths}")
            } else {
                format!("{kind} that {paths} names")
            };
            if !unless.is_empty() {
                let unless: Vec<_> = unless.iter().map(clause_words).collect();
                text = format!("{text} (unless beside it {})", list(&unless, " and "));
            }
            text
        }
        Way::Selected(path) if reference.incoming => {
            format!("{kind} that selects this object by {}", print_path(path))
        }
        Way::Selected(path) => format!("{kind} that {} selects", print_path(path)),
    };
    match &reference.namespace {
        Some(NamespaceFrom::Field(path)) => {
            text = format!("{text}, in the namespace in {}", print_path(path));
        }
        Some(NamespaceFrom::None) => text.push_str(", in no namespace"),
        Some(NamespaceFrom::Same) | None => {}
    }
    if !reference.filter.is_empty() {
        let filter: Vec<_> = reference.filter.iter().map(clause_words).collect();
        text = format!("{text} (of those where {})", list(&filter, " and "));
    }
    if !reference.compare.is_empty() {
        let compare: Vec<_> = reference.compare.iter().map(clause_words).collect();
        text = format!("{text} (of those where, compared with this object, {})", list(&compare, " and "));
    }
    match (&reference.want, &reference.way) {
        (Want::Missing, _) if reference.incoming => text.push_str(" does not exist"),
        (Want::Missing, Way::Named { .. }) => text.push_str(" does not exist"),
        (Want::Missing, Way::Selected(_)) => text.push_str(" does not exist: it selects nothing"),
        (Want::Check(_) | Want::Then(..), _) => text.push_str(" has"),
    }
    text
}

/// A condition with what is asked of its elements.
pub(super) fn question_words(condition: &Condition) -> String {
    let place = place_words(&condition.field, condition.select.as_ref(), &condition.sub_field);
    let Test::Each(parts) = &condition.test else { return condition_words(condition) };
    let parts = list(&parts.iter().map(clause_words).collect::<Vec<_>>(), " and ");
    match condition.quantifier {
        Quantifier::Any => format!("some {place}: {parts}"),
        Quantifier::All => format!("every {place}: {parts}"),
    }
}

pub(super) fn clause_words(clause: &Clause) -> String {
    match clause {
        Clause::Condition(condition) => question_words(condition),
        Clause::AnyOf(lists) => {
            let lists: Vec<String> = lists
                .iter()
                .map(|clauses| list(&clauses.iter().map(clause_words).collect::<Vec<_>>(), " and "))
                .collect();
            list(&lists, " or ")
        }
    }
}

fn list<T: ToString>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [most @ .., end] => {
            let most: Vec<String> = most.iter().map(ToString::to_string).collect();
            format!("{}{last}{}", most.join(", "), end.to_string())
        }
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", crate::text::one_line(&crate::text::cut(text, 100)))
}
