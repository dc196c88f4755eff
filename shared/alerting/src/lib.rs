//! From findings to notices, as pure decisions: grouping, pacing, hold-down, flapping, and who is owed what.
//!
//! Findings with one fault are one *alert*: those of one rule and one top owner, and, where the cause is known, those
//! that one repair helps, whichever rules see them. Which alert a finding belongs to hangs on nothing but the finding
//! ([`keys::group`]), so that no order of arrival makes two of one. Two small state machines share the work, and
//! neither reads a clock or a store:
//!
//! ```text
//!                 first finding                  last one ended, held down
//! (nothing) ─────────────────────► open alert ─────────────────────────────► (nothing)      decide()
//!                 Alert             │ joined, worse, still there   Resolved
//!                                   ▼ Update, at a bounded pace
//!
//!             owe               claim                sent
//! (nothing) ───────► pending ──────────► in flight ────────► (nothing)             Delivery, one a channel
//!                      ▲                   │ failed, or the sender died
//!                      └───────────────────┘
//! ```
//!
//! [`decide`] takes findings into a [`View`] of their group and says what is to be told and when to look again.
//! A [`Delivery`] is what one channel is owed of one alert: newer news takes the place of older that was never
//! sent, and a claim keeps two senders from sending the same. [`keys`] says where all of it is kept, [`log`]
//! what is written down of it.

mod decide;
mod delivery;
mod envelope;
mod error;
mod group;
pub mod keys;
pub mod log;
mod notice;
mod policy;
mod watch;

pub use decide::{Context, Decided, Decision, View, decide};
pub use delivery::{Claim, Delivery, Settled};
pub use envelope::read_message;
pub use error::EnvelopeError;
pub use group::{Alert, Flapping, Head, Joined, Member, Memory, MemoryState, Seen, Told};
pub use keys::due_buckets;
pub use policy::{BySeverity, Policy};
pub use watch::WatchSign;
