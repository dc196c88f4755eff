use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of one attempt to tell somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "because", rename_all = "camelCase")]
pub enum Outcome {
    /// The receiver has it.
    Sent,
    /// Not now, but the same notice may get through later: after this long where the receiver said so.
    RetryAfter(Option<SignedDuration>, Reason),
    /// The receiver will never take it like this. Somebody has to change something first.
    Refused(Reason),
}

impl Outcome {
    /// Why it was not sent.
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Sent => None,
            Self::RetryAfter(_, reason) | Self::Refused(reason) => Some(*reason),
        }
    }
}

/// Why a notice was not delivered. A closed set, so that it can be a metric's dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// No connection: the name does not resolve, nobody listens, the TLS handshake fails.
    Unreachable,
    /// No answer in time. The receiver may have it nevertheless.
    Timeout,
    /// The receiver is broken or busy (5xx, or its own words for that).
    ServerError,
    /// Too many messages.
    RateLimited,
    /// The token, key or signature is wrong, expired or revoked.
    Unauthorized,
    /// What we have been given access to does not include this.
    Forbidden,
    /// The room, the webhook or the integration is not there, or is archived.
    UnknownDestination,
    /// The receiver does not understand the message.
    InvalidRequest,
    /// The message is too large.
    TooLarge,
    /// The receiver moved; we do not follow, since a redirect may lead anywhere.
    Redirected,
    /// What the receipt points to (the thread, the message) is gone.
    ReceiptGone,
    /// The answer makes no sense: something else than the receiver may stand at that address.
    UnexpectedAnswer,
    /// The channel's secret could not be had, or is not what it has to be.
    SecretUnavailable,
    /// The routing file has no channel of that name (any more).
    UnknownChannel,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Unreachable,
        Self::Timeout,
        Self::ServerError,
        Self::RateLimited,
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnknownDestination,
        Self::InvalidRequest,
        Self::TooLarge,
        Self::Redirected,
        Self::ReceiptGone,
        Self::UnexpectedAnswer,
        Self::SecretUnavailable,
        Self::UnknownChannel,
    ];

    /// As logs and metrics write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::ServerError => "serverError",
            Self::RateLimited => "rateLimited",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::UnknownDestination => "unknownDestination",
            Self::InvalidRequest => "invalidRequest",
            Self::TooLarge => "tooLarge",
            Self::Redirected => "redirected",
            Self::ReceiptGone => "receiptGone",
            Self::UnexpectedAnswer => "unexpectedAnswer",
            Self::SecretUnavailable => "secretUnavailable",
            Self::UnknownChannel => "unknownChannel",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_alike_in_json_and_in_metrics() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn an_outcome_reads_back() {
        for outcome in [
            Outcome::Sent,
            Outcome::RetryAfter(None, Reason::Timeout),
            Outcome::RetryAfter(Some(SignedDuration::from_secs(30)), Reason::RateLimited),
            Outcome::Refused(Reason::Unauthorized),
        ] {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome, "{json}");
        }
    }
}
