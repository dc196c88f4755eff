use super::table::small;

/// How many keys of a node's objects are remembered.
const KEYS_MAX: usize = 40;
/// The longest key that is remembered, with its quotes and the colon behind it.
const LENGTH_MAX: usize = 160;
/// So many keys come before it is judged whether remembering pays.
const TRIAL: u32 = 64;
/// So many bytes of a key are compared at once.
pub(super) const WINDOW: usize = 32;
/// No key.
const NO_KEY: u32 = u32::MAX;

/// The keys of a node's objects, and which came after which: an API server writes the same kind in the same order
/// each time, and to see that the expected key stands there is quicker than to find out which key it is.
#[derive(Debug, Default)]
pub(super) struct Order {
    keys: Vec<Expected>,
    /// How many objects were read, and how many keys of theirs were not known.
    objects: u32,
    surprises: u32,
    /// The key that the last object began with.
    first: u32,
    /// Whether the keys are others each time, as those of labels may be.
    is_vain: bool,
}

/// How far an object's keys are gone through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    /// Which key came last, and which is expected.
    last: u32,
    next: u32,
}

impl Cursor {
    pub(super) const NONE: Self = Self { last: NO_KEY, next: 0 };
}

/// A key with its quotes and the colon behind it, as large as what a processor reads at once: nearly all that is read
/// beside an object is these.
#[derive(Debug)]
#[repr(align(64))]
struct Expected {
    /// Its beginning, and zeros.
    bytes: [u64; WINDOW / 8],
    length: u32,
    place: u32,
    /// The key that came after it last.
    next: u32,
    /// What the window does not hold of it.
    rest: Box<[u8]>,
}

/// To each length of a key which bits of a window are the key's.
static MASKS: [[u64; WINDOW / 8]; WINDOW + 1] = masks();

const fn masks() -> [[u64; WINDOW / 8]; WINDOW + 1] {
    let mut masks = [[0; WINDOW / 8]; WINDOW + 1];
    let mut length = 1;
    while length <= WINDOW {
        masks[length] = masks[length - 1];
        masks[length][(length - 1) / 8] |= 0xff << ((length - 1) % 8 * 8);
        length += 1;
    }
    masks
}

/// A key that was found where it was expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Where its value begins.
    pub(super) behind: usize,
    /// Its place among the node's keys.
    pub(super) place: u32,
}

impl Order {
    /// Another object begins.
    #[inline]
    pub(super) fn begin(&mut self) -> Cursor {
        self.objects = self.objects.saturating_add(1);
        Cursor { last: NO_KEY, next: self.first }
    }

    /// The expected key, if it stands at `at`, where its quote is.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn expect(&self, json: &[u8], at: usize, cursor: &mut Cursor) -> Option<Found> {
        let window = json.get(at..)?.first_chunk::<WINDOW>()?;
        let key = self.keys.get(cursor.next as usize)?;
        if !key.stands_in(window) {
            return None;
        }
        let behind = at + key.length as usize;
        if key.length as usize > WINDOW && json.get(at + WINDOW..behind) != Some(&*key.rest) {
            return None;
        }
        *cursor = Cursor { last: cursor.next, next: key.next };
        Some(Found { behind, place: key.place })
    }

    /// Any known key, if it stands at `at`: it is the expected one, next time.
    #[inline(never)]
    pub(super) fn find(&mut self, json: &[u8], at: usize, cursor: &mut Cursor) -> Option<Found> {
        let window = json.get(at..)?.first_chunk::<WINDOW>()?;
        let stands = |key: &Expected| {
            let rest = at + WINDOW..at + key.length as usize;
            key.stands_in(window) && (key.rest.is_empty() || json.get(rest) == Some(&*key.rest))
        };
        // Mostly a key was left out, and it is one of those after it.
        let begin = (cursor.next as usize).min(self.keys.len());
        let index = (begin..self.keys.len()).chain(0..begin).find(|index| stands(&self.keys[*index]))?;
        let (key, index) = (&self.keys[index], small(index));
        let found = Found { behind: at + key.length as usize, place: key.place };
        let next = key.next;
        self.follows(cursor.last, index);
        *cursor = Cursor { last: index, next };
        Some(found)
    }

    /// A key that is not known came, from its quote to the place of its closing quote: it is known, next time.
    #[cold]
    pub(super) fn learn(&mut self, json: &[u8], at: usize, end: usize, place: u32, cursor: &mut Cursor) {
        // Near the end there is no window to look through, and it may be a known key after all.
        if self.is_vain || json.len() < at + WINDOW {
            return;
        }
        self.surprises = self.surprises.saturating_add(1);
        if self.surprises > TRIAL && self.surprises / 2 > self.objects {
            self.is_vain = true;
            self.keys.clear();
            return;
        }
        if self.keys.len() == KEYS_MAX {
            return;
        }
        let Some(key) = Expected::new(json, at, end, place) else { return };
        if self.keys.capacity() == 0 {
            self.keys.reserve_exact(KEYS_MAX);
        }
        let index = small(self.keys.len());
        self.keys.push(key);
        self.follows(cursor.last, index);
        *cursor = Cursor { last: index, next: index + 1 };
    }

    fn follows(&mut self, last: u32, next: u32) {
        match self.keys.get_mut(last as usize) {
            Some(key) => key.next = next,
            None => self.first = next,
        }
    }
}

