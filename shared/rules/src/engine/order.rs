use super::table::small;
use super::usual::{NO_VALUE, Past};
use prodrome_scan::scanner::Scanner;

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
    /// To each key what is learnt of its values.
    pasts: Vec<Past>,
    /// What the windows do not hold of long keys.
    rests: Vec<Box<[u8]>>,
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

    pub(super) fn key(self) -> u32 {
        self.last
    }
}

/// A key with its quotes and the colon behind it. All of it is in one line of the cache: nearly all that is read
/// beside an object is these.
#[derive(Debug)]
#[repr(align(64))]
struct Expected {
    /// Its beginning, and zeros; and which of these bytes are the key's.
    bytes: [u8; WINDOW],
    mask: u32,
    length: u32,
    place: u32,
    /// The key that came after it last.
    next: u32,
    /// Which of the order's `rests` is its own; [`NO_KEY`] where the window holds all of it.
    rest: u32,
    value: ExpectedValue,
}

/// What is expected behind a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedValue {
    /// A value that it had before; [`NO_VALUE`] where none is known.
    pub(super) value: u32,
    /// The value that came last of those.
    pub(super) last: u32,
    /// Whether another value is to be noted.
    pub(super) learns: bool,
}

/// A key that was found where it was expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Where its value begins.
    pub(super) behind: usize,
    /// Its place among the node's keys.
    pub(super) place: u32,
    pub(super) value: ExpectedValue,
}

impl ExpectedValue {
    pub(super) const NONE: Self = Self { value: NO_VALUE, last: NO_VALUE, learns: false };
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
    pub(super) fn expect<S: Scanner>(
        &self,
        scanner: S,
        json: &[u8],
        at: usize,
        cursor: &mut Cursor,
    ) -> Option<Found> {
        let window = json.get(at..)?.first_chunk::<WINDOW>()?;
        let key = self.keys.get(cursor.next as usize)?;
        if !key.stands_in(scanner, window) || !self.rest_stands(key, json, at) {
            return None;
        }
        *cursor = Cursor { last: cursor.next, next: key.next };
        Some(key.found(at))
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn rest_stands(&self, key: &Expected, json: &[u8], at: usize) -> bool {
        key.rest == NO_KEY
            || self.rests.get(key.rest as usize).is_some_and(|rest| {
                json.get(at + WINDOW..at + key.length as usize).is_some_and(|text| *text == **rest)
            })
    }

    /// Any known key, if it stands at `at`: it is the expected one, next time.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn find<S: Scanner>(
        &mut self,
        scanner: S,
        json: &[u8],
        at: usize,
        cursor: &mut Cursor,
    ) -> Option<Found> {
        let window = json.get(at..)?.first_chunk::<WINDOW>()?;
        // Mostly a key was left out, and it is one of those after it.
        let begin = (cursor.next as usize).min(self.keys.len());
        let index = (begin..self.keys.len()).chain(0..begin).find(|index| {
            let key = &self.keys[*index];
            key.stands_in(scanner, window) && self.rest_stands(key, json, at)
        })?;
        let (key, index) = (&self.keys[index], small(index));
        let (found, next) = (key.found(at), key.next);
        self.follows(cursor.last, index);
        *cursor = Cursor { last: index, next };
        Some(found)
    }

    /// A key that is not known came, from its quote to the place of its closing quote: it is known, next time, and
    /// so may its values be.
    #[cold]
    pub(super) fn learn(
        &mut self,
        json: &[u8],
        (at, end): (usize, usize),
        place: u32,
        learns: bool,
        cursor: &mut Cursor,
    ) {
        // Near the end there is no window to look through, and it may be a known key after all.
        if self.is_vain || json.len() < at + WINDOW {
            return;
        }
        self.surprises = self.surprises.saturating_add(1);
        if self.surprises > TRIAL && self.surprises / 2 > self.objects {
            self.is_vain = true;
            self.keys.clear();
            self.pasts.clear();
            return;
        }
        if self.keys.len() == KEYS_MAX {
            return;
        }
        // Only what is written without spaces and escapes.
        let length = end + 2 - at;
        let Some(text) = json.get(at..at + length) else { return };
        if length > LENGTH_MAX || !text.ends_with(b"\":") || text.contains(&b'\\') {
            return;
        }
        if self.keys.capacity() == 0 {
            self.keys.reserve_exact(KEYS_MAX);
            self.pasts.reserve_exact(KEYS_MAX);
        }
        let (bytes, mask) = window(text);
        let rest = match text.get(WINDOW..) {
            Some(rest) if !rest.is_empty() => {
                self.rests.push(rest.into());
                small(self.rests.len() - 1)
            }
            _ => NO_KEY,
        };
        let index = small(self.keys.len());
        let length = small(length);
        let value = ExpectedValue { learns, ..ExpectedValue::NONE };
        self.keys.push(Expected { bytes, mask, length, place, next: NO_KEY, rest, value });
        self.pasts.push(Past::default());
        self.follows(cursor.last, index);
        *cursor = Cursor { last: index, next: index + 1 };
    }

    fn follows(&mut self, last: u32, next: u32) {
        match self.keys.get_mut(last as usize) {
            Some(key) => key.next = next,
            None => self.first = next,
        }
    }

    /// Of the key that came last another value than the expected one is expected, next time.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn expect_value(&mut self, cursor: Cursor, value: u32, last: u32) {
        if let Some(key) = self.keys.get_mut(cursor.last as usize) {
            (key.value.value, key.value.last) = (value, last);
        }
    }

    /// This key came last, as the last one of a run.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    pub(super) fn pass(&self, key: u8) -> Cursor {
        let last = u32::from(key);
        Cursor { last, next: self.keys.get(usize::from(key)).map_or(NO_KEY, |key| key.next) }
    }

    /// The length and the place of a key.
    pub(super) fn key(&self, key: u32) -> Option<(u32, u32)> {
        self.keys.get(key as usize).map(|key| (key.length, key.place))
    }

    /// What is known of the values of the key that came last, and in how many objects it may have come.
    pub(super) fn values(&mut self, cursor: Cursor) -> Option<(&mut Past, &mut ExpectedValue, u32)> {
        self.values_of(cursor.last)
    }

    /// The same of any key.
    pub(super) fn values_of(&mut self, key: u32) -> Option<(&mut Past, &mut ExpectedValue, u32)> {
        let index = key as usize;
        Some((self.pasts.get_mut(index)?, &mut self.keys.get_mut(index)?.value, self.objects))
    }
}

impl Expected {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn stands_in<S: Scanner>(&self, scanner: S, window: &[u8; WINDOW]) -> bool {
        scanner.same(window, &self.bytes) & self.mask == self.mask
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn found(&self, at: usize) -> Found {
        let Self { length, place, value, .. } = *self;
        Found { behind: at + length as usize, place, value }
    }
}

/// The first bytes of a text, and which of a window's bytes they are.
pub(super) fn window(text: &[u8]) -> ([u8; WINDOW], u32) {
    let mut bytes = [0; WINDOW];
    bytes.iter_mut().zip(text).for_each(|(byte, text)| *byte = *text);
    let mask = if text.len() < WINDOW { (1 << text.len()) - 1 } else { u32::MAX };
    (bytes, mask)
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
            let expected = order.expect(Plain, json, 0, &mut cursor);
            let found = expected.or_else(|| order.find(Plain, json, 0, &mut cursor));
            if found.is_none() {
                order.learn(json, (0, key.len() + 1), place(key), false, &mut cursor);
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
