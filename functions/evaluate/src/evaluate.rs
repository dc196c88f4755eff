use crate::references::Listings;
use crate::sign::Signs;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Cluster;
use prodrome_lambda::{Delivery, Failure, Handler, Tally};
use prodrome_lifecycle::{Check, keys};
use prodrome_model::{CheckMessage, DueMessage};
use prodrome_queue::{Body, Message, Queue, QueueName, SendError};
use prodrome_rules::RuleSet;
use prodrome_rules::engine::Programs;
use prodrome_store::{Key, Record, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Judges changes and looks at what falls due. See the crate's documentation.
pub struct Evaluate<S, Q, C> {
    pub(crate) store: S,
    pub(crate) queue: Q,
    pub(crate) cluster: C,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) programs: Programs,
    pub(crate) shards: u16,
    pub(crate) diagnosing: bool,
    signs: Option<Signs<S>>,
    pub(crate) listings: Listings,
}

impl<S: Store, Q: Queue, C: Cluster> Evaluate<S, Q, C> {
    /// What is due later than this is left to the sweep.
    const ENQUEUE_AHEAD: Duration = Duration::from_mins(3);

    /// An evaluator with these rules. `shards` must be the watcher's.
    pub fn new(store: S, queue: Q, cluster: C, rules: Arc<RuleSet>, shards: u16) -> Self {
        let programs = Programs::new(Arc::clone(&rules));
        let listings = Listings::default();
        Self { store, queue, cluster, rules, programs, shards, diagnosing: false, signs: None, listings }
    }

    /// The same, where there is a diagnosis: findings of rules with a flow go there first.
    #[must_use]
    pub fn diagnosing(self) -> Self {
        Self { diagnosing: true, ..self }
    }

    /// The same, noting the watchers' signs of life in the table of episodes. Without, nobody is told how far
    /// behind a watcher is, and nothing waits for it.
    #[must_use]
    pub fn noting_signs_in(self, episodes: S) -> Self {
        Self { signs: Some(Signs::new(episodes)), ..self }
    }

    /// A pack came: judges its changes, then notes how far its watcher has come.
    async fn pack_came(
        &self,
        bytes: &[u8],
        sent_at: Option<Timestamp>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let Some((scope, lag)) = self.pack(bytes, now, tally).await? else { return Ok(()) };
        let seen_up_to = sent_at.unwrap_or(now).checked_sub(SignedDuration::from_secs(i64::from(lag)));
        let seen_up_to = seen_up_to.unwrap_or(Timestamp::MIN);
        let behind = now.duration_since(seen_up_to).as_secs().max(0);
        tally.watcher_lag_seconds.push(u32::try_from(behind).unwrap_or(u32::MAX));
        if let Some(signs) = &self.signs {
            signs.note(&scope, seen_up_to, now).await;
        }
        Ok(())
    }

    async fn due(&self, due: &DueMessage, now: Timestamp, tally: &mut Tally) -> Result<(), Failure> {
        let key = Key::new(&*due.partition, &*due.sort);
        let Some(record) = self.store.get(&key).await.map_err(store_failure)? else { return Ok(()) };
        let Some(at) = record.due.as_ref().map(|due| due.at) else { return Ok(()) };
        if at > now {
            // An obsolete message, or one that came early: whoever set the time has seen to a message of its
            // own, but a delay that was cut or rounded is made good here.
            return if at == due.at { self.enqueue(&key, at, now).await } else { Ok(()) };
        }
        if key.partition.starts_with("relist#") {
            return self.relist(&record, now, tally).await;
        }
        tally.lateness_ms.push(u64::try_from(now.duration_since(at).as_millis()).unwrap_or(0));
        self.look(record, now, tally).await
    }

    /// Sends a message for when a record falls due, unless that is left to the sweep.
    pub(crate) async fn enqueue(&self, key: &Key, at: Timestamp, now: Timestamp) -> Result<(), Failure> {
        let delay = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
        if delay > Self::ENQUEUE_AHEAD {
            return Ok(());
        }
        let due = DueMessage { partition: key.partition.clone(), sort: key.sort.clone(), at };
        let text =
            serde_json::to_string(&CheckMessage::Due(due)).expect("plain data is always written as JSON");
        self.queue
            .send(QueueName::Checks, vec![Message::text(text).delayed(delay)])
            .await
            .map_err(|e| send_failure(&e))
    }
}

impl<S: Store, Q: Queue, C: Cluster> Handler for Evaluate<S, Q, C> {
    async fn handle(&self, delivery: &Delivery, now: Timestamp, tally: &mut Tally) -> Result<(), Failure> {
        match &delivery.body {
            Body::Pack(bytes) => self.pack_came(bytes, delivery.sent_at, now, tally).await,
            Body::Text(text) => match serde_json::from_str(text) {
                Ok(CheckMessage::Due(due)) => self.due(&due, now, tally).await,
                Err(error) => {
                    Err(Failure::fatal("message_malformed", format!("expected a due check: {error}")))
                }
            },
        }
    }
}

/// A check and the version of its record.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) check: Check,
    pub(crate) version: u64,
}

impl Kept {
    pub(crate) fn read(record: &Record) -> Result<Self, Failure> {
        let check = serde_json::from_str(&record.data).map_err(|error| {
            let key = &record.key;
            Failure::fatal("check_malformed", format!("record {}/{}: {error}", key.partition, key.sort))
        })?;
        Ok(Self { check, version: record.version })
    }
}

/// The record that keeps a check.
pub(crate) fn check_record(key: Key, check: &Check) -> Record {
    let due = keys::due(&key, check.due);
    let data = serde_json::to_string(check).expect("plain data is always written as JSON");
    Record { due: Some(due), ..Record::new(key, data) }
}

pub(crate) fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Conflict { .. } => Failure::retryable("store_conflict", error),
        StoreError::Unavailable { .. } => Failure::retryable("store_unavailable", error),
        StoreError::TooLarge { .. } => Failure::fatal("record_too_large", error),
        StoreError::Refused { .. } => Failure::fatal("store_refused", error),
    }
}

pub(crate) fn send_failure(error: &SendError) -> Failure {
    let retryable = error.failed.iter().any(|f| f.retryable);
    Failure { code: "queue_refused", reason: error.to_string(), retryable }
}
