use crate::entry::KindsOf;
use prodrome_model::GroupKind;
use prodrome_rules::{Clusters, KindPattern, Rule, RuleSet};
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
    let touched: BTreeSet<String> = rules.flat_map(Rule::kinds).map(|pattern| kind_text(&pattern)).collect();
    let all = new.kinds().iter().map(kind_text).collect::<BTreeSet<_>>();
    let since = |kind: &String| {
        if touched.contains(kind) { version } else { before.get(kind).copied().unwrap_or(0) }
    };
    all.into_iter().map(|kind| (kind.clone(), since(&kind))).collect()
}

/// The same, apart for each set of clusters that rules say they hold in; nothing where all hold in all.
pub(crate) fn touched_of_clusters(
    version: u64,
    (before, of_clusters_before): (&BTreeMap<String, u64>, &[KindsOf]),
    old: &RuleSet,
    new: &RuleSet,
) -> Vec<KindsOf> {
    if new.clusters().is_empty() {
        return Vec::new();
    }
    let all: BTreeSet<&Clusters> = new.rules().iter().map(Rule::clusters).collect();
    let apart = all.into_iter().map(|clusters| {
        let of_these = |rule: &&Rule| rule.clusters() == clusters;
        let rules = RuleSet::new(new.rules().iter().filter(of_these).cloned());
        // Where rules were of others before, a list too many does no harm.
        let known = of_clusters_before.iter().find(|of| of.clusters() == *clusters);
        let kinds = touched(version, known.map_or(before, |known| &known.kinds), old, &rules);
        KindsOf::new(clusters, kinds)
    });
    apart.filter(|of| !of.kinds.is_empty()).collect()
}

/// Whether a rule may match objects that it did not match before.
fn finds_more(old: Option<&Rule>, new: &Rule) -> bool {
    old.is_none_or(|old| {
        !old.enabled() || old.meaning() != new.meaning() || new.clusters().add_to(old.clusters())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Named};
    use prodrome_model::Scope;
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
            // Where it holds.
            (
                "A: { resource: Pod, clusters: [prod], checkField: [{ field: [a], equalValue: [1] }] }",
                vec![("core/Pod", 3)],
            ),
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

    #[test]
    fn a_kind_is_touched_in_the_clusters_in_which_a_rule_finds_what_it_did_not() {
        let rule = |name: &str, kind: &str, clusters: &str, value: u8| {
            format!(
                "{name}: {{ resource: {kind}, clusters: {clusters}, checkField: [{{ field: [a], equalValue: [{value}] }}] }}\n"
            )
        };
        let all = rule("A", "Pod", "{}", 1);
        let entry = |version: u64, before: Option<&Entry>, old: &str, new: &str| {
            let none = (BTreeMap::new(), Vec::new());
            let (kinds, of_clusters) =
                before.map_or(none, |entry| (entry.kinds.clone(), entry.kinds_of_clusters.clone()));
            let (old, new) = (rules(old), rules(new));
            let of_clusters = touched_of_clusters(version, (&kinds, &of_clusters), &old, &new);
            Entry { kinds_of_clusters: of_clusters, ..fixture(touched(version, &kinds, &old, &new)) }
        };
        let of = |entry: &Entry, cluster: &str| {
            let kinds = entry.kinds_in(&Scope::new("default", "eu", cluster));
            kinds.iter().map(|(kind, version)| format!("{kind} {version}")).collect::<Vec<_>>().join(", ")
        };
        let first = entry(1, None, "", &all);
        assert_eq!((first.kinds_of_clusters.len(), of(&first, "x")), (0, "core/Pod 1".to_owned()));
        // A rule of one cluster: no other has to list anything.
        let in_a = format!("{all}{}", rule("B", "Pod", "[a]", 1));
        let second = entry(2, Some(&first), &all, &in_a);
        assert_eq!((of(&second, "a"), of(&second, "b")), ("core/Pod 2".to_owned(), "core/Pod 1".to_owned()));
        assert_eq!(second.kinds["core/Pod"], 2, "for watchers that know nothing of clusters");
        // Nor to watch what only the other's are about.
        let in_both = format!("{in_a}{}", rule("C", "Job", "[b]", 1));
        let third = entry(3, Some(&second), &in_a, &in_both);
        assert_eq!(of(&third, "a"), "core/Pod 2");
        assert_eq!(of(&third, "b"), "batch/Job 3, core/Pod 1");
        // One that comes to more clusters finds more there.
        let wider = in_both.replace("[b]", "[b, a]");
        let fourth = entry(4, Some(&third), &in_both, &wider);
        assert_eq!(of(&fourth, "a"), "batch/Job 4, core/Pod 2");
        // And where all hold everywhere again nothing is apart.
        let fifth = entry(5, Some(&fourth), &wider, &all);
        assert_eq!((fifth.kinds_of_clusters.len(), of(&fifth, "a")), (0, "core/Pod 2".to_owned()));
    }

    fn fixture(kinds: BTreeMap<String, u64>) -> Entry {
        Entry {
            layout: 1,
            version: 1,
            id: String::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
            who: String::new(),
            why: String::new(),
            back_to: None,
            files: Vec::new(),
            rules: 0,
            added: Named::default(),
            changed: Named::default(),
            removed: Named::default(),
            kinds,
            kinds_of_clusters: Vec::new(),
            parts: 0,
        }
    }
}
