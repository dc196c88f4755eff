//! Where the next run reads on.

mod config_map;
mod file;

pub use config_map::ConfigMapPlaces;
pub use file::FilePlaces;

use crate::chain::chain;
use crate::trim::OwnObject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;

/// What is kept between the runs of a watcher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Places {
    /// The number of the run that wrote it.
    pub epoch: u64,
    /// By collection (`pods`, `apps/deployments`, `shop:pods`), the version up to which everything was handed
    /// over.
    pub versions: BTreeMap<String, String>,
    /// The version of the rules up to which everything that they touch has been listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub rules: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Keeps the [`Places`].
pub trait PlaceStore: Send + Sync {
    /// What was saved last; `None` where nothing was.
    fn load(&self) -> impl Future<Output = Result<Option<Places>, PlaceError>> + Send;

    /// Saves it. Once this has returned, it survives a crash.
    fn save(&self, places: &Places) -> impl Future<Output = Result<(), PlaceError>> + Send;

    /// The object in the cluster that it is kept in, whose changes must not be forwarded.
    fn own_object(&self) -> Option<OwnObject> {
        None
    }
}

/// Why the place could not be read or saved.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A file could not be read or written.
    #[error("the place file {path}")]
    File {
        /// Its path.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The `ConfigMap` could not be read or written.
    #[error("the ConfigMap {namespace}/{name}: {reason}")]
    ConfigMap {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What went wrong.
        reason: String,
        /// Whether the same may work later.
        retryable: bool,
    },
    /// Another watcher that was started later keeps its place there.
    #[error(
        "another watcher was started later (run {theirs}, this is run {ours}) and keeps its place in {what}; this one stops"
    )]
    TakenOver {
        /// Where the place is kept.
        what: String,
        /// The epoch that was found.
        theirs: u64,
        /// The epoch of this run.
        ours: u64,
    },
}

impl PlaceError {
    /// Whether the same may work later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::ConfigMap { retryable, .. } => *retryable,
            Self::File { .. } | Self::TakenOver { .. } => false,
        }
    }
}

/// What was saved, or nothing where it cannot be read: then everything is listed anew, which loses nothing.
fn parse(json: &[u8], what: &str) -> Option<Places> {
    match serde_json::from_slice(json) {
        Ok(places) => Some(places),
        Err(error) => {
            tracing::warn!(
                what,
                error = chain(&error),
                "the saved place cannot be read, listing everything anew"
            );
            None
        }
    }
}
