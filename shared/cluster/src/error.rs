/// Why the cluster did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The cluster does not serve such a kind (now; a CRD may come).
    #[error("the cluster serves no kind {kind}")]
    UnknownKind {
        /// `group/Kind`.
        kind: String,
    },
    /// The credentials do not allow it.
    #[error("not allowed to {verb} {what}: {reason}")]
    Forbidden {
        /// `get`, `list`.
        verb: &'static str,
        /// What was asked for.
        what: String,
        /// What the API server said.
        reason: String,
    },
    /// The credentials are not accepted at all (a token that expired).
    #[error(
        "the cluster does not accept the credentials: {reason}; if they have expired, log in again or renew them"
    )]
    Unauthorized {
        /// What the API server said.
        reason: String,
    },
    /// Out of reach or overloaded; trying again may help.
    #[error("the cluster is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The API server refuses the request as such; the same one will be refused again.
    #[error("the cluster refuses to {verb} {what}: {reason}")]
    Refused {
        /// `get`, `list`.
        verb: &'static str,
        /// What was asked for.
        what: String,
        /// What the API server said.
        reason: String,
    },
    /// It is not known whether the object exists (a bundle that does not hold this kind).
    #[error("kind {kind} is not among what is known")]
    NotKnown {
        /// `group/Kind`.
        kind: String,
    },
    /// What is read here holds no logs.
    #[error("no {which} {what} is at hand")]
    NoLogs {
        /// Whose.
        what: String,
        /// `current`, `previous`.
        which: &'static str,
    },
}

impl From<kube::Error> for ClusterError {
    /// Why a request came to no answer at all.
    fn from(error: kube::Error) -> Self {
        crate::request::explain(error)
    }
}

impl ClusterError {
    /// Whether the same request may succeed in a moment.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
