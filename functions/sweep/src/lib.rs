//! The sweep: once a minute it hands over what falls due, and with that finds whatever a crash left unsent.
//!
//! Everything that waits (a pending check, a finding decided and not sent, an alert's next update, a delivery to
//! retry) is a record with an entry in a due index. The sweep asks each index for what is due within the next
//! three minutes and puts it on the owner's queue with the exact delay. Two sweeps at a time do no harm: a message that
//! comes twice is recognised by its due time. What stays overdue is handed over again until somebody has dealt with it,
//! ever more seldom: it may only be that much waits in the queue. For that a tick notes up to when all was handed over,
//! and one that was lost or cut off is made up for by the next.
//!
//! Then it settles the [ledger](prodrome_ledger) of what became of the changes, and tells of the clusters of which the
//! ledger has heard nothing.
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

mod config;
mod handed;

pub mod lambda;
mod silence;
mod sweep;

pub use config::Config;
pub use sweep::{SILENT_AFTER, Sweep, SweepError};
