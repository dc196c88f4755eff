//! Rules on events: what an event tells is the matter of the object that it is about.

use crate::count::same;
use crate::observed::{Observed, Sight, kept};
use crate::sitting::Sitting;
use jiff::Timestamp;
use prodrome_cluster::event::AboutObject;
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_lifecycle::{Check, Seen, SeenEvent, Sighting, Verdict};
use prodrome_model::{ChangeKind, GroupKind, Metadata, ObjectHead, ObjectKey, ObjectRef, Resource, later};
use prodrome_queue::Queue;
use prodrome_rules::Rule;
use prodrome_store::Store;

/// Whether objects of this kind are events.
pub(crate) fn is_event(kind: &GroupKind) -> bool {
    kind.group.is_empty() && kind.kind == "Event"
}

/// Whether a change says nothing: an event that expires takes nothing back.
pub(crate) fn is_expiry(kind: &GroupKind, change: ChangeKind) -> bool {
    is_event(kind) && change == ChangeKind::Deleted
}

/// The path of the object that an event is about; `None` where it names none.
pub(crate) fn subject_path(bytes: &[u8]) -> Option<String> {
    AboutObject::from_json(bytes).ok().filter(is_about_something).map(|about| about.object.path())
}

pub(crate) fn is_about_something(about: &AboutObject) -> bool {
    !about.object.name.is_empty() && !about.object.kind.kind.is_empty()
}

/// The object that an event is about, as findings name it.
pub(crate) fn subject(about: &AboutObject) -> ObjectRef {
    ObjectRef {
        api_version: about.api_version.clone(),
        kind: about.object.kind.kind.clone(),
        namespace: about.object.namespace.clone(),
        name: about.object.name.clone(),
    }
}

/// How a check names the kind of that object. How the cluster serves it nobody has to know: it is read by its key.
pub(crate) fn subject_resource(about: &AboutObject) -> Resource {
    let version = about.api_version.rsplit('/').next().unwrap_or_default();
    Resource {
        group: about.object.kind.group.clone(),
        version: version.to_owned(),
        kind: about.object.kind.kind.clone(),
        plural: String::new(),
        namespaced: about.object.namespace.is_some(),
    }
}

/// The identity of that object; empty where the event does not tell. A kubelet writes its node's name there.
pub(crate) fn subject_uid(about: &AboutObject) -> String {
    if about.uid == about.object.name { String::new() } else { about.uid.clone() }
}

impl Observed<'_> {
    /// What a rule on events sees in this event; `None` where it does not match, which says nothing of what other
    /// events tell.
    pub(crate) fn event_sight(
        &self,
        rule: &Rule,
        about: &AboutObject,
        at: Timestamp,
        now: Timestamp,
    ) -> Option<Sight> {
        let mut sight = self.sight(rule, at, now);
        let Seen::Present { verdict, since, .. } = &mut sight.sighting.seen else { return None };
        if *verdict == Verdict::Not {
            return None;
        }
        let last_seen = about.brief.last_seen.unwrap_or(at).min(now);
        let event = SeenEvent {
            object: self.key(),
            uid: self.metadata.uid.clone(),
            count: about.brief.count,
            first_seen: about.first_seen.unwrap_or(last_seen).min(last_seen),
            last_seen,
        };
        let began = since.map_or_else(|| event.began(rule.event_window()), |since| since.min(now));
        *since = Some(began);
        sight.sighting.uid = subject_uid(about);
        sight.metadata = Metadata::default(); // the event's own is not its subject's
        sight.event = Some(event);
        Some(sight)
    }
}

