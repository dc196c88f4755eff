use super::{Masks, Scanner, window};

/// As deep as there are bytes: no limit.
pub const DEPTH_ANY: u32 = u32::MAX;

/// Why a container could not be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipError {
    /// The end came first.
    Truncated,
    /// It is nested deeper than was asked for; the bracket that is too many.
    TooDeep(usize),
}

/// [`Scanner::container_end`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
pub(super) fn container_end<S: Scanner>(
    scanner: S,
    json: &[u8],
    at: usize,
    depth_max: u32,
) -> Result<usize, SkipError> {
    if depth_max == 0 {
        return Err(SkipError::TooDeep(at));
    }
    let mut skip = Skip { depth: 1, in_string: 0, escape: 0 };
    let mut from = at + 1;
    while let Some(block) = window::<64>(json, from) {
        match skip.block(scanner, scanner.masks(block), depth_max) {
            Step::Goon => from += 64,
            Step::End(length) => return Ok(from + length),
            Step::TooDeep(length) => return Err(SkipError::TooDeep(from + length)),
        }
    }
    let rest = json.get(from..).unwrap_or_default();
    match skip.block(scanner, last_masks(scanner, json, rest.len()), depth_max) {
        Step::Goon => Err(SkipError::Truncated),
        Step::End(length) => Ok(from + length),
        Step::TooDeep(length) => Err(SkipError::TooDeep(from + length)),
    }
}

/// The places in the last bytes of `json`, fewer than 64.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
fn last_masks<S: Scanner>(scanner: S, json: &[u8], count: usize) -> Masks {
    if let (Some(block), 1..64) = (json.last_chunk::<64>(), count) {
        // What comes before them is shifted away.
        let before = 64 - count;
        let Masks { quotes, backslashes, opens, closes } = scanner.masks(block);
        return Masks {
            quotes: quotes >> before,
            backslashes: backslashes >> before,
            opens: opens >> before,
            closes: closes >> before,
        };
    }
    let mut block = [b' '; 64];
    for (byte, last) in block.iter_mut().zip(&json[json.len() - count..]) {
        *byte = *last;
    }
    scanner.masks(&block)
}

/// The first quote or backslash at or after `from`; the length where there is none.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
pub fn string_stop<S: Scanner>(scanner: S, json: &[u8], from: usize) -> usize {
    let mut from = from;
    while let Some(window) = window::<32>(json, from) {
        let stops = scanner.stops(window);
        if stops != 0 {
            return from + stops.trailing_zeros() as usize;
        }
        from += 32;
    }
    let rest = json.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len())
}

/// Whether no byte is above 127.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
pub fn is_ascii<S: Scanner>(scanner: S, bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let (fours, single) = blocks.as_chunks::<4>();
    let ascii = |block: &[u8; 64]| scanner.is_ascii(block);
    fours.iter().all(|[a, b, c, d]| ascii(a) & ascii(b) & ascii(c) & ascii(d))
        && single.iter().all(ascii)
        && rest.is_ascii()
}

/// Six shifts in place of a carry-less multiplication.
#[inline]
pub(super) fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ (bits << 32)
}

enum Step {
    Goon,
    End(usize),
    TooDeep(usize),
}

/// A container on its way, from block to block.
struct Skip {
    depth: u32,
    /// All ones when the block before ended within a string.
    in_string: u64,
    /// One when the block before ended with a backslash that escapes this one's first byte.
    escape: u64,
}

impl Skip {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn block<S: Scanner>(&mut self, scanner: S, masks: Masks, depth_max: u32) -> Step {
        let mut quotes = masks.quotes;
        if masks.backslashes | self.escape != 0 {
            quotes &= !self.escaped(masks.backslashes);
        }
        let inside = scanner.prefix_xor(quotes) ^ self.in_string;
        self.in_string = 0_u64.wrapping_sub(inside >> 63);
        let opens = masks.opens & !inside;
        let closes = masks.closes & !inside;
        let (opened, closed) = (opens.count_ones(), closes.count_ones());
        if self.depth + opened > depth_max {
            return self.slowly(opens, closes, depth_max);
        }
        if closed < self.depth {
            self.depth = self.depth + opened - closed;
            return Step::Goon;
        }
        self.leap(opens, closes)
    }

    /// The container cannot end before as many brackets close as are open: from one such to the next.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn leap(&mut self, mut opens: u64, mut closes: u64) -> Step {
        loop {
            for _ in 1..self.depth {
                closes &= closes.wrapping_sub(1);
            }
            let place = closes.trailing_zeros();
            let behind = u64::MAX << place;
            // So many of those that opened on the way have not closed.
            self.depth = (opens & !behind).count_ones();
            if self.depth == 0 {
                return Step::End(place as usize + 1);
            }
            opens &= behind;
            closes &= closes.wrapping_sub(1);
            let (opened, closed) = (opens.count_ones(), closes.count_ones());
            if closed < self.depth {
                self.depth = self.depth + opened - closed;
                return Step::Goon;
            }
        }
    }

    /// Bracket by bracket, where the container may become too deep.
    fn slowly(&mut self, opens: u64, closes: u64, depth_max: u32) -> Step {
        // By value: what is referred to is not kept in registers.
        let (step, depth) = slowly(self.depth, opens, closes, depth_max);
        self.depth = depth;
        step
    }

    /// Which bytes are escaped: each that follows an odd run of backslashes.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        // A backslash that is itself escaped begins nothing.
        let backslashes = backslashes & !self.escape;
        let follows = (backslashes << 1) | self.escape;
        let odd_starts = backslashes & ODD & !follows;
        let (even_runs, carried) = odd_starts.overflowing_add(backslashes);
        self.escape = u64::from(carried);
        ((even_runs << 1) ^ !ODD) & follows
    }
}

#[inline(never)]
fn slowly(mut depth: u32, opens: u64, mut closes: u64, depth_max: u32) -> (Step, u32) {
    let mut left = opens;
    while closes != 0 {
        let place = closes.trailing_zeros();
        // The brackets that open before this one closes.
        let opened = left & ((1_u64 << place) - 1);
        left ^= opened;
        let before = depth;
        depth += opened.count_ones();
        if depth > depth_max {
            return (Step::TooDeep(nth(opened, depth_max - before)), depth);
        }
        if depth <= 1 {
            return (Step::End(place as usize + 1), 0);
        }
        depth -= 1;
        closes &= closes - 1;
    }
    let before = depth;
    depth += left.count_ones();
    if depth > depth_max {
        return (Step::TooDeep(nth(left, depth_max - before)), depth);
    }
    (Step::Goon, depth)
}

/// The place of the `n`-th bit that is set.
fn nth(mut bits: u64, n: u32) -> usize {
    for _ in 0..n {
        bits &= bits.wrapping_sub(1);
    }
    bits.trailing_zeros() as usize
}
