use crate::Evaluate;
use crate::observed::Observed;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError};
use prodrome_lambda::Failure;
use prodrome_lifecycle::{Seen, Verdict};
use prodrome_model::{Metadata, ObjectRef, Resource};
use prodrome_queue::Queue;
use prodrome_store::Store;

/// What one rule says of one object now, its references looked up.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The rule's name.
    pub rule: String,
    /// The object.
    pub object: ObjectRef,
    /// Its metadata.
    pub metadata: Metadata,
    /// Since when it matches, if the object itself tells.
    pub since: Option<Timestamp>,
    /// One line.
    pub summary: String,
    /// What matched.
    pub evidence: Vec<String>,
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

impl<S: Store, Q: Queue, C: Cluster> Evaluate<S, Q, C> {
    /// What the rules say of an object now, without any history: those that match, with references looked up.
    pub async fn inspect(
        &self,
        resource: &Resource,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Inspection>, InspectError> {
        let observed = Observed::parse(resource, bytes)
            .map_err(|error| InspectError::Object(Failure::fatal("object_malformed", error)))?;
        let mut found = Vec::new();
        for rule in self.rules.for_kind(&observed.kind()) {
            let mut sight = observed.sight(rule, now, now);
            let Seen::Present { verdict, since, .. } = sight.sighting.seen else { continue };
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
            found.push(Inspection {
                rule: rule.name().to_owned(),
                object: observed.object(),
                metadata: observed.metadata.clone(),
                since,
                summary: sight.summary,
                evidence: sight.evidence,
            });
        }
        Ok(found)
    }
}
