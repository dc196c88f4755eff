//! A watcher between a fake (or real) API server and a queue in memory.

use jiff::Timestamp;
use prodrome_model::{Change, ChangeKind, ObjectHead, Scope};
use prodrome_queue::pack::{UNCOMPRESSED_MAX, decode};
use prodrome_queue::{Body, FailedMessage, MemoryQueue, Message, Queue, QueueName, SendError};
use prodrome_watcher::{Clock, Hearsay, Lease, PlaceStore, RunError, Settings, Status, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// As long as anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What has come out of the queue, put together as `evaluate` would.
#[derive(Debug, Default, Clone)]
pub(crate) struct Received {
    pub(crate) changes: Vec<Change>,
    /// By kind, then `namespace/name`: version and whether the object is there.
    pub(crate) objects: BTreeMap<String, BTreeMap<String, (u64, bool)>>,
    /// The lists that have begun: of which kind, and what each named or has come since.
    lists: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Ended lists, by kind.
    pub(crate) ended: Vec<String>,
    pub(crate) packs: usize,
    /// The version of the rules that the last pack spoke of.
    pub(crate) rules: u64,
    pub(crate) bodies: String,
}

impl Received {
    /// The objects of a kind that are there, with their versions.
    pub(crate) fn there(&self, kind: &str) -> BTreeMap<String, String> {
        let objects = self.objects.get(kind).into_iter().flatten();
        objects
            .filter(|(_, (_, there))| *there)
            .map(|(key, (version, _))| (key.clone(), version.to_string()))
            .collect()
    }

    fn take(&mut self, change: Change) {
        let kind = change.resource.kind.clone();
        let list = change.list.clone().unwrap_or_default();
        match change.kind {
            ChangeKind::ListBegin => {
                self.lists.insert(list, (kind, BTreeSet::new()));
            }
            ChangeKind::ListEnd => {
                let (_, named) = self.lists.remove(&list).unwrap_or_default();
                let objects = self.objects.entry(kind.clone()).or_default();
                for (key, (_, there)) in objects.iter_mut() {
                    *there &= named.contains(key);
                }
                self.ended.push(kind);
            }
            ChangeKind::Applied | ChangeKind::Deleted => {
                let json = change.object.as_ref().unwrap().get();
                self.bodies.push_str(json);
                let head: ObjectHead = serde_json::from_str(json).unwrap();
                let key = format!(
                    "{}/{}",
                    head.metadata.namespace.as_deref().unwrap_or_default(),
                    head.metadata.name
                );
                // What is made while a list goes on may arrive before the list's end, which knows nothing of it.
                for (of, named) in self.lists.values_mut() {
                    if *of == kind {
                        named.insert(key.clone());
                    }
                }
                let version = head.metadata.version();
                let there = change.kind == ChangeKind::Applied;
                let known = self.objects.entry(kind).or_default().entry(key).or_insert((0, false));
                // A list names what is there, also in a version that is known.
                if version > known.0 || (version == known.0 && (!there || change.list.is_some())) {
                    *known = (version, there);
                }
            }
        }
        self.changes.push(change);
    }
}

/// The queue in memory, whose content can be waited for.
#[derive(Clone)]
pub(crate) struct TestQueue {
    memory: MemoryQueue,
    pub(crate) down: Arc<AtomicBool>,
    received: Arc<Mutex<Received>>,
    late: Arc<Mutex<Late>>,
    news: Arc<Notify>,
}

/// A request that is on its way for long.
#[derive(Default)]
enum Late {
    #[default]
    None,
    /// The next one that has changes.
    Next,
    /// This one.
    UnderWay(Vec<Body>),
}

impl TestQueue {
    pub(crate) fn new() -> Self {
        Self {
            memory: MemoryQueue::new(Timestamp::UNIX_EPOCH),
            down: Arc::default(),
            received: Arc::default(),
            late: Arc::default(),
            news: Arc::default(),
        }
    }

    pub(crate) fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }

    /// Waits until what was received satisfies `enough`.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&Received) -> bool) -> Received {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let news = self.news.notified();
                let received = self.received();
                if enough(&received) {
                    return received;
                }
                news.await;
            }
        });
        let Ok(received) = waited.await else {
            panic!("waited in vain: {what}; {:?}", self.received().objects)
        };
        received
    }

    /// The next request that has changes comes late: its sender is not answered.
    pub(crate) fn delay_next(&self) {
        *self.late.lock().unwrap() = Late::Next;
    }

    /// Whether a request is the one that comes late, and was put aside.
    pub(crate) fn delays(&self, bodies: &[Body]) -> bool {
        let mut late = self.late.lock().unwrap();
        let has_changes = |body: &Body| {
            let Body::Pack(bytes) = body else { panic!("the watcher sends packs") };
            !decode(bytes, UNCOMPRESSED_MAX).unwrap().changes.is_empty()
        };
        let is_it = matches!(*late, Late::Next) && bodies.iter().any(has_changes);
        if is_it {
            *late = Late::UnderWay(bodies.to_vec());
            self.news.notify_waiters();
        }
        is_it
    }

    /// Waits until a request is on its way that comes late.
    pub(crate) async fn delayed(&self) {
        self.until("a request that comes late", |_| matches!(*self.late.lock().unwrap(), Late::UnderWay(_)))
            .await;
    }

    /// The late one comes.
    pub(crate) fn deliver_late(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        let Late::UnderWay(bodies) = late else { panic!("nothing is late") };
        self.take(bodies.into_iter());
    }

    /// Takes in what has come out of a queue.
    pub(crate) fn take(&self, bodies: impl Iterator<Item = Body>) {
        let mut received = self.received.lock().unwrap();
        for body in bodies {
            let Body::Pack(bytes) = &body else { panic!("the watcher sends packs") };
            let pack = decode(bytes, UNCOMPRESSED_MAX).unwrap();
            received.packs += 1;
            received.rules = pack.rules;
            for change in pack.changes {
                received.take(change.unwrap());
            }
        }
        drop(received);
        self.news.notify_waiters();
    }
}

