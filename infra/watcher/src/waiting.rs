//! What waits for the queue: the latest version of each object, bounded in bytes.

#[cfg(test)]
mod tests;

use crate::body::{Body, Press};
use crate::patterns::{Group, Patterns};
use crate::watermark::{Version, Watermark};
use prodrome_model::{ChangeKind, ObjectKey, Resource, shard_of};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// One stream of changes: a collection as long as it is watched. Never used twice.
pub(crate) type StreamId = u32;

/// What an entry costs beside its object and key: its slot, its place in a queue, the map's entry, the position.
const OVERHEAD_BYTES: usize = 320;
/// Of the bytes that may wait while the queue is down, patterns take at most one in so many.
const PATTERNS_SHARE: usize = 8;

/// A change as it was read off a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) deleted: bool,
    pub(crate) namespace: Option<Box<str>>,
    pub(crate) name: Box<str>,
    pub(crate) uid: Box<str>,
    pub(crate) version: Version,
    /// The list it was read by, or while which it was. One that is gone is not named by it.
    pub(crate) list: Option<Arc<str>>,
    pub(crate) object: Body,
    /// When it was read, by what passes: a clock may be set while it waits.
    pub(crate) observed_at: Instant,
}

/// A list begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    Begin {
        list: Arc<str>,
    },
    /// With the version as of which it was complete.
    End {
        list: Arc<str>,
        version: Version,
    },
}

/// What was taken to be sent, and must be reported as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) stream: StreamId,
    pub(crate) position: u64,
}

/// What is handed out to be packed.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) resource: &'a Resource,
    pub(crate) list: Option<&'a str>,
    pub(crate) object: Option<&'a [u8]>,
    pub(crate) observed_at: Instant,
}

impl Item<'_> {
    /// About how many bytes it makes in a pack.
    pub(crate) fn bytes(&self) -> usize {
        self.object.map_or(0, <[u8]>::len) + 250
    }
}

/// What became of a change that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits.
    Waits,
    /// It waits, and an older version of the object no longer does.
    Replaces,
    /// A newer version waits already.
    Outdated,
}

/// The changes that wait. Plain data: whoever holds it decides when to send.
#[derive(Debug)]
pub(crate) struct Waiting {
    shards: u16,
    bytes_max: usize,
    outage_bytes_max: usize,
    /// What is held, and what it is once it is handed out.
    bytes: usize,
    raw_bytes: usize,
    /// Whether what comes is compressed.
    packs: bool,
    press: Press,
    /// What the objects of each stream are compressed after.
    patterns: BTreeMap<StreamId, Patterns>,
    /// What the patterns take.
    pattern_bytes: usize,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_key: HashMap<Key, usize>,
    queues: Vec<ShardQueue>,
    streams: BTreeMap<StreamId, Stream>,
    next_stream: StreamId,
    marks: Vec<Marked>,
}

type Key = (StreamId, Box<str>);

#[derive(Debug)]
struct Slot {
    change: Change,
    stream: StreamId,
    resource: Arc<Resource>,
    position: u64,
    shard: u16,
    /// Whether one of the versions that it stands for was read by a list.
    named: bool,
    /// When the first of the versions that it stands for arrived.
    since: Instant,
}

#[derive(Debug, Default)]
struct ShardQueue {
    slots: VecDeque<usize>,
    raw_bytes: usize,
}

#[derive(Debug)]
struct Stream {
    resource: Arc<Resource>,
    watermark: Watermark,
    /// The position of a list's end that never left, as another list began: that one's end takes it over.
    superseded: Option<u64>,
}

#[derive(Debug)]
struct Marked {
    stream: StreamId,
    resource: Arc<Resource>,
    position: u64,
    /// An end may leave once all before this was accepted.
    after: u64,
    mark: Mark,
    since: Instant,
}

impl Waiting {
    /// At most `bytes_max` bytes wait, and where the queue is down `outage_bytes_max`, if that is more.
    pub(crate) fn new(shards: u16, bytes_max: usize, outage_bytes_max: usize) -> Self {
        let shards = shards.max(1);
        Self {
            shards,
            bytes_max,
            outage_bytes_max: outage_bytes_max.max(bytes_max),
            bytes: 0,
            raw_bytes: 0,
            packs: false,
            press: Press::new(),
            patterns: BTreeMap::new(),
            pattern_bytes: 0,
            slots: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::new(),
            queues: (0..shards).map(|_| ShardQueue::default()).collect(),
            streams: BTreeMap::new(),
            next_stream: 0,
            marks: Vec::new(),
        }
    }

