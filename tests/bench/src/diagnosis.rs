//! Root-cause diagnoses on the emulator: how long, how many calls, at what price, and how right.

pub mod newcomer;
pub mod runs;
pub mod twelve;
