/// Why bytes could not be read as JSON. Places are counted in bytes from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The text ends in the middle of a value.
    #[error("the JSON is cut short after {at} bytes")]
    Truncated {
        /// The length of what there is.
        at: usize,
    },
    /// Something stands where it cannot.
    #[error("the JSON is malformed at byte {at}: expected {expected}")]
    Malformed {
        /// Where.
        at: usize,
        /// What would have been right there.
        expected: &'static str,
    },
}

impl ScanError {
    /// The error for a byte that is wrong, or missing as the text ends before it.
    pub(crate) fn expected(json: &[u8], at: usize, expected: &'static str) -> Self {
        if at >= json.len() { Self::Truncated { at: json.len() } } else { Self::Malformed { at, expected } }
    }
}
