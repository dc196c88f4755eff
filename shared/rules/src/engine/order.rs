/// How many keys of a node's objects are remembered.
const KEYS_MAX: usize = 40;
/// How far ahead in the order a key is looked for: those between may be left out in this object.
const AHEAD: usize = 3;
/// The longest key that is remembered, with the quote and the colon behind it.
const LENGTH_MAX: usize = 32;
/// So many keys come before it is judged whether remembering pays.
const TRIAL: u32 = 64;

/// The keys of a node's objects in the order in which they came: an API server writes the same kind in the same
/// order each time, and to see that the expected key stands there is quicker than to find out which key it is.
#[derive(Debug, Default)]
pub(super) struct Order {
    keys: Vec<Expected>,
    /// How many objects were read, and how many keys of theirs were not expected.
    objects: u32,
    surprises: u32,
}

/// A key with the quote and the colon behind it, as numbers to be compared.
#[derive(Debug, Clone, Copy)]
struct Expected {
    /// The first eight bytes, fewer of a short key.
    head: u64,
    head_mask: u64,
    /// The last eight.
    tail: u64,
    /// What lies between, twice eight bytes that may overlap.
    middle: [u64; 2],
    length: u32,
    place: u32,
}

impl Order {
    /// Another object begins.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.objects = self.objects.saturating_add(1);
    }

    /// Which key stands at `begin`, as expected from `cursor` on: its end with the colon behind it, and its place
    /// among the node's keys.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn expect(&self, json: &[u8], begin: usize, cursor: &mut usize) -> Option<(usize, u32)> {
        let window = self.keys.get(*cursor..)?;
        for (ahead, key) in window.iter().take(AHEAD).enumerate() {
            if key.stands_at(json, begin) {
                *cursor += ahead + 1;
                return Some((begin + key.length as usize, key.place));
            }
        }
        None
    }

    /// A key came that was not expected: it is, next time. `end` is the place of its closing quote.
    #[cold]
    pub(super) fn learn(&mut self, json: &[u8], begin: usize, end: usize, place: u32, cursor: &mut usize) {
        self.surprises = self.surprises.saturating_add(1);
        if self.surprises > TRIAL && self.surprises / 2 > self.objects {
            // The keys are others each time, as those of labels may be.
            self.keys.clear();
            return;
        }
        let Some(key) = Expected::new(json, begin, end, place) else { return };
        if let Some(known) = self.keys.iter().position(|known| known.stands_at(json, begin)) {
            *cursor = known + 1;
        } else if self.keys.len() < KEYS_MAX {
            if self.keys.capacity() == 0 {
                self.keys.reserve_exact(KEYS_MAX);
            }
            let at = (*cursor).min(self.keys.len());
            self.keys.insert(at, key);
            *cursor = at + 1;
        }
    }
}

impl Expected {
    fn new(json: &[u8], begin: usize, end: usize, place: u32) -> Option<Self> {
        // Only what is written without spaces and escapes, with enough behind it.
        let length = end + 2 - begin;
        let text = json.get(begin..begin + length)?;
        let is_plain = text.ends_with(b"\":") && !text.contains(&b'\\');
        if length > LENGTH_MAX || !is_plain {
            return None;
        }
        let head_mask = if length < 8 { u64::MAX >> (64 - 8 * length) } else { u64::MAX };
        let tail_at = if length < 8 { begin } else { begin + length - 8 };
        let middle = if length > 16 { [begin + 8, begin + length - 16] } else { [begin; 2] };
        Some(Self {
            head: word(json, begin)? & head_mask,
            head_mask,
            tail: word(json, tail_at)?,
            middle: [word(json, middle[0])?, word(json, middle[1])?],
            length: super::table::small(length),
            place,
        })
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn stands_at(&self, json: &[u8], begin: usize) -> bool {
        let Some(head) = word(json, begin) else { return false };
        if head & self.head_mask != self.head {
            return false;
        }
        let length = self.length as usize;
        length <= 8
            || (word(json, begin + length - 8) == Some(self.tail)
                && (length <= 16
                    || (word(json, begin + 8) == Some(self.middle[0])
                        && word(json, begin + length - 16) == Some(self.middle[1]))))
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
fn word(json: &[u8], at: usize) -> Option<u64> {
    json.get(at..)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}
