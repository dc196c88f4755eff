use super::effect::Effect;
use super::order::{ExpectedValue, WINDOW, window};
use super::scratch::Logged;
use super::table::small;
use prodrome_scan::scanner::Scanner;

/// No value.
pub(super) const NO_VALUE: u32 = u32::MAX;
/// Within so many containers values are remembered: a text as long as theirs are at most leads from there to no
/// greater depth than there may be.
pub(super) const DEPTH: usize = 24;
/// The longest text that is remembered, with what ends it.
const LENGTH_MAX: usize = 192;
/// How many values of a key are remembered, and how many texts of all of a program's keys.
const VALUES_OF_KEY: u8 = 8;
const VALUES_MAX: usize = 768;
/// The bytes that windows do not hold, and the effects, of all of them.
const RESTS_MAX: usize = 32 << 10;
const EFFECTS_MAX: usize = 1024;
/// The most effects of one text.
const EFFECTS_OF_VALUE: usize = 32;
/// How many values of one object are looked at to be joined.
const HITS_MAX: usize = 256;
/// No place: the effect is that something is missing.
const NOWHERE: u32 = u32::MAX;
/// So often a value that came was another than those known before it is judged whether knowing them pays.
const TRIAL: u8 = 64;

/// Values that keys had in earlier objects, and what came of them: what one object says, another mostly said too.
///
/// `"restartPolicy":"Always"` is in nearly every pod, `"status":"True"` in nearly every condition. To see that the
/// expected value stands there is quicker than to find its end, let alone to look up what it says. Only values
/// are remembered of which the same comes whatever else there is: neither time nor a comparison nor a condition
/// on elements of a list below them asks for them. Room is made once, and what finds none is not remembered.
///
/// Defaults stand side by side: where values came one right after the other, with their keys, they become one
/// text, a *run*, that is compared at once.
#[derive(Debug, Default)]
pub(super) struct Usuals {
    values: Vec<Usual>,
    rests: Vec<u8>,
    /// What each value sets, and how far behind its beginning that stands.
    effects: Vec<(Effect, u32)>,
    /// How many objects were read.
    objects: u32,
    /// The values that came as expected in the present object, where runs are made of them.
    pub(super) hits: Vec<Hit>,
    pub(super) is_joining: bool,
    pub(super) learns: bool,
}

/// A value, or a run of them, with the byte behind it, which ends it; all of it is in one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Usual {
    bytes: [u8; WINDOW],
    mask: u32,
    /// Where `rests` has what the window does not hold.
    rest: u32,
    /// The places below the node, as bits, of a run's keys but the first, those that somebody asks for.
    pub(super) seen: u64,
    /// Where its effects begin.
    effects: u16,
    effects_count: u8,
    /// Without the byte behind it.
    length: u8,
    /// The value that came after it last, of the same key; and another one of that key.
    next: u16,
    other: u16,
    /// The last key of a run; [`u8::MAX`] where it is none.
    pub(super) last_key: u8,
}

/// What came of the values of a key so far.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Some hashes of values that came once: what comes twice is remembered.
    once: [u32; 8],
    noted: u8,
    /// The values that are remembered.
    first: Option<u16>,
    known: u8,
    /// How many were none of those, since there were so many objects.
    misses: u8,
    since: u32,
}

/// A value that came as it was expected, or a run of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) node: u32,
    /// The key and its value.
    pub(super) key: u32,
    pub(super) value: u32,
    /// Where the value begins and ends.
    pub(super) begin: u32,
    pub(super) end: u32,
}

impl Hit {
    /// Whether a run from one to the other is short enough.
    pub(super) fn fits(first: &Self, last: &Self) -> bool {
        ((last.end - first.begin) as usize) < LENGTH_MAX
    }
}

impl Usuals {
    /// Another object begins, or the same as before is read again, of which nothing is to be learnt.
    pub(super) fn begin(&mut self, is_new: bool) {
        self.learns = is_new;
        self.objects = self.objects.saturating_add(u32::from(is_new));
        // Often in the beginning, then ever more seldom.
        self.is_joining = is_new && self.objects >= 32 && self.objects.is_power_of_two();
        self.hits.clear();
    }

    /// A value came as it was expected.
    pub(super) fn note(&mut self, hit: Hit) {
        if self.hits.len() < HITS_MAX.min(self.hits.capacity()) {
            self.hits.push(hit);
        }
    }

