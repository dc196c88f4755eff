//! Rules that stand in the cluster as objects: where one changes, all are read anew and become a version of the rules,
//! as if somebody had pushed them.

use crate::evaluate::store_failure;
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_lifecycle::keys;
use prodrome_model::{Change, Scope, chain, later};
use prodrome_queue::Queue;
use prodrome_rulebook::tenants::{KIND, files, judge, kind, names};
use prodrome_rulebook::{Draft, DraftError, PushError};
use prodrome_store::{Expect, Record, Store, StoreError, Write};
use serde::{Deserialize, Serialize};

/// Changes are gathered so long.
const GATHER: SignedDuration = SignedDuration::from_secs(10);
/// A version makes watchers list what it touches: who changes rules again and again waits so long in between.
const APART: SignedDuration = SignedDuration::from_mins(5);
/// While the cluster cannot be read it is tried again so often.
const UNREAD_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// How the record of a cluster is laid out. Where it is an older one, the rules that were made of the cluster's objects
/// were of no cluster.
const LAYOUT: u32 = 2;
/// Pages of objects that are read.
const PAGES_MAX: usize = 20;

/// When the objects were taken up last.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    layout: u32,
    scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pushed_at: Option<Timestamp>,
}

/// What a look at the objects came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// There is a new version.
    Pushed,
    /// There is none.
    ToNothing,
    /// There is no version at all yet.
    TooEarly,
    /// The cluster could not be read.
    Unread,
}

