use crate::clock::{Millis, timestamp};
use crate::noted::{Event, WINDOW};
use crate::plan::{CONFIGS, DeedKind, Phase};
use crate::turns::Turns;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The kinds of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Pods.
    Pod,
    /// Configurations.
    ConfigMap,
    /// What is told of pods.
    Event,
    /// What watchers share.
    Lease,
}

/// Those that may be watched.
pub(crate) const KINDS: [Kind; 3] = [Kind::Pod, Kind::ConfigMap, Kind::Event];

impl Kind {
    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::ConfigMap => "ConfigMap",
            Self::Event => "Event",
            Self::Lease => "Lease",
        }
    }

    /// Its name in a path.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::ConfigMap => "configmaps",
            Self::Event => "events",
            Self::Lease => "leases",
        }
    }

    /// The one of that name in a path.
    pub(crate) fn of_plural(plural: &str) -> Option<Self> {
        [Self::Pod, Self::ConfigMap, Self::Event, Self::Lease]
            .into_iter()
            .find(|kind| kind.plural() == plural)
    }
}

/// The namespace in which things happen.
pub(crate) const NAMESPACE: &str = "shop";

/// The pods of one owner, which is seen by its name alone, and that owner.
const OF_AN_OWNER: [&str; 3] = ["a", "b", "c"];
/// The owner.
const OWNER: &str = "web";

/// A pod, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pod {
    /// Its identity.
    pub(crate) uid: String,
    /// When it was made.
    pub(crate) created: Millis,
    /// Its phase.
    pub(crate) phase: Phase,
    /// Whether it is ready.
    pub(crate) ready: bool,
    /// Since when, by the clock of its node.
    pub(crate) ready_since: Millis,
    /// Which configuration it refers to.
    pub(crate) config: &'static str,
}

/// How something was, from each of these instants on; nothing, where it was not there.
pub(crate) type History<T> = Vec<(Millis, Option<T>)>;

/// What happened, told by the cluster itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    /// Pod by pod.
    pub(crate) pods: BTreeMap<&'static str, History<Pod>>,
    /// Configuration by configuration: whether it was bad.
    pub(crate) configs: BTreeMap<&'static str, History<bool>>,
    /// When the event of each pod was seen, by the pod's uid.
    pub(crate) seen: BTreeMap<String, Vec<Millis>>,
}

/// That an object was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write {
    /// When.
    pub(crate) at: Millis,
    /// As which version; after a restoration some come again.
    pub(crate) version: u64,
}

/// A change, as a watch tells it.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) version: u64,
    pub(crate) at: Millis,
    pub(crate) kind: Kind,
    pub(crate) what: &'static str,
    pub(crate) object: String,
}

/// By which an object is kept: its kind, its namespace and its name.
pub(crate) type Key = (Kind, String, String);

/// An object as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) version: u64,
    pub(crate) object: Value,
}

/// A cluster that is only a list of objects and the log of what became of them. Clones share it.
#[derive(Clone)]
pub(crate) struct Cluster {
    inner: Arc<Mutex<Inner>>,
    /// Woken by each change and each cut.
    pub(crate) news: watch::Sender<u64>,
    /// Whether its API server streams lists.
    pub(crate) streams_lists: bool,
}

/// A list that is read page by page: as of which version, and what is left of it.
pub(crate) type Snapshot = (u64, Vec<String>);

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) version: u64,
    pub(crate) compacted: u64,
    pub(crate) log: Vec<Logged>,
    pub(crate) objects: BTreeMap<Key, Stored>,
    /// What it was like earlier.
    pub(crate) turns: Turns,
    pub(crate) pages: BTreeMap<u64, Snapshot>,
    pub(crate) pages_made: u64,
    /// Watches that were opened under an earlier count are broken off.
    pub(crate) cuts: u64,
    /// Which watches were told that their version is too old.
    pub(crate) expired: Vec<Expired>,
    births: u32,
    /// The last event of each pod, while it is there.
    events: BTreeMap<&'static str, Event>,
    events_made: u32,
    past: Past,
    writes: BTreeMap<String, Vec<Write>>,
    backup: Option<Backup>,
}

/// That a watch of a kind was told that the version is too old from which it was to go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expired {
    /// When.
    pub(crate) at: Millis,
    /// Of which kind.
    pub(crate) kind: Kind,
    /// That version.
    pub(crate) from: u64,
}

/// What an etcd is restored to.
struct Backup {
    version: u64,
    objects: BTreeMap<Key, Stored>,
    past: Past,
}

/// How often other kinds are written to between a backup and its restoration: far more often than the cluster is
/// before a watcher reads on. One that catches up with the version it was at cannot be noticed.
const WRITES_SINCE_BACKUP: u64 = 10_000;

impl Cluster {
    /// An empty one.
    pub(crate) fn new(streams_lists: bool) -> Self {
        let version = 100;
        let turns = Turns::begin(version, &BTreeMap::new());
        let inner = Inner { version, turns, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), news: watch::channel(0).0, streams_lists }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened.
    pub(crate) fn past(&self) -> Past {
        self.lock().past.clone()
    }

