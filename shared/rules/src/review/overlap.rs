//! Rules of which one says nothing that another does not say.

use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::kind::KindPattern;
use crate::operator::Operator;
use crate::print::clause_text;
use crate::quantity::Quantity;
use crate::rule::Rule;
use jiff::SignedDuration;
use std::collections::HashMap;

/// Two rules: wherever the narrow one fires, the wide one has fired.
pub(super) struct Overlap {
    pub(super) narrow: usize,
    pub(super) wide: usize,
    /// They ask the very same.
    pub(super) same: bool,
}

/// How many pairs are compared at most: in a library in which rules differ it is a small multiple of their number.
const COMPARED_MAX: usize = 5_000_000;

/// The rules that another one makes needless, each with the first such one.
pub(super) fn find(rules: &[Rule]) -> Vec<Overlap> {
    let asks: Vec<Asks<'_>> = rules.iter().map(Asks::of).collect();
    // Who asks something: where a wide rule asks it, the narrow one does too.
    let mut asking: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, asks) in asks.iter().enumerate().filter(|(index, _)| rules[*index].enabled) {
        for ask in &asks.0 {
            for key in &ask.keys {
                asking.entry(key).or_default().push(index);
            }
        }
    }
    let mut found: Vec<Option<Overlap>> = rules.iter().map(|_| None).collect();
    let mut compared = 0;
    for (wide, of_wide) in asks.iter().enumerate().filter(|(index, _)| rules[*index].enabled) {
        let asked_by = |ask: &Ask<'_>| ask.keys.iter().map(|key| asking[&**key].len()).sum::<usize>();
        let Some(rarest) = of_wide.0.iter().min_by_key(|ask| asked_by(ask)) else { continue };
        let mut candidates: Vec<usize> =
            rarest.keys.iter().flat_map(|key| &asking[&**key]).copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        for narrow in candidates {
            compared += 1;
            if compared > COMPARED_MAX {
                return found.into_iter().flatten().collect();
            }
            if narrow == wide || found[narrow].is_some() || !adds_nothing(&rules[narrow], &rules[wide]) {
                continue;
            }
            if !of_wide.are_asked_by(&asks[narrow]) {
                continue;
            }
            let same = asks[narrow].are_asked_by(of_wide) && adds_nothing(&rules[wide], &rules[narrow]);
            // Of two that say the same the later one is the needless one.
            if same && narrow < wide {
                continue;
            }
            found[narrow] = Some(Overlap { narrow, wide, same });
        }
    }
    found.into_iter().flatten().collect()
}

/// Whether the narrow rule, if it matches only where the wide one does, tells nobody anything: not of another kind, not
/// elsewhere, not earlier, not louder, not to others.
fn adds_nothing(narrow: &Rule, wide: &Rule) -> bool {
    are_among(narrow, wide)
        && narrow.namespaces == wide.namespaces
        && (narrow.clusters == wide.clusters || wide.clusters.is_all())
        && narrow.duration >= wide.duration
        && narrow.gap_tolerance <= wide.gap_tolerance
        && (narrow.since == wide.since || narrow.since.is_empty())
        && narrow.frequency == wide.frequency
        && asks_alike(narrow, wide)
        && narrow.severity <= wide.severity
        && narrow.owner == wide.owner
        && narrow.flow == wide.flow
        && narrow.labels == wide.labels
        && wide.references.iter().all(|group| narrow.references.contains(group))
}

/// Whether the wide rule is about every kind that the narrow one is about.
fn are_among(narrow: &Rule, wide: &Rule) -> bool {
    let kinds = wide.kinds();
    narrow.subjects == wide.subjects
        || narrow.kinds().iter().all(|pattern| match pattern {
            KindPattern::Exact(kind) => wide.applies_to(kind),
            KindPattern::AnyGroup(_) | KindPattern::Every { .. } => kinds.contains(pattern),
        })
}

fn asks_alike(narrow: &Rule, wide: &Rule) -> bool {
    match (narrow.periodic(), wide.periodic()) {
        (None, None) => true,
        (Some(narrow), Some(wide)) => {
            narrow.every() >= wide.every()
                && narrow.plugin() == wide.plugin()
                && narrow.params() == wide.params()
        }
        _ => false,
    }
}

/// What a rule asks: all of it must hold.
struct Asks<'r>(Vec<Ask<'r>>);

struct Ask<'r> {
    /// Where and how it is asked, and for `equalValue` each of the values. Who asks this or something narrower has one of
    /// them.
    keys: Vec<String>,
    clause: &'r Clause,
    text: String,
    /// Of an `anyOf`.
    alternatives: Vec<Asks<'r>>,
}

