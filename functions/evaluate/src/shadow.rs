//! Staged rules: what they would have told is written down, and told to nobody.

use crate::sitting::Sitting;
use jiff::SignedDuration;
use prodrome_cluster::Clusters;
use prodrome_lambda::Failure;
use prodrome_lifecycle::keys;
use prodrome_model::{Finding, FindingState};
use prodrome_queue::Queue;
use prodrome_store::{Expect, Record, Store, Write};

/// How long it can be read.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Writes down what nobody is told. An end takes the place of its beginning, and twice is once.
    pub(crate) async fn keep_from_telling(&self, finding: &Finding) -> Result<(), Failure> {
        let at = match &finding.state {
            FindingState::Firing => finding.fired_at,
            FindingState::Ended(ended) => ended.at.max(finding.fired_at),
        };
        let data = serde_json::to_string(finding).expect("plain data is always written as JSON");
        let expires = at.saturating_add(KEPT).ok();
        let record = Record { expires, ..Record::new(keys::shadow(finding), data) };
        self.write_anyway(vec![Write::Put(record, Expect::Anything)]).await
    }
}
