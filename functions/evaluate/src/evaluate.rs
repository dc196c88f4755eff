use crate::by_cluster::ByCluster;
use crate::counted::Counted;
use crate::pack::{Taken, unreadable};
use crate::references::Listings;
use crate::rules::{Look, Refreshed, Rules};
use crate::settle::ATTEMPTS;
use crate::sign::Signs;
use crate::sitting::{BEHIND, Sitting};
use crate::watch_time::WatchTimes;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Clusters;
use prodrome_lambda::{Delivery, Failure, Handler, Tally};
use prodrome_lifecycle::{Check, Over, keys};
use prodrome_model::{CheckMessage, DueMessage};
use prodrome_queue::pack::{self, DecodedPack};
use prodrome_queue::{Body, DeadLetters, Message, Queue, QueueName, SendError};
use prodrome_rulebook::Rulebook;
use prodrome_rules::RuleSet;
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};
use std::sync::Arc;
use std::time::Duration;

/// Judges changes and looks at what falls due. See the crate's documentation.
#[expect(clippy::struct_excessive_bools, reason = "each is switched on by itself, by who builds it")]
pub struct Evaluate<S, Q, C> {
    pub(crate) store: S,
    pub(crate) queue: Q,
    pub(crate) clusters: C,
    pub(crate) law: Rules<S>,
    pub(crate) shards: u16,
    pub(crate) diagnosing: bool,
    pub(crate) asking: bool,
    pub(crate) signs: Option<Signs<S>>,
    pub(crate) counted: Option<Counted<S>>,
    pub(crate) listings: Listings,
    /// Which version of the rules each cluster is known to have come to.
    pub(crate) rolled_out: ByCluster<u64>,
    pub(crate) watch_times: WatchTimes,
    /// Whether rules that are objects of the cluster are taken up.
    pub(crate) takes_objects: bool,
    /// Whether a kind without any object is known to have none.
    pub(crate) seeing_all: bool,
}

impl<S: Store, Q: Queue, C: Clusters> Evaluate<S, Q, C> {
    /// An evaluator with these rules, which looks at the objects of each cluster in that one. `shards` must be the
    /// watchers'.
    pub fn new(store: S, queue: Q, clusters: C, rules: Arc<RuleSet>, shards: u16) -> Self {
        let (law, listings, rolled_out) = (Rules::new(rules), Listings::default(), ByCluster::default());
        Self {
            store,
            queue,
            clusters,
            law,
            shards,
            diagnosing: false,
            asking: false,
            signs: None,
            counted: None,
            listings,
            rolled_out,
            watch_times: WatchTimes::default(),
            takes_objects: false,
            seeing_all: false,
        }
    }

    /// The same, where there is a diagnosis: findings of rules with a flow go there first.
    #[must_use]
    pub fn diagnosing(self) -> Self {
        Self { diagnosing: true, asking: true, ..self }
    }

    /// The same, where there is somebody who asks plugins: periodic checks have objects. Without there are none.
    #[must_use]
    pub fn asking(self) -> Self {
        Self { asking: true, ..self }
    }

    /// The same, noting the watchers' signs of life in the table of episodes. Without, nobody is told how far
    /// behind a watcher is, and nothing waits for it.
    #[must_use]
    pub fn noting_signs_in(self, episodes: S) -> Self {
        Self { signs: Some(Signs::new(episodes)), ..self }
    }

    /// The same, keeping the ledger of what became of each change in the table of checks.
    #[must_use]
    pub fn counting_in(self, checks: S) -> Self {
        Self { counted: Some(Counted::new(checks)), ..self }
    }

    /// The same, following the versions of the rules that are pushed. The rules that it was made with hold until one
    /// is.
    #[must_use]
    pub fn following(self, book: Rulebook<S>) -> Self {
        Self { law: self.law.following(book), ..self }
    }

    /// The same, taking up the rules that stand in the cluster as objects (`DiagnosisRule`), once somebody has pushed
    /// the first version.
    #[must_use]
    pub fn taking_objects(self) -> Self {
        Self { takes_objects: true, ..self }
    }

