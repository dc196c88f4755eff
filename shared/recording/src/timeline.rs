use crate::object_json::{with_kind, with_resource_version};
use crate::{Body, Item, Items, Page, Recording, RecordingError, Shift, WatchKind};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{ObjectHead, Resource};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One or several recordings as one stream of changes, moved to another time.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    recording: Recording,
    offset: SignedDuration,
}

/// A change in the stream of a [`Timeline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Since the timeline's beginning.
    pub t: SignedDuration,
    /// Of which resource.
    pub resource: Resource,
    /// What happened.
    pub kind: StepKind,
    /// The object, whole: with kind and apiVersion, its timestamps moved and its resourceVersion renumbered.
    pub object: String,
}

/// What a [`Step`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// The object is there, in this version.
    Applied,
    /// The object is gone; this is its last state.
    Deleted,
    /// A later list did not name it any more; only its metadata's names are told.
    Vanished,
}

impl Timeline {
    /// Recordings side by side, all beginning at the same time.
    pub fn merge(recordings: impl IntoIterator<Item = Recording>) -> Self {
        recordings
            .into_iter()
            .fold(Self::default(), |timeline, recording| timeline.with(recording, SignedDuration::ZERO))
    }

    /// And one more recording, whose `t` 0 is at `offset`.
    #[must_use]
    pub fn with(mut self, recording: Recording, offset: SignedDuration) -> Self {
        self.parts.push(Part { recording, offset });
        self
    }

    /// When the last recording ends.
    pub fn length(&self) -> SignedDuration {
        let ends = self.parts.iter().map(|part| part.recording.length() + part.offset);
        ends.max().unwrap_or(SignedDuration::ZERO)
    }

    /// The changes in order of time. `begins` is the instant that the timeline's `t` 0 shall be: the timestamps
    /// inside the objects are moved accordingly.
    pub fn steps(&self, begins: Timestamp) -> Result<Steps, RecordingError> {
        let parts = self.parts.iter().map(|part| {
            let at = begins + part.offset;
            let shift = Shift::between(part.recording.start(), at);
            let items = part.recording.items()?;
            Ok(Lane { items, offset: part.offset, shift, next: None })
        });
        let lanes = parts.collect::<Result<_, _>>()?;
        let (held, lists) = (BTreeMap::new(), BTreeMap::new());
        Ok(Steps { lanes, held, lists, ready: VecDeque::new(), version: VERSION_FIRST })
    }
}

/// Versions below are left free: to ask for one is to ask for something too old.
const VERSION_FIRST: u64 = 1_000;

/// The changes of a [`Timeline`], read as they are asked for.
///
/// Objects that several recordings hold (nodes, namespaces) are told once: of the same object (by uid) the
/// highest version wins; of two that only share a name, the one that was told first. A bad line is an error,
/// and the iterator goes on behind it.
pub struct Steps {
    lanes: Vec<Lane>,
    held: BTreeMap<HeldKey, Held>,
    lists: BTreeMap<(usize, String), BTreeSet<HeldKey>>,
    ready: VecDeque<Step>,
    version: u64,
}

struct Lane {
    items: Items,
    offset: SignedDuration,
    shift: Shift,
    next: Option<Item>,
}

/// The collection's path, namespace, name.
type HeldKey = (String, String, String);

struct Held {
    lane: usize,
    uid: String,
    version: u64,
}

impl Steps {
    /// Reads until every lane that has not ended knows its next item.
    fn fill(&mut self) -> Result<(), RecordingError> {
        for lane in &mut self.lanes {
            if lane.next.is_none() {
                lane.next = lane.items.next().transpose()?;
            }
        }
        Ok(())
    }

    fn take_earliest(&mut self) -> Option<(usize, Item)> {
        let times = self.lanes.iter().enumerate();
        let times = times.filter_map(|(i, lane)| lane.next.as_ref().map(|item| (item.t + lane.offset, i)));
        let (_, lane) = times.min()?;
        self.lanes[lane].next.take().map(|item| (lane, item))
    }

