use super::selector::{FieldSelector, Fields, fields_of};
use crate::object_json::{with_kind, with_resource_version};
use crate::{Step, StepKind, builtin};
use bytes::Bytes;
use prodrome_model::{LabelSelector, ObjectHead, Resource};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What the cluster holds, and its recent history. No clock and no I/O.
///
/// Every change gets the next version of one counter, as etcd's revisions do.
#[derive(Debug)]
pub(super) struct World {
    version: u64,
    collections: BTreeMap<(String, String), Collection>,
    snapshots: BTreeMap<u64, Snapshot>,
    snapshot_last: u64,
}

/// All objects of one resource, and what happened to them.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) resource: Resource,
    objects: BTreeMap<Name, Arc<Stored>>,
    /// How many bytes the objects have.
    bytes: usize,
    log: VecDeque<Entry>,
    log_bytes: usize,
    /// A watch cannot begin before this version.
    floor: u64,
    /// The last entry of the log that was dropped; a watch that has not seen it cannot go on.
    dropped: u64,
}

/// Namespace (empty for none) and name, in the order of lists.
pub(super) type Name = (String, String);

/// An object in one version.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) name: Name,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) fields: Fields,
    pub(super) json: Bytes,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) before: Option<Arc<Stored>>,
    /// The new state, or the last one where it was deleted.
    pub(super) after: Arc<Stored>,
    pub(super) deleted: bool,
}

/// The state behind a list that is read page by page.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) version: u64,
    pub(super) objects: Arc<Vec<Arc<Stored>>>,
}

/// Which objects a list or a watch is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) namespace: Option<String>,
    pub(super) labels: Option<LabelSelector>,
    pub(super) fields: FieldSelector,
}

impl Filter {
    pub(super) fn selects(&self, object: &Stored) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == object.name.0)
            && self.labels.as_ref().is_none_or(|labels| labels.selects(&object.labels))
            && self.fields.selects(&object.name.0, &object.name.1, &object.fields)
    }

    pub(super) fn has_selector(&self) -> bool {
        self.labels.is_some() || !self.fields.is_empty()
    }
}

