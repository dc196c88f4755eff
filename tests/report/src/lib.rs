//! The judge: what `prodrome replay` and `prodrome scan` say, held against what was really wrong.
//!
//! What is judged never sees the truth: the command gets a folder that holds the stream and `meta.json` alone. A
//! recording has `truth.yaml` ([`Truth`]); [`judge`] says of each fault whether it was told, when, by which rule,
//! and which alerts are false. The program `report` writes `tests/REPORT.md` of that, the same for the same
//! input; the tests of `infra/cli` hold every recording to it.

mod assemble;
mod command;
mod confusion;
mod judge;
mod machine;
mod markdown;
mod pattern;
mod recordings;
mod scenarios;
mod suites;
mod told;
mod truth;

pub use assemble::assemble;
pub use command::Command;
pub use judge::{FaultTold, Judgement, judge};
pub use machine::machine;
pub use markdown::Table;
pub use pattern::ObjectPattern;
pub use recordings::{Judged, replay_all, section};
pub use scenarios::section as scenarios_section;
pub use suites::section as suites_section;
pub use told::{Told, ToldKind};
pub use truth::{Fault, Truth};
