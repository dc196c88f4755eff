//! Deletions that wait until their object's last state is on its way: finalizers, for chosen kinds.
//!
//! What is deleted while no watcher runs, and forgotten by the API server before one does again, leaves nothing to be
//! told of. For kinds that an operator chooses ([`Finalizers`]; none unless told so), the watcher that forwards adds
//! [`FINALIZER`] to each object, so that its deletion waits for it:
//!
//! - **Added** to what is there by going through the kind in pages of metadata, and to what comes as it is seen, at most
//!   so many a second, by a server-side apply under a manager of its own that names the object's uid: what has vanished
//!   is not made anew by it, and the API server adds none to what is being deleted.
//! - **Removed** as soon as the queue has accepted the object as it is while it is being deleted (of a pod: once its
//!   grace is over), and in any case [`Finalizers::hold`] after the deletion has begun, though the queue be down. A run that
//!   finds a deletion of before gives the queue five seconds, however old that is.
//! - **Refused** by a webhook or by RBAC, it is said once, and counted; after three in a row the kind is given up until
//!   the next start: no more are added. What has one is let go as soon as that is not refused any more: it is tried on, ever
//!   more seldom, up to once a minute. Everything else goes on.
//!
//! While no watcher runs at all, deletions do wait. [`remove_finalizers`] takes every one of them away.

mod apply;
mod holder;
mod meta;
mod selector;
mod uninstall;

pub use selector::{LabelSelector, LabelSelectorError};
pub use uninstall::{Removal, RemovalError, remove_finalizers};

pub(crate) use holder::{Holder, Holding};
pub(crate) use meta::{Meta, Wish};

use crate::kind_pattern::KindPattern;
use std::time::Duration;

/// What holds a deletion.
pub const FINALIZER: &str = "prodrome.watcher/last-state";
/// Under which name it is applied.
pub const FIELD_MANAGER: &str = "prodrome-watcher-finalizer";
/// How long a deletion is held, unless told otherwise.
pub(crate) const HOLD: Duration = Duration::from_secs(30);

/// Which deletions are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalizers {
    /// Of these kinds, which are watched then.
    pub kinds: Vec<KindPattern>,
    /// Of objects with such labels; of all unless set.
    pub selector: LabelSelector,
    /// For so long, at most, from when the deletion has begun.
    pub hold: Duration,
}

impl Default for Finalizers {
    /// None.
    fn default() -> Self {
        Self { kinds: Vec::new(), selector: LabelSelector::default(), hold: HOLD }
    }
}
