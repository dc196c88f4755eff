//! What the watcher asks of the Kubernetes API, as narrow as a test can script it.

use crate::collection::Collection;
use bytes::Bytes;
use prodrome_scan::ScanError;
use std::future::Future;
use std::time::Duration;

/// Lists and watches a collection. Bodies are raw JSON.
pub(crate) trait Api: Send + Sync {
    type Page: Page;
    type Events: Events;

    /// Asks for a page of a list: the first, or the one that `next` of the page before names.
    fn list(
        &self,
        of: &Collection,
        limit: u32,
        next: Option<&str>,
    ) -> impl Future<Output = Result<Self::Page, ApiError>> + Send;

    /// Asks for all objects as events, then for an event that says that those were all, then for everything after.
    /// The API server ends the stream by itself after about `lasting`.
    fn stream(
        &self,
        of: &Collection,
        lasting: Duration,
    ) -> impl Future<Output = Result<Self::Events, ApiError>> + Send;

    /// Asks for everything after `from`. The API server ends the stream by itself after about `lasting`.
    fn watch(
        &self,
        of: &Collection,
        from: &str,
        lasting: Duration,
    ) -> impl Future<Output = Result<Self::Events, ApiError>> + Send;
}

/// A page of a list while it arrives.
pub(crate) trait Page: Send {
    /// The next item, or the page's end.
    fn next(&mut self) -> impl Future<Output = Result<Listed, ApiError>> + Send;
}

/// What a page of a list holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listed {
    /// An object.
    Item(Bytes),
    /// No more in this page.
    End {
        /// The version as of which the list is.
        version: String,
        /// Names the next page; absent on the last.
        next: Option<String>,
    },
}

/// A watch.
pub(crate) trait Events: Send {
    /// The next event's line; `None` where the API server has ended the stream.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, ApiError>> + Send;
}

/// Why the API did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// 410: the version is too old to go on from, or the list's next page has expired.
    #[error("the API server no longer knows that version")]
    Gone,
    /// The version is of a time that is not yet: another etcd, or a restored one.
    #[error("the API server has not come to that version: {0}")]
    Ahead(String),
    /// 404: the collection is not served (any more).
    #[error("the API server does not serve this kind")]
    NotServed,
    /// 401: the credentials are not accepted at all.
    #[error("the API server does not accept the credentials: {0}")]
    Unauthorized(String),
    /// 403: the credentials are not allowed to.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// 429, or a 5xx that says when to come back.
    #[error("the API server asks to wait ({status}): {reason}")]
    Throttled {
        /// The HTTP status.
        status: u16,
        /// How long, where it says so.
        wait: Option<Duration>,
        /// What it said.
        reason: String,
    },
    /// Any other refusal.
    #[error("the API server answers {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// The connection could not be made, or broke.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// Nothing arrived for too long.
    #[error("nothing arrived for {} s", .0.as_secs())]
    Silent(Duration),
    /// What arrived is not what it should be.
    #[error("the answer cannot be read: {0}")]
    Malformed(#[from] ScanError),
}

impl ApiError {
    /// From an HTTP status and what was said with it, in a response or in an event of type ERROR.
    pub(crate) fn of_status(status: u16, reason: String, wait: Option<Duration>) -> Self {
        match status {
            401 => Self::Unauthorized(reason),
            403 => Self::Forbidden(reason),
            404 => Self::NotServed,
            410 => Self::Gone,
            _ if reason.contains("Too large resource version") => Self::Ahead(reason),
            429 => Self::Throttled { status, wait, reason },
            500.. if wait.is_some() => Self::Throttled { status, wait, reason },
            _ => Self::Refused { status, reason },
        }
    }
}
