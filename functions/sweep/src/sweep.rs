use crate::handed::{AHEAD, Handed, is_turn};
use crate::silence;
use jiff::{SignedDuration, Timestamp};
use prodrome_lambda::{Tally, metric};
use prodrome_ledger::{Ledger, LedgerError};
use prodrome_model::{AlertMessage, CheckMessage, DueMessage, later};
use prodrome_queue::{Message, Queue, QueueName, SendError};
use prodrome_store::{Record, Store, StoreError};
use std::time::Duration;

/// A cluster of which nothing was heard for so long is silent, unless told otherwise. A watcher sends a pack each minute.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Records a page of the index.
const PAGE: u32 = 250;

/// Hands over what falls due. See the crate's documentation.
pub struct Sweep<C, E, Q> {
    checks: C,
    episodes: E,
    queue: Q,
    silent_after: SignedDuration,
}

/// Why a tick did not hand over everything. The next tick begins anew.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// An index could not be read.
    #[error("the due index cannot be read")]
    Store(#[from] StoreError),
    /// A queue did not accept everything.
    #[error("what is due could not be handed over")]
    Send(#[from] SendError),
    /// The ledger could not be settled.
    #[error("what became of the changes could not be settled")]
    Ledger(#[from] LedgerError),
}

impl<C: Store, E: Store, Q: Queue> Sweep<C, E, Q> {
    /// A sweep over the stores of checks and of episodes.
    pub fn new(checks: C, episodes: E, queue: Q) -> Self {
        Self { checks, episodes, queue, silent_after: SILENT_AFTER }
    }

    /// The same with another time without news after which a cluster counts as silent.
    #[must_use]
    pub fn with_silence_after(self, silent_after: SignedDuration) -> Self {
        Self { silent_after, ..self }
    }

    /// One tick. An index that cannot be read does not keep the others from being swept; the first error is
    /// returned at the end.
    pub async fn tick(&self, now: Timestamp, tally: &mut Tally) -> Result<(), SweepError> {
        let (mut handed, mut first_error) = match Handed::read(&self.checks).await {
            Ok(handed) => (handed, None),
            Err(error) => (Handed::default(), Some(error)),
        };
        for bucket in prodrome_lifecycle::keys::buckets() {
            let done = self.bucket(&self.checks, &bucket, QueueName::Checks, &mut handed, now, tally).await;
            first_error = first_error.or(done.err());
        }
        for bucket in prodrome_alerting::due_buckets() {
            let done =
                self.bucket(&self.episodes, &bucket, QueueName::Findings, &mut handed, now, tally).await;
            first_error = first_error.or(done.err());
        }
        first_error = first_error.or(handed.write(&self.checks).await.err());
        first_error = first_error.or(self.ledger(now, tally).await.err());
        first_error.map_or(Ok(()), Err)
    }

    /// Settles the ledger, and tells of the clusters that it has not heard of.
    async fn ledger(&self, now: Timestamp, tally: &mut Tally) -> Result<(), SweepError> {
        let ledger = Ledger::new(&self.checks);
        let silences = ledger.silences().await?;
        let settled = ledger.settle(now).await?;
        tally.add(metric::CHANGES_LOST, settled.lost);
        if settled.lost > 0 {
            tracing::error!(changes = settled.lost, "changes have no account: see `prodrome ledger`");
        }
        tally.add(metric::CHANGES_DROPPED, settled.dropped);
        if settled.dropped > 0 {
            tracing::error!(
                changes = settled.dropped,
                "watchers have dropped changes: see `prodrome ledger`"
            );
        }
        let (episodes, queue, after) = (&self.episodes, &self.queue, self.silent_after);
        silence::tell(&ledger, episodes, queue, silences, &settled.heard, after, now).await
    }

    /// Hands over page by page, so that a tick that is cut off has done what it read.
    async fn bucket(
        &self,
        store: &impl Store,
        bucket: &str,
        to: QueueName,
        handed: &mut Handed,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), SweepError> {
        let until = later(now, AHEAD);
        let last = handed.of(bucket);
        let mut after = None;
        loop {
            let page = store.due(bucket, until, PAGE, after.as_deref()).await?;
            let messages: Vec<_> = page.records.iter().filter_map(|r| message(r, to, last, now)).collect();
            tally.add(metric::DUE_HANDED_OVER, messages.len() as u64);
            self.queue.send(to, messages).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        handed.done(bucket, now);
        Ok(())
    }
}

/// The message for a record, where it is its turn.
fn message(record: &Record, to: QueueName, last: Option<Timestamp>, now: Timestamp) -> Option<Message> {
    let at = record.due.as_ref()?.at;
    if !is_turn(at, last, now) {
        return None;
    }
    let due = DueMessage { partition: record.key.partition.clone(), sort: record.key.sort.clone(), at };
    let text = match to {
        QueueName::Findings | QueueName::Diagnoses => serde_json::to_string(&AlertMessage::Due(due)),
        QueueName::Checks | QueueName::Changes => serde_json::to_string(&CheckMessage::Due(due)),
    };
    let delay = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(Message::text(text.expect("plain data is always written as JSON")).delayed(delay))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_ledger::Span;
    use prodrome_model::{Scope, Waybill};
    use prodrome_queue::MemoryQueue;
    use prodrome_store::MemoryStore;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    /// What a tick counts of changes that are lost, and that were dropped.
    async fn missing(checks: &MemoryStore, minute: i64) -> (u64, u64) {
        let sweep = Sweep::new(checks, MemoryStore::new(), MemoryQueue::new(at(minute)));
        let mut tally = Tally::default();
        sweep.tick(at(minute), &mut tally).await.unwrap();
        let said: Vec<_> = tally.counts().map(|(name, _)| name).collect();
        for name in [metric::CHANGES_LOST, metric::CHANGES_DROPPED] {
            assert!(said.contains(&name), "it goes on with zeros, so that an alarm ends: {said:?}");
        }
        (tally.count(metric::CHANGES_LOST), tally.count(metric::CHANGES_DROPPED))
    }

    #[tokio::test]
    async fn what_is_lost_or_dropped_is_what_the_alarms_see_and_nothing_where_all_adds_up() {
        let checks = MemoryStore::new();
        let ledger = Ledger::new(&checks);
        let scope = Scope::new("default", "eu", "prod");
        let says = async |dropped, minute| {
            let waybill = Waybill { epoch: 7, first: 41, accepted: 40, dropped, ..Waybill::default() };
            ledger.state(&scope, waybill, at(minute)).await.unwrap();
        };
        let handled = async |first, last| {
            ledger.done(&scope, 7, Span { first, last }, &[], at(0)).await.unwrap();
        };
        handled(1, 10).await;
        handled(21, 40).await;
        says(0, 0).await;
        assert_eq!(missing(&checks, 0).await, (0, 0), "they may be on their way");
        says(0, 31).await;
        assert_eq!(
            missing(&checks, 31).await,
            (10, 0),
            "the queue had 11 to 20, and nobody has handled them"
        );
        handled(11, 20).await;
        assert_eq!(missing(&checks, 32).await, (0, 0), "they were handled after all: it adds up");
        says(3, 33).await;
        assert_eq!(missing(&checks, 33).await, (0, 3));
    }
}
