use super::table::small;
use prodrome_scan::scanner::{Scanner, window};

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
pub(super) struct Expected {
    /// Its beginning, and zeros; and which bytes of a window that is, a bit each.
    bytes: [u8; WINDOW],
    which: u32,
    length: u32,
    place: u32,
    /// The key that came after it last.
    next: u32,
    /// What the window does not hold of it.
    rest: Box<[u8]>,
}

/// A key that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Where its value begins.
    pub(super) behind: usize,
    /// Its place among the node's keys.
    pub(super) place: u32,
    pub(super) cursor: Cursor,
}

/// The expected one of these keys, if it stands at `at`, where its quote is.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
pub(super) fn expected<S: Scanner>(
    scanner: S,
    keys: &[Expected],
    json: &[u8],
    at: usize,
    cursor: Cursor,
) -> Option<Found> {
    let window = window::<WINDOW>(json, at)?;
    let key = keys.get(cursor.next as usize)?;
    if !scanner.are_same(window, &key.bytes, key.which) {
        return None;
    }
    let behind = at + key.length as usize;
    if key.length as usize > WINDOW && json.get(at + WINDOW..behind) != Some(&*key.rest) {
        return None;
    }
    Some(Found { behind, place: key.place, cursor: Cursor { last: cursor.next, next: key.next } })
}

impl Order {
    /// Another object begins.
    #[inline]
    pub(super) fn begin(&mut self) -> Cursor {
        self.objects = self.objects.saturating_add(1);
        Cursor { last: NO_KEY, next: self.first }
    }

    /// Its keys, for [`expected`].
    #[inline]
    pub(super) fn keys(&self) -> &[Expected] {
        &self.keys
    }

    /// Any known key, if it stands at `at`: it is the expected one, next time.
    #[inline(never)]
    pub(super) fn find(&mut self, json: &[u8], at: usize, cursor: Cursor) -> Option<Found> {
        let window = window::<WINDOW>(json, at)?;
        let stands = |key: &Expected| {
            let length = WINDOW.min(key.length as usize);
            // Mostly the byte behind the quote tells.
            key.bytes[1] == window[1]
                && key.bytes[..length] == window[..length]
                && (key.rest.is_empty()
                    || json.get(at + WINDOW..at + key.length as usize) == Some(&*key.rest))
        };
        // Mostly a key was left out, and it is one of those after it.
        let begin = (cursor.next as usize).min(self.keys.len());
        let (before, after) = self.keys.split_at(begin);
        let index = match after.iter().position(stands) {
            Some(index) => begin + index,
            None => before.iter().position(stands)?,
        };
        let (key, index) = (&self.keys[index], small(index));
        let (behind, place) = (at + key.length as usize, key.place);
        let next = Cursor { last: index, next: key.next };
        self.follows(cursor.last, index);
        Some(Found { behind, place, cursor: next })
    }

    /// A key that is not known came, from its quote to the place of its closing quote: it is known, next time.
    #[cold]
    pub(super) fn learn(&mut self, json: &[u8], at: usize, end: usize, place: u32, cursor: Cursor) -> Cursor {
        // Near the end there is no window to look through, and it may be a known key after all.
        if self.is_vain || json.len() < at + WINDOW {
            return cursor;
        }
        self.surprises = self.surprises.saturating_add(1);
        if self.surprises > TRIAL && self.surprises / 2 > self.objects {
            self.is_vain = true;
            self.keys.clear();
            return cursor;
        }
        if self.keys.len() == KEYS_MAX {
            return cursor;
        }
        let Some(key) = Expected::new(json, at, end, place) else { return cursor };
        if self.keys.capacity() == 0 {
            self.keys.reserve_exact(KEYS_MAX);
        }
        let index = small(self.keys.len());
        self.keys.push(key);
        self.follows(cursor.last, index);
        Cursor { last: index, next: index + 1 }
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
            bytes,
            which: u32::try_from((1_u64 << length.min(WINDOW)) - 1).unwrap_or(0),
            length: small(length),
            place,
            next: NO_KEY,
            rest: text.get(WINDOW..).unwrap_or_default().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_scan::scanner::Plain;

    /// Reads an object's keys: which place each has, and whether it was expected.
    fn read(order: &mut Order, keys: &[&str]) -> Vec<(u32, bool)> {
        let mut cursor = order.begin();
        let place = |key: &str| small(key.len());
        let read = |key: &&str| {
            let json = format!("\"{key}\":0                                        ");
            let json = json.as_bytes();
            let expected = expected(Plain, order.keys(), json, 0, cursor);
            let found = expected.or_else(|| order.find(json, 0, cursor));
            cursor = match found {
                Some(found) => found.cursor,
                None => order.learn(json, 0, key.len() + 1, place(key), cursor),
            };
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
