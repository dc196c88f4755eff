use super::table::small;
use std::collections::{BTreeMap, HashMap};

/// A bit of a run's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bit {
    pub(super) word: u32,
    pub(super) mask: u64,
}

impl Bit {
    /// The `index`-th bit from a word on.
    pub(super) fn nth(first_word: u32, index: u32) -> Self {
        Self { word: first_word + index / 64, mask: 1 << (index % 64) }
    }
}

/// Which bits a value sets: all that can be said of it before it is seen.
///
/// Those of the first word stand in it, as mostly they are all: to set them nothing else is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    /// The bits of the first word.
    pub(super) mask: u64,
    pub(super) word: u32,
    /// Its place among all effects, twice; and one more where it sets bits of other words too.
    number: u32,
}

impl Effect {
    pub(super) const NOTHING: Self = Self { mask: 0, word: 0, number: 0 };

    pub(super) fn is_nothing(self) -> bool {
        self.number == 0
    }

    /// Whether the first word is not all.
    pub(super) fn has_rest(self) -> bool {
        self.number & 1 == 1
    }
}

/// All effects of a program, each kept once.
#[derive(Debug)]
pub(super) struct Effects {
    spans: Vec<Span>,
    changes: Vec<(u32, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    begin: u32,
    end: u32,
}

/// Bits to be set, on their way to becoming an [`Effect`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits(BTreeMap<u32, u64>);

impl Bits {
    pub(super) fn set(&mut self, bit: Bit) {
        *self.0.entry(bit.word).or_default() |= bit.mask;
    }

    pub(super) fn clear(&mut self, bit: Bit) {
        if let Some(word) = self.0.get_mut(&bit.word) {
            *word &= !bit.mask;
        }
    }

    pub(super) fn set_all(&mut self, other: &Self) {
        for (word, mask) in &other.0 {
            *self.0.entry(*word).or_default() |= mask;
        }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = (u32, u64)> {
        self.0.iter().map(|(word, mask)| (*word, *mask)).filter(|(_, mask)| *mask != 0)
    }
}

/// Makes [`Effects`].
#[derive(Debug)]
pub(super) struct EffectsBuilder {
    effects: Effects,
    known: HashMap<Vec<(u32, u64)>, Effect>,
}

impl Default for EffectsBuilder {
    fn default() -> Self {
        let nothing = Effects { spans: vec![Span { begin: 0, end: 0 }], changes: Vec::new() };
        Self { effects: nothing, known: HashMap::from([(Vec::new(), Effect::NOTHING)]) }
    }
}

impl EffectsBuilder {
    pub(super) fn effect(&mut self, bits: &Bits) -> Effect {
        let changes: Vec<(u32, u64)> = bits.words().collect();
        if let Some(effect) = self.known.get(&changes) {
            return *effect;
        }
        let (word, mask) = changes.first().copied().unwrap_or_default();
        let number = small(2 * self.effects.spans.len() + usize::from(changes.len() > 1));
        let effect = Effect { mask, word, number };
        let begin = small(self.effects.changes.len());
        self.effects.changes.extend(&changes);
        self.effects.spans.push(Span { begin, end: small(self.effects.changes.len()) });
        self.known.insert(changes, effect);
        effect
    }

    pub(super) fn finish(self) -> Effects {
        self.effects
    }
}

impl Effects {
    /// What an effect changes.
    #[inline]
    pub(super) fn changes(&self, effect: Effect) -> &[(u32, u64)] {
        let Some(span) = self.spans.get(effect.number as usize / 2) else { return &[] };
        self.changes.get(span.begin as usize..span.end as usize).unwrap_or_default()
    }

    /// Whether a bit is among them.
    #[inline]
    pub(super) fn sets(&self, effect: Effect, bit: Bit) -> bool {
        let is_first = effect.word == bit.word && effect.mask & bit.mask != 0;
        is_first || (effect.has_rest() && self.rest_sets(effect, bit))
    }

    fn rest_sets(&self, effect: Effect, bit: Bit) -> bool {
        self.changes(effect).iter().any(|(word, mask)| *word == bit.word && mask & bit.mask != 0)
    }
}