    /// What each pod was written, by its uid.
    pub(crate) fn writes(&self) -> BTreeMap<String, Vec<Write>> {
        self.lock().writes.clone()
    }

    /// Something happens, if it applies. `shown` is what the clocks of nodes show.
    pub(crate) fn happen(&self, deed: DeedKind, now: Millis, shown: Millis) {
        match deed {
            DeedKind::Create(name, phase, ready, config) => {
                self.set_pod(name, now, |_| None);
                let births = {
                    let mut inner = self.lock();
                    inner.births += 1;
                    inner.births
                };
                let uid = format!("{name}-{births}");
                let pod = Pod { uid, created: now, phase, ready, ready_since: shown, config };
                self.set_pod(name, now, |_| Some(pod));
            }
            DeedKind::Phase(name, phase) => self.set_pod(name, now, |pod| Some(Pod { phase, ..pod? })),
            DeedKind::Ready(name, ready) => self.set_pod(name, now, |pod| {
                let pod = pod?;
                let ready_since = if pod.ready == ready { pod.ready_since } else { shown };
                Some(Pod { ready, ready_since, ..pod })
            }),
            DeedKind::Touch(name) => self.set_pod(name, now, |pod| pod),
            DeedKind::Delete(name) => self.set_pod(name, now, |_| None),
            DeedKind::Config(name, next) => self.set_config(name, now, next),
            DeedKind::Seen(pod) => self.see(pod, now),
            DeedKind::Expired(pod) => self.expire(pod, now),
            DeedKind::Push(..) => {} // the cluster knows nothing of it
        }
    }

    fn set_pod(&self, name: &'static str, now: Millis, change: impl FnOnce(Option<Pod>) -> Option<Pod>) {
        let mut inner = self.lock();
        let history = inner.past.pods.entry(name).or_default();
        let old = history.last().and_then(|(_, pod)| pod.clone());
        let next = change(old.clone());
        if old.is_none() && next.is_none() {
            return;
        }
        if old != next {
            history.push((now, next.clone()));
        }
        let json = next.as_ref().map(|pod| pod.json(name));
        inner.write(Kind::Pod, NAMESPACE, name, json, now);
        if let Some(pod) = next {
            let version = inner.version;
            inner.writes.entry(pod.uid).or_default().push(Write { at: now, version });
        }
        drop(inner);
        self.wake();
    }

    /// The event of a pod is seen once more. What was not seen for long is another event when it comes back.
    fn see(&self, pod: &'static str, now: Millis) {
        let mut inner = self.lock();
        let history = inner.past.pods.get(pod).and_then(|history| history.last()?.1.clone());
        let Some(Pod { uid, .. }) = history else { return };
        inner.past.seen.entry(uid.clone()).or_default().push(now);
        let goes_on = |event: &Event| event.pod == uid && now <= event.last + WINDOW;
        let event = if let Some(event) = inner.events.remove(pod).filter(goes_on) {
            Event { last: now, count: event.count + 1, ..event }
        } else {
            inner.events_made += 1;
            Event { number: inner.events_made, pod: uid, first: now, last: now, count: 1 }
        };
        inner.write(Kind::Event, NAMESPACE, &event.name(pod), Some(event.json(pod)), now);
        inner.events.insert(pod, event);
        drop(inner);
        self.wake();
    }

    /// The event of a pod goes.
    fn expire(&self, pod: &'static str, now: Millis) {
        let mut inner = self.lock();
        let Some(event) = inner.events.remove(pod) else { return };
        inner.write(Kind::Event, NAMESPACE, &event.name(pod), None, now);
        drop(inner);
        self.wake();
    }

    fn set_config(&self, name: &'static str, now: Millis, next: Option<bool>) {
        let mut inner = self.lock();
        let history = inner.past.configs.entry(name).or_default();
        let old = history.last().and_then(|(_, bad)| *bad);
        if old == next {
            return;
        }
        history.push((now, next));
        let json = next.map(|bad| {
            json!({
                "metadata": {
                    "namespace": NAMESPACE,
                    "name": name,
                    "uid": format!("uid-of-{name}"),
                    "labels": { "bad": bad.to_string() },
                },
                "data": { "key": "value" },
            })
        });
        inner.write(Kind::ConfigMap, NAMESPACE, name, json, now);
        drop(inner);
        self.wake();
    }

    /// Keeps an object that somebody wrote by the API.
    pub(crate) fn put(&self, kind: Kind, namespace: &str, name: &str, object: Value, now: Millis) -> Value {
        let stored = self.lock().write(kind, namespace, name, Some(object), now);
        self.wake();
        stored
    }

    /// Forgets all that is past: watches from before and lists that were begun are answered by 410.
    pub(crate) fn compact(&self) {
        let mut inner = self.lock();
        inner.compacted = inner.version;
        inner.log.clear();
        inner.pages.clear();
    }