impl Queue for TestQueue {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        if self.down.load(Ordering::Relaxed) {
            let failed = FailedMessage { index: 0, reason: "down".to_owned(), retryable: true };
            return Err(SendError { queue: to, total: messages.len(), failed: vec![failed] });
        }
        self.memory.send(to, messages).await?;
        let deliveries = self.memory.receive(QueueName::Changes, Timestamp::UNIX_EPOCH, 1000);
        self.take(deliveries.into_iter().map(|delivery| {
            self.memory.ack(delivery.id);
            delivery.body
        }));
        Ok(())
    }
}

/// A watcher that runs.
pub(crate) struct Run {
    pub(crate) status: Status,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Run {
    pub(crate) fn begin(
        client: kube::Client,
        queue: &TestQueue,
        places: impl PlaceStore + 'static,
        settings: Settings,
    ) -> Self {
        Self::hearing(client, queue, places, settings, watch::channel(None).1)
    }

    /// The same, where it hears of rules.
    pub(crate) fn hearing(
        client: kube::Client,
        queue: &TestQueue,
        places: impl PlaceStore + 'static,
        settings: Settings,
        hearsay: Hearsay,
    ) -> Self {
        let watcher = Watcher::new(client, queue.clone(), places, settings, Clock::system());
        Self::of(watcher.hearing(hearsay))
    }

    /// The same, where it shares the lease `prodrome/lead` with others.
    pub(crate) fn led(
        client: kube::Client,
        queue: &TestQueue,
        places: impl PlaceStore + 'static,
        settings: Settings,
    ) -> Self {
        let clock = Clock::system();
        let identity = Lease::identity(&clock);
        let lease = Lease::new(client.clone(), "prodrome", "lead", identity, clock.clone());
        Self::of(Watcher::new(client, queue.clone(), places, settings, clock).led_by(lease))
    }

    pub(crate) fn of(watcher: Watcher<impl Queue + 'static, impl PlaceStore + 'static>) -> Self {
        let status = watcher.status();
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(watcher.run(async move {
            stopped.wait_for(|stop| *stop).await.unwrap();
        }));
        Self { status, stop, task }
    }

    /// Asks it to end, and waits.
    pub(crate) async fn end(self) -> Result<(), RunError> {
        self.stop.send_replace(true);
        self.task.await.unwrap()
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(self) -> Result<(), RunError> {
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends").unwrap()
    }

    /// Ends it as `kill -9` would: nothing is sent or saved any more.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Asks it to end, and kills it so much later, should it still send or save.
    pub(crate) async fn end_killed_after(self, wait: Duration) {
        self.stop.send_replace(true);
        tokio::time::sleep(wait).await;
        self.task.abort();
        drop(self.task.await);
    }

    /// Waits until a look at it satisfies `enough`.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&Status) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !enough(&self.status) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain: {what}\n{}", self.status.render());
    }
}

pub(crate) fn settings(kinds: &[&str]) -> Settings {
    let kinds = kinds.iter().map(|kind| kind.parse().unwrap()).collect();
    Settings::new(Scope::new("default", "local", "test"), kinds)
}

/// A client as the program makes it, by a kubeconfig.
pub(crate) async fn client(server: &str) -> kube::Client {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig(server)).unwrap();
    prodrome_watcher::connect(Some(&path), None).await.unwrap().client
}

pub(crate) fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: test, user: {{token: test}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test, namespace: prodrome}}}}]\n"
    )
}
