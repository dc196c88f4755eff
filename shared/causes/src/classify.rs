//! From a text to a cause.

use crate::classification::Words;
use crate::context::{Input, has_any};
use crate::pattern::{Found, Pattern};
use crate::recognise;
use crate::rule::Rule;
use crate::text::{Kind, Text, excerpt};
use crate::weigh::weigh;
use crate::{Cause, Classification, Facts};
use aho_corasick::AhoCorasick;
use prodrome_model::Owner;
use std::ops::Range;
use std::sync::LazyLock;

/// Below this a guess is none.
const FLOOR: f64 = 0.35;
/// The longest quote.
const QUOTE_CHARS: usize = 240;

/// Says why, as far as the text does.
///
/// ```
/// use prodrome_causes::{Cause, Fact, Text, classify};
/// let text = r#"failed to resolve reference "r.example/shop:2": r.example/shop:2: not found"#;
/// let why = classify(&Text::waiting("ErrImagePull", text));
/// assert_eq!(why.cause, Some(Cause::ImageNotFound));
/// assert_eq!(why.facts.get(Fact::Registry), Some("r.example"));
/// ```
pub fn classify(text: &Text<'_>) -> Classification {
    let input = Input::new(text);
    let mut candidates = Vec::new();
    INDEX.find(&input, &mut candidates);
    recognise::beyond_templates(&input, &mut candidates);
    weigh(&input, &mut candidates);
    choose(&input, candidates)
}

/// A cause that a part of the text speaks for.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) cause: Cause,
    pub(crate) owner: Option<Owner>,
    /// What is said of it in place of the words for all of its kind.
    pub(crate) advice: Option<Words>,
    pub(crate) confidence: f64,
    pub(crate) rank: i8,
    /// Which part; the whole text where it is empty.
    pub(crate) at: Range<usize>,
    pub(crate) facts: Facts,
}

impl Candidate {
    pub(crate) fn new(cause: Cause, percent: u8, at: Range<usize>) -> Self {
        let confidence = f64::from(percent) / 100.0;
        Self { cause, owner: None, advice: None, confidence, rank: 0, at, facts: Facts::default() }
    }
}

fn choose(input: &Input, mut candidates: Vec<Candidate>) -> Classification {
    // The innermost error stands last; between lines the last that tells.
    candidates.sort_by(|a, b| {
        (b.rank, b.confidence)
            .partial_cmp(&(a.rank, a.confidence))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(b.at.start.cmp(&a.at.start))
    });
    let mut candidates = candidates.into_iter().filter(|candidate| candidate.confidence >= FLOOR);
    let best = candidates.next();
    let mut general = Facts::default();
    recognise::facts(input, told_by(input, best.as_ref()), &mut general);
    let Some(best) = best else {
        if input.lower().trim().is_empty() && !input.reason.is_empty() {
            return Classification::unknown_by(&input.reason);
        }
        return Classification::unknown(general);
    };
    let mut facts = best.facts;
    let candidates: Vec<_> = candidates.collect();
    // A log that shows two errors of equal weight may be about either.
    let rival = |other: &Candidate| {
        other.cause != best.cause && other.rank == best.rank && other.confidence + 0.05 >= best.confidence
    };
    let doubt = if input.kind == Kind::Log && candidates.iter().any(rival) { 0.08 } else { 0.0 };
    for other in candidates.into_iter().filter(|other| other.cause == best.cause) {
        facts.merge(other.facts);
    }
    facts.merge(general);
    let confidence = ((best.confidence - doubt) * 100.0).round() / 100.0;
    let quote = quote(input, &best.at);
    Classification::known(best.cause, best.owner, confidence.min(0.99), best.advice, facts, quote)
}

/// Where a text names what an error is about. In a log other errors stand around it, of other hosts; what cannot be reached
/// may be named some lines further.
fn told_by(input: &Input, best: Option<&Candidate>) -> Range<usize> {
    match best {
        Some(best) if input.kind == Kind::Log && !best.at.is_empty() && !best.cause.is_of_a_dependency() => {
            input.normal.line(best.at.start)
        }
        Some(best) => input.around_range(&best.at),
        None => 0..input.lower().len(),
    }
}

fn quote(input: &Input, at: &Range<usize>) -> String {
    let line = input.normal.line(at.start);
    // A long line is quoted from a little before the place that decided.
    let start = if at.start.saturating_sub(line.start) > QUOTE_CHARS / 2 {
        at.start - QUOTE_CHARS / 4
    } else {
        line.start
    };
    excerpt(&input.normal.text, line, start, QUOTE_CHARS)
}