    /// A new stream, which reads on from `place`.
    pub(crate) fn open_stream(&mut self, resource: Arc<Resource>, place: Option<Version>) -> StreamId {
        let id = self.next_stream;
        self.next_stream += 1;
        let watermark = Watermark::resumed(place);
        self.streams.insert(id, Stream { resource, watermark, superseded: None });
        id
    }

    /// The stream goes on in another version of its kind.
    pub(crate) fn reopen_stream(&mut self, stream: StreamId, resource: Arc<Resource>) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.resource = resource;
        }
    }

    /// The stream brings nothing more. What waits of it is sent all the same; its place counts no more.
    pub(crate) fn close_stream(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    /// The queue is down, or up again. While it is down, what waits and what comes is compressed.
    pub(crate) fn pack_objects(&mut self, packs: bool) {
        if packs == self.packs {
            return;
        }
        self.packs = packs;
        if !packs {
            self.forget_patterns();
            return;
        }
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots[index].as_mut() else { continue };
            let (stream, group) = (slot.stream, group(&slot.change));
            let object = std::mem::replace(&mut slot.change.object, Vec::new().into());
            let before = object.held_len();
            let object = self.packed(stream, group, object);
            self.bytes = self.bytes + object.held_len() - before;
            if let Some(slot) = self.slots[index].as_mut() {
                slot.change.object = object;
            }
        }
    }

    /// Once nothing is compressed any more nothing needs the patterns.
    fn forget_patterns(&mut self) {
        if !self.packs && self.by_key.is_empty() {
            self.patterns.clear();
            self.pattern_bytes = 0;
        }
    }

    /// Compresses a change that comes, where that is to be. To be done before it is asked for room.
    pub(crate) fn prepare(&mut self, stream: StreamId, change: &mut Change) {
        if self.packs {
            let object = std::mem::replace(&mut change.object, Vec::new().into());
            change.object = self.packed(stream, group(change), object);
        }
    }

    /// An object of a group, compressed after another like it.
    fn packed(&mut self, stream: StreamId, group: Group, object: Body) -> Body {
        let Body::Raw(raw) = &object else { return object };
        if !self.streams.contains_key(&stream) {
            return object;
        }
        let patterns = self.patterns.entry(stream).or_default();
        let room = (self.outage_bytes_max / PATTERNS_SHARE).saturating_sub(self.pattern_bytes);
        let (pattern, made) = patterns.pattern(group, raw, room);
        self.pattern_bytes += made;
        let packed = self.press.pack(object, pattern);
        patterns.packed(group, packed.raw_len(), packed.held_len());
        packed
    }

    fn limit(&self) -> usize {
        if self.packs { self.outage_bytes_max } else { self.bytes_max }
    }

    /// Whether there is room for a change; always where it replaces a version as large, and where nothing waits.
    pub(crate) fn admits(&self, stream: StreamId, change: &Change) -> bool {
        let after = self.bytes() + cost(change);
        after <= self.limit()
            || self.bytes == 0
            || self.waiting_slot(stream, change).is_some_and(|old| {
                let old = cost(&old.change);
                old >= cost(change) || after - old <= self.limit()
            })
    }

    fn waiting_slot(&self, stream: StreamId, change: &Change) -> Option<&Slot> {
        let slot = *self.by_key.get(&(stream, object_name(change)))?;
        self.slots[slot].as_ref()
    }

    /// Takes a change in, in the order of its stream.
    pub(crate) fn put(&mut self, stream: StreamId, change: Change, now: Instant) -> Put {
        let Some(Stream { resource, watermark, .. }) = self.streams.get_mut(&stream) else {
            return Put::Outdated;
        };
        let version = change.list.is_none().then(|| change.version.clone());
        let key = (stream, object_name(&change));
        if let Some(&index) = self.by_key.get(&key)
            && let Some(slot) = self.slots[index].as_mut()
        {
            if outdates(&slot.change, &change) {
                slot.named |= change.list.is_some();
                if slot.change.list.is_none() && !slot.change.deleted {
                    slot.change.list.clone_from(&change.list);
                }
                if let Some(version) = version {
                    watermark.passes(version);
                }
                return Put::Outdated;
            }
            // A restart brings an event of a watch again, but not an item of a list: only an event may give up
            // the position of what it replaces, and not where a list that named the object has yet to end.
            slot.named |= change.list.is_some();
            let moves = !slot.named;
            let position = watermark.opens(version);
            watermark.closes(if moves { slot.position } else { position });
            if moves {
                slot.position = position;
            }
            let mut change = change;
            if change.list.is_none() && !change.deleted {
                change.list.clone_from(&slot.change.list);
            }
            self.bytes = self.bytes + cost(&change) - cost(&slot.change);
            let (old, new) = (raw_cost(&slot.change), raw_cost(&change));
            self.raw_bytes = self.raw_bytes + new - old;
            let queue = &mut self.queues[usize::from(slot.shard)];
            queue.raw_bytes = queue.raw_bytes + new - old;
            slot.change = change;
            return Put::Replaces;
        }
        let object = ObjectKey::new(resource.group_kind(), change.namespace.as_deref(), &*change.name);
        let shard = shard_of(&object.path(), self.shards);
        let position = watermark.opens(version);
        let (cost, raw_cost) = (cost(&change), raw_cost(&change));
        let (named, resource) = (change.list.is_some(), Arc::clone(resource));
        let slot = Slot { change, stream, resource, position, shard, named, since: now };
        let index = if let Some(index) = self.free.pop() {
            self.slots[index] = Some(slot);
            index
        } else {
            self.slots.push(Some(slot));
            self.slots.len() - 1
        };
        self.by_key.insert(key, index);
        self.bytes += cost;
        self.raw_bytes += raw_cost;
        let queue = &mut self.queues[usize::from(shard)];
        queue.raw_bytes += raw_cost;
        queue.slots.push_back(index);
        Put::Waits
    }

    /// Takes in that a list begins or ends. Where an earlier list's end has not left yet, it never will: the
    /// objects that both named travel under the later list alone. Returns where in the stream that is.
    pub(crate) fn put_mark(&mut self, id: StreamId, mark: Mark, now: Instant) -> Option<u64> {
        let stream = self.streams.get_mut(&id)?;
        let after;
        let position = match &mark {
            Mark::Begin { .. } => {
                let is_end = |m: &Marked| m.stream == id && matches!(m.mark, Mark::End { .. });
                for earlier in self.marks.extract_if(.., |m| is_end(m)) {
                    match stream.superseded {
                        None => stream.superseded = Some(earlier.position),
                        Some(_) => stream.watermark.closes(earlier.position),
                    }
                }
                after = 0;
                stream.watermark.opens(None)
            }
            Mark::End { version, .. } => {
                after = stream.watermark.opens(Some(version.clone()));
                match stream.superseded.take() {
                    None => after,
                    // The place must not pass what the earlier end would have said.
                    Some(position) => {
                        stream.watermark.closes(after);
                        position
                    }
                }
            }
        };
        let resource = Arc::clone(&stream.resource);
        self.marks.push(Marked { stream: id, resource, position, after, mark, since: now });
        Some(position.max(after))
    }

    /// Where in a stream the last is that has arrived.
    pub(crate) fn last_position(&self, stream: StreamId) -> u64 {
        self.streams.get(&stream).map_or(0, |s| s.watermark.last_position())
    }

    /// Whether the queue has accepted all of a stream up to a position, that one included.
    pub(crate) fn has_accepted(&self, stream: StreamId, position: u64) -> bool {
        self.streams.get(&stream).is_some_and(|s| s.watermark.is_clear_before(position + 1, u64::MAX))
    }

    /// The stream has come to a version without a change that anybody wants.
    pub(crate) fn pass(&mut self, stream: StreamId, version: Version) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.watermark.passes(version);
        }
    }

    /// Hands out what waits, the longest first: of one shard, or of all. `pack` says whether it took the item;
    /// the first that it does not take ends the round. Marks go with the first round that can carry them; a
    /// list's end waits until all before it was accepted.
    pub(crate) fn take(&mut self, shard: Option<u16>, mut pack: impl FnMut(Item<'_>) -> bool) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        if !self.take_marks(&mut tickets, &mut pack) {
            return tickets;
        }
        let shards = shard.map_or(0..self.shards, |shard| shard..shard + 1);
        for shard in shards {
            while let Some(&index) = self.queues[usize::from(shard)].slots.front() {
                let press = &mut self.press;
                if !self.slots[index].as_ref().is_none_or(|slot| pack(item(slot, press))) {
                    return tickets;
                }
                self.queues[usize::from(shard)].slots.pop_front();
                if let Some(slot) = self.slots[index].take() {
                    self.free.push(index);
                    self.by_key.remove(&(slot.stream, object_name(&slot.change)));
                    let raw_cost = raw_cost(&slot.change);
                    self.bytes -= cost(&slot.change);
                    self.raw_bytes -= raw_cost;
                    self.queues[usize::from(shard)].raw_bytes -= raw_cost;
                    self.forget_patterns();
                    tickets.push(Ticket { stream: slot.stream, position: slot.position });
                }
            }
        }
        tickets
    }

    fn take_marks(&mut self, tickets: &mut Vec<Ticket>, pack: &mut impl FnMut(Item<'_>) -> bool) -> bool {
        let mut held = Vec::new();
        let mut goes_on = true;
        for marked in std::mem::take(&mut self.marks) {
            if !goes_on || !self.may_leave(&marked) {
                held.push(marked);
                continue;
            }
            let (kind, list) = match &marked.mark {
                Mark::Begin { list } => (ChangeKind::ListBegin, list),
                Mark::End { list, .. } => (ChangeKind::ListEnd, list),
            };
            let Marked { resource, since, .. } = &marked;
            let item = Item { kind, resource, list: Some(list), object: None, observed_at: *since };
            if pack(item) {
                tickets.push(Ticket { stream: marked.stream, position: marked.position });
            } else {
                goes_on = false;
                held.push(marked);
            }
        }
        self.marks = held;
        goes_on
    }

    fn may_leave(&self, marked: &Marked) -> bool {
        matches!(marked.mark, Mark::Begin { .. })
            || self
                .streams
                .get(&marked.stream)
                .is_none_or(|s| s.watermark.is_clear_before(marked.after, marked.position))
    }

    /// The queue has accepted them.
    pub(crate) fn accepted(&mut self, tickets: &[Ticket]) {
        for ticket in tickets {
            if let Some(stream) = self.streams.get_mut(&ticket.stream) {
                stream.watermark.closes(ticket.position);
            }
        }
    }

    /// Where a restart must read a stream on.
    pub(crate) fn place(&self, stream: StreamId) -> Option<&Version> {
        self.streams.get(&stream)?.watermark.place()
    }

    /// How many bytes wait, what each entry costs and patterns included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.pattern_bytes
    }

    /// How many bytes they are, uncompressed.
    pub(crate) fn raw_bytes(&self) -> usize {
        self.raw_bytes
    }

    /// The shard of which most bytes wait, uncompressed, and how many; `None` where no object waits.
    pub(crate) fn fullest_shard(&self) -> Option<(u16, usize)> {
        let bytes = (0..self.shards).zip(self.queues.iter().map(|queue| queue.raw_bytes));
        bytes.max_by_key(|&(_, bytes)| bytes).filter(|&(_, bytes)| bytes > 0)
    }

    /// Whether half of what may wait does.
    pub(crate) fn is_half_full(&self) -> bool {
        self.bytes() >= self.limit() / 2
    }

    /// How many objects wait.
    pub(crate) fn objects(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is nothing that could be sent now.
    pub(crate) fn is_idle(&self) -> bool {
        self.by_key.is_empty() && !self.marks.iter().any(|marked| self.may_leave(marked))
    }

    /// Whether nothing waits, and nothing waits for what is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.marks.is_empty()
    }

    /// Since when the oldest of what could be sent now has waited.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let fronts = self.queues.iter().filter_map(|queue| queue.slots.front());
        let changes = fronts.filter_map(|&index| self.slots[index].as_ref()).map(|slot| slot.since);
        let mark = self.marks.iter().find(|marked| self.may_leave(marked));
        changes.chain(mark.map(|marked| marked.since)).min()
    }
}