/// The version before the first change. Whatever is older was never there.
const VERSION_FIRST: u64 = 1_000;
/// Changes kept a collection, and their bytes: the last one is kept whatever it has.
const LOG_MAX: usize = 20_000;
const LOG_BYTES_MAX: usize = 64 << 20;
/// Lists that may be under way at a time.
const SNAPSHOTS_MAX: usize = 64;

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            version: VERSION_FIRST,
            collections: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            snapshot_last: 0,
        };
        // One event is one object in both APIs; here they are kept in the core group alone.
        for resource in builtin().filter(|resource| resource.group != "events.k8s.io") {
            world.serve(&resource);
        }
        world
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Serves a resource from now on; one that is served in another version, and empty, moves to this one.
    pub(super) fn serve(&mut self, resource: &Resource) -> &mut Collection {
        let key = (resource.group.clone(), resource.plural.clone());
        let collection = self.collections.entry(key).or_insert_with(|| Collection {
            resource: resource.clone(),
            objects: BTreeMap::new(),
            bytes: 0,
            log: VecDeque::new(),
            log_bytes: 0,
            floor: VERSION_FIRST,
            dropped: 0,
        });
        if collection.objects.is_empty() && collection.resource != *resource {
            collection.resource = resource.clone();
        }
        collection
    }

    /// No longer serves a resource (its definition was deleted).
    pub(super) fn withdraw(&mut self, resource: &Resource) {
        self.collections.remove(&(resource.group.clone(), resource.plural.clone()));
        self.version += 1;
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.collections.values().map(|collection| &collection.resource)
    }

    pub(super) fn collection(&self, group: &str, version: &str, plural: &str) -> Option<&Collection> {
        let collection = self.collections.get(&(group.to_owned(), plural.to_owned()))?;
        Some(collection).filter(|collection| collection.resource.version == version)
    }

    pub(super) fn get(&self, resource: &Resource, name: &Name) -> Option<&Arc<Stored>> {
        self.collections.get(&(resource.group.clone(), resource.plural.clone()))?.objects.get(name)
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step.kind {
            StepKind::Applied => {
                self.apply(&step.resource, &step.object);
            }
            StepKind::Deleted => {
                self.delete(&step.resource, &step.object, true);
            }
            StepKind::Vanished => {
                self.delete(&step.resource, &step.object, false);
            }
        }
    }

    /// Creates or changes an object; `None` where it has no name.
    pub(super) fn apply(&mut self, resource: &Resource, object: &str) -> Option<Arc<Stored>> {
        let version = self.version + 1;
        let after = Arc::new(Stored::new(resource, object, version)?);
        self.version = version;
        let collection = self.serve(resource);
        let before = collection.objects.insert(after.name.clone(), Arc::clone(&after));
        collection.bytes += after.json.len();
        collection.bytes -= before.as_ref().map_or(0, |before| before.json.len());
        collection.push(Entry { version, before, after: Arc::clone(&after), deleted: false });
        Some(after)
    }

    /// Deletes an object by the name in `object`, which is also told as its last state where it `is_last_state`.
    pub(super) fn delete(
        &mut self,
        resource: &Resource,
        object: &str,
        is_last_state: bool,
    ) -> Option<Arc<Stored>> {
        let version = self.version + 1;
        let told = Stored::new(resource, object, version)?;
        let collection = self.serve(resource);
        let before = collection.objects.remove(&told.name)?;
        collection.bytes -= before.json.len();
        let last = if is_last_state {
            told
        } else {
            Stored::new(resource, std::str::from_utf8(&before.json).ok()?, version)?
        };
        let after = Arc::new(last);
        collection.push(Entry { version, before: Some(before), after: Arc::clone(&after), deleted: true });
        self.version = version;
        Some(after)
    }

    /// Forgets the history: a watch from an older version, and a list under way, cannot go on.
    pub(super) fn compact(&mut self) {
        self.version += 1;
        self.snapshots.clear();
        for collection in self.collections.values_mut() {
            collection.dropped = collection.log.back().map_or(collection.dropped, |entry| entry.version);
            collection.log.clear();
            collection.log_bytes = 0;
            collection.floor = self.version;
        }
    }

    pub(super) fn keep_snapshot(&mut self, snapshot: Snapshot) -> u64 {
        self.snapshot_last += 1;
        self.snapshots.insert(self.snapshot_last, snapshot);
        while self.snapshots.len() > SNAPSHOTS_MAX {
            self.snapshots.pop_first();
        }
        self.snapshot_last
    }

    pub(super) fn snapshot(&self, id: u64) -> Option<&Snapshot> {
        self.snapshots.get(&id)
    }
}

impl Collection {
    /// The objects as they were at a version; `None` where that is too old.
    pub(super) fn at(&self, version: u64, filter: &Filter) -> Option<Vec<Arc<Stored>>> {
        if version < self.floor {
            return None;
        }
        let mut objects = self.objects.clone();
        for entry in self.log.iter().rev().take_while(|entry| entry.version > version) {
            match &entry.before {
                Some(before) => objects.insert(before.name.clone(), Arc::clone(before)),
                None => objects.remove(&entry.after.name),
            };
        }
        Some(objects.into_values().filter(|object| filter.selects(object)).collect())
    }

    pub(super) fn now(&self, filter: &Filter) -> Vec<Arc<Stored>> {
        self.objects.values().filter(|object| filter.selects(object)).cloned().collect()
    }

    /// How many bytes its objects have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The oldest version from which a watch can begin.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// What came after a version, `max` entries at most; `None` where a part of it is forgotten.
    pub(super) fn after(&self, version: u64, max: usize) -> Option<Vec<Entry>> {
        if self.dropped > version {
            return None;
        }
        let from = self.log.partition_point(|entry| entry.version <= version);
        Some(self.log.range(from..).take(max).cloned().collect())
    }

    fn push(&mut self, entry: Entry) {
        self.log_bytes += entry.after.json.len();
        self.log.push_back(entry);
        while self.log.len() > LOG_MAX || (self.log_bytes > LOG_BYTES_MAX && self.log.len() > 1) {
            let Some(dropped) = self.log.pop_front() else { break };
            self.log_bytes -= dropped.after.json.len();
            self.dropped = dropped.version;
            self.floor = self.floor.max(dropped.version);
        }
    }
}