impl Sight {
    /// An event that goes on with what another told of the same object: it did not begin anew.
    pub(crate) fn joining(&self, check: &Check, rule: &Rule) -> Sighting {
        let mut sighting = self.sighting.clone();
        if !same(&check.uid, &sighting.uid) {
            return sighting; // what was told of the one before is none of its
        }
        if let (Some(_), Some(before), Seen::Present { since: Some(since), .. }) =
            (&self.event, &check.event, &mut sighting.seen)
        {
            let held_until = later(before.last_seen, rule.event_window());
            if held_until >= *since {
                *since = check.since.min(*since);
            }
        }
        sighting
    }
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Looks at what an event told: whether its object is still there, and the event itself, which may have been
    /// seen again. Where it has expired, what is remembered of it counts until its window is over.
    pub(crate) async fn live_event(
        &self,
        rule: &Rule,
        check: &Check,
        now: Timestamp,
    ) -> Result<Sight, ClusterError> {
        let gone = Sighting {
            uid: check.uid.clone(),
            version: check.resource_version,
            at: now,
            seen_at: Some(now),
            look: true,
            list: None,
            epoch: 0,
            seen: Seen::Gone,
        };
        let Some(metadata) = self.subject_metadata(&check.object.key()).await? else {
            return Ok(Sight::bare(gone));
        };
        // Another has its name, as was told; where nobody may read whose it is, that is all that is known.
        let rumour = check.rumour_of_another().filter(|rumour| same(&rumour.uid, &metadata.uid));
        if let Some(rumour) = rumour {
            let Some(event) = &rumour.event else { return Ok(Sight::bare(gone)) };
            let Some(mut sight) = self.event_again(rule, event, now).await? else {
                return Ok(Sight::bare(gone));
            };
            sight.metadata = metadata;
            sight.sighting.at = rumour.since.unwrap_or(now).min(now);
            return Ok(sight);
        }
        if !same(&check.uid, &metadata.uid) {
            return Ok(Sight::bare(gone));
        }
        let Some(event) = &check.event else { return Ok(Sight::bare(gone)) };
        if let Some(mut sight) = self.event_again(rule, event, now).await? {
            sight.metadata = metadata;
            return Ok(sight);
        }
        let until = later(event.last_seen, rule.event_window());
        // What another rule saw says nothing of this one.
        let remembers = event.count > 0 && check.is_meant_by(rule.meaning());
        let holds = remembers && now < until && rule.reference_groups().is_empty();
        let seen = Seen::Present {
            verdict: if holds { Verdict::Holds } else { Verdict::Not },
            since: holds.then_some(check.since),
            turns_at: holds.then_some(until),
        };
        // It is over since then, however late somebody looks.
        let at = if remembers { until.min(now) } else { now };
        let known = Sight::bare(Sighting { seen, at, ..gone });
        Ok(Sight { metadata, summary: check.summary.clone(), evidence: check.evidence.clone(), ..known })
    }

    /// The event as it is now, if it is there and matches.
    async fn event_again(
        &self,
        rule: &Rule,
        event: &SeenEvent,
        now: Timestamp,
    ) -> Result<Option<Sight>, ClusterError> {
        let found = match self.cluster.get(&event.object).await {
            Err(
                ClusterError::UnknownKind { .. }
                | ClusterError::Forbidden { .. }
                | ClusterError::NotKnown { .. },
            ) => None,
            other => other?,
        };
        let Some(bytes) = found else { return Ok(None) };
        let resource = event_resource();
        let Ok(observed) = Observed::parse(&resource, &bytes) else { return Ok(None) };
        let Some(about) = &observed.about else { return Ok(None) };
        let Some(mut sight) = observed.event_sight(rule, about, now, now) else { return Ok(None) };
        sight.sighting.look = true;
        if let Seen::Present { verdict: Verdict::HoldsIfReferenced, since, .. } = sight.sighting.seen {
            let asked = self.ask(rule, &observed, now).await?;
            let verdict = if asked.evaluation.matches { Verdict::Holds } else { Verdict::Not };
            sight.sighting.seen = Seen::Present { verdict, since, turns_at: asked.evaluation.turns_at };
            sight.evidence = asked.evaluation.evidence;
            sight.edges = Some(asked.edges);
        }
        Ok(Some(sight))
    }

    /// The metadata of an event's object, as it is kept: `None` where it is gone, and empty where it must not be read.
    pub(crate) async fn subject_metadata(&self, key: &ObjectKey) -> Result<Option<Metadata>, ClusterError> {
        let found = match self.cluster.get(key).await {
            Err(ClusterError::UnknownKind { .. }) => None,
            Err(ClusterError::Forbidden { .. } | ClusterError::NotKnown { .. }) => {
                return Ok(Some(Metadata::default()));
            }
            other => other?,
        };
        Ok(found.map(|bytes| {
            serde_json::from_slice::<ObjectHead>(&bytes).map(|head| kept(head.metadata)).unwrap_or_default()
        }))
    }
}

fn event_resource() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Event".to_owned(),
        plural: "events".to_owned(),
        namespaced: true,
    }
}
