use super::effect::Bit;
use super::plan::{Comparison, Left};
use super::program::{Program, Subject};
use super::scope::Scope;
use super::scratch::{CapturedValue, Logged, Scratch};
use super::unescape::unescape;
use crate::json::{self, JsonError, Node};
use jiff::Timestamp;
use std::borrow::Cow;
use std::ops::Range;

/// What a rule says of an object: the same as [`Evaluation`](crate::Evaluation), without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Which of the program's subjects.
    pub(super) entry: u32,
    /// Whether it matches.
    pub matches: bool,
    /// The earliest instant at which time alone turns that.
    pub turns_at: Option<Timestamp>,
    /// Whether the tree has to be asked.
    pub(super) is_open: bool,
}

/// What all rules of a program say of an object: those that match it, or that time alone will make match.
/// The others are silent about it.
pub struct Verdicts<'r> {
    pub(super) program: &'r Program,
    pub(super) json: &'r [u8],
    pub(super) scratch: &'r Scratch,
}

impl<'r> Verdicts<'r> {
    /// Whether no rule has anything to say.
    pub fn is_silent(&self) -> bool {
        self.scratch.verdicts.is_empty()
    }

    /// The verdicts that there are, each with whom it is of.
    pub fn iter(&self) -> impl Iterator<Item = (Subject<'r>, Verdict)> {
        let program = self.program;
        self.scratch.verdicts.iter().map(|verdict| (program.subject(verdict.entry), *verdict))
    }

    /// Where in the JSON the values stand that made a rule match, from front to back; strings without their quotes.
    ///
    /// Of a condition over many values it is the first that satisfied it. None where a condition holds as
    /// something is missing, and none where the object is written so strangely that the tree had to be asked.
    pub fn places(&self, verdict: Verdict) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        self.places_into(verdict, &mut places);
        places
    }

    /// The same, in place of what was in `places`, so that one list may serve for many verdicts.
    pub fn places_into(&self, verdict: Verdict, places: &mut Vec<Range<usize>>) {
        let Self { program, json, scratch } = self;
        places.clear();
        let Some(entry) = program.entries.get(verdict.entry as usize).filter(|_| verdict.matches) else {
            return;
        };
        let mut keep = |log: &[Logged], bit: Bit| {
            let logged = log.iter().find(|logged| program.effects.sets(logged.effect, bit));
            let place = logged.map_or(0..0, |logged| value_at(json, logged.at as usize));
            if !place.is_empty() && !places.contains(&place) {
                places.push(place);
            }
        };
        program.formulas.bits(entry.actual.unwrap_or(entry.upper), &scratch.words, &mut |bit| {
            let is_of = |scope: &Scope| (scope.satisfied..scope.satisfied + scope.words).contains(&bit.word);
            let Some(index) = program.scopes.iter().position(is_of) else {
                return keep(&scratch.log, bit);
            };
            let scope = &program.scopes[index];
            let word = bit.word - scope.satisfied;
            let element = scratch.elements.iter().find(|element| {
                element.scope as usize == index && element.word == word && element.groups & bit.mask != 0
            });
            let Some(element) = element else { return };
            let log = scratch.log.get(element.begin as usize..element.end as usize).unwrap_or_default();
            let group = word * 64 + bit.mask.trailing_zeros();
            let Some(each) = scope.each.iter().find(|each| each.group == group) else {
                return keep(log, Bit { word: scope.local + word, mask: bit.mask });
            };
            if !program.formulas.has_choices(each.list) {
                return program.formulas.bits(each.list, &[], &mut |bit| keep(log, bit));
            }
            // The words of the parts are another element's by now: what this one set is in the log.
            let mut words = vec![0; program.words];
            words[..program.object_words].copy_from_slice(&scratch.words[..program.object_words]);
            for logged in log {
                for (word, mask) in program.effects.changes(logged.effect) {
                    words[*word as usize] |= mask;
                }
            }
            program.formulas.bits(each.list, &words, &mut |bit| keep(log, bit));
        });
        places.sort_by_key(|place| place.start);
    }
}

/// The value that begins at a place of the JSON, a string after its quote; empty for what is none.
fn value_at(json: &[u8], at: usize) -> Range<usize> {
    if at == 0 {
        return 0..0;
    }
    let begin = if json.get(at - 1) == Some(&b'"') { at - 1 } else { at };
    match prodrome_scan::skip_value(json, begin) {
        Ok(end) if begin < at => at..end - 1,
        Ok(end) => at..end,
        Err(_) => 0..0,
    }
}

/// What is said after a walk.
#[derive(Clone, Copy)]
pub(super) struct Judge<'j> {
    pub(super) program: &'j Program,
    pub(super) json: &'j str,
    pub(super) now: Timestamp,
}

