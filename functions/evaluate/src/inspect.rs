use crate::Evaluate;
use crate::event;
use crate::observed::{Observed, Sight};
use crate::sitting::Sitting;
use jiff::Timestamp;
use prodrome_cluster::{ClusterError, Clusters};
use prodrome_lambda::Failure;
use prodrome_lifecycle::{Begin, Seen, Verdict};
use prodrome_model::{Metadata, ObjectRef, Resource, Scope};
use prodrome_queue::Queue;
use prodrome_rules::Rule;
use prodrome_store::Store;

/// What one rule says of one object now, its references looked up.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The rule's name.
    pub rule: String,
    /// The object; of a rule on events the one that the event is about.
    pub object: ObjectRef,
    /// Its metadata.
    pub metadata: Metadata,
    /// Since when it matches, if the object itself tells.
    pub since: Option<Timestamp>,
    /// One line.
    pub summary: String,
    /// What matched.
    pub evidence: Vec<String>,
    /// Of a rule with a frequency: what the object tells of its begins. Whether they are enough is for whoever has
    /// seen all objects to say.
    pub counts: Option<Counts>,
}

/// The begins of a match that an object itself tells of.
#[derive(Debug, Clone)]
pub struct Counts {
    /// What they are counted by.
    pub group: String,
    /// Whom a finding is told together with.
    pub owner: ObjectRef,
    /// Those that are told of. Where only their number and their ends are known they are spread evenly.
    pub begins: Vec<Begin>,
}

/// Why an object could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The object is malformed.
    #[error("{0}")]
    Object(Failure),
    /// What it refers to cannot be read.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl<S: Store, Q: Queue, C: Clusters> Evaluate<S, Q, C> {
    /// What the rules say of an object now, without any history: those that match, with references looked up.
    ///
    /// An event speaks for the object that it is about, if that is still there.
    pub async fn inspect(
        &self,
        scope: &Scope,
        resource: &Resource,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Inspection>, InspectError> {
        Sitting::new(self, scope.clone(), None).inspected(resource, bytes, now).await
    }
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    async fn inspected(
        &self,
        resource: &Resource,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Inspection>, InspectError> {
        let observed = Observed::parse(resource, bytes)
            .map_err(|error| InspectError::Object(Failure::fatal("object_malformed", error)))?;
        let mut found = Vec::new();
        // What a plugin finds nobody knows who only looks.
        for rule in self.rules.for_kind(&observed.kind()).filter(|rule| rule.periodic().is_none()) {
            let sight = match &observed.about {
                Some(about) => observed.event_sight(rule, about, now, now),
                None => Some(observed.sight(rule, now, now)),
            };
            let Some(mut sight) = sight else { continue };
            let Seen::Present { verdict, .. } = sight.sighting.seen else { continue };
            match verdict {
                Verdict::Not => continue,
                Verdict::Holds => {}
                Verdict::HoldsIfReferenced => {
                    let asked = self.ask(rule, &observed, now).await?;
                    if !asked.evaluation.matches {
                        continue;
                    }
                    sight.evidence = asked.evaluation.evidence;
                }
            }
            found.extend(self.inspection(rule, &observed, sight, now).await?);
        }
        Ok(found)
    }

    async fn inspection(
        &self,
        rule: &Rule,
        observed: &Observed<'_>,
        mut sight: Sight,
        now: Timestamp,
    ) -> Result<Option<Inspection>, ClusterError> {
        let (object, metadata) = match &observed.about {
            None => (observed.object(), observed.metadata.clone()),
            Some(about) => {
                let Some(metadata) = self.subject_metadata(&about.object).await? else { return Ok(None) };
                let uid = &sight.sighting.uid;
                if !uid.is_empty() && !metadata.uid.is_empty() && *uid != metadata.uid {
                    return Ok(None); // it told of an object that had the name before
                }
                sight.metadata = metadata.clone();
                (event::subject(about), metadata)
            }
        };
        let counts = match self.told_begins(rule, observed, &sight, &object, now).await {
            Some((group, owner, begins)) => Some(Counts { group, owner, begins }),
            None if rule.frequency().is_some() => return Ok(None),
            None => None,
        };
        let Seen::Present { since, .. } = sight.sighting.seen else { return Ok(None) };
        Ok(Some(Inspection {
            rule: rule.name().to_owned(),
            object,
            metadata,
            since: since.map(|since| since.min(now)),
            summary: sight.summary,
            evidence: sight.evidence,
            counts,
        }))
    }
}
