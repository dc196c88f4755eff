//! The ledger: what became of each change that a watcher handed to the queue.
//!
//! A watcher numbers its changes from 1 in each of its runs (epochs), without holes, and each pack carries a
//! [`Waybill`](prodrome_model::Waybill): the number of its first change, up to which number the queue has accepted
//! everything, and what the watcher has counted before that. Whoever has handled a pack writes *one row* under a key
//! made of its first and last number. A pack that comes twice writes the same row again, and rows may come in any order:
//! there is nothing to add up, so nothing can be counted twice. No row is read or expected to be there when it is
//! written.
//!
//! The sweep [settles](Ledger::settle) once a minute: it reads the rows from where it stopped, moves the mark up to which
//! every number has an account, and counts. Rows behind the mark are not read again and expire by themselves. A number
//! that the queue had accepted half an hour ago, and half an hour before a pack that was handled, and that has no
//! account, is lost.
//!
//! A pack that is tried again and again has a row that says so, from its fifth try on and written before that begins: it is
//! on its way, and not lost, be it that it kills its function each time. A row that says that it is given up replaces that
//! one once it lies among the dead letters; the row of one that was handled counts for more than both. One that was tried
//! last so long ago that its queue has dropped it has expired, which is dead, too.
//!
//! What a watcher could not read, or no message can carry, it drops, and never numbers. Its waybills say how many those are:
//! the ledger [tells that](ClusterSummary::dropped) beside what was lost, and does not add up.
//!
//! # What it costs
//!
//! One write unit a pack (0.625 USD a million), and none for a heartbeat; a function waits some 5 ms for it. At 1,000
//! changes a second there are 4,100 packs for a million changes of pods of 14 KiB, and 2,300 of the recorded mix
//! (`tests/REPORT.md`): 0.0025 and 0.0014 USD for writes, 0.0002 and 0.0001 for the time, on top of 0.0099 and 0.0056. At
//! 10 changes a second each pack has five: 0.14 on top of 0.45, which is 3.60 USD a month. `make bench` counts all of it in.
//! The sweep reads some 36 KB of rows a minute: 0.00002 USD for a million.
//!
//! Cheaper ways, and why not: *Gather rows in a function's memory and write them seldom.* An instance is ended without
//! notice, and what it had not written would look lost. *Write where there is a gap only.* Packs are shared out among
//! instances, so that each sees gaps all the time and none that are. *One row for all packs of a call.* Sound, as the call
//! has not been answered; but at such rates a call has one pack, unless packs are made to wait for each other. *Count in
//! the function's log.* That is delivered as well as it can be, which is no base for an alarm.
//!
//! # A cluster that goes silent
//!
//! A watcher sends a pack each minute, an empty one where nothing changes. So the ledger knows of each cluster when it was
//! heard last, and the sweep tells of [those that fell silent](Silence). What is kept of a silence is written on the
//! condition that nobody else has, and says whether the queue has it; it stays when it is over, so that whoever looked at
//! an older ledger does not begin it once more.
//!
//! # What becomes of findings
//!
//! Changes end at evaluate. Of the findings that it makes of them [`Findings`] says what became of those that last: how
//! many alert knows, how many are on their way, and which are missing. That is read of the tables of checks and of episodes
//! when somebody asks, and costs nothing before.
//!
//! # What it cannot say
//!
//! A watcher that is killed may have handed over packs that no later waybill of its run speaks of. Its next run reads
//! on from the place that was saved, which is behind them, so that their changes are numbered once more; what of the
//! earlier run was handled all the same counts as come and handled. Packs of a watcher that knows nothing of numbers are
//! handled as any other, and the ledger says that [they are not counted](ClusterSummary::uncounted_at).

mod account;
mod findings;
mod keys;
mod ledger;
mod silence;
mod silences;
mod statement;
mod summary;

pub use account::{Account, Dead, EXPIRED, EXPIRES_AFTER, Row, SETTLED_AFTER, Span, Tidings, Tried};
pub use findings::{Findings, KNOWN_AFTER, MissingFinding};
pub use ledger::{Ledger, LedgerError, Settled};
pub use silence::{Life, Silence, Silent};
pub use silences::{Forgotten, HEARD_LATELY};
pub use statement::Statement;
pub use summary::{ClusterSummary, Counts, RunSummary, Summary};
