//! The decoder of packs, which come compressed: whatever the bytes are, no more is inflated than is allowed.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use prodrome_queue::pack::decode;

const UNCOMPRESSED_MAX: usize = 256 * 1024;
const ERROR_BYTES_MAX: usize = 2 * 1024;

fuzz_target!(|bytes: &[u8]| {
    match decode(bytes, UNCOMPRESSED_MAX) {
        Ok(pack) => {
            assert!(pack.raw_bytes <= UNCOMPRESSED_MAX);
            assert!(pack.changes.len() <= pack.raw_bytes);
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.len() <= ERROR_BYTES_MAX, "{} bytes of error: {:.200}", told.len(), told);
        }
    }
});

// Every other time what is in the frame is changed, which a changed byte of the frame seldom does.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let text = zstd::bulk::decompress(&data[..size], UNCOMPRESSED_MAX / 2);
    let Some(mut text) = text.ok().filter(|text| seed.is_multiple_of(2) && !text.is_empty()) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let length = text.len();
    text.resize(2 * length + 64, 0);
    let changed = fuzzer_mutate(&mut text, length, 2 * length + 64);
    let frame = zstd::bulk::compress(&text[..changed], 1).unwrap();
    if frame.len() > max_size {
        return size;
    }
    data[..frame.len()].copy_from_slice(&frame);
    frame.len()
});
