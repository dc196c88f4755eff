//! Evaluation: packs of changes in, findings out.
//!
//! A pack's changes are judged by every rule about their kind. Most match nothing and cost nothing but one query
//! of markers a shard; what matches opens a check, and whatever had a check is decided on anew. A check that
//! falls due is looked at on the live object, with the objects it refers to and its recent events, before it
//! fires. All decisions are [`prodrome_lifecycle::decide`]'s; here is what has to be read before and written
//! after.
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

mod by_cluster;
mod config;
mod count;
mod counted;
mod due;
mod evaluate;
mod event;
mod finding;
mod identity;
mod inspect;

pub mod lambda;
mod listed;
mod loaded;
mod look;
mod observed;
mod pace;
mod pack;
mod periodic;
mod poison;
mod references;
mod relist;
mod rollout;
mod rules;
mod settle;
mod shadow;
mod sign;
mod sitting;
mod tenants;
mod watch_time;

pub use config::Config;
pub use counted::NOTED_FROM;
pub use evaluate::Evaluate;
pub use inspect::{Counts, InspectError, Inspection};
pub use observed::terms;