fn item<'s>(slot: &'s Slot, press: &'s mut Press) -> Item<'s> {
    let Change { deleted, list, object, observed_at, .. } = &slot.change;
    let kind = if *deleted { ChangeKind::Deleted } else { ChangeKind::Applied };
    let resource = &slot.resource;
    let list = list.as_deref().filter(|_| !*deleted);
    Item { kind, resource, list, object: Some(press.open(object)), observed_at: *observed_at }
}

/// Whether what waits is newer than what comes now. Within a stream the order of arrival decides unless the
/// versions say otherwise; a deletion stands against whatever is not newer, and what is gone does not return
/// under its uid. But what a list names is so whatever its version: it was asked for after what waits was seen, and is older
/// where an etcd was restored; should it be stale, the watch that follows it tells of all that came after.
fn outdates(waits: &Change, comes: &Change) -> bool {
    if comes.list.is_some() || (comes.deleted && comes.uid == waits.uid) {
        return false;
    }
    if waits.deleted && waits.uid == comes.uid {
        return true;
    }
    match (waits.version.parse::<u64>(), comes.version.parse::<u64>()) {
        (Ok(waiting), Ok(coming)) => coming < waiting,
        _ => false,
    }
}

fn object_name(change: &Change) -> Box<str> {
    match &change.namespace {
        Some(namespace) => format!("{namespace}/{}", change.name).into_boxed_str(),
        None => change.name.clone(),
    }
}

fn group(change: &Change) -> Group {
    Group::of(change.namespace.as_deref(), &change.name)
}

fn cost(change: &Change) -> usize {
    raw_cost(change) - change.object.raw_len() + change.object.held_len()
}

fn raw_cost(change: &Change) -> usize {
    let names = change.namespace.as_ref().map_or(0, |n| n.len()) + change.name.len();
    change.object.raw_len() + 2 * names + change.uid.len() + change.version.len() + OVERHEAD_BYTES
}