    /// Forgets what was before an instant.
    pub(crate) fn compact_before(&self, at: Millis) {
        let mut inner = self.lock();
        let version = inner.turns.version_at(at).max(inner.compacted);
        inner.compacted = version;
        inner.log.retain(|logged| logged.version > version);
        inner.pages.retain(|_, (of, _)| *of >= version);
    }

    /// Something is written that nobody watches.
    pub(crate) fn write_elsewhere(&self, writes: u64, now: Millis) {
        let mut inner = self.lock();
        inner.version += writes;
        let version = inner.version;
        inner.turns.note(now, version, None);
    }

    /// Somebody backs the cluster's etcd up.
    pub(crate) fn back_up(&self, now: Millis) {
        {
            let mut inner = self.lock();
            let (version, objects, past) = (inner.version, inner.objects.clone(), inner.past.clone());
            inner.backup = Some(Backup { version, objects, past });
        }
        self.write_elsewhere(WRITES_SINCE_BACKUP, now);
    }

    /// Somebody restores it: all is as it was then, and the versions begin anew from there. The API server starts anew, and
    /// knows nothing of what was before.
    pub(crate) fn restore(&self, now: Millis) {
        let Some(Backup { version, objects, past }) = self.lock().backup.take() else { return };
        let mut inner = self.lock();
        inner.turns = Turns::begin(version, &objects);
        (inner.version, inner.objects) = (version, objects);
        inner.events.clear(); // what tells of pods begins anew too
        for (name, history) in &mut inner.past.pods {
            let was = past.pods.get(name).and_then(|history| history.last()?.1.clone());
            history.push((now, was));
        }
        for (name, history) in &mut inner.past.configs {
            history.push((now, past.configs.get(name).and_then(|history| history.last()?.1)));
        }
        for (name, history) in &past.pods {
            let Some((_, Some(pod))) = history.last() else { continue };
            let key = (Kind::Pod, NAMESPACE.to_owned(), (*name).to_owned());
            let version = inner.objects.get(&key).map_or(0, |stored| stored.version);
            inner.writes.entry(pod.uid.clone()).or_default().push(Write { at: now, version });
        }
        drop(inner);
        self.compact();
        self.cut_watches();
    }

    /// Breaks all watches off.
    pub(crate) fn cut_watches(&self) {
        self.lock().cuts += 1;
        self.wake();
    }

    pub(crate) fn wake(&self) {
        self.news.send_modify(|count| *count += 1);
    }
}

impl Inner {
    fn write(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        object: Option<Value>,
        now: Millis,
    ) -> Value {
        self.version += 1;
        let version = self.version;
        let key = (kind, namespace.to_owned(), name.to_owned());
        let (what, mut object) = match object {
            Some(object) if self.objects.contains_key(&key) => ("MODIFIED", object),
            Some(object) => ("ADDED", object),
            None => ("DELETED", self.objects.remove(&key).map(|stored| stored.object).unwrap_or_default()),
        };
        object["kind"] = kind.as_str().into();
        object["apiVersion"] = "v1".into();
        object["metadata"]["resourceVersion"] = version.to_string().into();
        let text = object.to_string();
        self.log.push(Logged { version, at: now, kind, what, object: text });
        let stored = (what != "DELETED").then(|| Stored { version, object: object.clone() });
        if let Some(stored) = &stored {
            self.objects.insert(key.clone(), stored.clone());
        }
        self.turns.note(now, version, Some((key, stored)));
        object
    }
}

impl Pod {
    fn json(&self, name: &str) -> Value {
        // As Kubernetes writes its times: to the second, cut off.
        let second = |at: Millis| timestamp(at - at.rem_euclid(1_000)).to_string();
        let is_ready = if self.ready { "True" } else { "False" };
        let mut object = json!({
            "metadata": {
                "namespace": NAMESPACE,
                "name": name,
                "uid": self.uid,
                "creationTimestamp": second(self.created),
                "managedFields": [{ "manager": "kubelet", "fieldsV1": { "f:status": {} } }],
            },
            "spec": { "config": self.config },
            "status": {
                "phase": self.phase.as_str(),
                "ready": self.ready,
                "conditions": [{
                    "type": "Ready",
                    "status": is_ready,
                    "lastTransitionTime": second(self.ready_since),
                }],
            },
        });
        if OF_AN_OWNER.contains(&name) {
            let hash = "5f";
            object["metadata"]["labels"] = json!({ "pod-template-hash": hash });
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": format!("{OWNER}-{hash}"),
                "uid": "uid-of-the-replica-set",
                "controller": true,
            }]);
        }
        // Some of those that fail say why.
        if self.phase == Phase::Failed && self.config == CONFIGS[0] {
            object["status"]["reason"] = json!("Evicted");
            object["status"]["message"] = json!("The node was low on resource: memory.");
        }
        object
    }
}
