use crate::Evaluate;
use crate::observed::Observed;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError};
use prodrome_model::{GroupKind, LabelSelector, ObjectKey};
use prodrome_queue::Queue;
use prodrome_rules::{Evaluation, Partner, Rule, Target, json};
use prodrome_store::Store;

/// Objects that one check watches for changes.
const EDGES_MAX: usize = 40;
/// Pages of a selection that are read: what matches is found early, or there is a lot of it.
const PAGES_MAX: usize = 4;

/// What a rule says of an object, with the objects it refers to.
pub(crate) struct Asked {
    /// The verdict. What may not be read, or is not known, does not hold.
    pub(crate) evaluation: Evaluation,
    /// The paths of the objects that were named, present or not.
    pub(crate) edges: Vec<String>,
}

impl<S: Store, Q: Queue, C: Cluster> Evaluate<S, Q, C> {
    /// Asks the live cluster for the objects that a rule needs beside its own, and judges with them.
    ///
    /// A kind that the cluster does not serve has no objects, so that what is named of it is missing.
    ///
    /// # Errors
    /// Where the cluster cannot be read now: it is asked again later.
    pub(crate) async fn ask(
        &self,
        rule: &Rule,
        object: &Observed<'_>,
        now: Timestamp,
    ) -> Result<Asked, ClusterError> {
        let mut edges = Vec::new();
        let mut answers: Vec<(Target, Option<Vec<Vec<u8>>>)> = Vec::new();
        for target in rule.targets(&object.node, now) {
            let answer = match self.look_up(&target, object.metadata.namespace.as_deref(), &mut edges).await {
                Ok(found) => Some(found),
                Err(ClusterError::UnknownKind { .. }) => Some(Vec::new()),
                Err(ClusterError::Forbidden { .. } | ClusterError::NotKnown { .. }) => None,
                Err(error) => return Err(error),
            };
            answers.push((target, answer));
        }
        // A partner that cannot be parsed is there all the same: what is not known makes no finding.
        let parsed: Vec<(&Target, Option<Vec<json::Node<'_>>>)> = answers
            .iter()
            .map(|(target, found)| {
                let nodes = found
                    .as_ref()
                    .and_then(|found| found.iter().map(|b| json::parse(b).ok()).collect::<Option<Vec<_>>>());
                (target, nodes)
            })
            .collect();
        let judgement = rule.judge(&object.node, now, &|target| {
            let found = parsed.iter().find(|(t, _)| *t == target).and_then(|(_, found)| found.as_ref());
            found.map_or(Partner::Unknown, |nodes| Partner::Found(nodes.iter().collect()))
        });
        edges.sort();
        edges.dedup();
        edges.truncate(EDGES_MAX);
        Ok(Asked { evaluation: judgement.evaluation, edges })
    }

    /// The objects that a target points at.
    async fn look_up(
        &self,
        target: &Target,
        own_namespace: Option<&str>,
        edges: &mut Vec<String>,
    ) -> Result<Vec<Vec<u8>>, ClusterError> {
        let namespace = target.namespace(own_namespace);
        match target {
            Target::Named { kind, name, .. } => {
                let kind = self.served(kind).await?;
                let key = ObjectKey::new(kind, namespace, &**name);
                edges.push(key.path());
                Ok(self.cluster.get(&key).await?.into_iter().collect())
            }
            Target::Selected { kind, selector, .. } => {
                let kind = self.served(kind).await?;
                self.selected(&kind, namespace, selector).await
            }
        }
    }

    /// The kind with the group by which the cluster serves it.
    async fn served(&self, kind: &GroupKind) -> Result<GroupKind, ClusterError> {
        Ok(self.cluster.resource(kind).await?.group_kind())
    }

    async fn selected(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Result<Vec<Vec<u8>>, ClusterError> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = self.cluster.list(kind, namespace, Some(selector), after.as_deref()).await?;
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