    fn digest(&mut self, lane: usize, item: Item) {
        let t = item.t + self.lanes[lane].offset;
        match item.body {
            Body::Event { kind: WatchKind::Added | WatchKind::Modified, object } => {
                self.apply(lane, t, &item.resource, object.get());
            }
            Body::Event { kind: WatchKind::Deleted, object } => {
                self.delete(lane, t, &item.resource, object.get());
            }
            Body::List { query, page } => self.list(lane, t, &item.resource, &query, &page),
            Body::Event { .. } | Body::Refused { .. } | Body::Opened { .. } => {}
        }
    }

    fn apply(
        &mut self,
        lane: usize,
        t: SignedDuration,
        resource: &Resource,
        object: &str,
    ) -> Option<HeldKey> {
        let (key, head) = read_head(resource, object)?;
        let (uid, version) = (head.metadata.uid.clone(), head.metadata.version());
        if let Some(held) = self.held.get(&key) {
            let same_object = held.uid == uid;
            let newer = if held.lane == lane { version >= held.version } else { version > held.version };
            if (same_object && !newer) || (!same_object && held.lane != lane) {
                return Some(key);
            }
        }
        self.held.insert(key.clone(), Held { lane, uid, version });
        self.push(lane, t, resource, StepKind::Applied, object);
        Some(key)
    }

    fn delete(&mut self, lane: usize, t: SignedDuration, resource: &Resource, object: &str) {
        let Some((key, head)) = read_head(resource, object) else { return };
        let Some(held) = self.held.get(&key) else { return };
        if held.uid == head.metadata.uid && (held.lane == lane || head.metadata.version() > held.version) {
            self.held.remove(&key);
            self.push(lane, t, resource, StepKind::Deleted, object);
        }
    }

    /// What an unfiltered list, once complete, did not name any more has gone while nobody watched.
    fn list(&mut self, lane: usize, t: SignedDuration, resource: &Resource, query: &str, page: &Page) {
        let path = resource.collection_path(None);
        let mut named = match self.lists.remove(&(lane, path.clone())) {
            Some(named) if page.continued => named,
            _ => BTreeSet::new(),
        };
        named.extend(page.items.iter().filter_map(|item| self.apply(lane, t, resource, item.get())));
        if page.next.is_some() {
            self.lists.insert((lane, path), named);
            return;
        }
        if query.contains("Selector=") {
            return;
        }
        let list_version: u64 = page.resource_version.parse().unwrap_or(0);
        let of_path = self.held.range((path.clone(), String::new(), String::new())..);
        let of_path = of_path.take_while(|(key, _)| key.0 == path);
        let gone = of_path
            .filter(|(key, held)| held.lane == lane && held.version <= list_version && !named.contains(*key));
        let gone: Vec<HeldKey> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.held.remove(&key);
            let (_, namespace, name) = &key;
            let namespace = if namespace.is_empty() { None } else { Some(namespace) };
            let object = serde_json::json!({ "metadata": { "name": name, "namespace": namespace } });
            self.push(lane, t, resource, StepKind::Vanished, &object.to_string());
        }
    }

    fn push(&mut self, lane: usize, t: SignedDuration, resource: &Resource, kind: StepKind, object: &str) {
        self.version += 1;
        let object = self.lanes[lane].shift.apply(object);
        let object = with_resource_version(&with_kind(&object, resource), self.version);
        self.ready.push_back(Step { t, resource: resource.clone(), kind, object });
    }
}

impl Iterator for Steps {
    type Item = Result<Step, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Some(Ok(step));
            }
            if let Err(error) = self.fill() {
                return Some(Err(error));
            }
            let (lane, item) = self.take_earliest()?;
            self.digest(lane, item);
        }
    }
}

fn read_head(resource: &Resource, object: &str) -> Option<(HeldKey, ObjectHead)> {
    let head: ObjectHead =
        serde_json::from_str(object).ok().filter(|h: &ObjectHead| !h.metadata.name.is_empty())?;
    let namespace = head.metadata.namespace.clone().unwrap_or_default();
    Some(((resource.collection_path(None), namespace, head.metadata.name.clone()), head))
}
