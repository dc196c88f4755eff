use crate::scripted::{LocalPlugins, Script};
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::Head;
use prodrome_alerting::keys::HEAD;
use prodrome_cluster::{ObjectError, ObjectsCluster};
use prodrome_diagnose::{Diagnose, InProcess};
use prodrome_evaluate::Evaluate;
use prodrome_flows::FlowSet;
use prodrome_lambda::{Delivery, Handler, Tally};
use prodrome_lifecycle::{Check, Phase};
use prodrome_model::{ChangeKind, CheckMessage, Resource, Scope, Source};
use prodrome_plugin::{AnyCluster, Registry};
use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_queue::{Body, MemoryQueue, Message, Queue, QueueName};
use prodrome_rules::RuleSet;
use prodrome_store::{Key, MemoryStore, Store};
use prodrome_sweep::Sweep;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often the sweep ticks.
const TICK: SignedDuration = SignedDuration::from_mins(1);
/// Messages taken from a queue at a time, as Lambda takes them.
const BATCH: usize = 10;

/// Far more than a deployment has: a query is free here, and in a large cluster a shard then holds few markers.
const SHARDS: u16 = 1024;

/// The whole system in memory. See the crate's documentation.
pub struct World<A> {
    /// The live cluster.
    pub cluster: ObjectsCluster,
    /// The table of checks.
    pub checks: MemoryStore,
    /// The table of alerts and episodes.
    pub episodes: MemoryStore,
    /// The table of diagnoses; empty where none are made.
    pub diagnoses: MemoryStore,
    /// The queues.
    pub queue: MemoryQueue,
    /// What was counted.
    pub tally: Tally,
    evaluate: Evaluate<MemoryStore, MemoryQueue, ObjectsCluster>,
    diagnose: Option<Diagnose<MemoryStore, MemoryQueue, LocalPlugins>>,
    sweep: Sweep<MemoryStore, MemoryStore, MemoryQueue>,
    alert: A,
    scope: Scope,
    now: Timestamp,
    next_tick: Timestamp,
    sequence: u64,
    over: bool,
}

/// One change of the cluster.
#[derive(Debug, Clone)]
pub struct Change {
    /// When the API server told it.
    pub at: Timestamp,
    /// Of which resource.
    pub resource: Resource,
    /// Applied or deleted.
    pub kind: ChangeKind,
    /// The object's JSON.
    pub object: Vec<u8>,
}

impl<A: Handler> World<A> {
    /// An empty cluster at an instant, watched by these rules. `alert` makes the handler of findings over the
    /// table of episodes and the queues.
    pub fn new(
        rules: Arc<RuleSet>,
        now: Timestamp,
        alert: impl FnOnce(MemoryStore, MemoryQueue) -> A,
    ) -> Self {
        let (cluster, queue) = (ObjectsCluster::new(), MemoryQueue::new(now));
        let (checks, episodes) = (MemoryStore::new(), MemoryStore::new());
        Self {
            evaluate: Evaluate::new(checks.clone(), queue.clone(), cluster.clone(), rules, SHARDS),
            sweep: Sweep::new(checks.clone(), episodes.clone(), queue.clone()),
            diagnose: None,
            alert: alert(episodes.clone(), queue.clone()),
            cluster,
            checks,
            episodes,
            diagnoses: MemoryStore::new(),
            queue,
            tally: Tally::default(),
            scope: Scope::new("default", "local", "recording"),
            now,
            next_tick: now + TICK,
            sequence: 0,
            over: false,
        }
    }

    /// The same, with a diagnosis by these flows; the plugins run in this process and read this cluster.
    #[must_use]
    pub fn diagnosing(self, flows: Arc<FlowSet>, plugins: Arc<Registry>) -> Self {
        let plugins = LocalPlugins::Real(InProcess::new(plugins, AnyCluster::new(self.cluster.clone())));
        let diagnose = Diagnose::new(self.diagnoses.clone(), self.queue.clone(), plugins, flows);
        Self { diagnose: Some(diagnose), evaluate: self.evaluate.diagnosing(), ..self }
    }

    /// The same, where plugins of periodic checks say what a script has them say. No finding is diagnosed.
    #[must_use]
    pub fn answering(self, script: Script) -> Self {
        let (store, plugins) = (self.diagnoses.clone(), LocalPlugins::Scripted(script));
        let diagnose = Diagnose::new(store, self.queue.clone(), plugins, Arc::new(FlowSet::default()));
        Self { diagnose: Some(diagnose), evaluate: self.evaluate.asking(), ..self }
    }

