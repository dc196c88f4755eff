use super::block::{self, prefix_xor};
use super::{Level, Masks, Scanner, SkipError, Work};
use std::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_loadu_si128,
    _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
};

/// Does the work with the best scanner that the level and the processor allow.
pub(super) fn with<W: Work>(level: Level, work: W) -> W::Output {
    let has_all = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("pclmulqdq");
    if level == Level::Best && has_all {
        // SAFETY: the processor was just asked for each of the features.
        return unsafe { with_avx2(work) };
    }
    work.run(Sse2)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn with_avx2<W: Work>(work: W) -> W::Output {
    work.run(Avx2(()))
}

/// 16 bytes at a time, which every x86-64 can.
#[derive(Clone, Copy)]
struct Sse2;

/// 32 bytes at a time. Made by [`with_avx2`] alone, so that where one exists the processor can do it.
#[derive(Clone, Copy)]
struct Avx2(());

#[expect(clippy::inline_always, reason = "these have to become part of code made for the instruction set")]
impl Scanner for Sse2 {
    #[inline(always)]
    fn masks(self, block: &[u8; 64]) -> Masks {
        let mut masks = Masks { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for (index, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
            let shift = index * 16;
            // SAFETY: SSE2 is part of x86-64, and the load may be unaligned.
            unsafe {
                let bytes = _mm_loadu_si128(bytes.as_ptr().cast::<__m128i>());
                // `[` and `{`, and `]` and `}`, differ in this bit alone.
                let braces = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
                masks.quotes |= equal_16(bytes, b'"') << shift;
                masks.backslashes |= equal_16(bytes, b'\\') << shift;
                masks.opens |= equal_16(braces, b'{') << shift;
                masks.closes |= equal_16(braces, b'}') << shift;
            }
        }
        masks
    }

    #[inline(always)]
    fn stops(self, window: &[u8; 32]) -> u32 {
        let [low, high] = [0, 16].map(|from| {
            // SAFETY: SSE2 is part of x86-64, the load may be unaligned, and 16 bytes follow 0 and 16.
            unsafe {
                let bytes = _mm_loadu_si128(window.as_ptr().add(from).cast::<__m128i>());
                let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
                let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
                _mm_movemask_epi8(_mm_or_si128(quotes, backslashes)).cast_unsigned()
            }
        });
        low | (high << 16)
    }

    #[inline(always)]
    fn are_same(self, window: &[u8; 32], other: &[u8; 32], which: u32) -> bool {
        let [low, high] = [0, 16].map(|from| {
            // SAFETY: SSE2 is part of x86-64, loads may be unaligned, and 16 bytes follow 0 and 16.
            unsafe {
                let [one, two] =
                    [window, other].map(|w| _mm_loadu_si128(w.as_ptr().add(from).cast::<__m128i>()));
                _mm_movemask_epi8(_mm_cmpeq_epi8(one, two)).cast_unsigned()
            }
        });
        which & !(low | (high << 16)) == 0
    }

    #[inline(always)]
    fn is_ascii(self, block: &[u8; 64]) -> bool {
        let load = |from: usize| {
            // SAFETY: SSE2 is part of x86-64, the load may be unaligned, and 16 bytes follow 0, 16, 32 and 48.
            unsafe { _mm_loadu_si128(block.as_ptr().add(from).cast::<__m128i>()) }
        };
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let any = _mm_or_si128(_mm_or_si128(load(0), load(16)), _mm_or_si128(load(32), load(48)));
            _mm_movemask_epi8(any) == 0
        }
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

/// # Safety
/// None to see to: SSE2 is part of x86-64.
#[inline(always)]
#[expect(clippy::inline_always, reason = "this has to become part of code made for the instruction set")]
unsafe fn equal_16(bytes: __m128i, byte: u8) -> u64 {
    // SAFETY: SSE2 is part of x86-64.
    let mask = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()))) };
    u64::from(mask.cast_unsigned())
}

#[expect(clippy::inline_always, reason = "these have to become part of code made for the instruction set")]
impl Scanner for Avx2 {
    #[inline(always)]
    fn masks(self, block: &[u8; 64]) -> Masks {
        // SAFETY: an `Avx2` exists where the processor has AVX2; loads may be unaligned, 32 bytes follow 0 and 32.
        unsafe {
            let low = _mm256_loadu_si256(block.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(block.as_ptr().add(32).cast::<__m256i>());
            // `[` and `{`, and `]` and `}`, differ in this bit alone.
            let bit = _mm256_set1_epi8(0x20);
            let (low_braces, high_braces) = (_mm256_or_si256(low, bit), _mm256_or_si256(high, bit));
            Masks {
                quotes: equal_64(low, high, b'"'),
                backslashes: equal_64(low, high, b'\\'),
                opens: equal_64(low_braces, high_braces, b'{'),
                closes: equal_64(low_braces, high_braces, b'}'),
            }
        }
    }

    #[inline(always)]
    fn stops(self, window: &[u8; 32]) -> u32 {
        // SAFETY: an `Avx2` exists where the processor has AVX2; the load may be unaligned.
        unsafe {
            let bytes = _mm256_loadu_si256(window.as_ptr().cast::<__m256i>());
            let quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"'.cast_signed()));
            let backslashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\'.cast_signed()));
            _mm256_movemask_epi8(_mm256_or_si256(quotes, backslashes)).cast_unsigned()
        }
    }

    #[inline(always)]
    fn are_same(self, window: &[u8; 32], other: &[u8; 32], which: u32) -> bool {
        // SAFETY: an `Avx2` exists where the processor has AVX2; loads may be unaligned.
        let same = unsafe {
            let one = _mm256_loadu_si256(window.as_ptr().cast::<__m256i>());
            let two = _mm256_loadu_si256(other.as_ptr().cast::<__m256i>());
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(one, two)).cast_unsigned()
        };
        which & !same == 0
    }

    #[inline(always)]
    fn is_ascii(self, block: &[u8; 64]) -> bool {
        // SAFETY: an `Avx2` exists where the processor has AVX2; loads may be unaligned, 32 bytes follow 0 and 32.
        unsafe {
            let low = _mm256_loadu_si256(block.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(block.as_ptr().add(32).cast::<__m256i>());
            _mm256_movemask_epi8(_mm256_or_si256(low, high)) == 0
        }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: an `Avx2` exists where the processor can multiply without carries.
        unsafe {
            let bits = _mm_set_epi64x(0, bits.cast_signed());
            let product = _mm_clmulepi64_si128::<0>(bits, _mm_set1_epi8(-1));
            _mm_cvtsi128_si64(product).cast_unsigned()
        }
    }

    #[inline(always)]
    fn container_end(self, json: &[u8], at: usize, depth_max: u32) -> Result<usize, SkipError> {
        // SAFETY: an `Avx2` exists where the processor has all of the features.
        unsafe { container_end_avx2(self, json, at, depth_max) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn container_end_avx2(scanner: Avx2, json: &[u8], at: usize, depth_max: u32) -> Result<usize, SkipError> {
    block::container_end(scanner, json, at, depth_max)
}

/// # Safety
/// The processor must have AVX2.
#[inline(always)]
#[expect(clippy::inline_always, reason = "this has to become part of code made for the instruction set")]
unsafe fn equal_64(low: __m256i, high: __m256i, byte: u8) -> u64 {
    // SAFETY: the caller's.
    let [low, high] = unsafe {
        let wanted = _mm256_set1_epi8(byte.cast_signed());
        [
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)),
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)),
        ]
    };
    u64::from(low.cast_unsigned()) | (u64::from(high.cast_unsigned()) << 32)
}
