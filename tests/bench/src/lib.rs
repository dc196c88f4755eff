//! Measures the built programs as they are deployed: the watcher as a process of its own before an API server and a
//! queue of another process, the evaluation on the packs that this watcher made, the whole system on the emulator,
//! sizes, cold starts and replays.
//!
//! `make bench` runs the program `bench`, which prints the figures and keeps them in `tests/report/bench.md`. Nothing
//! fails by being slow. Where it can, it counts (requests, bytes) or reads the time a process had on a processor,
//! which other work on the machine disturbs little; latencies are those of the clock, and are disturbed.

pub mod counting;
pub mod diagnosis;
pub mod end_to_end;
pub mod evaluation;
pub mod feed;
pub mod memory;
pub mod mix;
pub mod price;
pub mod process;
pub mod programs;
pub mod replays;
pub mod section;
pub mod summary;
pub mod watching;
