use super::ask::{Answer, Ask, Question};
use super::effect::{Bit, Bits, Effect, EffectsBuilder};
use super::matcher::{Matcher, Shape};
use super::table::{NONE, Table};
use crate::namespaces::Namespaces;
use crate::quantity::Quantity;
use crate::time::parse_timestamp;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Everything that is asked of the values at one path.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// The texts that some rule names; to each what it sets.
    pub(super) literals: Table,
    pub(super) literal_effects: Box<[TextEffect]>,
    /// Whether any of them is not empty.
    pub(super) names_texts: bool,
    /// What any other text sets, before what follows here.
    pub(super) other: TextEffect,
    pub(super) tests: Box<[LeafTest]>,
    /// One bit a test: whether it sets something where it does not match.
    pub(super) tests_with_no: Box<[u64]>,
    pub(super) namespaces: Box<[(Namespaces, Effect)]>,
    pub(super) bounds: Box<[Quantity]>,
    /// Below the first bound, at it, between it and the second …
    pub(super) regions: Box<[Effect]>,
    pub(super) no_quantity: Effect,
    pub(super) asks_times: bool,
    /// Whether a text that no literal names has to be looked at closely; and whether one in an array has to be.
    pub(super) is_open: [bool; 2],
    /// After how long something turns; ascending.
    pub(super) ages: Box<[SignedDuration]>,
    /// Before the first of them, from it on …
    pub(super) age_regions: Box<[Effect]>,
    pub(super) no_stamp: Effect,
    /// The captures that keep its texts.
    pub(super) captures: Box<[LeafCapture]>,
}

impl Default for Effect {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// What a text sets, as an element of an array and else: a sub-identifier and a namespace are never in one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TextEffect {
    pub(super) direct: Effect,
    pub(super) in_list: Effect,
}

/// Globs and regular expressions of one condition.
#[derive(Debug)]
pub(super) struct LeafTest {
    pub(super) matchers: Box<[Matcher]>,
    pub(super) yes: Effect,
    pub(super) no: Effect,
}

/// Which capture keeps the texts, and whether an element has to be selected first.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeafCapture {
    pub(super) capture: u32,
    pub(super) is_pending: bool,
}

/// An ask and the bits that its answers set.
#[derive(Clone, Copy)]
pub(super) struct Placed<'p> {
    pub(super) ask: &'p Ask,
    pub(super) yes: Bit,
    pub(super) no: Bit,
}

impl Placed<'_> {
    pub(super) fn note(&self, answer: Answer, bits: &mut Bits) {
        match answer {
            Answer::Yes => bits.set(self.yes),
            Answer::No if self.ask.all => bits.set(self.no),
            Answer::No | Answer::Uncounted => {}
        }
    }

    /// What a missing value says.
    pub(super) fn of_missing(&self) -> Answer {
        match &self.ask.default {
            Some(text) => self.ask.question.of_text(text),
            None => self.ask.question.of_missing(),
        }
    }

    /// Whether it is asked of the value itself alone, never of an array's elements.
    fn is_direct(&self) -> bool {
        matches!(self.ask.question, Question::Select(_) | Question::Admit(_))
    }

    /// The texts that it names.
    fn literals(&self) -> Vec<String> {
        let exact = |globs: &[crate::glob::Glob]| {
            let shapes = globs.iter().map(Shape::of);
            shapes
                .filter_map(|shape| if let Shape::Exact(text) = shape { Some(text) } else { None })
                .collect()
        };
        match &self.ask.question {
            Question::Equal(texts) | Question::NotEqual(texts) | Question::Select(texts) => texts.clone(),
            Question::Match { literals, .. } => literals.clone(),
            Question::Admit(namespaces) => {
                let (mut names, excluded): (Vec<_>, Vec<_>) =
                    (exact(&namespaces.0.include), exact(&namespaces.0.exclude));
                names.extend(excluded);
                names
            }
            _ => Vec::new(),
        }
    }

    /// Whether what it says of a text that no literal names hangs on the text.
    fn is_open(&self) -> bool {
        match &self.ask.question {
            Question::Match { matchers, .. } => !matchers.is_empty(),
            Question::Admit(namespaces) => {
                let mut globs = namespaces.0.include.iter().chain(&namespaces.0.exclude);
                globs.any(|glob| matches!(Shape::of(glob), Shape::Other(_)))
            }
            Question::Greater(_) | Question::Less(_) | Question::Stamp => true,
            question => question.is_timed(),
        }
    }
}

