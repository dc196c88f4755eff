//! The whole pipeline under faults: a model cluster that changes by a seed; the real watcher, by its real client; the
//! real handlers of evaluate, sweep, diagnose and alert; ports in memory, on virtual time; and faults by the same
//! seed. An oracle that knows nothing but the cluster's own past says what had to be told, when, and when it was over.
//!
//! ```no_run
//! use prodrome_sim::{Plan, run};
//!
//! let outcome = run(&Plan::of(7));
//! assert_eq!(outcome.complaints, []);
//! ```
//!
//! A [`Plan`] is all that happens and all that goes wrong, as two lists: what fails is made small by leaving out
//! ([`shrink`]). The same plan always comes to the same: one thread, no clock but the virtual one, no chance but the
//! seed's.

mod api;
mod bounds;
mod calm;
mod claim;
mod clock;
mod complaint;
mod edition;
mod fault;
mod forms;
mod law;
mod model;
mod noted;
mod often;
mod oracle;
mod panics;
mod people;
mod places;
mod plan;
mod post;
mod press;
mod rest;
mod run;
mod sent;
mod shrink;
mod silence;
mod stream;
mod system;
mod turns;
mod watching;
mod weather;

pub use clock::Millis;
pub use complaint::Complaint;
pub use edition::Edit;
pub use fault::{Away, Caller, Fault, Function, Trouble, What};
pub use plan::{Deed, DeedKind, Phase, Plan};
pub use run::{Outcome, run};
pub use shrink::{Smaller, shrink};
