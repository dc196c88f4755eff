//! The deployed pipeline under load and faults, for real: `template.yaml` on the emulator with real processes as
//! functions, a watcher before an API server whose objects change, and at the end a count.
//!
//! | part | what |
//! |---|---|
//! | `plan` | how much, how long, and what goes wrong |
//! | `objects` | pods that are well, pods that are broken, and what is no object at all |
//! | `feed` | changes them, and remembers what must be told |
//! | `weather` | kills functions, pauses queues, breaks connections, slows the API server |
//! | `count` | what was told, held against what must be |
//! | `dead` | what lies among the dead letters |
//! | `backlog` | how fast a full queue is emptied |
//! | `run`, `section` | all of it in turn, and the section of the report |
//!
//! What is counted depends on no speed: each fault is told once, no other thing is told, the queues are empty, and
//! the dead letters are those that were planted. Rates are figures. `make load` runs it.

mod backlog;
mod count;
mod dead;
mod feed;
mod objects;
mod plan;
mod run;
mod section;
mod weather;

pub use plan::Plan;
pub use run::{Outcome, Phase, run};
pub use section::section;
