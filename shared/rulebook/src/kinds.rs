use prodrome_model::GroupKind;
use prodrome_rules::{KindPattern, Rule, RuleSet};
use std::collections::{BTreeMap, BTreeSet};

/// A kind as settings write it: `core/Pod`, `apps/Deployment`, `*/Rollout` (in any group), `*` (every kind).
pub fn kind_text(pattern: &KindPattern) -> String {
    match pattern {
        KindPattern::Every { .. } => "*".to_owned(),
        KindPattern::AnyGroup(kind) => format!("*/{kind}"),
        KindPattern::Exact(kind) if kind.group.is_empty() => format!("core/{}", kind.kind),
        KindPattern::Exact(kind) => kind.to_string(),
    }
}

/// Whether such a text means a kind. What an event tells is about another object, so `*` means no events.
pub fn is_named_by(kind: &GroupKind, text: &str) -> bool {
    match text.split_once('/') {
        None => text == "*" && kind.kind != "Event",
        Some(("core", name)) => kind.group.is_empty() && kind.kind == name,
        Some(("*", name)) => kind.kind == name,
        Some((group, name)) => kind.group == group && kind.kind == name,
    }
}

/// The kinds that a version's rules name, each with the version that touched it last.
pub(crate) fn touched(
    version: u64,
    before: &BTreeMap<String, u64>,
    old: &RuleSet,
    new: &RuleSet,
) -> BTreeMap<String, u64> {
    let is_touched = |rule: &&Rule| rule.enabled() && finds_more(old.get(rule.name()), rule);
    let rules = new.rules().iter().filter(is_touched);
    let touched: BTreeSet<String> =
        rules.flat_map(Rule::kinds).map(|pattern| kind_text(&pattern)).collect();
    let all = new.kinds().iter().map(kind_text).collect::<BTreeSet<_>>();
    let since = |kind: &String| {
        if touched.contains(kind) { version } else { before.get(kind).copied().unwrap_or(0) }
    };
    all.into_iter().map(|kind| (kind.clone(), since(&kind))).collect()
}

/// Whether a rule may match objects that it did not match before.
fn finds_more(old: Option<&Rule>, new: &Rule) -> bool {
    old.is_none_or(|old| !old.enabled() || old.meaning() != new.meaning())
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_rules::{SourceFile, load};

    fn rules(text: &str) -> RuleSet {
        let loaded = load(&[SourceFile::new("r.yaml", text)]);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        loaded.rules
    }

    #[test]
    fn a_text_means_the_kinds_that_the_pattern_means() {
        for (text, kind, want) in [
            ("core/Pod", GroupKind::core("Pod"), true),
            ("core/Pod", GroupKind::new("metrics.k8s.io", "Pod"), false),
            ("apps/Deployment", GroupKind::new("apps", "Deployment"), true),
            ("*/Rollout", GroupKind::new("argoproj.io", "Rollout"), true),
            ("*/Rollout", GroupKind::core("Pod"), false),
            ("*", GroupKind::new("apps", "Deployment"), true),
            ("*", GroupKind::core("Event"), false),
            ("core/Event", GroupKind::core("Event"), true),
        ] {
            assert_eq!(is_named_by(&kind, text), want, "{text} {kind}");
        }
    }

    #[test]
    fn a_kind_is_touched_where_a_rule_may_find_what_it_did_not() {
        let old = "
A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }] }
B: { resource: Node, checkField: [{ field: [a], equalValue: [1] }] }
C: { resource: Job, enabled: false, checkField: [{ field: [a], equalValue: [1] }] }
D: { resource: Service, checkField: [{ field: [a], equalValue: [1] }] }
";
        let before = BTreeMap::from([("core/Pod".to_owned(), 3), ("core/Service".to_owned(), 2)]);
        // (the new rules, the kinds)
        for (new, want) in [
            (old, vec![("core/Node", 0), ("core/Pod", 3), ("core/Service", 2)]),
            // Times and words.
            (
                "A: { resource: Pod, duration: 5m, mode: shadow, checkField: [{ field: [a], equalValue: [1] }] }",
                vec![("core/Pod", 3)],
            ),
            ("A: { resource: Pod, checkField: [{ field: [a], equalValue: [2] }] }", vec![("core/Pod", 7)]),
            ("C: { resource: Job, checkField: [{ field: [a], equalValue: [1] }] }", vec![("batch/Job", 7)]),
            (
                "E: { resource: Rollout, duration: 1m, checkField: [{ field: [a], nilValue: true }], reference: { resource: Pod, name: [b], exists: false } }",
                vec![("*/Rollout", 7), ("core/Pod", 3)],
            ),
        ] {
            let got = touched(7, &before, &rules(old), &rules(new));
            let got: Vec<_> = got.iter().map(|(kind, version)| (kind.as_str(), *version)).collect();
            assert_eq!(got, want, "{new}");
        }
    }
}
