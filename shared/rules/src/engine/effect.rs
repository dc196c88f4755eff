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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect(u32);

impl Effect {
    pub(super) const NOTHING: Self = Self(0);

    pub(super) fn index(self) -> u32 {
        self.0
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
        let effect = Effect(small(self.effects.spans.len()));
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
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn changes(&self, effect: Effect) -> &[(u32, u64)] {
        let Some(span) = self.spans.get(effect.0 as usize) else { return &[] };
        self.changes.get(span.begin as usize..span.end as usize).unwrap_or_default()
    }

    /// The same by the number that a log keeps.
    pub(super) fn changes_of(&self, effect: u32) -> &[(u32, u64)] {
        self.changes(Effect(effect))
    }

    /// Whether a bit is among them.
    pub(super) fn sets(&self, effect: u32, bit: Bit) -> bool {
        self.changes(Effect(effect)).iter().any(|(word, mask)| *word == bit.word && mask & bit.mask != 0)
    }
}