    /// The same, where what is applied is all there is: of a kind that was never applied there is no object. Without, a
    /// recording or a file may lack it, and nobody says that nothing refers to something.
    #[must_use]
    pub fn seeing_all(self) -> Self {
        Self { evaluate: self.evaluate.seeing_all(), ..self }
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// From now on no alert begins: only what was told is followed to its end.
    pub fn end(&mut self) {
        self.over = true;
    }

    /// Whether nothing that was told is on its way to an end.
    pub fn is_settled(&self) -> bool {
        let checks = self.open_checks().iter().all(|check| {
            !matches!(check.phase, Phase::Firing { .. } | Phase::Recovering { .. } | Phase::Ending { .. })
        });
        checks && !self.has_ending_alert()
    }

    /// Whether an alert is open that is over in part: what is left of it may end by time alone, as what was counted does;
    /// where nothing is left, its end is held back for a while.
    fn has_ending_alert(&self) -> bool {
        let heads = self.episodes.records().into_iter().filter(|record| record.key.sort == HEAD);
        let mut heads = heads.filter_map(|record| serde_json::from_str::<Head>(&record.data).ok());
        heads.any(|head| head.alert.is_some_and(|alert| alert.ended.is_some()))
    }

    /// The open checks.
    pub fn open_checks(&self) -> Vec<Check> {
        let records = self.checks.records().into_iter().filter(|r| r.key.partition.starts_with("check#"));
        records.filter_map(|record| serde_json::from_str(&record.data).ok()).collect()
    }

    /// Lets changes happen that come close together, as the watcher would send them: the cluster has them all,
    /// then they travel in packs, in their order. Each state of an object is told by itself, so one that comes twice begins another
    /// pack. Time is that of the last one. Says which objects cannot be taken in; the others are.
    pub async fn apply(&mut self, changes: &[Change]) -> Vec<ObjectError> {
        let Some(last) = changes.last() else { return Vec::new() };
        let mut builder = self.pack();
        let (mut packs, mut refused, mut inside) = (Vec::new(), Vec::new(), BTreeSet::new());
        for change in changes {
            let taken = match change.kind {
                ChangeKind::Deleted => self.cluster.delete(&change.resource, &change.object),
                _ => self.cluster.apply(&change.resource, &change.object),
            };
            let key = match taken {
                Ok(key) => key,
                Err(error) => {
                    refused.push(error);
                    continue;
                }
            };
            if !inside.insert(key.clone()) || !builder.fits(change.object.len()) {
                let full = std::mem::replace(&mut builder, self.pack());
                packs.extend(full.finish().map(|pack| pack.bytes));
                inside = BTreeSet::from([key]);
            }
            self.sequence += 1;
            let head = ChangeHead {
                kind: change.kind,
                resource: &change.resource,
                epoch: 1,
                sequence: self.sequence,
                observed_at: change.at,
                source: &Source::Recording,
                list: None,
            };
            builder.push_raw(&head, Some(&change.object));
        }
        if builder.changes() > 0 {
            packs.extend(builder.finish().map(|pack| pack.bytes));
        }
        self.set_now(last.at);
        let messages =
            packs.into_iter().map(|bytes| Message { body: Body::Pack(bytes), ..Message::text("") });
        // The queue in memory refuses only what is too large for any queue; that is a dead letter elsewhere too.
        if let Err(error) = self.queue.send(QueueName::Changes, messages.collect()).await {
            tracing::warn!(%error, "changes are lost");
        }
        refused
    }

    fn pack(&self) -> PackBuilder {
        PackBuilder::new(&PackHead { scope: self.scope.clone(), shard: None, shards: SHARDS })
    }

    /// Lets time pass up to an instant: everything that is due until then happens at its time.
    pub async fn run_until(&mut self, until: Timestamp) {
        loop {
            let ready = self.queue.next_ready().unwrap_or(Timestamp::MAX).max(self.now);
            let next = ready.min(self.next_tick);
            if next > until {
                break;
            }
            self.set_now(next);
            if self.next_tick <= next {
                self.next_tick = next + TICK;
                if let Err(error) = self.sweep.tick(self.now, &mut self.tally).await {
                    tracing::warn!(%error, "a tick failed");
                }
            }
            self.deliver().await;
        }
        self.set_now(until);
    }

    fn set_now(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.queue.set_now(self.now);
    }

    async fn deliver(&mut self) {
        for queue in QueueName::ALL {
            for message in self.queue.receive(queue, self.now, BATCH) {
                let delivery = Delivery {
                    id: message.id.to_string(),
                    body: message.body,
                    attempt: message.attempt,
                    sent_at: Some(message.sent_at),
                };
                let handled = match queue {
                    QueueName::Findings => self.alert.handle(&delivery, self.now, &mut self.tally).await,
                    QueueName::Diagnoses => match &self.diagnose {
                        Some(diagnose) => diagnose.handle(&delivery, self.now, &mut self.tally).await,
                        None => Ok(()),
                    },
                    QueueName::Checks if self.over && !self.goes_on(&delivery.body).await => Ok(()),
                    QueueName::Changes | QueueName::Checks => {
                        self.evaluate.handle(&delivery, self.now, &mut self.tally).await
                    }
                };
                match handled {
                    Ok(()) => self.queue.ack(message.id),
                    Err(failure) => {
                        tracing::warn!(queue = queue.as_str(), %failure, "a message goes back");
                        self.queue.nack(message.id, failure.to_string())
                    }
                };
            }
        }
    }

    /// After the end: whether a due check is one that was told.
    async fn goes_on(&self, body: &Body) -> bool {
        let Body::Text(text) = body else { return false };
        let key = match serde_json::from_str(text) {
            Ok(CheckMessage::Due(due)) => Key::new(due.partition, due.sort),
            Ok(CheckMessage::Answered(answer)) => Key::new(answer.partition, answer.sort),
            Err(_) => return false,
        };
        let Ok(Some(record)) = self.checks.get(&key).await else { return false };
        serde_json::from_str::<Check>(&record.data).is_ok_and(|check| check.phase.is_told())
    }
}
