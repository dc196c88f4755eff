//! How a stream comes back after a break. An etcd may have been restored meanwhile: it counts from an earlier version
//! again, and a watch of a version that is yet to come brings nothing at all, and drops what happens until then.

use super::{ANSWER_WAIT, DENIALS_BELIEVED, State, Stream, in_time};
use crate::api::{Api, ApiError, Listed, Page as _};
use crate::metrics::Restart;
use crate::watermark::Version;

impl<A: Api> Stream<A> {
    /// Asks where the cluster is, by a list of one object, and goes on by a watch, or by a list of all.
    pub(super) async fn returns(&mut self, from: Version) -> State {
        match self.is_ahead(&from).await {
            Ok(true) => {
                tracing::warn!(
                    kind = self.kind,
                    from = &*from,
                    "the cluster is at an earlier version, listing anew"
                );
                self.list_anew(Restart::Ahead)
            }
            Ok(false) | Err(ApiError::Refused { status: 400..500, .. }) => State::Watching { from },
            // An API server that has just started denies everything for a while. Who is denied lists for good may yet be
            // allowed to watch.
            Err(ApiError::Forbidden(_)) if self.denials.failures() + 1 >= DENIALS_BELIEVED => {
                State::Watching { from }
            }
            Err(error) => self.failed(&error, State::Returning { from }),
        }
    }

    /// Whether the API server is at an earlier version than `from`. What cannot be compared is not.
    async fn is_ahead(&self, from: &Version) -> Result<bool, ApiError> {
        // Without a version it is answered as of now, by a server whose cache is behind as well.
        let mut page = in_time(self.common.api.list(&self.collection, 1, None), ANSWER_WAIT).await?;
        loop {
            if let Listed::End { version, .. } = in_time(page.next(), ANSWER_WAIT).await? {
                let both = version.parse::<u64>().ok().zip(from.parse::<u64>().ok());
                return Ok(both.is_some_and(|(server, ours)| server < ours));
            }
        }
    }
}

/// Whether an API server may be another one after it: the connection was lost, or whoever answered was not it.
pub(super) fn is_break(error: &ApiError) -> bool {
    match error {
        ApiError::Broken(_) | ApiError::Silent(_) | ApiError::Ahead(_) => true,
        ApiError::Refused { status, .. } => *status >= 500,
        ApiError::Gone
        | ApiError::NotServed
        | ApiError::Unauthorized(_)
        | ApiError::Forbidden(_)
        | ApiError::Throttled { .. }
        | ApiError::Malformed(_) => false,
    }
}