/// All rules, and a scanner that names those whose literals stand in a text at all.
struct Index {
    rules: Vec<(&'static Rule, Pattern)>,
    scanner: Option<AhoCorasick>,
}

static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

impl Index {
    fn new() -> Self {
        let rules: Vec<_> = recognise::rules()
            .flat_map(|rule| rule.templates.iter().map(move |template| (rule, *template)))
            .filter_map(|(rule, template)| Some((rule, Pattern::parse(template)?)))
            .collect();
        let scanner = AhoCorasick::new(rules.iter().map(|(_, pattern)| pattern.anchor())).ok();
        Self { rules, scanner }
    }

    fn find(&self, input: &Input, candidates: &mut Vec<Candidate>) {
        let possible = self.possible(input);
        for ((rule, pattern), possible) in self.rules.iter().zip(possible) {
            if possible
                && (rule.domains.is_empty() || rule.domains.contains(&input.domain))
                && let Some(found) = pattern.find(input.lower())
                && let around = input.around(&found.at)
                && (rule.beside.is_empty() || has_any(around, rule.beside))
                && !has_any(around, rule.unless)
            {
                candidates.push(candidate(input, rule, &found));
            }
        }
    }

    /// Which templates' longest literals stand in the text.
    fn possible(&self, input: &Input) -> Vec<bool> {
        let mut possible = vec![self.scanner.is_none(); self.rules.len()];
        if let Some(scanner) = &self.scanner {
            for found in scanner.find_overlapping_iter(input.lower()) {
                possible[found.pattern().as_usize()] = true;
            }
        }
        possible
    }
}

fn candidate(input: &Input, rule: &Rule, found: &Found) -> Candidate {
    let mut candidate = Candidate::new(rule.cause, rule.confidence, found.at.clone());
    candidate.owner = rule.owner;
    candidate.rank = rule.rank;
    for (fact, range) in &found.holes {
        candidate.facts.add(*fact, input.normal.text.get(range.clone()).unwrap_or_default());
    }
    candidate
}

/// One cause out of many texts about one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Combined {
    /// The best supported cause, with what all texts that agree with it parsed out.
    pub best: Classification,
    /// Which of the texts speak for it, the most telling first.
    pub support: Vec<usize>,
    /// Other causes that texts speak for, the best supported first, each with its most telling text.
    pub others: Vec<(usize, Classification)>,
}

/// Classifies texts about one object (its statuses, its events, lines of its logs) and says what they come to.
///
/// The most telling text decides; others that agree raise its confidence a little only, as one fault writes many
/// texts. A log is written by a tenant: what it says stays at 0.9 at most.
pub fn classify_all<'a>(texts: impl IntoIterator<Item = Text<'a>>) -> Combined {
    let mut known: Vec<(usize, Classification)> = Vec::new();
    let mut rest = Facts::default();
    for (n, text) in texts.into_iter().enumerate() {
        let mut why = classify(&text);
        if text.kind == Kind::Log {
            why.confidence = why.confidence.min(0.9);
        }
        if why.is_known() { known.push((n, why)) } else { rest.merge(why.facts) }
    }
    known.sort_by(|(n, a), (m, b)| b.confidence.total_cmp(&a.confidence).then(n.cmp(m)));
    let Some((_, first)) = known.first() else {
        return Combined { best: Classification::unknown(rest), ..Combined::default() };
    };
    let (agree, others): (Vec<_>, Vec<_>) =
        known.iter().cloned().partition(|(_, why)| why.cause == first.cause);
    let mut best = first.clone();
    for (_, why) in agree.iter().skip(1) {
        best.facts.merge(why.facts.clone());
    }
    if agree.len() > 1 && best.confidence < 0.9 {
        best.confidence = ((best.confidence + 0.05) * 100.0).round() / 100.0;
    }
    let mut seen: Vec<Option<Cause>> = Vec::new();
    let others = others
        .into_iter()
        .filter(|(_, why)| {
            let new = !seen.contains(&why.cause);
            seen.push(why.cause);
            new
        })
        .collect();
    Combined { best, support: agree.iter().map(|(n, _)| *n).collect(), others }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_match() {
        for template in recognise::rules().flat_map(|rule| rule.templates) {
            let pattern = Pattern::parse(template).unwrap_or_else(|| panic!("{template:?} is no template"));
            let mut literals = String::new();
            let mut inside = false;
            for c in template.chars() {
                match c {
                    '<' => inside = true,
                    '>' if inside => inside = false,
                    c if !inside => literals.push(c),
                    _ => {}
                }
            }
            assert_eq!(literals, literals.to_ascii_lowercase(), "{template:?} is looked for in lower case");
            assert!(pattern.anchor().len() >= 3, "{template:?} would stand anywhere");
        }
    }
}
