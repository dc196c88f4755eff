use super::effect::{Bit, Bits};
use super::table::small;
use std::ops::Range;

/// Many lists of what must hold, kept in a few arrays.
#[derive(Debug, Default)]
pub(super) struct Formulas {
    lists: Vec<List>,
    needs: Vec<(u32, u64)>,
    comparisons: Vec<u32>,
    /// Ranges of `choices`: one of the lists there must hold.
    any_of: Vec<(u32, u32)>,
    choices: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    needs: (u32, u32),
    any_of: (u32, u32),
    comparisons: (u32, u32),
}

/// A list of what must hold, on its way.
#[derive(Debug, Default)]
pub(super) struct ListBuilder {
    pub(super) needs: Bits,
    pub(super) comparisons: Vec<u32>,
    pub(super) any_of: Vec<Vec<u32>>,
}

impl Formulas {
    pub(super) fn add(&mut self, list: ListBuilder) -> u32 {
        fn extend<T>(all: &mut Vec<T>, more: impl IntoIterator<Item = T>) -> (u32, u32) {
            let begin = small(all.len());
            all.extend(more);
            (begin, small(all.len()))
        }
        let needs = extend(&mut self.needs, list.needs.words());
        let comparisons = extend(&mut self.comparisons, list.comparisons);
        let any_of: Vec<_> =
            list.any_of.into_iter().map(|choices| extend(&mut self.choices, choices)).collect();
        let any_of = extend(&mut self.any_of, any_of);
        self.lists.push(List { needs, any_of, comparisons });
        small(self.lists.len() - 1)
    }

    /// Whether all of a list holds, of bits and of comparisons.
    #[inline]
    pub(super) fn holds(&self, list: u32, words: &[u64], compare: &mut dyn FnMut(u32) -> bool) -> bool {
        let Some(list) = self.lists.get(list as usize) else { return false };
        for (word, mask) in &self.needs[span(list.needs)] {
            if words.get(*word as usize).copied().unwrap_or(0) & mask != *mask {
                return false;
            }
        }
        let is_all = list.any_of.0 == list.any_of.1 && list.comparisons.0 == list.comparisons.1;
        is_all || self.rest_holds(list, words, compare)
    }

    /// The same of what is more than bits.
    #[inline(never)]
    fn rest_holds(&self, list: &List, words: &[u64], compare: &mut dyn FnMut(u32) -> bool) -> bool {
        self.any_of[span(list.any_of)]
            .iter()
            .all(|choices| self.choices[span(*choices)].iter().any(|list| self.holds(*list, words, compare)))
            && self.comparisons[span(list.comparisons)].iter().all(|comparison| compare(*comparison))
    }

    /// Whether which bits make a list hold depends on which of them are set.
    pub(super) fn has_choices(&self, list: u32) -> bool {
        self.lists.get(list as usize).is_some_and(|list| !span(list.any_of).is_empty())
    }

    /// Calls `visit` with each bit that makes a list hold.
    pub(super) fn bits(&self, list: u32, words: &[u64], visit: &mut dyn FnMut(Bit)) {
        let Some(list) = self.lists.get(list as usize) else { return };
        for (word, mask) in &self.needs[span(list.needs)] {
            let mut left = *mask;
            while left != 0 {
                visit(Bit { word: *word, mask: left & left.wrapping_neg() });
                left &= left - 1;
            }
        }
        for choices in &self.any_of[span(list.any_of)] {
            let choices = &self.choices[span(*choices)];
            if let Some(first) = choices.iter().find(|list| self.holds(**list, words, &mut |_| true)) {
                self.bits(*first, words, visit);
            }
        }
    }
}

fn span((begin, end): (u32, u32)) -> Range<usize> {
    begin as usize..end as usize
}

/// Which lists are to be tried when a bit is set: each hangs on the rarest of its bits.
#[derive(Debug, Default)]
pub(super) struct Wake {
    /// Where the bits stand.
    first_word: u32,
    /// The bits that something hangs on, word by word.
    masks: Box<[u64]>,
    /// To each bit, where in `sleepers` those begin that hang on it.
    begins: Box<[u32]>,
    sleepers: Box<[u32]>,
    /// Those that hang on nothing.
    pub(super) always: Box<[u32]>,
}

impl Wake {
    pub(super) fn new(first_word: u32, words: u32, hangs: &[(Bit, u32)], always: Vec<u32>) -> Self {
        let index = |bit: &Bit| ((bit.word - first_word) * 64 + bit.mask.trailing_zeros()) as usize;
        let mut masks = vec![0; words as usize];
        let mut by_bit: Vec<Vec<u32>> = vec![Vec::new(); words as usize * 64];
        for (bit, sleeper) in hangs {
            masks[(bit.word - first_word) as usize] |= bit.mask;
            if by_bit[index(bit)].last() != Some(sleeper) {
                by_bit[index(bit)].push(*sleeper);
            }
        }
        let mut begins = Vec::with_capacity(by_bit.len() + 1);
        let mut sleepers = Vec::new();
        for list in by_bit {
            begins.push(small(sleepers.len()));
            sleepers.extend(list);
        }
        begins.push(small(sleepers.len()));
        Self {
            first_word,
            masks: masks.into(),
            begins: begins.into(),
            sleepers: sleepers.into(),
            always: always.into(),
        }
    }

    /// How many words there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.masks.len()
    }

    /// Of a word's bits those that something hangs on.
    #[inline]
    pub(super) fn bits(&self, index: usize, words: &[u64]) -> u64 {
        let mask = self.masks.get(index).copied().unwrap_or(0);
        if mask == 0 { 0 } else { mask & words.get(self.first_word as usize + index).copied().unwrap_or(0) }
    }

    /// What hangs on the lowest of these bits.
    #[inline]
    pub(super) fn woken(&self, index: usize, bits: u64) -> &[u32] {
        let bit = index * 64 + bits.trailing_zeros() as usize;
        match self.begins.get(bit..bit + 2) {
            Some([begin, end]) => self.sleepers.get(*begin as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}
