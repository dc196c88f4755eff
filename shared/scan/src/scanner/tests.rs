//! Every scanner against the plain one, and the plain one against bytes read one by one.

use super::{DEPTH_ANY, Level, Masks, Scanner, SkipError, Work, is_ascii, string_stop, utf8, window, with};
use proptest::prelude::*;

const LEVELS: [Level; 3] = [Level::Plain, Level::Baseline, Level::Best];

/// All that a scanner says of some bytes.
struct Ask<'b>(&'b [u8], u32);

#[derive(Debug, PartialEq, Eq)]
struct Told {
    masks: Vec<Masks>,
    stops: Vec<u32>,
    same: Vec<bool>,
    ascii: bool,
    prefix: Vec<u64>,
    string_stops: Vec<usize>,
    ends: Vec<Result<usize, SkipError>>,
}

impl Work for Ask<'_> {
    type Output = Told;

    fn run<S: Scanner>(self, scanner: S) -> Told {
        let Self(bytes, depth_max) = self;
        let windows = || (0..bytes.len()).filter_map(|at| window::<32>(bytes, at));
        let masks: Vec<Masks> = bytes.windows(64).map(|w| scanner.masks(w.first_chunk().unwrap())).collect();
        Told {
            stops: bytes.windows(32).map(|w| scanner.stops(w.first_chunk().unwrap())).collect(),
            same: windows()
                .flat_map(|w| windows().map(move |other| (w, other)))
                .step_by(7)
                .zip(0_u32..)
                .map(|((w, other), n)| scanner.are_same(w, other, n.wrapping_mul(0x9e37_79b9) >> (n % 32)))
                .collect(),
            ascii: is_ascii(scanner, bytes),
            prefix: masks.iter().map(|m| scanner.prefix_xor(m.quotes ^ m.opens)).collect(),
            masks,
            string_stops: (0..=bytes.len()).map(|at| string_stop(scanner, bytes, at)).collect(),
            ends: brackets(bytes).map(|at| scanner.container_end(bytes, at, depth_max)).collect(),
        }
    }
}

fn brackets(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.iter().enumerate().filter(|(_, b)| matches!(b, b'{' | b'[')).map(|(at, _)| at)
}

/// The end of a container, byte by byte.
fn end_by_bytes(bytes: &[u8], at: usize, depth_max: u32) -> Result<usize, SkipError> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for (index, byte) in bytes.iter().enumerate().skip(at) {
        // A backslash counts outside of strings too, where JSON has none, but takes the meaning from quotes alone.
        let is_escaped = escaped;
        escaped = !is_escaped && *byte == b'\\';
        match byte {
            b'"' if !is_escaped => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > depth_max {
                    return Err(SkipError::TooDeep(index));
                }
            }
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Ok(index + 1);
                }
            }
            _ => {}
        }
    }
    Err(SkipError::Truncated)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let structural = prop::sample::select(br#"{}[]{}[]"\"\\,:a "#.to_vec());
    let byte = prop_oneof![6 => structural, 2 => Just(b'x'), 1 => any::<u8>()];
    prop_oneof![
        prop::collection::vec(byte, 0..400),
        // Runs of backslashes, of any length, at any place of a block.
        prop::collection::vec((prop::sample::select(vec![b'\\', b'"', b'{', b'x']), 1_usize..70), 0..12)
            .prop_map(|runs| runs.into_iter().flat_map(|(b, n)| std::iter::repeat_n(b, n)).collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_scanner_says_what_the_plain_one_says(bytes in bytes(), depth_max in prop_oneof![Just(DEPTH_ANY), 1_u32..9]) {
        let plain = with(Level::Plain, Ask(&bytes, depth_max));
        for level in LEVELS {
            prop_assert_eq!(&with(level, Ask(&bytes, depth_max)), &plain, "{:?}", level);
        }
    }

    #[test]
    fn a_container_ends_where_reading_byte_by_byte_ends(
        bytes in bytes(),
        depth_max in prop_oneof![Just(DEPTH_ANY), 1_u32..9],
    ) {
        for at in (0..bytes.len() + 3).chain([usize::MAX - 8, usize::MAX]) {
            let naive = bytes.get(at..);
            prop_assert_eq!(window::<8>(&bytes, at), naive.and_then(<[u8]>::first_chunk::<8>));
            prop_assert_eq!(window::<64>(&bytes, at), naive.and_then(<[u8]>::first_chunk::<64>));
        }
        let told = with(Level::Best, Ask(&bytes, depth_max));
        let naive: Vec<_> = brackets(&bytes).map(|at| end_by_bytes(&bytes, at, depth_max)).collect();
        prop_assert_eq!(told.ends, naive);
        prop_assert_eq!(told.ascii, bytes.is_ascii());
        for level in LEVELS {
            prop_assert_eq!(utf8(level, &bytes), std::str::from_utf8(&bytes));
        }
        for (from, stop) in told.string_stops.into_iter().enumerate() {
            let naive = bytes[from..].iter().position(|b| matches!(b, b'"' | b'\\'));
            prop_assert_eq!(stop, naive.map_or(bytes.len(), |n| from + n));
        }
    }
}