impl Judge<'_> {
    /// Of an object that was walked.
    pub(super) fn judge(&self, scratch: &mut Scratch) -> Result<(), JsonError> {
        self.settle(scratch);
        let program = self.program;
        // Nothing turns with time alone where no value and no default does.
        let is_still = scratch.stamps.is_empty()
            && program.clocks.iter().all(|(clock, _)| clock.turns_at.is_none_or(|at| at <= self.now));
        for entry in &program.wake.always {
            self.entry(*entry, is_still, scratch);
        }
        for word in 0..program.wake.len() {
            let mut bits = program.wake.bits(word, &scratch.words);
            while bits != 0 {
                for entry in program.wake.woken(word, bits) {
                    self.entry(*entry, is_still, scratch);
                }
                bits &= bits - 1;
            }
        }
        if !is_still {
            self.look_ahead(scratch)?;
        }
        if scratch.verdicts.iter().any(|verdict| verdict.is_open) {
            scratch.effort.trees += 1;
            let tree = json::parse(self.json.as_bytes())?;
            self.ask(&tree, scratch);
        }
        Ok(())
    }

    /// What failed does not hold, though it is satisfied too.
    pub(super) fn settle(&self, scratch: &mut Scratch) {
        if self.program.fails {
            let (satisfied, rest) = scratch.words.split_at_mut(self.program.object_words);
            for (satisfied, failed) in satisfied.iter_mut().zip(rest) {
                *satisfied &= !*failed;
            }
        }
    }

    /// Of an object that was not walked to its end.
    pub(super) fn judge_by_tree(&self, scratch: &mut Scratch) -> Result<(), JsonError> {
        scratch.effort.trees += 1;
        let tree = json::parse(self.json.as_bytes())?;
        scratch.verdicts.clear();
        for entry in (0..).take(self.program.entries.len()) {
            scratch.verdicts.push(Verdict { entry, matches: false, turns_at: None, is_open: true });
        }
        scratch.log.clear();
        scratch.elements.clear();
        self.ask(&tree, scratch);
        Ok(())
    }

    fn entry(&self, index: u32, is_still: bool, scratch: &mut Scratch) {
        let (word, mask) = (index as usize / 64, 1 << (index % 64));
        let Some(entry) = self.program.entries.get(index as usize) else { return };
        let judged = scratch.judged.get(word).is_some_and(|bits| bits & mask != 0);
        if judged || !self.holds(entry.upper, scratch) {
            return;
        }
        if let Some(bits) = scratch.judged.get_mut(word) {
            *bits |= mask;
        }
        let matches = entry.is_certain && entry.actual.is_none_or(|actual| self.holds(actual, scratch));
        let is_open = !entry.is_certain || (entry.timed > 0 && !is_still);
        if matches || is_open {
            scratch.verdicts.push(Verdict { entry: index, matches, turns_at: None, is_open });
        }
    }

    fn ask(&self, tree: &Node<'_>, scratch: &mut Scratch) {
        for verdict in scratch.verdicts.iter_mut().filter(|verdict| verdict.is_open) {
            let evaluation = match self.program.subject(verdict.entry) {
                Subject::Rule(rule) => rule.evaluate(tree, self.now),
                Subject::Partner(_, reference) => reference.partner(tree, self.now),
            };
            verdict.matches = evaluation.matches;
            verdict.turns_at = evaluation.turns_at;
            verdict.is_open = false;
        }
        scratch.verdicts.retain(|verdict| verdict.matches || verdict.turns_at.is_some());
    }

    pub(super) fn holds(&self, list: u32, scratch: &mut Scratch) -> bool {
        let Scratch { words, captures, compared, .. } = scratch;
        self.program.formulas.holds(list, words, &mut |index| {
            // Two bits each: whether it was compared, and what came of it.
            let (word, shift) = (index as usize / 32, index % 32 * 2);
            let known = compared.get(word).map_or(0, |bits| bits >> shift & 0b11);
            if known != 0 {
                return known == 0b11;
            }
            let holds =
                self.program.comparisons.get(index as usize).is_some_and(|c| self.compare(c, captures));
            if let Some(bits) = compared.get_mut(word) {
                *bits |= if holds { 0b11 } else { 0b01 } << shift;
            }
            holds
        })
    }

    fn compare(&self, comparison: &Comparison, captures: &[super::scratch::Captured]) -> bool {
        let values = |index: usize| captures.get(index).map_or(&[][..], |captured| &captured.taken);
        let others = || values(comparison.right).iter().filter_map(|value| self.text(*value));
        let holds = |text: &str| comparison.relation.holds(text, &others, comparison.factor);
        match &comparison.left {
            Left::Text(text) => holds(text),
            Left::Capture(capture) => {
                let mut answers =
                    values(*capture).iter().map(|value| self.text(*value).is_some_and(|text| holds(&text)));
                if comparison.all {
                    !values(*capture).is_empty() && answers.all(|holds| holds)
                } else {
                    answers.any(|holds| holds)
                }
            }
        }
    }

    fn text(&self, value: CapturedValue) -> Option<Cow<'_, str>> {
        let CapturedValue::Text { begin, end, is_escaped } = value else { return None };
        if !is_escaped {
            return self.json.get(begin..end).map(Cow::Borrowed);
        }
        let mut text = String::new();
        unescape(self.json, begin, end, &mut text).ok()?;
        Some(Cow::Owned(text))
    }
}