impl Leaf {
    pub(super) fn new(
        placed: &[Placed<'_>],
        captures: Vec<LeafCapture>,
        effects: &mut EffectsBuilder,
    ) -> Self {
        let mut leaf = Self { captures: captures.into(), ..Self::default() };
        leaf.read_literals(placed, effects);
        leaf.read_tests(placed, effects);
        leaf.read_bounds(placed, effects);
        leaf.read_ages(placed, effects);
        let in_list = !leaf.tests.is_empty() || !leaf.bounds.is_empty();
        leaf.is_open = [in_list || !leaf.namespaces.is_empty(), in_list];
        leaf
    }

    fn read_literals(&mut self, placed: &[Placed<'_>], effects: &mut EffectsBuilder) {
        // The empty text is named by every `nilValue`.
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::from([(String::new(), Vec::new())]);
        for (index, placed) in placed.iter().enumerate() {
            for text in placed.literals() {
                named.entry(text).or_default().push(index);
            }
            if matches!(placed.ask.question, Question::Nil(_) | Question::Admit(_)) {
                named.entry(String::new()).or_default().push(index);
            }
        }
        let mut other = TextBits::default();
        // Any text that is not named will do, and the questions that hang on it are left out.
        let unnamed = unnamed(&named);
        let open: Vec<usize> = (0..placed.len()).filter(|index| placed[*index].is_open()).collect();
        for placed in placed.iter().filter(|placed| !placed.is_open()) {
            other.note(placed, placed.ask.question.of_text(&unnamed));
        }
        self.other = other.effect(effects);
        let mut literal_effects = Vec::with_capacity(named.len());
        for (text, indices) in &named {
            let mut bits = other.clone();
            for index in indices.iter().chain(&open) {
                bits.clear(&placed[*index]);
                bits.note(&placed[*index], placed[*index].ask.question.of_text(text));
            }
            literal_effects.push(bits.effect(effects));
        }
        self.literals = Table::new(named.keys().zip(0..).map(|(text, index)| (text.as_str(), index)));
        self.names_texts = literal_effects.len() > 1;
        self.literal_effects = literal_effects.into();
    }

    fn read_tests(&mut self, placed: &[Placed<'_>], effects: &mut EffectsBuilder) {
        // Equal lists of matchers, also where one is negated, run once.
        let mut tests: BTreeMap<String, (Vec<usize>, Bits, Bits)> = BTreeMap::new();
        let mut namespaces = Vec::new();
        for (index, placed) in placed.iter().enumerate().filter(|(_, placed)| placed.is_open()) {
            match &placed.ask.question {
                Question::Match { matchers, negated, .. } => {
                    let mut key = String::new();
                    for matcher in matchers {
                        matcher.write_key(&mut key);
                        key.push('\u{0}');
                    }
                    let (indices, yes, no) = tests.entry(key).or_default();
                    indices.push(index);
                    placed.note((!negated).into(), yes);
                    placed.note((*negated).into(), no);
                }
                Question::Admit(globs) => {
                    let mut bits = Bits::default();
                    bits.set(placed.yes);
                    namespaces.push((globs.clone(), effects.effect(&bits)));
                }
                _ => {}
            }
        }
        self.namespaces = namespaces.into();
        self.tests = tests
            .into_values()
            .map(|(indices, yes, no)| {
                let matchers = match &placed[indices[0]].ask.question {
                    Question::Match { matchers, .. } => matchers.iter().map(Matcher::again).collect(),
                    _ => Box::default(),
                };
                LeafTest { matchers, yes: effects.effect(&yes), no: effects.effect(&no) }
            })
            .collect();
        let mut with_no = vec![0; self.tests.len().div_ceil(64)];
        for (index, test) in self.tests.iter().enumerate() {
            with_no[index / 64] |= u64::from(!test.no.is_nothing()) << (index % 64);
        }
        self.tests_with_no = with_no.into();
    }

    fn read_bounds(&mut self, placed: &[Placed<'_>], effects: &mut EffectsBuilder) {
        let is_quantity =
            |placed: &&Placed<'_>| matches!(placed.ask.question, Question::Greater(_) | Question::Less(_));
        let asked: Vec<&Placed<'_>> = placed.iter().filter(is_quantity).collect();
        let mut bounds: Vec<Quantity> = asked
            .iter()
            .filter_map(|placed| match placed.ask.question {
                Question::Greater(bound) | Question::Less(bound) => Some(bound),
                _ => None,
            })
            .collect();
        bounds.sort_unstable();
        bounds.dedup();
        let mut effect = |answer: &dyn Fn(&Question) -> bool| {
            let mut bits = Bits::default();
            for placed in &asked {
                placed.note(answer(&placed.ask.question).into(), &mut bits);
            }
            effects.effect(&bits)
        };
        // Twice the place of a bound, plus one: at it; plus two: above it.
        let place = |bound: &Quantity| 2 * bounds.partition_point(|b| b < bound) + 1;
        self.regions = (0..=2 * bounds.len())
            .map(|region| {
                effect(&|question| match question {
                    Question::Greater(bound) => region > place(bound),
                    Question::Less(bound) => region < place(bound),
                    _ => false,
                })
            })
            .collect();
        self.no_quantity = effect(&|_| false);
        self.bounds = bounds.into();
    }

    fn read_ages(&mut self, placed: &[Placed<'_>], effects: &mut EffectsBuilder) {
        let is_time = |placed: &&Placed<'_>| {
            placed.ask.question.is_timed() || matches!(placed.ask.question, Question::Stamp)
        };
        let asked: Vec<&Placed<'_>> = placed.iter().filter(is_time).collect();
        let mut ages: Vec<SignedDuration> = asked
            .iter()
            .filter_map(|placed| match placed.ask.question {
                Question::Passed(age) | Question::NotPassed(age) => Some(age),
                _ => None,
            })
            .collect();
        ages.sort_unstable();
        ages.dedup();
        let mut effect = |answer: &dyn Fn(&Question) -> bool| {
            let mut bits = Bits::default();
            for placed in &asked {
                placed.note(answer(&placed.ask.question).into(), &mut bits);
            }
            effects.effect(&bits)
        };
        self.age_regions = (0..=ages.len())
            .map(|region| {
                // The ages before the region's place are reached.
                let reached = |age: &SignedDuration| ages.partition_point(|a| a <= age) <= region;
                effect(&|question| match question {
                    Question::Passed(age) => reached(age),
                    Question::NotPassed(age) => !reached(age),
                    _ => true,
                })
            })
            .collect();
        self.no_stamp = effect(&|_| false);
        self.asks_times = !asked.is_empty();
        self.ages = ages.into();
    }

    /// Whether nothing is asked of a text, if it is no element of an array, but which it is.
    pub(super) fn is_simple(&self) -> bool {
        !self.is_open[0] && !self.asks_times && self.captures.is_empty()
    }

    /// Which literal a text is that stands in `json` from `begin` to `end`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "half of it is another function's, inlined")]
    pub(super) fn literal(&self, json: &[u8], begin: usize, end: usize) -> u32 {
        if self.names_texts || begin == end { self.literals.get(json, begin, end) } else { NONE }
    }

    /// What that sets.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it reads one number of what it gives")]
    pub(super) fn of_literal(&self, literal: u32) -> TextEffect {
        match literal {
            NONE => self.other,
            literal => self.literal_effects.get(literal as usize).copied().unwrap_or_default(),
        }
    }

    /// What a text that no literal names sets by its amount.
    pub(super) fn of_quantity(&self, text: &str) -> Effect {
        let Some(quantity) = Quantity::parse(text) else { return self.no_quantity };
        let below = self.bounds.partition_point(|bound| *bound < quantity);
        let at = usize::from(self.bounds.get(below) == Some(&quantity));
        self.regions.get(2 * below + at).copied().unwrap_or_default()
    }

    /// What a text sets by its time; and the time, where a later look at it sets something else.
    pub(super) fn of_time(&self, text: &str, now: Timestamp) -> (Effect, Option<Timestamp>) {
        match parse_timestamp(text) {
            Some(stamp) => self.of_stamp(stamp, now),
            None => (self.no_stamp, None),
        }
    }

    /// The same of a timestamp.
    pub(super) fn of_stamp(&self, stamp: Timestamp, now: Timestamp) -> (Effect, Option<Timestamp>) {
        let age = now.duration_since(stamp);
        let region = self.ages.partition_point(|a| *a <= age);
        let effect = self.age_regions.get(region).copied().unwrap_or_default();
        (effect, (region < self.ages.len()).then_some(stamp))
    }
}

/// A text that is none of these.
fn unnamed(named: &BTreeMap<String, Vec<usize>>) -> String {
    let mut text = String::from("\u{1}");
    while named.contains_key(&text) {
        text.push('\u{1}');
    }
    text
}

/// What a text sets, while it is put together.
#[derive(Clone, Default)]
struct TextBits {
    both: Bits,
    direct: Bits,
}

impl TextBits {
    fn note(&mut self, placed: &Placed<'_>, answer: Answer) {
        placed.note(answer, if placed.is_direct() { &mut self.direct } else { &mut self.both });
    }

    fn clear(&mut self, placed: &Placed<'_>) {
        for bits in [&mut self.both, &mut self.direct] {
            bits.clear(placed.yes);
            if placed.ask.all {
                bits.clear(placed.no);
            }
        }
    }

    fn effect(&self, effects: &mut EffectsBuilder) -> TextEffect {
        let in_list = effects.effect(&self.both);
        let mut all = self.both.clone();
        all.set_all(&self.direct);
        TextEffect { direct: effects.effect(&all), in_list }
    }
}