    /// The same over a cluster that is made up, and shows all that it has: a kind without any object has none. Elsewhere it
    /// may be that nobody recorded or may list it, so that nobody can say who refers to what.
    #[must_use]
    pub fn seeing_all(self) -> Self {
        Self { seeing_all: true, ..self }
    }
}

impl<S: Store, Q: DeadLetters, C: Clusters> Evaluate<S, Q, C> {
    /// Handles a message by the rules at hand; where newer ones are needed, by those.
    async fn handle_now(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let before = tally.clone();
        if let Some(counted) = &self.counted {
            counted.trying(delivery, now).await;
        }
        match self.message(delivery, None, now, tally).await {
            Err(failure) if failure.code == BEHIND => {
                *tally = before; // all of it is done again
                let asked = self.law.refresh(now, tally).await;
                self.message(delivery, Some(asked), now, tally).await
            }
            other => other,
        }
    }

    async fn message(
        &self,
        delivery: &Delivery,
        asked: Option<Refreshed>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let about = |partition: &str| {
            let scope = keys::scope_of(partition).ok_or_else(|| {
                let found = format!("expected the key of a check, found the partition {partition:?}");
                Failure::malformed("message_malformed", found)
            })?;
            Ok(Sitting::new(self, scope, asked))
        };
        match &delivery.body {
            Body::Pack(bytes) => {
                let decoded = pack::decode(bytes, pack::UNCOMPRESSED_MAX);
                let decoded = decoded.map_err(|error| unreadable(&error))?;
                let sitting = Sitting::new(self, decoded.head.scope.clone(), asked);
                sitting.pack_came(decoded, delivery.sent_at, now, tally).await
            }
            Body::Text(text) => match serde_json::from_str(text) {
                Ok(CheckMessage::Due(due)) => about(&due.partition)?.due(&due, now, tally).await,
                Ok(CheckMessage::Answered(answer)) => {
                    about(&answer.partition)?.answered(&answer, now, tally).await
                }
                Err(error) => {
                    Err(Failure::malformed("message_malformed", format!("expected a due check: {error}")))
                }
            },
        }
    }
}

impl<S: Store, Q: DeadLetters, C: Clusters> Sitting<'_, S, Q, C> {
    /// A pack came: judges its changes, then notes how far its watcher has come. Where it was made under newer rules that
    /// cannot be read the rules at hand do what they can, and it comes again: what the newer ones alone are about would be
    /// lost.
    async fn pack_came(
        &self,
        mut decoded: DecodedPack,
        sent_at: Option<Timestamp>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let earlier = self.watch_times.correct(&mut decoded, sent_at.unwrap_or(now));
        let waited = now.duration_since(sent_at.unwrap_or(now));
        let taken = self.pack(decoded, waited, earlier, now, tally).await?;
        let known = self.knows(taken.rules);
        if known.is_ok() {
            self.enter(&taken, sent_at.unwrap_or(now), now).await?;
        }
        let Taken { scope, lag_seconds: Some(lag), .. } = taken else { return known };
        let seen_up_to = sent_at.unwrap_or(now).checked_sub(SignedDuration::from_secs(i64::from(lag)));
        let seen_up_to = seen_up_to.unwrap_or(Timestamp::MIN);
        let behind = now.duration_since(seen_up_to).as_secs().max(0);
        tally.watcher_lag_seconds.push(u32::try_from(behind).unwrap_or(u32::MAX));
        if let Some(signs) = &self.signs {
            signs.note(&scope, seen_up_to, now).await;
        }
        known?;
        self.request_rollout(&scope, now).await
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
        if key.partition.starts_with("tenants#") {
            return self.take_up_objects(record, now, tally).await;
        }
        if key.partition.starts_with("listed#") {
            return self.compare_with_list(&record, now).await;
        }
        if key.partition.starts_with("rollout#") {
            return self.roll_out(record, now).await;
        }
        tally.lateness_ms.push(u64::try_from(now.duration_since(at).as_millis()).unwrap_or(0));
        self.look(record, now, tally).await
    }
}

