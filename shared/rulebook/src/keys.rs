//! Where versions are kept:
//!
//! - the head, which says which version holds: partition `rules`, sort `head`;
//! - what is to be known of a version: partition `rules`, sort `v/<version>`;
//! - its text, compressed: partition `rules#<version>`, sort `part/<number>`.

use prodrome_store::Key;

/// The partition of the head and of all entries.
pub const PARTITION: &str = "rules";
/// What the sort keys of entries begin with.
pub const ENTRIES: &str = "v/";

/// Where the head is.
pub fn head() -> Key {
    Key::new(PARTITION, "head")
}

/// Where the entry of a version is. Sorted as the versions are.
pub fn entry(version: u64) -> Key {
    Key::new(PARTITION, format!("{ENTRIES}{version:010}"))
}

/// The partition of a version's text.
pub fn text_partition(version: u64) -> String {
    format!("{PARTITION}#{version:010}")
}

/// Where a part of a version's text is.
pub fn part(version: u64, number: usize) -> Key {
    Key::new(text_partition(version), format!("part/{number:03}"))
}