impl<'r> Asks<'r> {
    fn of(rule: &'r Rule) -> Self {
        Self(rule.filter.iter().chain(&rule.check).map(Ask::of).collect())
    }

    /// Whether an object that satisfies all that `narrow` asks satisfies all of this.
    fn are_asked_by(&self, narrow: &Asks<'_>) -> bool {
        self.0.iter().all(|wide| {
            narrow.0.iter().any(|narrow| narrow.is_within(wide))
                || wide.alternatives.iter().any(|list| list.are_asked_by(narrow))
        })
    }
}

impl<'r> Ask<'r> {
    fn of(clause: &'r Clause) -> Self {
        let text = clause_text(clause);
        let alternatives: Vec<Asks<'r>> = match clause {
            Clause::AnyOf(lists) => {
                lists.iter().map(|list| Asks(list.iter().map(Ask::of).collect())).collect()
            }
            Clause::Condition(_) => Vec::new(),
        };
        let keys = match (values(clause), bound(clause)) {
            (Some((place, texts)), _) => {
                let place = clause_text(&Clause::Condition(place));
                texts.iter().map(|text| format!("{place}={text}")).collect()
            }
            (None, Some((place, bound))) => vec![format!("{}{}", place_text(place), bound.sign())],
            (None, None) if alternatives.is_empty() => vec![text.clone()],
            // Who asks one of them asks its first condition.
            (None, None) => {
                let firsts = alternatives.iter().filter_map(|list| list.0.first());
                firsts.flat_map(|ask| ask.keys.iter().cloned()).collect()
            }
        };
        Self { keys, clause, text, alternatives }
    }

    /// Whether what satisfies this satisfies the other.
    fn is_within(&self, wide: &Ask<'_>) -> bool {
        if self.text == wide.text {
            return true;
        }
        if let (Some((place, few)), Some((other, many))) = (values(self.clause), values(wide.clause)) {
            return place == other && few.iter().all(|text| many.contains(text));
        }
        match (bound(self.clause), bound(wide.clause)) {
            (Some((place, bound)), Some((other, wide))) => {
                bound.is_within(&wide) && place_text(place) == place_text(other)
            }
            _ => false,
        }
    }
}

/// A condition that something is beyond a bound: of a quantity, or of a time.
enum Beyond {
    More(Quantity),
    Less(Quantity),
    Older(SignedDuration),
    Newer(SignedDuration),
    Expires(SignedDuration),
}

impl Beyond {
    fn sign(&self) -> &'static str {
        match self {
            Self::More(_) => ">",
            Self::Less(_) => "<",
            Self::Older(_) => " older",
            Self::Newer(_) => " newer",
            Self::Expires(_) => " expires",
        }
    }

    /// Whether what is beyond this is beyond the other.
    fn is_within(&self, wide: &Self) -> bool {
        match (self, wide) {
            (Self::More(bound), Self::More(wide)) => bound >= wide,
            (Self::Less(bound), Self::Less(wide)) => bound <= wide,
            (Self::Older(age), Self::Older(wide)) => age >= wide,
            (Self::Newer(age), Self::Newer(wide)) | (Self::Expires(age), Self::Expires(wide)) => age <= wide,
            _ => false,
        }
    }
}

fn bound(clause: &Clause) -> Option<(&Condition, Beyond)> {
    let Clause::Condition(condition) = clause else { return None };
    let Test::Operator(operator, _) = &condition.test else { return None };
    let beyond = match operator {
        Operator::GreaterThan(bound) => Beyond::More(bound.quantity),
        Operator::LessThan(bound) => Beyond::Less(bound.quantity),
        Operator::OlderThan(age) => Beyond::Older(*age),
        Operator::NewerThan(age) => Beyond::Newer(*age),
        Operator::ExpiresWithin(ahead) => Beyond::Expires(*ahead),
        _ => return None,
    };
    Some((condition, beyond))
}

/// The condition without what it compares to.
fn place_text(condition: &Condition) -> String {
    let Test::Operator(_, default) = &condition.test else { return String::new() };
    let test = Test::Operator(Operator::Equal(Vec::new()), default.clone());
    clause_text(&Clause::Condition(Condition { test, ..condition.clone() }))
}

