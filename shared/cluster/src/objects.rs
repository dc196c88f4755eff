use crate::event::{AboutObject, newest_first};
use crate::{Cluster, ClusterError, ListPage};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectHead, ObjectKey, Resource};
use prodrome_recording::builtin_of_kind;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A cluster in memory, made of the objects it was given: from a recording, or from files.
///
/// What it does not hold does not exist. Of a *partial* one (a support bundle) that is so only for kinds that
/// appear in it at all; of others it says [`ClusterError::NotKnown`]. Clones share the same objects.
#[derive(Debug, Clone, Default)]
pub struct ObjectsCluster {
    objects: Arc<RwLock<Objects>>,
    partial: bool,
}

/// An object that cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It is not the JSON of an object.
    #[error("not a Kubernetes object: {path}: {what}")]
    NotAnObject {
        /// The field, such as `metadata.labels`.
        path: String,
        /// What was found there, and what was expected.
        what: String,
    },
    /// It has no name.
    #[error("expected metadata.name in an object of the kind {kind}, found none")]
    NoName {
        /// Its kind.
        kind: String,
    },
}

/// Objects a page of a list has at most.
const PAGE_MAX: usize = 500;

#[derive(Debug, Default)]
struct Objects {
    kinds: BTreeMap<GroupKind, Kind>,
    /// What an event is about → the event itself → what it says.
    events: BTreeMap<ObjectKey, BTreeMap<Name, AboutObject>>,
    /// An event → what it is about, to find it again when it changes or goes.
    about: BTreeMap<Name, ObjectKey>,
    /// Logs, where there are any: `namespace/pod/container` → current and previous.
    logs: Option<BTreeMap<String, Logs>>,
}

/// What one container wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with current and previous")]
pub struct Logs {
    /// In its present life.
    #[serde(default)]
    pub current: Option<String>,
    /// In the one before.
    #[serde(default)]
    pub previous: Option<String>,
}

#[derive(Debug)]
struct Kind {
    resource: Resource,
    objects: BTreeMap<Name, Stored>,
}

/// Namespace (empty for none) and name, in the order in which the API lists.
type Name = (String, String);

#[derive(Debug)]
struct Stored {
    uid: String,
    version: u64,
    labels: BTreeMap<String, String>,
    json: Box<[u8]>,
}

impl ObjectsCluster {
    /// An empty cluster, which knows the kinds that every cluster serves.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one of which only the kinds that appear are known.
    pub fn partial() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// Says that a kind is served (and known), though there may be no object of it.
    pub fn serve(&self, resource: &Resource) {
        self.write().kind(resource);
    }

    /// Takes in what containers wrote, by `namespace/pod/container`. Without this nothing is known of logs.
    pub fn set_logs(&self, logs: BTreeMap<String, Logs>) {
        self.write().logs = Some(logs);
    }

    /// Takes an object in, in the place of what it was before. An older version of the same object than the one
    /// held is ignored.
    ///
    /// The kind is that of the resource, whatever the body says or lacks.
    pub fn apply(&self, resource: &Resource, json: &[u8]) -> Result<ObjectKey, ObjectError> {
        let (key, head) = read_head(resource, json)?;
        // An event that cannot be read as one is an object all the same.
        let about = is_event(resource).then(|| AboutObject::from_json(json).ok()).flatten();
        let name = name_of(&key);
        let version = head.metadata.version();
        let stored =
            Stored { uid: head.metadata.uid, version, labels: head.metadata.labels, json: json.into() };

        let mut objects = self.write();
        let held = &mut objects.kind(resource).objects;
        let older = |old: &Stored| old.uid == stored.uid && version > 0 && version < old.version;
        if held.get(&name).is_some_and(older) {
            return Ok(key);
        }
        held.insert(name.clone(), stored);
        if is_event(resource) {
            objects.forget_event(&name);
        }
        if let Some(about) = about {
            objects.about.insert(name.clone(), about.object.clone());
            objects.events.entry(about.object.clone()).or_default().insert(name, about);
        }
        Ok(key)
    }

    /// Removes the object of this last state. An object that has its name but another uid stays.
    pub fn delete(&self, resource: &Resource, json: &[u8]) -> Result<ObjectKey, ObjectError> {
        let (key, head) = read_head(resource, json)?;
        let name = name_of(&key);
        let mut objects = self.write();
        let held = &mut objects.kind(resource).objects;
        let uid = &head.metadata.uid;
        let another = |old: &Stored| !uid.is_empty() && !old.uid.is_empty() && old.uid != *uid;
        if !held.get(&name).is_some_and(another) {
            held.remove(&name);
            if is_event(resource) {
                objects.forget_event(&name);
            }
        }
        Ok(key)
    }

    /// Removes an object by its name.
    pub fn remove(&self, key: &ObjectKey) {
        let mut objects = self.write();
        let name = name_of(key);
        if let Some(kind) = objects.kinds.get_mut(&key.kind) {
            kind.objects.remove(&name);
            if is_event(&kind.resource) {
                objects.forget_event(&name);
            }
        }
    }

