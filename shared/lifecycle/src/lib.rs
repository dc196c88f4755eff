//! The life of a check, as pure decisions.
//!
//! A [`Check`] is kept for each pair of a rule and an object that matches it now (or will, by time alone).
//! Whatever is learnt of the object is a [`Sighting`]; [`decide`] says what becomes of the check:
//!
//! ```text
//!            turns by time          matches for `duration`     sent
//! Watching ───────────────► Pending ──────────────► Firing ──────────► Fired ◄──────┐
//!                            │   ▲                                       │ gone      │ back
//!                      gone  ▼   │ back in time                          ▼           │
//!                             Gap                                    Recovering ─────┘
//!                                                                        │ gone for `resolveAfter`
//!                                                                        ▼
//!                                                                      Ending ───► (removed)
//! ```
//!
//! What is told of another object under the same name is a [`Rumour`] until somebody has looked.
//!
//! Of a check that is removed an [`Over`] stays for a while: what is delivered late must not begin again what is over.
//!
//! Where a check's rule is another than the one that it was decided on last, [`turn_over`] says what becomes of it.
//!
//! Nothing here reads a clock or a store. [`keys`] says where checks, their markers and their edges are kept.

mod asking;
mod check;
mod count;
mod decide;
#[cfg(test)]
mod fixture;
pub mod keys;
mod list;
mod over;
mod relist;
mod rollout;
mod rumour;
mod sighting;
mod terms;
mod turnover;

pub use asking::{Answer, Asking, decide_asked};
pub use check::{Check, Phase, SeenEvent};
pub use count::{Begin, Counted, Counter, Quota, Standing, spread};
pub use decide::{Decision, began, decide, said_ahead};
pub use list::{EndedList, is_named};
pub use over::Over;
pub use relist::Relist;
pub use rollout::Rollout;
pub use rumour::Rumour;
pub use sighting::{Seen, Sighting, Verdict};
pub use terms::Terms;
pub use turnover::{RuleMark, Turnover, turn_over};