    /// A value, if it stands at `at`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn expect<S: Scanner>(
        &self,
        scanner: S,
        json: &[u8],
        at: usize,
        value: u32,
    ) -> Option<&Usual> {
        let window = json.get(at..)?.first_chunk::<WINDOW>()?;
        let usual = self.values.get(value as usize)?;
        let stands = scanner.same(window, &usual.bytes) & usual.mask == usual.mask;
        let is_short = usize::from(usual.length) < WINDOW;
        (stands && (is_short || self.rest_stands(usual, json, at))).then_some(usual)
    }

    #[inline(never)]
    fn rest_stands(&self, usual: &Usual, json: &[u8], at: usize) -> bool {
        let end = at + usize::from(usual.length) + 1;
        match (json.get(at + WINDOW..end), self.rests.get(usual.rest as usize..)) {
            (Some(text), Some(rests)) => rests.starts_with(text),
            _ => false,
        }
    }

    /// Another value of the key than the expected one, if one stands at `at`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn find<S: Scanner>(
        &mut self,
        scanner: S,
        json: &[u8],
        at: usize,
        past: &Past,
        expected: u32,
    ) -> Option<u32> {
        let mut value = past.first.map_or(NO_VALUE, u32::from);
        while let Some(other) = self.values.get(value as usize).map(|usual| usual.other) {
            if value != expected && self.expect(scanner, json, at, value).is_some() {
                return Some(value);
            }
            value = u32::from(other);
        }
        None
    }

    /// After this value that one is expected, as it came so.
    pub(super) fn follows(&mut self, value: u32, next: u32) {
        if let (Some(value), Ok(next)) = (self.values.get_mut(value as usize), u16::try_from(next)) {
            value.next = next;
        }
    }

    pub(super) fn is_run(&self, value: u32) -> bool {
        self.values.get(value as usize).is_some_and(|usual| usual.last_key != u8::MAX)
    }

    /// One of the effects of a value that begins at `at`, and where it stands.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn effect(&self, index: usize, at: usize) -> (Effect, usize) {
        let (effect, behind) = self.effects.get(index).copied().unwrap_or_default();
        (effect, if behind == NOWHERE { 0 } else { at + behind as usize })
    }

    /// Remembers a text with the byte behind it, and what it sets.
    fn remember(&mut self, text: &[u8], effects: &[(Effect, u32)], past: &mut Past) -> Option<&mut Usual> {
        let rest = text.get(WINDOW..).unwrap_or_default();
        let has_room = self.values.len() < VALUES_MAX
            && self.rests.len() + rest.len() <= RESTS_MAX
            && self.effects.len() + effects.len() <= EFFECTS_MAX;
        if !has_room || text.len() > LENGTH_MAX || effects.len() > EFFECTS_OF_VALUE {
            return None;
        }
        if self.values.capacity() == 0 {
            self.values.reserve_exact(VALUES_MAX);
            self.rests.reserve_exact(RESTS_MAX);
            self.effects.reserve_exact(EFFECTS_MAX);
            self.hits.reserve_exact(HITS_MAX);
        }
        let (bytes, mask) = window(text);
        let index = u16::try_from(self.values.len()).ok()?;
        self.values.push(Usual {
            bytes,
            mask,
            rest: small(self.rests.len()),
            seen: 0,
            effects: u16::try_from(self.effects.len()).ok()?,
            effects_count: u8::try_from(effects.len()).ok()?,
            length: u8::try_from(text.len() - 1).ok()?,
            next: index,
            other: past.first.unwrap_or(u16::MAX),
            last_key: u8::MAX,
        });
        self.rests.extend(rest);
        self.effects.extend(effects);
        past.first = Some(index);
        self.values.last_mut()
    }

    /// Makes one text of values that came one right after the other, given where in `json`; `seen` are those of
    /// their keys but the first that somebody asks for.
    pub(super) fn join(
        &mut self,
        json: &[u8],
        hits: &[Hit],
        mut seen: u64,
        past: &mut Past,
        expected: &mut ExpectedValue,
    ) {
        let [first, .., last] = hits else { return };
        let Some(text) = json.get(first.begin as usize..=last.end as usize) else { return };
        let mut list = [(Effect::NOTHING, 0); EFFECTS_OF_VALUE];
        let mut count = 0;
        let mut last_key = u8::try_from(last.key).unwrap_or(u8::MAX);
        for hit in hits {
            let Some(usual) = self.values.get(hit.value as usize) else { return };
            seen |= usual.seen;
            if hit.begin == last.begin && usual.last_key != u8::MAX {
                last_key = usual.last_key;
            }
            for index in usual.effects() {
                let (effect, at) = self.effect(index, hit.begin as usize);
                let Some(place) = list.get_mut(count) else { return };
                *place = (effect, if at == 0 { NOWHERE } else { small(at) - first.begin });
                count += 1;
            }
        }
        if let Some(run) = self.remember(text, &list[..count], past) {
            run.seen = seen;
            run.last_key = last_key;
            let run = u32::from(run.next);
            self.follows(expected.last, run);
            *expected = ExpectedValue { value: run, last: run, ..*expected };
        }
    }

    /// Forgets the runs of a key.
    fn forget_runs(&mut self, past: &mut Past) -> bool {
        let mut kept = None;
        let mut forgot = false;
        let mut value = past.first;
        while let Some(index) = value
            && let Some(usual) = self.values.get_mut(usize::from(index))
        {
            value = Some(usual.other).filter(|other| *other != u16::MAX);
            if usual.last_key == u8::MAX {
                usual.other = kept.unwrap_or(u16::MAX);
                usual.next = index;
                kept = Some(index);
            } else {
                forgot = true;
            }
        }
        past.first = kept;
        forgot
    }
}

