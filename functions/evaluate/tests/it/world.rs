//! The functions with everything around them: what the watcher sends, the queues, the table, the live cluster.

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Cluster, ClusterError, Clusters, ListPage, ObjectsCluster};
use prodrome_evaluate::Evaluate;
use prodrome_lambda::{Handler, Tally};
use prodrome_lifecycle::{Check, Over};
use prodrome_local::audit;
use prodrome_local::mortal::{Mortal, dies_after};
use prodrome_model::{
    AlertMessage, ChangeKind, EventBrief, Finding, GroupKind, LabelSelector, ObjectKey, Resource, Scope,
    Source, Waybill,
};
use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_queue::{Body, MemoryQueue, Message, Queue, QueueName, QueueSettings};
use prodrome_recording::builtin_of_kind;
use prodrome_rulebook::{Draft, Entry, Rulebook};
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::{MemoryStore, Record};
use prodrome_sweep::Sweep;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const START: i64 = 1_800_000_000;
const SHARDS: u16 = 4;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// Seconds since the start, with their fraction.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::from_second(START).unwrap()).as_secs_f64()
}

pub(crate) fn rules(text: &str) -> Arc<RuleSet> {
    let loaded = prodrome_rules::load(&[SourceFile { name: "rules.yaml".into(), text: text.into() }]);
    assert_eq!(loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    Arc::new(loaded.rules)
}

/// A cluster that cannot be read now and then.
#[derive(Clone)]
pub(crate) struct Clouded {
    pub(crate) memory: ObjectsCluster,
    sky: Arc<Mutex<Sky>>,
}

struct Sky {
    random: fastrand::Rng,
    unreadable_percent: u8,
}

impl Clouded {
    fn look(&self) -> Result<&ObjectsCluster, ClusterError> {
        let mut sky = self.sky.lock().unwrap();
        let percent = sky.unreadable_percent;
        if percent > 0 && sky.random.u8(0..100) < percent {
            return Err(ClusterError::Unavailable { reason: "a fault was injected".into() });
        }
        Ok(&self.memory)
    }
}

impl Cluster for Clouded {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.look()?.resource(kind).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.look()?.resources().await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.look()?.get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.look()?.list(kind, namespace, selector, after).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.look()?.events(object, uid).await
    }
}

/// What the watcher says of one object, or of a list.
pub(crate) struct Told<'o> {
    pub(crate) kind: ChangeKind,
    pub(crate) of: &'static str,
    pub(crate) object: Option<&'o Value>,
    pub(crate) list: Option<String>,
}

/// One of several clusters: what it is called, what it holds, and how far its watcher has counted.
struct Watched {
    scope: Scope,
    cluster: Clouded,
    sequence: u64,
}

/// The clusters that an instance reads: each in its scope, or one in all.
#[derive(Clone)]
enum Live {
    One(Mortal<Clouded>),
    Each(Vec<(Scope, Mortal<Clouded>)>),
}

impl Clusters for Live {
    type One = Mortal<Clouded>;

    fn of(&self, scope: &Scope) -> Mortal<Clouded> {
        match self {
            Self::One(cluster) => cluster.clone(),
            Self::Each(clusters) => clusters.iter().find(|(of, _)| of == scope).unwrap().1.clone(),
        }
    }
}

type Instance = Evaluate<Mortal<MemoryStore>, Mortal<MemoryQueue>, Live>;

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) episodes: MemoryStore,
    /// How far behind the watcher says it is; nothing, where no watcher makes the packs.
    pub(crate) lag_seconds: Option<u32>,
    /// By how many seconds the watcher's clock is ahead; nothing, where packs do not say what it shows.
    pub(crate) watch_ahead: Option<i64>,
    pub(crate) queue: MemoryQueue,
    pub(crate) cluster: Clouded,
    /// Instances of the function: messages go to one after the other.
    instances: Vec<Instance>,
    /// Which one handles whatever comes, if not each in turn.
    pub(crate) only: Option<usize>,
    turn: usize,
    /// The table of rules.
    pub(crate) rule_table: MemoryStore,
    /// The version of the rules that the watcher has heard of.
    pub(crate) heard_of: u64,
    /// Whether the watcher says how its changes are numbered.
    pub(crate) counts: bool,
    sweep: Sweep<Mortal<MemoryStore>, MemoryStore, Mortal<MemoryQueue>>,
    /// How many sweeps each tick is, at once.
    pub(crate) sweeps: usize,
    pub(crate) scope: Scope,
    pub(crate) now: Timestamp,
    next_tick: Timestamp,
    /// The run of the watcher that tells, how far it has counted, and how far each of the others has.
    epoch: u64,
    pub(crate) sequence: u64,
    runs: BTreeMap<u64, u64>,
    /// Where there are several.
    clusters: Vec<Watched>,
    steps: u32,
    /// How many messages are handled side by side.
    pub(crate) side_by_side: usize,
    /// Says of the next handling after how many polls it dies, if it does.
    pub(crate) death: Box<dyn FnMut() -> Option<usize>>,
    pub(crate) deaths: usize,
    pub(crate) tally: Tally,
    /// What arrived for `alert`, in order.
    pub(crate) findings: Vec<Finding>,
}

