use super::block::{self, prefix_xor};
use super::{Masks, Scanner, SkipError, Work};
use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vdupq_n_u8, vgetq_lane_u32, vgetq_lane_u64, vld1q_u8, vmaxvq_u8,
    vorrq_u8, vpaddq_u8, vreinterpretq_u32_u8, vreinterpretq_u64_u8,
};

/// Does the work with NEON, which every aarch64 that Rust's standard library runs on has.
pub(super) fn with<W: Work>(work: W) -> W::Output {
    work.run(Neon)
}

/// 16 bytes at a time.
#[derive(Clone, Copy)]
struct Neon;

/// In each half the bit that a byte's place stands for.
const PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

#[expect(clippy::inline_always, reason = "these have to become part of the code that calls them")]
impl Scanner for Neon {
    #[inline(always)]
    fn masks(self, block: &[u8; 64]) -> Masks {
        let bytes = load(block);
        // SAFETY: NEON is part of this target.
        let braces = unsafe { bytes.map(|bytes| vorrq_u8(bytes, vdupq_n_u8(0x20))) };
        // `[` and `{`, and `]` and `}`, differ in that bit alone.
        Masks {
            quotes: equal(bytes, b'"'),
            backslashes: equal(bytes, b'\\'),
            opens: equal(braces, b'{'),
            closes: equal(braces, b'}'),
        }
    }

    #[inline(always)]
    fn stops(self, window: &[u8; 32]) -> u32 {
        let mut block = [0; 64];
        block[..32].copy_from_slice(window);
        let bytes = load(&block);
        u32::try_from(equal(bytes, b'"') | equal(bytes, b'\\')).unwrap_or(0)
    }

    #[inline(always)]
    fn are_same(self, window: &[u8; 32], other: &[u8; 32], which: u32) -> bool {
        // SAFETY: NEON is part of this target, 16 bytes follow 0 and 16, and the table has 16 bytes.
        let same = unsafe {
            let places = vld1q_u8(PLACES.as_ptr());
            let [low, high] = [0, 16].map(|from| {
                let [one, two] = [window, other].map(|w| vld1q_u8(w.as_ptr().add(from)));
                vandq_u8(vceqq_u8(one, two), places)
            });
            let sum = vpaddq_u8(low, high);
            let sum = vpaddq_u8(sum, sum);
            vgetq_lane_u32::<0>(vreinterpretq_u32_u8(vpaddq_u8(sum, sum)))
        };
        which & !same == 0
    }

    #[inline(always)]
    fn is_ascii(self, block: &[u8; 64]) -> bool {
        let [a, b, c, d] = load(block);
        // SAFETY: NEON is part of this target.
        unsafe { vmaxvq_u8(vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d))) < 128 }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        prefix_xor(bits)
    }

    #[inline(never)]
    fn container_end(self, json: &[u8], at: usize, depth_max: u32) -> Result<usize, SkipError> {
        block::container_end(self, json, at, depth_max)
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "this has to become part of the code that calls it")]
fn load(block: &[u8; 64]) -> [uint8x16_t; 4] {
    // SAFETY: NEON is part of this target, and 16 bytes follow 0, 16, 32 and 48.
    unsafe { [0, 16, 32, 48].map(|from| vld1q_u8(block.as_ptr().add(from))) }
}

/// One bit a byte: whether it is this one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "this has to become part of the code that calls it")]
fn equal(bytes: [uint8x16_t; 4], byte: u8) -> u64 {
    // SAFETY: NEON is part of this target, and the table has 16 bytes.
    unsafe {
        let places = vld1q_u8(PLACES.as_ptr());
        let [a, b, c, d] = bytes.map(|bytes| vandq_u8(vceqq_u8(bytes, vdupq_n_u8(byte)), places));
        // Each addition of neighbours halves the bytes: after three, eight places are one byte.
        let sum = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)))
    }
}
