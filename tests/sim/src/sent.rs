//! What the watcher says of its lists.

use crate::clock::{Clock, Millis, timestamp};
use crate::complaint::Complaint;
use crate::model::{Cluster, NAMESPACE};
use prodrome_model::{Change, ChangeKind, RawJson};
use prodrome_queue::pack::{self, UNCOMPRESSED_MAX};
use prodrome_queue::{Body, Message};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a watcher has sent, held against the cluster. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Sent {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// When each list began.
    begun: BTreeMap<String, Millis>,
    /// The newest version that was sent of each object, by its uid.
    newest: BTreeMap<String, u64>,
    complaints: Vec<Complaint>,
}

impl Sent {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was wrong with it.
    pub(crate) fn complaints(&self) -> Vec<Complaint> {
        self.lock().complaints.clone()
    }

    /// Notes what is sent at an instant, whatever the watcher's clock shows then.
    pub(crate) fn note(&self, cluster: &Cluster, messages: &[Message], now: Millis) {
        for message in messages {
            let Body::Pack(bytes) = &message.body else { continue };
            let Ok(decoded) = pack::decode(bytes, UNCOMPRESSED_MAX) else { continue };
            let shown = decoded.made_at.unwrap_or(timestamp(now));
            for change in decoded.changes.into_iter().flatten() {
                let seen_at = now - (Clock::since_begin(shown) - Clock::since_begin(change.observed_at));
                self.lock().change(cluster, &change, seen_at);
            }
        }
    }
}

impl Inner {
    fn change(&mut self, cluster: &Cluster, change: &Change, at: Millis) {
        match (change.kind, &change.list) {
            (ChangeKind::ListBegin, Some(list)) => _ = self.begun.insert(list.clone(), at),
            (ChangeKind::ListEnd, Some(list)) => self.list_ended(cluster, change, list, at),
            _ => {
                let object = change.object.as_ref().map(RawJson::get).unwrap_or_default();
                let object: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
                let metadata = &object["metadata"];
                let uid = metadata["uid"].as_str().unwrap_or_default().to_owned();
                let version = metadata["resourceVersion"].as_str().and_then(|version| version.parse().ok());
                let newest = self.newest.entry(uid).or_default();
                *newest = version.unwrap_or(0).max(*newest);
            }
        }
    }

    /// A list is at its end: all that was there when it began, and still is, was sent as it was then, or as it is since.
    fn list_ended(&mut self, cluster: &Cluster, end: &Change, list: &str, ended: Millis) {
        let Some(begun) = self.begun.get(list) else { return };
        let (then, now) = {
            let inner = cluster.lock();
            (inner.turns.objects_at(*begun), inner.turns.objects_at(ended))
        };
        for (key, was) in then
            .iter()
            .filter(|((kind, namespace, _), _)| kind.as_str() == end.resource.kind && namespace == NAMESPACE)
        {
            let uid = was.object["metadata"]["uid"].as_str().unwrap_or_default();
            let stays = now.get(key).is_some_and(|is| is.object["metadata"]["uid"] == uid);
            let sent = self.newest.get(uid).copied().unwrap_or(0);
            if stays && sent < was.version {
                let about = format!(
                    "{list}, from {begun} to {ended}, of {uid} in version {}: {sent} was sent",
                    was.version
                );
                self.complaints.push(Complaint::new("a list does not tell of what is there", about));
            }
        }
    }
}