/// Of a condition that one of some values is there: the condition without them, and they.
fn values(clause: &Clause) -> Option<(Condition, &[String])> {
    let Clause::Condition(condition) = clause else { return None };
    match &condition.test {
        Test::Operator(Operator::Equal(texts), default) if condition.quantifier == Quantifier::Any => {
            let test = Test::Operator(Operator::Equal(Vec::new()), default.clone());
            Some((Condition { test, ..condition.clone() }, texts))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Code, SourceFile, review};

    fn said(rules: &str) -> Vec<String> {
        let reviewed = review(&[SourceFile::new("r.yaml", rules)], None);
        assert!(reviewed.is_sound(), "{:?}", reviewed.diagnostics);
        let overlaps = reviewed.diagnostics.iter().filter(|d| d.code == Code::Overlap);
        overlaps.map(|d| format!("{}: {}", d.rule.as_deref().unwrap_or_default(), d.found)).collect()
    }

    fn rule(name: &str, conditions: &str, rest: &str) -> String {
        format!("{name}: {{ resource: Pod, checkField: [{conditions}]{rest} }}\n")
    }

    #[test]
    fn a_rule_that_another_one_makes_needless_is_told_with_it() {
        let (a, b) = ("{ field: [a], equalValue: [x, y] }", "{ field: [b], nilValue: true }");
        let narrow = format!("{{ field: [a], equalValue: [y] }}, {b}");
        let of = |test: &str| format!("{{ field: [spec, x], {test} }}");
        for (one, other, want) in [
            (rule("A", a, ""), rule("B", a, ""), "B: the conditions of A (r.yaml:1)"),
            (
                rule("A", a, ""),
                rule("B", &narrow, ", duration: 5m"),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("B", &narrow, ""),
                rule("A", a, ""),
                "B: one that only matches where A (r.yaml:2) does, and fires no earlier",
            ),
            (
                rule("A", &format!("{a}, {b}"), ""),
                rule("B", &format!("{b}, {a}"), ""),
                "B: the conditions of A (r.yaml:1)",
            ),
            // A bound that lies within another.
            (
                rule("A", &of("greaterThan: 3"), ""),
                rule("B", &of("greaterThan: 5"), ""),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("A", &of("lessThan: 5"), ""),
                rule("B", &of("lessThan: 500m"), ""),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("A", &of("olderThan: 2d"), ""),
                rule("B", &of("olderThan: 1d"), ""),
                "A: one that only matches where B (r.yaml:2) does, and fires no earlier",
            ),
            (
                rule("A", &of("newerThan: 2d"), ""),
                rule("B", &of("newerThan: 1d"), ""),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (rule("A", &of("greaterThan: 5"), ""), rule("B", &of("lessThan: 3"), ""), ""),
            (rule("A", &of("default: 9, greaterThan: 3"), ""), rule("B", &of("greaterThan: 5"), ""), ""),
            // A kind among others.
            (
                rule("A", a, "").replace("Pod", "'*'"),
                rule("B", a, "").replace("Pod", "acme.io/Foo"),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("A", a, "").replace("Pod", "[acme.io/Foo, acme.io/Bar]"),
                rule("B", a, "").replace("Pod", "acme.io/Foo"),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("A", a, ", notResource: [acme.io/Foo]").replace("Pod", "'*'"),
                rule("B", a, "").replace("Pod", "acme.io/Foo"),
                "",
            ),
            // One of alternatives.
            (
                rule("A", &format!("{{ anyOf: [[{b}], [{a}, {}]] }}", of("nilValue: false")), ""),
                rule("B", &format!("{}, {narrow}", of("nilValue: false")), ""),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("A", &format!("{{ anyOf: [[{}], [{a}, {b}]] }}", of("nilValue: false")), ""),
                rule("B", a, ""),
                "",
            ),
            // Louder, earlier, to others, about another kind, or off: it says something of its own.
            (rule("A", a, ""), rule("B", &narrow, ", severity: P1"), ""),
            (rule("A", a, ", duration: 1h"), rule("B", &narrow, ", duration: 5m"), ""),
            (rule("A", a, ""), rule("B", &narrow, ", owner: user"), ""),
            (rule("A", a, ""), rule("B", a, ", enabled: false"), ""),
            (rule("A", a, ""), rule("B", a, "").replace("Pod", "Node"), ""),
            (rule("A", a, ""), rule("B", "{ field: [a], equalValue: [y, z] }", ""), ""),
            (rule("A", a, ""), rule("B", b, ""), ""),
            // Where another does not hold it is the only one that says it.
            (rule("A", a, ", clusters: [prod]"), rule("B", a, ", clusters: [test]"), ""),
            (rule("A", a, ", clusters: [prod]"), rule("B", &narrow, ""), ""),
            (
                rule("A", a, ", clusters: [prod]"),
                rule("B", &narrow, ", clusters: [prod]"),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
            (
                rule("A", a, ""),
                rule("B", a, ", clusters: [prod]"),
                "B: one that only matches where A (r.yaml:1) does, and fires no earlier",
            ),
        ] {
            let told = said(&format!("{one}{other}"));
            assert_eq!(told.join("\n"), want, "{one}{other}");
        }
    }
}
