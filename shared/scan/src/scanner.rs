//! Blocks of JSON at the speed of the processor.
//!
//! Everything that reads many bytes is written once, in [`block`](mod@block), over a [`Scanner`]: four small questions
//! about 32 or 64 bytes. Each instruction set answers them in a file of its own, the only ones of the project
//! with `unsafe` in them, and a plain one in Rust alone that tests compare the others to.
//!
//! A caller that reads byte by byte between two skips is made for each instruction set as a whole: it is a
//! [`Work`], and [`with`] runs it.

#[cfg(target_arch = "aarch64")]
#[allow(unused_unsafe, reason = "which of its instructions need it differs between versions of Rust")]
#[expect(
    unsafe_code,
    reason = "the processor's vector instructions; tests compare them with the plain scanner"
)]
mod aarch64;
mod block;
mod plain;
#[expect(
    unsafe_code,
    reason = "what was found to be ASCII need not be read again; a test compares it with Rust's own"
)]
mod utf8;
#[expect(
    unsafe_code,
    reason = "what was compared need not be compared again; a test reads every window there is"
)]
mod window;
#[cfg(target_arch = "x86_64")]
#[expect(clippy::cast_ptr_alignment, reason = "the loads are the unaligned ones")]
#[expect(
    unsafe_code,
    reason = "the processor's vector instructions; tests compare them with the plain scanner"
)]
mod x86_64;

pub use block::{DEPTH_ANY, SkipError, is_ascii, string_stop};
pub use plain::Plain;
pub use utf8::utf8;
pub use window::window;

/// Where in a block of 64 bytes the bytes stand that JSON's structure is made of; one bit a byte, the first
/// byte lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Masks {
    /// `"`
    pub quotes: u64,
    /// `\`
    pub backslashes: u64,
    /// `{` and `[`
    pub opens: u64,
    /// `}` and `]`
    pub closes: u64,
}

/// What is asked of a few bytes at a time.
pub trait Scanner: Copy {
    /// The places of the structural bytes.
    fn masks(self, block: &[u8; 64]) -> Masks;
    /// The places of quotes and backslashes.
    fn stops(self, window: &[u8; 32]) -> u32;
    /// Whether the bytes that `which` has a bit for, the first byte's lowest, are the same in both.
    fn are_same(self, window: &[u8; 32], other: &[u8; 32], which: u32) -> bool;
    /// Whether no byte is above 127.
    fn is_ascii(self, block: &[u8; 64]) -> bool;
    /// Each bit: whether an odd number of bits up to it is set.
    fn prefix_xor(self, bits: u64) -> u64;
    /// Where the object or array that begins at `at` ends (exclusive), if it is nested no deeper than `depth_max`
    /// (1: nothing within it). Only brackets and quotes are looked at.
    ///
    /// This alone is a function of its own in each instruction set: what it keeps in registers is all that there are.
    fn container_end(self, json: &[u8], at: usize, depth_max: u32) -> Result<usize, SkipError>;
}

/// What is to be done with whichever scanner there is.
///
/// To gain from it, `run` and all that it calls is `#[inline(always)]`.
pub trait Work {
    /// What it gives.
    type Output;
    /// Does it.
    fn run<S: Scanner>(self, scanner: S) -> Self::Output;
}

/// Which instructions may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    /// None but those that Rust itself is compiled to.
    Plain,
    /// Those that every processor of this architecture has: SSE2, NEON.
    Baseline,
    /// The best that this processor has.
    #[default]
    Best,
}

/// Does the work with the scanner of a level.
pub fn with<W: Work>(level: Level, work: W) -> W::Output {
    if level == Level::Plain {
        return work.run(Plain);
    }
    #[cfg(target_arch = "x86_64")]
    return x86_64::with(level, work);
    #[cfg(target_arch = "aarch64")]
    return aarch64::with(work);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    work.run(Plain)
}

#[cfg(test)]
mod tests;