impl World {
    pub(crate) fn new(rules: Arc<RuleSet>) -> Self {
        let (store, queue) = (MemoryStore::new(), MemoryQueue::new(at(0)));
        let episodes = MemoryStore::new();
        let sky = Sky { random: fastrand::Rng::with_seed(0), unreadable_percent: 0 };
        let cluster = Clouded { memory: ObjectsCluster::new(), sky: Arc::new(Mutex::new(sky)) };
        let patient = QueueSettings { visibility: Duration::from_secs(40), receives_max: 10_000 };
        for name in QueueName::ALL {
            queue.configure(name, patient);
        }
        let live = Live::One(Mortal::new(cluster.clone()));
        let mortal = (Mortal::new(store.clone()), Mortal::new(queue.clone()), live);
        Self {
            instances: vec![
                Evaluate::new(mortal.0.clone(), mortal.1.clone(), mortal.2, rules, SHARDS)
                    .noting_signs_in(Mortal::new(episodes.clone()))
                    .counting_in(Mortal::new(store.clone())),
            ],
            only: None,
            turn: 0,
            rule_table: MemoryStore::new(),
            heard_of: 0,
            counts: false,
            sweep: Sweep::new(mortal.0, episodes.clone(), mortal.1),
            sweeps: 1,
            store,
            episodes,
            lag_seconds: None,
            watch_ahead: None,
            queue,
            cluster,
            scope: Scope::new("default", "local", "kind"),
            now: at(0),
            next_tick: at(60),
            epoch: 1,
            sequence: 0,
            runs: BTreeMap::new(),
            clusters: Vec::new(),
            steps: 0,
            side_by_side: 1,
            death: Box::new(|| None),
            deaths: 0,
            tally: Tally::default(),
            findings: Vec::new(),
        }
    }

    /// Several instances, which came with these rules and follow those that are pushed.
    pub(crate) fn following(text: &str, instances: usize) -> Self {
        let base = rules(text);
        let mut world = Self::new(Arc::clone(&base));
        let instance = || {
            let book = Rulebook::new(Mortal::new(world.rule_table.clone()));
            let ports = (
                Mortal::new(world.store.clone()),
                Mortal::new(world.queue.clone()),
                Live::One(Mortal::new(world.cluster.clone())),
            );
            Evaluate::new(ports.0, ports.1, ports.2, Arc::clone(&base), SHARDS)
                .following(book)
                .taking_objects()
        };
        world.instances = std::iter::repeat_with(instance).take(instances).collect();
        world
    }

    /// Several clusters that share the tables, the queues and the sweep.
    pub(crate) fn of_clusters(rules: &Arc<RuleSet>, scopes: Vec<Scope>) -> Self {
        let mut world = Self::new(Arc::clone(rules));
        let cluster = |scope| Watched { scope, cluster: Self::new(Arc::clone(rules)).cluster, sequence: 0 };
        world.clusters = scopes.into_iter().map(cluster).collect();
        let live = |of: &Watched| (of.scope.clone(), Mortal::new(of.cluster.clone()));
        let live = Live::Each(world.clusters.iter().map(live).collect());
        let (store, queue) = (Mortal::new(world.store.clone()), Mortal::new(world.queue.clone()));
        world.instances = vec![
            Evaluate::new(store, queue, live, Arc::clone(rules), SHARDS)
                .noting_signs_in(Mortal::new(world.episodes.clone()))
                .counting_in(Mortal::new(world.store.clone())),
        ];
        world.turn_to(0);
        world
    }

    /// The same, following the rules that are pushed, and taking up those that are objects.
    pub(crate) fn of_clusters_following(text: &str, scopes: Vec<Scope>) -> Self {
        let mut world = Self::of_clusters(&rules(text), scopes);
        let book = Rulebook::new(Mortal::new(world.rule_table.clone()));
        let instance = world.instances.remove(0).following(book).taking_objects();
        world.instances.push(instance);
        world
    }

    /// What happens and is told from now on happens in this one of several clusters.
    pub(crate) fn turn_to(&mut self, cluster: usize) {
        if let Some(left) = self.clusters.iter_mut().find(|watched| watched.scope == self.scope) {
            left.sequence = self.sequence;
        }
        let Watched { scope, cluster, sequence } = &self.clusters[cluster];
        (self.scope, self.cluster, self.sequence) = (scope.clone(), cluster.clone(), *sequence);
    }

