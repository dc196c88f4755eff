use super::{Masks, Scanner, SkipError, block};

/// The scanner without vector instructions: what the others must agree with.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Scanner for Plain {
    #[inline]
    fn masks(self, block: &[u8; 64]) -> Masks {
        let mut masks = Masks { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for (index, byte) in block.iter().enumerate() {
            let bit = 1 << index;
            match byte {
                b'"' => masks.quotes |= bit,
                b'\\' => masks.backslashes |= bit,
                b'{' | b'[' => masks.opens |= bit,
                b'}' | b']' => masks.closes |= bit,
                _ => {}
            }
        }
        masks
    }

    #[inline]
    fn stops(self, window: &[u8; 32]) -> u32 {
        window.iter().enumerate().map(|(index, byte)| u32::from(matches!(byte, b'"' | b'\\')) << index).sum()
    }

    #[inline]
    fn are_same(self, window: &[u8; 32], other: &[u8; 32], which: u32) -> bool {
        (0..32).all(|index| which >> index & 1 == 0 || window[index] == other[index])
    }

    #[inline]
    fn is_ascii(self, block: &[u8; 64]) -> bool {
        block.is_ascii()
    }

    #[inline]
    fn prefix_xor(self, bits: u64) -> u64 {
        block::prefix_xor(bits)
    }

    fn container_end(self, json: &[u8], at: usize, depth_max: u32) -> Result<usize, SkipError> {
        block::container_end(self, json, at, depth_max)
    }
}