impl Stored {
    fn new(resource: &Resource, object: &str, version: u64) -> Option<Self> {
        let head: ObjectHead = serde_json::from_str(object).ok()?;
        let metadata = head.metadata;
        if metadata.name.is_empty() {
            return None;
        }
        let json = with_resource_version(&with_kind(object, resource), version);
        Some(Self {
            name: (metadata.namespace.unwrap_or_default(), metadata.name),
            labels: metadata.labels,
            fields: fields_of(resource, &json),
            json: json.into(),
        })
    }

    /// The object's JSON; it came in as text and so is text.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.json).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin_of_path;

    fn pods() -> Resource {
        builtin_of_path("", "v1", "pods").unwrap()
    }

    fn pod(name: &str, phase: &str) -> String {
        format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"status":{{"phase":"{phase}"}}}}"#)
    }

    fn names(objects: &[Arc<Stored>]) -> Vec<String> {
        objects.iter().map(|o| format!("{}={}", o.name.1, o.fields["status.phase"])).collect()
    }

    #[test]
    fn the_state_of_an_earlier_version_can_be_read_until_it_is_compacted() {
        let mut world = World::new();
        let all = Filter::default();
        world.apply(&pods(), &pod("a", "Pending"));
        let then = world.version();
        world.apply(&pods(), &pod("a", "Running"));
        world.apply(&pods(), &pod("b", "Running"));
        world.delete(&pods(), &pod("a", "Failed"), true);
        let collection = world.collection("", "v1", "pods").unwrap();
        assert_eq!(names(&collection.at(then, &all).unwrap()), ["a=Pending"]);
        assert_eq!(names(&collection.at(then + 2, &all).unwrap()), ["a=Running", "b=Running"]);
        assert_eq!(names(&collection.now(&all)), ["b=Running"]);
        assert_eq!(collection.after(then, 10).map(|entries| entries.len()), Some(3));

        world.compact();
        let collection = world.collection("", "v1", "pods").unwrap();
        assert!(collection.at(then, &all).is_none() && collection.after(then, 10).is_none());
        assert!(collection.after(then + 3, 10).is_some_and(|entries| entries.is_empty()));
        assert!(collection.floor() > then + 3);
    }

    #[test]
    fn what_vanished_is_told_in_its_last_known_state() {
        let mut world = World::new();
        world.apply(&pods(), &pod("a", "Running"));
        let last = world.delete(&pods(), r#"{"metadata":{"name":"a","namespace":"n"}}"#, false).unwrap();
        assert!(last.text().contains("Running"), "{}", last.text());
        assert!(world.delete(&pods(), &pod("a", "Running"), true).is_none());
    }

    #[test]
    fn the_history_is_bounded_in_bytes_and_what_it_lost_is_expired() {
        let mut world = World::new();
        let long = "x".repeat(LOG_BYTES_MAX / 4);
        for n in 0..6 {
            world.apply(&pods(), &pod("a", &format!("{n}{long}")));
        }
        let collection = world.collection("", "v1", "pods").unwrap();
        assert!(collection.log_bytes <= LOG_BYTES_MAX && collection.bytes < LOG_BYTES_MAX / 2);
        assert_eq!(collection.after(VERSION_FIRST + 3, 10).map(|entries| entries.len()), Some(3));
        assert!(collection.after(VERSION_FIRST + 2, 10).is_none());
        world.apply(&pods(), &pod("a", &long.repeat(5)));
        world.delete(&pods(), &pod("a", ""), true);
        let collection = world.collection("", "v1", "pods").unwrap();
        assert_eq!((collection.log.len(), collection.bytes), (1, 0), "the last one is told");
    }

    #[test]
    fn versions_rise_by_one_a_change() {
        let mut world = World::new();
        let first = world.apply(&pods(), &pod("a", "Running")).unwrap();
        assert!(first.text().contains(r#""resourceVersion":"1001""#), "{}", first.text());
        let second = world.apply(&pods(), first.text()).unwrap();
        assert!(second.text().contains(r#""resourceVersion":"1002""#), "{}", second.text());
        assert!(second.text().starts_with(r#"{"kind":"Pod","apiVersion":"v1","metadata""#));
    }
}