    /// What is told from now on is told by this run of the watcher.
    pub(crate) fn told_by(&mut self, epoch: u64) {
        self.runs.insert(self.epoch, self.sequence);
        (self.epoch, self.sequence) = (epoch, self.runs.get(&epoch).copied().unwrap_or(0));
    }

    /// Another instance, which came with other rules.
    pub(crate) fn and_one_with(&mut self, text: &str) {
        let (store, queue) = (Mortal::new(self.store.clone()), Mortal::new(self.queue.clone()));
        let cluster = Live::One(Mortal::new(self.cluster.clone()));
        self.instances.push(Evaluate::new(store, queue, cluster, rules(text), SHARDS));
    }

    /// Somebody pushes these rules in place of all others. No instance hears of it by that alone.
    pub(crate) async fn push(&self, text: &str) -> Entry {
        let base = SourceFile::new("base.yaml", "");
        let file = SourceFile::new("rules.yaml", text);
        let draft = Draft { prune: true, ..Draft::new("ann", "she knows", [file]) };
        Rulebook::new(self.rule_table.clone()).push(&draft, &[base], self.now).await.unwrap()
    }

    pub(crate) fn set_unreadable(&self, seed: u64, percent: u8) {
        let random = fastrand::Rng::with_seed(seed);
        *self.cluster.sky.lock().unwrap() = Sky { random, unreadable_percent: percent };
    }

    /// The live cluster has it in this state now; nobody was told of it.
    pub(crate) fn live(&self, of: &str, object: &Value) {
        self.cluster.memory.apply(&resource(of), object.to_string().as_bytes()).unwrap();
    }

    /// The live cluster has it no more; nobody was told of it.
    pub(crate) fn live_without(&self, of: &str, object: &Value) {
        self.cluster.memory.delete(&resource(of), object.to_string().as_bytes()).unwrap();
    }

    /// It happens, and the watcher tells of it.
    pub(crate) async fn apply(&mut self, of: &'static str, object: &Value) {
        self.live(of, object);
        self.tell(&[Told { kind: ChangeKind::Applied, of, object: Some(object), list: None }]).await;
    }

    /// It goes, and the watcher tells of it.
    pub(crate) async fn delete(&mut self, of: &'static str, object: &Value) {
        self.live_without(of, object);
        self.tell(&[Told { kind: ChangeKind::Deleted, of, object: Some(object), list: None }]).await;
    }