/// Whether a change is of such an object, or of a list of them.
pub(crate) fn is_rule(change: &Change) -> bool {
    change.resource.kind == KIND && change.resource.group_kind() == kind()
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Sees to it that the objects are read soon. Further changes until then are the same.
    pub(crate) async fn request_objects(&self, scope: &Scope, now: Timestamp) -> Result<(), Failure> {
        if !self.takes_objects || self.law.book().is_none() {
            return Ok(());
        }
        let key = keys::tenants(scope);
        for _ in 0..ATTEMPTS {
            let there = self.store.get(&key).await.map_err(store_failure)?;
            if there.as_ref().and_then(|record| record.due.as_ref()).is_some_and(|due| due.at > now) {
                return Ok(());
            }
            let known = there.as_ref().and_then(|record| serde_json::from_str::<Taken>(&record.data).ok());
            let taken =
                known.unwrap_or_else(|| Taken { layout: LAYOUT, scope: scope.clone(), pushed_at: None });
            let soon = later(now, GATHER);
            let at = taken.pushed_at.map_or(soon, |pushed| later(pushed, APART).max(soon));
            let due = Some(keys::due(&key, at));
            let record = Record { due, ..Record::new(key.clone(), text(&taken)) };
            let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
            match self.store.commit(vec![Write::Put(record, expect)]).await {
                Ok(()) => return self.enqueue(&key, at, now).await,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(store_failure(error)),
            }
        }
        Err(Failure::retryable("tenants_contended", "the record of the cluster's rules is written by many"))
    }

    /// Sees to it that the objects are read soon where what they are was last made of them for no cluster in particular: the
    /// first cluster that is read anew takes all such rules away.
    pub(crate) async fn renew_objects(&self, scope: &Scope, now: Timestamp) -> Result<(), Failure> {
        if !self.takes_objects {
            return Ok(());
        }
        let there = self.store.get(&keys::tenants(scope)).await.map_err(store_failure)?;
        let known = there.and_then(|record| serde_json::from_str::<Taken>(&record.data).ok());
        match known {
            Some(taken) if taken.layout < LAYOUT => self.request_objects(scope, now).await,
            _ => Ok(()),
        }
    }

    /// Reads all objects and makes what holds of them a version. The record stays, and is due no more unless it waits.
    pub(crate) async fn take_up_objects(
        &self,
        record: Record,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let taken: Taken =
            serde_json::from_str(&record.data).map_err(|error| Failure::fatal("tenants_malformed", error))?;
        let came = self.push_objects(&taken.scope, now, tally).await?;
        let pushed_at = Some(now).filter(|_| came == Came::Pushed).or(taken.pushed_at);
        let again = match came {
            Came::TooEarly => Some(later(now, APART)),
            Came::Unread => Some(later(now, UNREAD_AGAIN)),
            Came::Pushed | Came::ToNothing => None,
        };
        let due = again.map(|at| keys::due(&record.key, at));
        let layout = if again.is_none() { LAYOUT } else { taken.layout };
        let done =
            Record { due, ..Record::new(record.key.clone(), text(&Taken { layout, pushed_at, ..taken })) };
        // Where another was asked for meanwhile it is still due.
        self.write_unless_changed(Write::Put(done, Expect::Version(record.version))).await?;
        match again {
            Some(at) => self.enqueue(&record.key, at, now).await,
            None => Ok(()),
        }
    }

    async fn push_objects(&self, scope: &Scope, now: Timestamp, tally: &mut Tally) -> Result<Came, Failure> {
        let Some(book) = self.law.book() else { return Ok(Came::ToNothing) };
        let objects = match self.rule_objects(tally).await {
            Ok(Some(objects)) => objects,
            Ok(None) => return Ok(Came::ToNothing),
            Err(error) => {
                tracing::warn!(reason = %error, "rules of namespaces cannot be read now");
                return Ok(Came::Unread);
            }
        };
        let judged = judge(scope, objects.iter().map(Vec::as_slice));
        for refused in &judged {
            if let Err(reason) = &refused.outcome {
                tally.add(metric::NAMESPACE_RULES_REFUSED, 1);
                let (namespace, name) = (&refused.namespace, &refused.name);
                tracing::warn!(namespace, name, reason, "a rule of a namespace does not hold");
            }
        }
        let head =
            book.head().await.map_err(|error| Failure::retryable("rules_unreadable", chain(&error)))?;
        let Some(head) = head else {
            // The first version is people's: it takes the place of what came with the programs.
            tracing::warn!(
                rules = judged.len(),
                "rules of namespaces wait until somebody pushes the first version"
            );
            return Ok(Came::TooEarly);
        };
        let why = format!("{} rules of namespaces hold, as objects of the cluster say", names(&judged).len());
        let who: String = format!("the objects of {}", scope.cluster).chars().take(90).collect();
        let draft = Draft::new(who, why, files(scope, &judged));
        let draft = Draft { on: Some(head.version), of_namespaces: Some(scope.clone()), ..draft };
        match book.push(&draft, &[], now).await {
            Ok(entry) => {
                tracing::info!(
                    version = entry.version,
                    added = ?entry.added.names,
                    changed = ?entry.changed.names,
                    removed = ?entry.removed.names,
                    "rules of namespaces are a version"
                );
                Ok(Came::Pushed)
            }
            Err(PushError::Draft(DraftError::Nothing)) => Ok(Came::ToNothing),
            Err(error @ (PushError::Overtaken { .. } | PushError::NotWritten(_) | PushError::Book(_))) => {
                Err(Failure::retryable("rules_contended", chain(&error)))
            }
            Err(error) => {
                tally.add(metric::NAMESPACE_RULES_REFUSED, names(&judged).len() as u64);
                tracing::error!(
                    cluster = %scope,
                    reason = chain(&error),
                    "rules of namespaces are no version; those that hold stay"
                );
                Ok(Came::ToNothing)
            }
        }
    }

    /// All objects; `None` where they may not be read, or there are more than anybody may have. The error may be over in a
    /// moment.
    async fn rule_objects(&self, tally: &mut Tally) -> Result<Option<Vec<Vec<u8>>>, ClusterError> {
        let (mut objects, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            match self.cluster.list(&kind(), None, None, after.as_deref()).await {
                Ok(page) => {
                    objects.extend(page.items);
                    after = page.next;
                    if after.is_none() {
                        return Ok(Some(objects));
                    }
                }
                // Their definition is gone, and they with it.
                Err(ClusterError::UnknownKind { .. }) => return Ok(Some(Vec::new())),
                Err(error) => {
                    tally.add(metric::CLUSTER_ERRORS, 1);
                    if error.is_retryable() {
                        return Err(error);
                    }
                    tracing::warn!(reason = %error, "rules of namespaces cannot be read; those that hold stay");
                    return Ok(None);
                }
            }
        }
        tracing::error!(
            pages = PAGES_MAX,
            "there are too many rules of namespaces to be read; those that hold stay"
        );
        Ok(None)
    }
}

fn text(taken: &Taken) -> String {
    serde_json::to_string(taken).expect("plain data is always written as JSON")
}
