use crate::observed::Observed;
use crate::sitting::Sitting;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_model::{GroupKind, LabelSelector, ObjectKey, Scope};
use prodrome_queue::Queue;
use prodrome_rules::{Evaluation, Partner, Rule, Target, json};
use prodrome_store::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Objects that one check watches for changes.
const EDGES_MAX: usize = 40;
/// Pages of a selection that are read: what matches is found early, or there is a lot of it.
const PAGES_MAX: usize = 4;

/// Pages of all objects of a kind, of which it is to be said that none refers to something.
const ALL_PAGES_MAX: usize = 20;
/// Bytes of listed objects that are kept for the next that asks.
const LISTED_BYTES_MAX: usize = 48 * 1024 * 1024;

/// A target and what was found there; `None` where that cannot be said.
type Answer = (Target, Option<Vec<Vec<u8>>>);
/// The same, parsed.
type Parsed<'a> = (&'a Target, Option<Vec<json::Node<'a>>>);

/// A partner that cannot be parsed is there all the same: what is not known makes no finding.
fn parse_all<'a>(answers: &'a [Answer]) -> Vec<Parsed<'a>> {
    let parse = |found: &'a Vec<Vec<u8>>| -> Option<Vec<json::Node<'a>>> {
        found.iter().map(|bytes| json::parse(bytes).ok()).collect()
    };
    answers.iter().map(|(target, found)| (target, found.as_ref().and_then(parse))).collect()
}

fn found_at<'a>(parsed: &'a [Parsed<'a>], target: &Target) -> Partner<'a> {
    let found = parsed.iter().find(|(t, _)| *t == target).and_then(|(_, found)| found.as_ref());
    found.map_or(Partner::Unknown, |nodes| Partner::Found(nodes.iter().collect()))
}

/// Whether a name stands somewhere in an object. Names of objects need no escapes in JSON.
fn mentions(bytes: &[u8], name: &str) -> bool {
    memchr::memmem::find(bytes, name.as_bytes()).is_some()
}

/// What was listed at one instant, for all that ask at the same.
#[derive(Default)]
pub(crate) struct Listings(Mutex<Listed>);

#[derive(Default)]
struct Listed {
    at: Option<Timestamp>,
    bytes: usize,
    by_place: HashMap<Place, Arc<Vec<Vec<u8>>>>,
}

type Place = (Scope, GroupKind, Option<String>);

impl Listings {
    fn get(&self, now: Timestamp, place: &Place) -> Option<Arc<Vec<Vec<u8>>>> {
        let listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listed.by_place.get(place).filter(|_| listed.at == Some(now)).cloned()
    }

    fn keep(&self, now: Timestamp, place: Place, objects: &Arc<Vec<Vec<u8>>>) {
        let mut listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.at != Some(now) {
            *listed = Listed { at: Some(now), ..Listed::default() };
        }
        let bytes: usize = objects.iter().map(Vec::len).sum();
        if listed.bytes + bytes <= LISTED_BYTES_MAX {
            listed.bytes += bytes;
            listed.by_place.insert(place, objects.clone());
        }
    }
}

/// What a rule says of an object, with the objects it refers to.
pub(crate) struct Asked {
    /// The verdict. What may not be read, or is not known, does not hold.
    pub(crate) evaluation: Evaluation,
    /// The paths of the objects that were named, present or not.
    pub(crate) edges: Vec<String>,
    /// All that is missing is an object in its usual state: it may yet come, and nothing will tell of it.
    pub(crate) lacks_usual: bool,
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
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
        let answers = self.look_all_up(rule.targets(&object.node, now), object, now, &mut edges).await?;
        let parsed = parse_all(&answers);
        let next = rule.next_targets(&object.node, now, &|target| found_at(&parsed, target));
        let next_answers = self.look_all_up(next, object, now, &mut edges).await?;
        let mut parsed_all = parse_all(&next_answers);
        parsed_all.extend(parsed);
        let judgement = rule.judge(&object.node, now, &|target| found_at(&parsed_all, target));
        edges.sort();
        edges.dedup();
        edges.truncate(EDGES_MAX);
        Ok(Asked { evaluation: judgement.evaluation, edges, lacks_usual: judgement.lacks_usual })
    }

    async fn look_all_up(
        &self,
        targets: Vec<Target>,
        object: &Observed<'_>,
        now: Timestamp,
        edges: &mut Vec<String>,
    ) -> Result<Vec<Answer>, ClusterError> {
        let mut answers = Vec::new();
        for target in targets {
            let answer = match self.look_up(&target, object.metadata.namespace.as_deref(), now, edges).await {
                Ok(found) => Some(found),
                Err(ClusterError::UnknownKind { .. }) => Some(Vec::new()),
                Err(ClusterError::Forbidden { .. } | ClusterError::NotKnown { .. }) => None,
                Err(error) => return Err(error),
            };
            answers.push((target, answer));
        }
        Ok(answers)
    }

    /// The objects that a target points at.
    async fn look_up(
        &self,
        target: &Target,
        own_namespace: Option<&str>,
        now: Timestamp,
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
            Target::Referrers { kind, name, .. } => {
                let kind = self.served(kind).await?;
                let all = self.all_of(&kind, namespace, now).await?;
                let mentions = |bytes: &&Vec<u8>| name.as_deref().is_none_or(|name| mentions(bytes, name));
                Ok(all.iter().filter(mentions).cloned().collect())
            }
        }
    }

    /// All objects of a kind. Many objects of one look or one relist ask for the same.
    async fn all_of(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Vec<Vec<u8>>>, ClusterError> {
        let key = (self.scope.clone(), kind.clone(), namespace.map(str::to_owned));
        if let Some(listed) = self.listings.get(now, &key) {
            return Ok(listed);
        }
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..ALL_PAGES_MAX {
            let page = self.cluster.list(kind, namespace, None, after.as_deref()).await?;
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                // Where there is nothing of the kind at all nobody can say who uses what: files may lack it.
                let is_whole = namespace.is_none();
                if found.is_empty()
                    && !self.seeing_all
                    && (is_whole || self.cluster.list(kind, None, None, None).await?.items.is_empty())
                {
                    return Err(ClusterError::NotKnown { kind: kind.to_string() });
                }
                let listed = Arc::new(found);
                self.listings.keep(now, key, &listed);
                return Ok(listed);
            }
        }
        // Of what is not all there nobody can say that it does not refer.
        Err(ClusterError::NotKnown { kind: kind.to_string() })
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