    /// The keys of all objects of a kind, in the order in which the API lists.
    pub fn keys(&self, kind: &GroupKind) -> Vec<ObjectKey> {
        let objects = self.read();
        let names = objects.kinds.get(kind).into_iter().flat_map(|kind| kind.objects.keys());
        names.map(|(namespace, name)| ObjectKey::new(kind.clone(), some(namespace), name)).collect()
    }

    /// How many objects it holds.
    pub fn len(&self) -> usize {
        self.read().kinds.values().map(|kind| kind.objects.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kind as it is held; `None` where it is served but has no objects.
    fn find<'a>(&self, objects: &'a Objects, kind: &GroupKind) -> Result<Option<&'a Kind>, ClusterError> {
        if let Some(found) = objects.find(kind) {
            return Ok(Some(found));
        }
        if self.partial {
            return Err(ClusterError::NotKnown { kind: kind.to_string() });
        }
        match builtin_of_kind(kind) {
            Some(builtin) => Ok(objects.find(&builtin.group_kind())),
            None => Err(ClusterError::UnknownKind { kind: kind.to_string() }),
        }
    }
}

impl Cluster for ObjectsCluster {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        let objects = self.read();
        let held = self.find(&objects, kind)?.map(|held| held.resource.clone());
        held.or_else(|| builtin_of_kind(kind))
            .ok_or_else(|| ClusterError::UnknownKind { kind: kind.to_string() })
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        Ok(self.read().kinds.values().map(|held| held.resource.clone()).collect())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        let objects = self.read();
        let held = self.find(&objects, &key.kind)?;
        Ok(held.and_then(|kind| kind.objects.get(&name_of(key))).map(|stored| stored.json.to_vec()))
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        let objects = self.read();
        let Some(held) = self.find(&objects, kind)? else { return Ok(ListPage::default()) };
        let namespace = namespace.filter(|_| held.resource.namespaced);
        let from = match (after.and_then(|token| token.split_once('/')), namespace) {
            (Some((namespace, name)), _) => Bound::Excluded((namespace.to_owned(), name.to_owned())),
            (None, Some(namespace)) => Bound::Included((namespace.to_owned(), String::new())),
            (None, None) => Bound::Unbounded,
        };
        let mut page = ListPage::default();
        let mut last: Option<&Name> = None;
        for (name, stored) in held.objects.range((from, Bound::Unbounded)) {
            if namespace.is_some_and(|namespace| name.0 != namespace) {
                break;
            }
            if selector.is_some_and(|selector| !selector.selects(&stored.labels)) {
                continue;
            }
            if let Some((namespace, name)) = last.filter(|_| page.items.len() == PAGE_MAX) {
                page.next = Some(format!("{namespace}/{name}"));
                break;
            }
            page.items.push(stored.json.to_vec());
            last = Some(name);
        }
        Ok(page)
    }

    /// A partial cluster that holds no events tells none: they explain a finding and decide nothing.
    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        let objects = self.read();
        let about = objects.events.get(object).into_iter().flat_map(BTreeMap::values);
        Ok(newest_first(about.filter(|event| event.is_about_uid(uid)).map(|e| e.brief.clone()).collect()))
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        let which = if previous { "previous" } else { "current" };
        let objects = self.read();
        let Some(logs) = &objects.logs else {
            return Err(ClusterError::NoLogs { what: format!("log of {container} of {pod}"), which });
        };
        let key = format!("{}/{}/{container}", pod.namespace.as_deref().unwrap_or_default(), pod.name);
        let of = logs.get(&key);
        Ok(of.and_then(|logs| if previous { logs.previous.clone() } else { logs.current.clone() }))
    }
}

impl Objects {
    fn kind(&mut self, resource: &Resource) -> &mut Kind {
        self.kinds
            .entry(resource.group_kind())
            .or_insert_with(|| Kind { resource: resource.clone(), objects: BTreeMap::new() })
    }

    fn find(&self, kind: &GroupKind) -> Option<&Kind> {
        let any = || {
            let core_lacks_it = builtin_of_kind(kind).is_none_or(|builtin| !builtin.group.is_empty());
            let alike = |held: &&Kind| held.resource.kind == kind.kind;
            self.kinds.values().find(alike).filter(|_| kind.group.is_empty() && core_lacks_it)
        };
        self.kinds.get(kind).or_else(any)
    }

    fn forget_event(&mut self, event: &Name) {
        let Some(object) = self.about.remove(event) else { return };
        if let Some(events) = self.events.get_mut(&object) {
            events.remove(event);
            if events.is_empty() {
                self.events.remove(&object);
            }
        }
    }
}

fn read_head(resource: &Resource, json: &[u8]) -> Result<(ObjectKey, ObjectHead), ObjectError> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let head: ObjectHead = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // The JSON may be made of YAML: whoever wrote that is served by the path, not by a place in the JSON.
        let text = error.inner().to_string();
        let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
        ObjectError::NotAnObject { path: error.path().to_string(), what }
    })?;
    if head.metadata.name.is_empty() {
        return Err(ObjectError::NoName { kind: resource.kind.clone() });
    }
    Ok((head.key(resource.group_kind()), head))
}

fn is_event(resource: &Resource) -> bool {
    resource.kind == "Event" && matches!(&*resource.group, "" | "events.k8s.io")
}

fn name_of(key: &ObjectKey) -> Name {
    (key.namespace.clone().unwrap_or_default(), key.name.clone())
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
