/// Why a message cannot be understood. None of these goes away by trying again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not the JSON of a finding or of a due time.
    #[error("the message is neither a finding nor a due time: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
    /// It was written by a later version of Prodrome.
    #[error(
        "the finding has envelope version {found}, known is version {known}; deploy alert before evaluate"
    )]
    UnknownVersion {
        /// As it stands in the message.
        found: String,
        /// What this version reads.
        known: u32,
    },
}

impl EnvelopeError {
    /// A stable word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "finding_malformed",
            Self::UnknownVersion { .. } => "finding_version_unknown",
        }
    }
}
