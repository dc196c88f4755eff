//! The decoder of changes: whatever the lines of a pack are, each is a change that reads back, or told to be none in few
//! words, and none touches the others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prodrome_queue::pack::{DecodedPack, UNCOMPRESSED_MAX, decode};
use serde_json::value::RawValue;

const HEAD: &[u8] = br#"{"version":1,"tenant":"default","region":"local","cluster":"kind","shards":4}"#;
const SOUND: &[u8] = br#"{"type":"listEnd","resource":{"group":"","version":"v1","kind":"Pod","plural":"pods","namespaced":true},"epoch":1,"sequence":7,"observedAt":"2026-01-01T00:00:00Z","list":"1/pods/1"}"#;
/// Of what is wrong with a line, and of the line itself.
const REASON_BYTES_MAX: usize = 2 * 1024;
const RAW_BYTES_MAX: usize = 4 * 1024 + 3;

fn read(lines: &[u8]) -> DecodedPack {
    let text = [HEAD, b"\n", lines, b"\n", SOUND].concat();
    decode(&zstd::bulk::compress(&text, 1).unwrap(), UNCOMPRESSED_MAX).unwrap()
}

fuzz_target!(|lines: &[u8]| {
    let pack = read(lines);
    let Some((Ok(sound), others)) = pack.changes.split_last() else { panic!("the sound one was lost") };
    assert_eq!(sound.sequence, 7);
    assert_eq!(others.len(), lines.split(|byte| *byte == b'\n').count());
    for other in others {
        match other {
            Ok(change) => {
                // What is told of an object is JSON or refused by whoever parses it; here it is text between braces.
                let object = change.object.as_ref().map(|object| object.get());
                let line = serde_json::to_vec(change);
                if object.is_none_or(|object| serde_json::from_str::<&RawValue>(object).is_ok()) {
                    let again = read(&line.unwrap());
                    let again = again.changes[0].as_ref().unwrap();
                    assert_eq!(again.object.as_ref().map(|object| object.get()), object);
                    assert_eq!(
                        (again.sequence, again.epoch, again.kind),
                        (change.sequence, change.epoch, change.kind)
                    );
                }
            }
            Err(bad) => {
                let told = (bad.reason.len(), bad.raw.len());
                assert!(
                    told.0 <= REASON_BYTES_MAX && told.1 <= RAW_BYTES_MAX,
                    "{told:?} bytes: {:.200}",
                    bad.reason
                );
            }
        }
    }
});