impl<S: Store, Q: Queue, C: Clusters> Evaluate<S, Q, C> {
    /// What is due later than this is left to the sweep.
    const ENQUEUE_AHEAD: Duration = Duration::from_mins(3);

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

impl<S: Store, Q: Queue, C: Clusters> Evaluate<S, Q, C> {
    /// Forgets what is kept of an object for a rule, with its marker, whatever is there.
    pub(crate) async fn forget(&self, check: Key, marker: Key) -> Result<(), Failure> {
        let gone = [check, marker].map(|key| Write::Delete(key, Expect::Anything));
        self.write_anyway(gone.into()).await
    }

    /// Notes that what a record asked for is done, unless somebody has written it anew meanwhile.
    pub(crate) async fn write_unless_changed(&self, write: Write) -> Result<(), Failure> {
        match self.store.commit(vec![write]).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(store_failure(error)),
        }
    }

    /// Writes what holds whatever is there: a conflict is then a transaction of somebody else on the same records, which
    /// is over in a moment.
    pub(crate) async fn write_anyway(&self, writes: Vec<Write>) -> Result<(), Failure> {
        for _ in 1..ATTEMPTS {
            match self.store.commit(writes.clone()).await {
                Err(StoreError::Conflict { .. }) => {}
                other => return other.map_err(store_failure),
            }
        }
        self.store.commit(writes).await.map_err(store_failure)
    }
}

impl<S: Store, Q: DeadLetters, C: Clusters> Handler for Evaluate<S, Q, C> {
    async fn handle(&self, delivery: &Delivery, now: Timestamp, tally: &mut Tally) -> Result<(), Failure> {
        let look = self.law.look(now);
        if look == Look::First {
            Box::pin(self.law.refresh(now, tally)).await;
        }
        let mut beside = Tally::default();
        // Boxed, as they are large.
        let handling = Box::pin(self.handle_now(delivery, now, tally));
        let done = if look == Look::Beside {
            futures::join!(handling, Box::pin(self.law.refresh(now, &mut beside))).0
        } else {
            handling.await
        };
        tally.merge(beside);
        done
    }

    async fn given_up(&self, delivery: &Delivery, failure: &Failure, now: Timestamp) {
        if let Some(counted) = &self.counted {
            counted.given_up(delivery, failure.code, now).await;
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
    /// The check of a record; nothing, where it is [`Over`].
    pub(crate) fn read(record: &Record) -> Result<Option<Self>, Failure> {
        match serde_json::from_str(&record.data) {
            Ok(check) => Ok(Some(Self { check, version: record.version })),
            Err(_) if Over::read(&record.data).is_some() => Ok(None),
            Err(error) => {
                let Key { partition, sort } = &record.key;
                Err(Failure::fatal("check_malformed", format!("record {partition}/{sort}: {error}")))
            }
        }
    }
}

/// The record that keeps a check.
pub(crate) fn check_record(key: Key, check: &Check) -> Record {
    let due = keys::due(&key, check.due);
    let data = serde_json::to_string(check).expect("plain data is always written as JSON");
    Record { due: Some(due), ..Record::new(key, data) }
}

/// The record that stays in the place of a check that is closed.
pub(crate) fn over_record(key: Key, over: &Over) -> Record {
    let data = serde_json::to_string(over).expect("plain data is always written as JSON");
    Record { expires: over.over.checked_add(Over::KEPT).ok(), ..Record::new(key, data) }
}

/// Others wrote a record each time it was tried: later they may not.
pub(crate) fn contended(code: &'static str, key: &Key) -> Failure {
    Failure::retryable(code, format!("{}/{} is written by many", key.partition, key.sort))
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
    Failure { code: "queue_refused", reason: error.to_string(), retryable, in_message: false }
}
