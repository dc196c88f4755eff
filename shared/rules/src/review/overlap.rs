//! Rules of which one says nothing that another does not say.

use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::operator::Operator;
use crate::print::clause_text;
use crate::rule::Rule;
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
/// earlier, not louder, not to others.
fn adds_nothing(narrow: &Rule, wide: &Rule) -> bool {
    narrow.subjects == wide.subjects
        && narrow.namespaces == wide.namespaces
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
    /// Where and how it is asked, and for `equalValue` each of the values.
    keys: Vec<String>,
    clause: &'r Clause,
    text: String,
}

impl<'r> Asks<'r> {
    fn of(rule: &'r Rule) -> Self {
        let clauses = rule.filter.iter().chain(&rule.check);
        Self(
            clauses
                .map(|clause| {
                    let text = clause_text(clause);
                    let keys = match values(clause) {
                        Some((place, texts)) => {
                            let place = clause_text(&Clause::Condition(place));
                            texts.iter().map(|text| format!("{place}={text}")).collect()
                        }
                        None => vec![text.clone()],
                    };
                    Ask { keys, clause, text }
                })
                .collect(),
        )
    }

    /// Whether an object that satisfies all that `narrow` asks satisfies all of this.
    fn are_asked_by(&self, narrow: &Asks<'_>) -> bool {
        self.0.iter().all(|wide| narrow.0.iter().any(|narrow| narrow.is_within(wide)))
    }
}

impl Ask<'_> {
    /// Whether what satisfies this satisfies the other.
    fn is_within(&self, wide: &Ask<'_>) -> bool {
        if self.text == wide.text {
            return true;
        }
        let (Some((place, few)), Some((other, many))) = (values(self.clause), values(wide.clause)) else {
            return false;
        };
        place == other && few.iter().all(|text| many.contains(text))
    }
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
            // Louder, earlier, to others, about another kind, or off: it says something of its own.
            (rule("A", a, ""), rule("B", &narrow, ", severity: P1"), ""),
            (rule("A", a, ", duration: 1h"), rule("B", &narrow, ", duration: 5m"), ""),
            (rule("A", a, ""), rule("B", &narrow, ", owner: user"), ""),
            (rule("A", a, ""), rule("B", a, ", enabled: false"), ""),
            (rule("A", a, ""), rule("B", a, "").replace("Pod", "Node"), ""),
            (rule("A", a, ""), rule("B", "{ field: [a], equalValue: [y, z] }", ""), ""),
            (rule("A", a, ""), rule("B", b, ""), ""),
        ] {
            let told = said(&format!("{one}{other}"));
            assert_eq!(told.join("\n"), want, "{one}{other}");
        }
    }
}
