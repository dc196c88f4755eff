use crate::api::ApiError;
use crate::chain::chain;

/// What the API server made of a question, where it did not answer it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// These credentials may not do that.
    Forbidden,
    /// These credentials are not accepted at all: they have expired, or were taken back.
    Unauthorized,
    /// There was no answer, or none of use: what became of the question.
    NoAnswer(String),
}

/// A kind that these credentials do not let be watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeniedKind {
    /// `Pod`, `Deployment`.
    pub kind: String,
    /// [`Trouble::Forbidden`] or [`Trouble::Unauthorized`].
    pub why: Trouble,
}

impl From<&ApiError> for Trouble {
    fn from(error: &ApiError) -> Self {
        match error {
            ApiError::Forbidden(_) => Self::Forbidden,
            ApiError::Unauthorized(_) => Self::Unauthorized,
            error => Self::NoAnswer(chain(error)),
        }
    }
}