    /// The watcher sends a pack.
    pub(crate) async fn tell(&mut self, changes: &[Told<'_>]) {
        let head = PackHead { scope: self.scope.clone(), shard: None, shards: SHARDS };
        let (first, accepted) = (self.sequence + 1, self.sequence);
        let waybill = Waybill { epoch: self.epoch, first, accepted, ..Waybill::default() };
        let shown = self.now + SignedDuration::from_secs(self.watch_ahead.unwrap_or(0));
        let mut builder = match self.lag_seconds {
            lag if self.watch_ahead.is_some() => {
                PackBuilder::of_timed_watcher(&head, lag.unwrap_or(0), self.heard_of, waybill, shown)
            }
            lag if self.counts => {
                PackBuilder::of_counting_watcher(&head, lag.unwrap_or(0), self.heard_of, waybill)
            }
            Some(lag) => PackBuilder::of_watcher(&head, lag),
            None if self.heard_of > 0 => PackBuilder::of_informed_watcher(&head, 0, self.heard_of),
            None => PackBuilder::new(&head),
        };
        for Told { kind, of, object, list } in changes {
            self.sequence += 1;
            let change = ChangeHead {
                kind: *kind,
                resource: &resource(of),
                epoch: self.epoch,
                sequence: self.sequence,
                observed_at: shown,
                source: &Source::Watch,
                list: list.as_deref(),
            };
            builder.push_raw(&change, object.map(ToString::to_string).as_deref().map(str::as_bytes));
        }
        let pack = builder.finish().unwrap().bytes;
        // As the watcher does: until the queue has accepted it.
        while self.queue.send(QueueName::Changes, vec![Message::pack(pack.clone())]).await.is_err() {}
    }

    /// Lets time pass; everything that comes and falls due until then is handled at its time.
    pub(crate) async fn until(&mut self, to: i64) {
        loop {
            let ready = self.queue.next_ready().unwrap_or(Timestamp::MAX);
            let next = ready.min(self.next_tick);
            if next > at(to) {
                break;
            }
            self.now = self.now.max(next);
            self.queue.set_now(self.now);
            if ready <= self.next_tick {
                self.handle().await;
            } else {
                self.tick().await;
            }
            self.steps += 1;
            // What is wrong once stays so, as it is written in one transaction.
            if self.steps.is_multiple_of(16) {
                self.assert_markers_stand_for_checks();
            }
        }
        self.assert_markers_stand_for_checks();
        self.now = self.now.max(at(to));
        self.queue.set_now(self.now);
    }

    async fn tick(&mut self) {
        self.next_tick = self.now + SignedDuration::from_mins(1);
        let (sweep, now) = (&self.sweep, self.now);
        let ticks: Vec<_> = (0..self.sweeps)
            .map(|_| (self.death)())
            .map(|death| async move {
                let mut tally = Tally::default();
                let done = dies_after(death, sweep.tick(now, &mut tally)).await;
                (done.is_none(), tally)
            })
            .collect();
        // A tick that fails or dies is made good by the next.
        for (died, tally) in futures::future::join_all(ticks).await {
            self.deaths += usize::from(died);
            self.tally.merge(tally);
        }
    }

    async fn handle(&mut self) {
        for message in self.queue.receive(QueueName::Findings, self.now, 100) {
            let Body::Text(text) = message.body else { panic!("a finding is a text") };
            let AlertMessage::Finding(finding) = serde_json::from_str(&text).unwrap() else {
                panic!("only findings go there: {text}")
            };
            self.findings.push(*finding);
            self.queue.ack(message.id);
        }
        for queue in [QueueName::Changes, QueueName::Checks] {
            let mut handlings = Vec::new();
            for received in self.queue.receive(queue, self.now, self.side_by_side) {
                let delivery = prodrome_lambda::Delivery {
                    id: received.id.to_string(),
                    body: received.body,
                    attempt: received.attempt,
                    sent_at: Some(received.sent_at),
                };
                let death = (self.death)();
                let instance = self.only.unwrap_or(self.turn % self.instances.len());
                self.turn += 1;
                let (evaluate, now) = (&self.instances[instance], self.now);
                let handling = async move {
                    let mut tally = Tally::default();
                    let done = Box::pin(dies_after(death, evaluate.handle(&delivery, now, &mut tally))).await;
                    // As whoever puts it aside.
                    if let Some(Err(failure)) =
                        done.as_ref().filter(|done| done.as_ref().is_err_and(|f| f.in_message))
                    {
                        evaluate.given_up(&delivery, failure, now).await;
                    }
                    (done, tally)
                };
                handlings.push(handling.map(move |(done, tally)| (received.id, done, tally)));
            }
            for (id, done, tally) in futures::future::join_all(handlings).await {
                self.tally.merge(tally);
                match done {
                    Some(Ok(())) => _ = self.queue.ack(id),
                    Some(Err(failure)) => {
                        assert!(failure.retryable || self.counts, "{failure}");
                        self.queue.nack(id, failure.to_string());
                    }
                    None => self.deaths += 1,
                }
            }
        }
    }

    /// What is in the table of checks, but for what is over, and what the sweep notes for itself.
    pub(crate) fn records(&self) -> Vec<Record> {
        let is_open = |record: &Record| record.key.partition != "sweep" && Over::read(&record.data).is_none();
        self.store.records().into_iter().filter(is_open).collect()
    }

    /// The open checks.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let records = self.records().into_iter().filter(|r| r.key.partition.starts_with("check#"));
        let checks = records.filter(|record| !record.key.sort.starts_with('~'));
        checks.map(|record| serde_json::from_str(&record.data).unwrap()).collect()
    }

    pub(crate) fn assert_markers_stand_for_checks(&self) {
        for scope in self.clusters.iter().map(|watched| &watched.scope).chain([&self.scope]) {
            let audited = audit::markers(&self.store.records(), scope, SHARDS);
            assert_eq!(audited, Ok(()), "{scope} at {} s", seconds(self.now));
        }
    }

    /// Nothing failed for good, and nothing but what falls due later waits.
    pub(crate) fn assert_quiet(&self) {
        for queue in QueueName::ALL {
            assert_eq!(self.queue.dead_letters(queue), []);
        }
        assert_eq!(self.queue.waiting(QueueName::Changes), 0);
        for check in self.checks() {
            assert!(check.due >= self.now, "overdue: {check:#?}");
        }
        let relists: Vec<_> =
            self.store.records().into_iter().filter(|r| r.key.partition.starts_with("relist#")).collect();
        assert_eq!(relists, []);
    }
}

pub(crate) fn resource(kind: &str) -> Resource {
    builtin_of_kind(&GroupKind::new("", kind)).unwrap_or_else(|| Resource {
        group: "prodrome.dev".to_owned(),
        version: "v1alpha1".to_owned(),
        kind: kind.to_owned(),
        plural: "diagnosisrules".to_owned(),
        namespaced: true,
    })
}
