use super::leaf::Leaf;

/// How many texts of a leaf are remembered.
const TEXTS: usize = 64;
/// The longest text that is: what a kubelet says of a container that crashes again and again is some 130 bytes long.
const LENGTH_MAX: usize = 192;

/// Which of a leaf's globs and regular expressions match which of the texts seen last: one object's texts are
/// mostly another's too.
#[derive(Debug, Default)]
pub(super) struct Memo {
    texts: Vec<Text>,
    /// For each text as many words as the tests need, one bit a test.
    outcomes: Vec<u64>,
    words: usize,
}

#[derive(Debug, Clone, Copy)]
struct Text {
    /// One more than the length; zero where there is none.
    length: usize,
    bytes: [u8; LENGTH_MAX],
}

impl Memo {
    /// The outcomes of all tests of a leaf on a text.
    pub(super) fn outcomes(&mut self, leaf: &Leaf, text: &str) -> &[u64] {
        self.words = leaf.tests.len().div_ceil(64);
        if self.texts.is_empty() {
            self.texts = vec![Text { length: 0, bytes: [0; LENGTH_MAX] }; TEXTS];
            // One place more for what is not remembered.
            self.outcomes = vec![0; (TEXTS + 1) * self.words];
        }
        let bytes = text.as_bytes();
        let place = if bytes.len() > LENGTH_MAX { TEXTS } else { place(bytes) };
        let range = place * self.words..(place + 1) * self.words;
        let slot = self.texts.get_mut(place);
        let is_known = slot.as_ref().is_some_and(|slot| {
            slot.length == bytes.len() + 1 && slot.bytes.get(..bytes.len()) == Some(bytes)
        });
        let outcomes = self.outcomes.get_mut(range).unwrap_or_default();
        if !is_known {
            outcomes.fill(0);
            for (index, test) in leaf.tests.iter().enumerate() {
                if test.matchers.iter().any(|matcher| matcher.matches(text)) {
                    outcomes[index / 64] |= 1 << (index % 64);
                }
            }
            if let Some(slot) = slot {
                slot.length = bytes.len() + 1;
                slot.bytes[..bytes.len()].copy_from_slice(bytes);
            }
        }
        outcomes
    }
}

/// Where a text is remembered, if it is.
fn place(bytes: &[u8]) -> usize {
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = bytes.as_chunks::<8>();
    let mixed = words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // The last eight, though some of them were looked at already.
    let last = match bytes.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    usize::try_from(mix(mixed, last) >> 58).unwrap_or(0) % TEXTS
}
