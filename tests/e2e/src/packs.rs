use crate::System;
use crate::cluster::resource_of;
use crate::system::now;
use anyhow::Result;
use jiff::Timestamp;
use prodrome_model::{ChangeKind, Resource, SHARDS_DEFAULT, Scope, Source, Waybill};
use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_queue::{Message, Queue, QueueName};
use serde_json::Value;
use std::cell::Cell;

/// Packs made by hand, for what a watcher would not send, or not in that order. Counts its changes.
pub struct Packs<'s> {
    system: &'s System,
    scope: Scope,
    sequence: Cell<u64>,
    /// The run of a watcher that says how its changes are numbered.
    run: Option<u64>,
}

impl<'s> Packs<'s> {
    pub(crate) fn new(system: &'s System, scope: Scope) -> Self {
        Self { system, scope, sequence: Cell::new(0), run: None }
    }

    /// The same, as a run of a watcher makes them that numbers its changes. What is packed counts as accepted once
    /// the next pack is made.
    #[must_use]
    pub fn numbered(self, run: u64) -> Self {
        Self { run: Some(run), ..self }
    }

    /// A pack of objects as they are now. They must bear a `metadata.resourceVersion`.
    pub fn pack(&self, objects: &[Value]) -> Result<Vec<u8>> {
        let changes: Vec<_> = objects.iter().map(|o| (resource_of(o), o.to_string().into_bytes())).collect();
        self.pack_raw(&changes)
    }

    /// A pack of bytes that may be anything.
    pub fn pack_raw(&self, changes: &[(Resource, Vec<u8>)]) -> Result<Vec<u8>> {
        let accepted = self.sequence.get();
        let waybill =
            |epoch| Waybill { epoch, first: accepted + 1, accepted, read: accepted, ..Waybill::default() };
        let mut builder = match self.run {
            None => PackBuilder::new(&self.head()),
            Some(run) => PackBuilder::of_counting_watcher(&self.head(), 0, 0, waybill(run)),
        };
        for (resource, object) in changes {
            self.sequence.update(|sequence| sequence + 1);
            builder.push_raw(&self.change(resource, now()), Some(object));
        }
        Ok(builder.finish()?.bytes)
    }

    /// A pack without changes that no watcher made.
    pub fn pack_without_changes(&self) -> Vec<u8> {
        finished(PackBuilder::new(&self.head()))
    }

    /// What a quiet watcher sends, which is so far behind its cluster as it knows.
    pub fn heartbeat(&self, lag_seconds: u32) -> Vec<u8> {
        finished(PackBuilder::of_watcher(&self.head(), lag_seconds))
    }

    /// Hands a pack to the queue.
    pub fn send(&self, pack: Vec<u8>) -> Result<()> {
        let queue = self.system.queue()?;
        self.system.runtime.block_on(queue.send(QueueName::Changes, vec![Message::pack(pack)]))?;
        Ok(())
    }

    fn head(&self) -> PackHead {
        PackHead { scope: self.scope.clone(), shard: None, shards: SHARDS_DEFAULT }
    }

    fn change<'a>(&self, resource: &'a Resource, observed_at: Timestamp) -> ChangeHead<'a> {
        ChangeHead {
            kind: ChangeKind::Applied,
            resource,
            epoch: self.run.unwrap_or(1),
            sequence: self.sequence.get(),
            observed_at,
            source: &Source::Watch,
            list: None,
        }
    }
}

fn finished(builder: PackBuilder) -> Vec<u8> {
    builder.finish().expect("a pack without changes is small").bytes
}
