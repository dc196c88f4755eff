use super::VERSION;

/// Why a pack cannot be made or read. Nothing of such a pack may be taken for the whole.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// No bytes, or no line in them.
    #[error("the pack is empty")]
    Empty,
    /// The end is missing.
    #[error("the pack is cut short after {lines} whole lines")]
    Truncated {
        /// The lines that could be read, the head included.
        lines: usize,
    },
    /// Not a zstd frame, or not an intact one.
    #[error("the pack is corrupt: {reason}")]
    Corrupt {
        /// What the decoder said.
        reason: String,
    },
    /// It inflates to more than the reader takes.
    #[error("the pack inflates to more than {max} bytes")]
    Inflates {
        /// The limit.
        max: usize,
    },
    /// It is larger than a message may be.
    #[error("the pack has {bytes} bytes with {changes} changes, a message takes at most {max}")]
    TooLarge {
        /// Its size, compressed.
        bytes: usize,
        /// How many changes are in it: a single one that is too large will never go.
        changes: usize,
        /// The limit.
        max: usize,
    },
    /// Written by a newer (or foreign) program.
    #[error("the pack is of version {found}, only version {VERSION} can be read")]
    Version {
        /// The version it claims.
        found: u64,
    },
    /// The first line is not a head.
    #[error("the pack's head cannot be read: {reason}")]
    Head {
        /// What is wrong with it.
        reason: String,
    },
}

impl PackError {
    /// The stable code, for the attribute of a dead letter and for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "pack_empty",
            Self::Truncated { .. } => "pack_truncated",
            Self::Corrupt { .. } => "pack_corrupt",
            Self::Inflates { .. } => "pack_inflates",
            Self::TooLarge { .. } => "pack_too_large",
            Self::Version { .. } => "pack_version",
            Self::Head { .. } => "pack_head",
        }
    }
}
