//! Rules that are sound one by one, and doubtful all the same: one that can never match, one that says nothing which
//! another does not say, one about a kind that a cluster does not have.

mod cut;
mod never;
mod overlap;

use crate::check::{Loaded, load_placed, nearest_builtin};
use crate::diagnostic::{Code, Diagnostic, Level, LineIndex, Place};
use crate::kind::KindPattern;
use crate::rule::Rule;
use crate::source::{SourceFile, Span};
use prodrome_model::GroupKind;

/// What helps where globs leave nothing.
const LESS: &str = "exclude less than is included, or leave `exclude` out";

/// Where a rule's name stands.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) file: String,
    pub(crate) place: Place,
}

/// [`load`](crate::load), and beside what that finds: rules and alternatives that can never hold, and rules of which
/// nothing can be heard that another rule does not say. `served` are the kinds that a cluster has, where one was
/// asked.
pub fn review(files: &[SourceFile], served: Option<&[GroupKind]>) -> Loaded {
    let (mut loaded, homes) = load_placed(files);
    let rules = loaded.rules.rules();
    let mut doubts = Vec::new();
    // What is never true overlaps with everything.
    let mut idle = vec![false; rules.len()];
    for (index, (rule, home)) in rules.iter().zip(&homes).enumerate() {
        for never in never::of_rule(rule) {
            idle[index] |= matches!(never.path, "" | never::NAMESPACES | never::CLUSTERS);
            let anyof = "put values of which one is enough into one list, conditions of which one is enough into an \
                         anyOf";
            let (expected, help) = match never.path {
                "" => ("conditions that can hold together", anyof),
                never::NAMESPACES => ("a namespace that is left", LESS),
                never::CLUSTERS => ("a cluster that is left", LESS),
                _ => ("alternatives that can hold beside the other conditions", anyof),
            };
            doubts.push(doubt(Code::NeverTrue, rule, home, never.path, expected, never.found, help));
        }
        if let Some(served) = served {
            for found in unserved(rule, served) {
                let help = "mend its name, or install what defines it; until then the rule is idle";
                doubts.push(doubt(
                    Code::UnknownGroup,
                    rule,
                    home,
                    "resource",
                    "a kind of this cluster",
                    found,
                    help,
                ));
            }
        }
    }
    if served.is_none() {
        for (rule, home) in rules.iter().zip(&homes) {
            doubts.extend(of_any_group(rule).map(|kind| {
                let found = format!("`{kind}`, which stands for every group's {kind}");
                let help = format!("write `group/{kind}`, unless all of them are meant");
                let expected = "a kind of Kubernetes, or one of a CRD with its group";
                doubt(Code::UnknownKind, rule, home, "resource", expected, found, &help)
            }));
        }
    }
    let silent = |file: &&SourceFile| {
        let of_file = |name: &str| name == file.name;
        !homes.iter().any(|home| of_file(&home.file)) && !loaded.diagnostics.iter().any(|d| of_file(&d.file))
    };
    doubts.extend(files.iter().filter(silent).map(|file| Diagnostic {
        code: Code::NoEffect,
        level: Level::Warning,
        file: file.name.clone(),
        place: LineIndex::new("").place(Span { start: 0, end: 0 }),
        rule: None,
        path: String::new(),
        expected: "a rule".to_owned(),
        found: "a file without any".to_owned(),
        help: Some("write `RuleName:` and the rule's keys under it".to_owned()),
    }));
    doubts.extend(files.iter().flat_map(|file| cut::doubts(file, &loaded.rules)));
    for overlap in overlap::find(rules).into_iter().filter(|o| !idle[o.narrow] && !idle[o.wide]) {
        let (rule, home) = (&rules[overlap.narrow], &homes[overlap.narrow]);
        let (other, at) = (&rules[overlap.wide], &homes[overlap.wide]);
        let at = format!("{} ({}:{})", other.name(), at.file, at.place.start.line);
        let found = if overlap.same {
            format!("the conditions of {at}")
        } else {
            format!("one that only matches where {at} does, and fires no earlier")
        };
        let help =
            "take one of them out, or let them differ in what they ask, in duration, severity or owner";
        doubts.push(doubt(Code::Overlap, rule, home, "", "a rule that says what no other says", found, help));
    }
    loaded.diagnostics.extend(doubts);
    let order: std::collections::BTreeMap<&str, usize> =
        files.iter().enumerate().map(|(index, file)| (&*file.name, index)).collect();
    loaded.diagnostics.sort_by_key(|d| (order.get(&*d.file).copied(), d.place.start));
    loaded
}

fn doubt(
    code: Code,
    rule: &Rule,
    home: &Home,
    path: &str,
    expected: &str,
    found: String,
    help: &str,
) -> Diagnostic {
    Diagnostic {
        code,
        level: Level::Warning,
        file: home.file.clone(),
        place: home.place,
        rule: Some(rule.name().to_owned()),
        path: path.to_owned(),
        expected: expected.to_owned(),
        found,
        help: Some(help.to_owned()),
    }
}

/// The kinds of a rule that are written alone and not Kubernetes' own. One that is nearly such a kind has been told.
fn of_any_group(rule: &Rule) -> impl Iterator<Item = String> + use<> {
    rule.kinds().into_iter().filter_map(|pattern| match pattern {
        KindPattern::AnyGroup(kind) if nearest_builtin(&kind).is_none() => Some(kind),
        _ => None,
    })
}

/// The kinds of a rule that a cluster does not serve, in words.
fn unserved<'r>(rule: &'r Rule, served: &'r [GroupKind]) -> impl Iterator<Item = String> + 'r {
    rule.kinds().into_iter().filter_map(move |pattern| {
        if matches!(pattern, KindPattern::Every { .. }) || served.iter().any(|kind| pattern.matches(kind)) {
            return None;
        }
        let group = pattern.to_group_kind().filter(|kind| !kind.group.is_empty());
        let known = group.as_ref().is_none_or(|wanted| served.iter().any(|kind| kind.group == wanted.group));
        Some(match (known, group) {
            (false, Some(wanted)) => format!("{pattern}; it serves no kind of the group {}", wanted.group),
            _ => {
                match served.iter().find(|kind| pattern.to_group_kind().is_some_and(|w| w.kind == kind.kind))
                {
                    Some(kind) => format!("{pattern}; it serves {kind}"),
                    None => pattern.to_string(),
                }
            }
        })
    })
}
