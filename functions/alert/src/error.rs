use prodrome_alerting::EnvelopeError;
use prodrome_lambda::Failure;
use prodrome_store::{Key, StoreError};

/// Why a message was not handled.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// It cannot be understood.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others were faster, again and again.
    #[error("{partition} was changed by others {attempts} times in a row")]
    Contended {
        /// Where.
        partition: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A record cannot be read. Another version wrote it, or somebody by hand.
    #[error("record {}/{} cannot be read", key.partition, key.sort)]
    RecordMalformed {
        /// Which.
        key: Key,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl AlertError {
    /// A stable word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.code(),
            Self::Store(StoreError::Conflict { .. }) => "store_conflict",
            Self::Store(StoreError::Unavailable { .. }) => "store_unavailable",
            Self::Store(StoreError::TooLarge { .. }) => "record_too_large",
            Self::Store(StoreError::Refused { .. }) => "store_refused",
            Self::Contended { .. } => "group_contended",
            Self::RecordMalformed { .. } => "record_malformed",
        }
    }

    /// Whether the same message may be handled later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Contended { .. } => true,
            Self::Envelope(_) | Self::RecordMalformed { .. } => false,
        }
    }
}

impl From<AlertError> for Failure {
    fn from(error: AlertError) -> Self {
        let source = std::error::Error::source(&error);
        let reason = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        let in_message = matches!(error, AlertError::Envelope(EnvelopeError::Malformed { .. }));
        Self { code: error.code(), reason, retryable: error.is_retryable(), in_message }
    }
}
