//! Where a page of the due index ends, as the text that a caller hands back.

use crate::{Key, StoreError};

/// The place in one bucket of the due index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DuePlace {
    /// Milliseconds since the epoch.
    pub(crate) at: i64,
    /// The record.
    pub(crate) key: Key,
}

impl DuePlace {
    /// The text form: `[at, partition, sort]`.
    pub(crate) fn to_token(&self) -> String {
        serde_json::json!([self.at, self.key.partition, self.key.sort]).to_string()
    }

    /// The inverse of [`DuePlace::to_token`].
    pub(crate) fn from_token(token: &str) -> Result<Self, StoreError> {
        let (at, partition, sort): (i64, String, String) =
            serde_json::from_str(token).map_err(|error| StoreError::Refused {
                reason: format!("\"{token}\" is not the end of a page of the due index: {error}"),
            })?;
        Ok(Self { at, key: Key { partition, sort } })
    }
}
