//! How often a plugin is asked, by all instances together.

use crate::evaluate::store_failure;
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Clusters;
use prodrome_lambda::Failure;
use prodrome_lifecycle::keys;
use prodrome_model::later;
use prodrome_queue::Queue;
use prodrome_store::{Expect, Record, Store, StoreError, Write};
use serde::{Deserialize, Serialize};

/// The time between two questions where there are many.
const APART: SignedDuration = SignedDuration::from_millis(100);
/// So far the turns may be ahead of the time: a few at once are no flood.
const AHEAD: SignedDuration = SignedDuration::from_secs(1);
/// How often a turn is taken again because somebody else took one.
const ATTEMPTS: usize = 8;
/// How long a pace is kept that nobody needs.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// When the next turn is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Pace {
    layout: u32,
    next: Timestamp,
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// A turn to ask a plugin: now, or later where many ask. It is given once, so whoever has it may ask then.
    pub(crate) async fn turn(&self, plugin: &str, now: Timestamp) -> Result<Timestamp, Failure> {
        let key = keys::pace(plugin);
        for _ in 0..ATTEMPTS {
            let there = self.store.get(&key).await.map_err(store_failure)?;
            let pace = there.as_ref().and_then(|record| serde_json::from_str::<Pace>(&record.data).ok());
            let turn = pace.map_or(now, |pace| pace.next.max(now));
            let data = serde_json::to_string(&Pace { layout: 1, next: later(turn, APART) });
            let data = data.expect("plain data is always written as JSON");
            let record = Record { expires: Some(later(turn, KEPT)), ..Record::new(key.clone(), data) };
            let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
            match self.store.commit(vec![Write::Put(record, expect)]).await {
                Ok(()) if turn <= later(now, AHEAD) => return Ok(now),
                Ok(()) => return Ok(turn),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(store_failure(error)),
            }
        }
        // So many ask in this moment that none of them knows how many: they come again.
        Ok(later(now, AHEAD))
    }
}