impl Usual {
    /// Where it ends, if it begins at `at`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn end(&self, at: usize) -> usize {
        at + usize::from(self.length)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn effects(&self) -> std::ops::Range<usize> {
        let begin = usize::from(self.effects);
        begin..begin + usize::from(self.effects_count)
    }

    /// What is expected after it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn next(&self) -> u32 {
        u32::from(self.next)
    }
}

impl Past {
    /// A value came that was not expected, with the byte behind it, and this is what it set, as it begins there.
    pub(super) fn learn(
        &mut self,
        usuals: &mut Usuals,
        text: &[u8],
        (log, begin): (&[Logged], usize),
        effect: impl Fn(u32) -> Effect,
        expected: &mut ExpectedValue,
    ) {
        self.noted = self.noted.saturating_add(1);
        expected.learns = self.noted < u8::MAX;
        if text.len() > LENGTH_MAX {
            return;
        }
        let hash = hash(text);
        if !self.once.contains(&hash) {
            self.once[usize::from(self.noted) % self.once.len()] = hash;
            return;
        }
        let mut list = [(Effect::NOTHING, 0); EFFECTS_OF_VALUE];
        for (place, logged) in list.iter_mut().zip(log) {
            let behind = if logged.at == 0 { NOWHERE } else { logged.at - small(begin) };
            *place = (effect(logged.effect), behind);
        }
        let remembered = list.get(..log.len()).and_then(|effects| usuals.remember(text, effects, self));
        let Some(value) = remembered.map(|usual| usual.next()) else {
            expected.learns = false;
            return;
        };
        usuals.follows(expected.last, value);
        self.known += 1;
        expected.learns &= self.known < VALUES_OF_KEY;
        (expected.value, expected.last) = (value, value);
    }

    /// A value came that is none of those known, of the `objects`-th object: where that is mostly so, no run is
    /// expected any more; and if that does not help, no value.
    pub(super) fn miss(&mut self, objects: u32, usuals: &mut Usuals, expected: &mut ExpectedValue) {
        self.misses += 1;
        if self.misses < TRIAL {
            return;
        }
        if objects.wrapping_sub(self.since) < 2 * u32::from(TRIAL) {
            if usuals.forget_runs(self) {
                let first = self.first.map_or(NO_VALUE, u32::from);
                (expected.value, expected.last) = (first, first);
            } else {
                *expected = ExpectedValue::NONE;
            }
        }
        self.misses = 0;
        self.since = objects;
    }
}

fn hash(text: &[u8]) -> u32 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = text.as_chunks::<8>();
    let mixed = words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    // Zero is what no value has.
    u32::try_from(mix(mixed, last) >> 32).unwrap_or(0) | 1
}
