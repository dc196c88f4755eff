use prodrome_scan::scanner::window;

/// What no entry has.
pub(super) const NONE: u32 = u32::MAX;

/// From texts to numbers: the keys below a node, the literals of a leaf. Looked up by a few bytes: the first
/// eight, the last eight and the length tell most texts apart, and one probe finds them.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Box<[Slot]>,
    multiplier: u64,
    shift: u32,
    /// All texts, one after another.
    texts: Box<[u8]>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    head: u64,
    tail: u64,
    length: u32,
    value: u32,
    text: u32,
}

const EMPTY: Slot = Slot { head: 0, tail: 0, length: 0, value: NONE, text: 0 };

impl Table {
    /// A table of these texts; each stands once.
    pub(super) fn new<'t>(entries: impl IntoIterator<Item = (&'t str, u32)>) -> Self {
        let entries: Vec<(&str, u32)> = entries.into_iter().collect();
        if entries.is_empty() {
            return Self::default();
        }
        let size = (entries.len() * 4).next_power_of_two();
        let shift = 64 - size.trailing_zeros();
        let probes = |multiplier: u64| {
            let mut taken = vec![false; size];
            let mut probes = 0_usize;
            for (text, _) in &entries {
                let (head, tail) = signature(text.as_bytes(), 0, text.len());
                let mut at = place(head, tail, text.len(), multiplier, shift);
                while std::mem::replace(&mut taken[at], true) {
                    probes += 1;
                    at = (at + 1) % size;
                }
            }
            probes
        };
        // Odd multipliers without a pattern; the first that lets no two meet, else the best of some.
        let tries = if entries.len() > 64 { 8 } else { 64 };
        let mut best = (usize::MAX, 0);
        let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..tries {
            let cost = probes(multiplier);
            if cost < best.0 {
                best = (cost, multiplier);
            }
            if cost == 0 {
                break;
            }
            multiplier = multiplier.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2) | 1;
        }
        let mut table = Self {
            slots: vec![EMPTY; size].into(),
            multiplier: best.1,
            shift,
            texts: entries.iter().flat_map(|(text, _)| text.bytes()).collect(),
        };
        let mut begin = 0;
        for (text, value) in entries {
            let (head, tail) = signature(text.as_bytes(), 0, text.len());
            let mut at = place(head, tail, text.len(), table.multiplier, shift);
            while table.slots[at].value != NONE {
                at = (at + 1) % size;
            }
            table.slots[at] = Slot { head, tail, length: small(text.len()), value, text: small(begin) };
            begin += text.len();
        }
        table
    }

    /// The number of the text that stands in `bytes` from `begin` to `end`; [`NONE`] where there is none.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn get(&self, bytes: &[u8], begin: usize, end: usize) -> u32 {
        if self.slots.is_empty() {
            return NONE;
        }
        let length = end - begin;
        let (head, tail) = signature(bytes, begin, end);
        let mut at = place(head, tail, length, self.multiplier, self.shift);
        loop {
            let Some(slot) = self.slots.get(at) else { return NONE };
            if slot.value == NONE {
                return NONE;
            }
            if slot.head == head && slot.tail == tail && slot.length as usize == length {
                let text = slot.text as usize;
                if length <= 16 || self.texts.get(text..text + length) == bytes.get(begin..end) {
                    return slot.value;
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves as many bits as the table has")]
fn place(head: u64, tail: u64, length: usize, multiplier: u64, shift: u32) -> usize {
    let mixed = head ^ tail.rotate_left(29) ^ (length as u64).rotate_left(48);
    (mixed.wrapping_mul(multiplier) >> shift) as usize
}

/// The first and the last eight bytes of a text; of a shorter one all bytes, and zero.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
fn signature(bytes: &[u8], begin: usize, end: usize) -> (u64, u64) {
    let word = |at: usize| window::<8>(bytes, at).map(|word| u64::from_le_bytes(*word));
    let length = end - begin;
    if length > 8 {
        return (word(begin).unwrap_or(0), word(end - 8).unwrap_or(0));
    }
    if length == 0 {
        return (0, 0);
    }
    // Mostly there is more behind it, to be masked away.
    match word(begin) {
        Some(word) => (word & (u64::MAX >> (64 - 8 * length)), 0),
        None => (short(bytes.get(begin..end).unwrap_or_default()), 0),
    }
}

/// The bytes of a short text that nothing follows.
#[cold]
fn short(text: &[u8]) -> u64 {
    text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Sizes and places here are far below four thousand million.
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a program is smaller than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn what_was_put_in_is_found_and_nothing_else(
            texts in prop::collection::vec("[ab]{0,3}|[a-c]{7,9}|(ab){6,12}|é{0,9}", 0..200),
            asked in prop::collection::vec("[ab]{0,3}|[a-c]{7,9}|(ab){6,12}|é{0,9}", 0..50),
            behind in "[ab]{0,12}",
        ) {
            let map: BTreeMap<&str, u32> = texts.iter().zip(0..).map(|(text, n)| (text.as_str(), n)).collect();
            let table = Table::new(map.iter().map(|(text, n)| (*text, *n)));
            for text in texts.iter().chain(&asked) {
                let bytes = format!("\"{text}{behind}");
                let got = table.get(bytes.as_bytes(), 1, 1 + text.len());
                prop_assert_eq!(got, map.get(text.as_str()).copied().unwrap_or(NONE), "{}", text);
            }
        }
    }
}