impl Expected {
    fn new(json: &[u8], at: usize, end: usize, place: u32) -> Option<Self> {
        // Only what is written without spaces and escapes.
        let length = end + 2 - at;
        let text = json.get(at..at + length)?;
        let is_plain = text.ends_with(b"\":") && !text.contains(&b'\\');
        if length > LENGTH_MAX || !is_plain {
            return None;
        }
        let mut bytes = [0; WINDOW];
        bytes.iter_mut().zip(text).for_each(|(byte, text)| *byte = *text);
        Some(Self {
            bytes: words(&bytes),
            length: small(length),
            place,
            next: NO_KEY,
            rest: text.get(WINDOW..).unwrap_or_default().into(),
        })
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn stands_in(&self, window: &[u8; WINDOW]) -> bool {
        let (window, mask) = (words(window), &MASKS[WINDOW.min(self.length as usize)]);
        let differs = |index: usize| (window[index] & mask[index]) ^ self.bytes[index];
        differs(0) | differs(1) | differs(2) | differs(3) == 0
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
fn words(window: &[u8; WINDOW]) -> [u64; WINDOW / 8] {
    let (chunks, _) = window.as_chunks::<8>();
    std::array::from_fn(|index| u64::from_le_bytes(chunks[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an object's keys: which place each has, and whether it was expected.
    fn read(order: &mut Order, keys: &[&str]) -> Vec<(u32, bool)> {
        let mut cursor = order.begin();
        let place = |key: &str| small(key.len());
        let read = |key: &&str| {
            let json = format!("\"{key}\":0                                        ");
            let json = json.as_bytes();
            let expected = order.expect(json, 0, &mut cursor);
            let found = expected.or_else(|| order.find(json, 0, &mut cursor));
            if found.is_none() {
                order.learn(json, 0, key.len() + 1, place(key), &mut cursor);
            }
            assert!(found.is_none_or(|found| found.behind == key.len() + 3 && found.place == place(key)));
            (found.map_or(place(key), |found| found.place), expected.is_some())
        };
        keys.iter().map(read).collect()
    }

    #[test]
    fn keys_are_expected_as_they_came_last() {
        let mut order = Order::default();
        let long = "a key that is longer than a window of bytes";
        let longer = "a key that is longer than a window of bytes, too";
        let all = ["a", "bb", long, "dddd"];
        let expected = |read: Vec<(u32, bool)>| read.iter().filter(|(_, is)| *is).count();
        assert_eq!(expected(read(&mut order, &all)), 0);
        assert_eq!(expected(read(&mut order, &all)), 4);
        // Less, in another order, and more: as soon as it came twice.
        for keys in [&["a", "dddd"][..], &["dddd", long, "bb"], &["a", longer, long, "bb", "eeeee"]] {
            read(&mut order, keys);
            assert_eq!(expected(read(&mut order, keys)), keys.len(), "{keys:?}");
        }
    }

    #[test]
    fn keys_that_are_others_each_time_are_not_remembered() {
        let mut order = Order::default();
        for object in 0..200 {
            let keys: Vec<String> = (0..5).map(|key| format!("k{object}-{key}")).collect();
            read(&mut order, &keys.iter().map(String::as_str).collect::<Vec<_>>());
        }
        assert!(order.is_vain && order.keys.is_empty());
    }
}
