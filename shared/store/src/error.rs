use crate::Key;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An expectation failed, or another writer was there in the same moment; nothing was written.
    #[error("record {}/{} is not as expected", key.partition, key.sort)]
    Conflict {
        /// The first key whose expectation failed.
        key: Key,
    },
    /// A record is too large; it will never be accepted.
    #[error("record {}/{} has {bytes} bytes, the store takes at most {max}", key.partition, key.sort)]
    TooLarge {
        /// Which.
        key: Key,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The store refuses the request; trying again does not help.
    #[error("the store refused: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The store is busy or out of reach; trying again may help.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Unavailable { .. })
    }
}
