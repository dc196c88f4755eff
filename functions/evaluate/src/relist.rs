use crate::evaluate::{contended, store_failure};
use crate::observed::{Matter, Observed};
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_lifecycle::{Relist, Seen, Verdict, keys};
use prodrome_model::{GroupKind, ObjectKey, Scope, later};
use prodrome_queue::Queue;
use prodrome_rules::Rule;
use prodrome_store::{Expect, Record, Store, StoreError, Write};

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Something that a rule refers to went away or turned bad: lists the rule's objects some seconds from now.
    /// Further such changes until then are the same relist.
    pub(crate) async fn request_relist(
        &self,
        scope: &Scope,
        rule: &Rule,
        namespace: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.ask_for_relist(&self.new_relist(scope, rule, namespace, now, SignedDuration::ZERO), now).await
    }

    /// An object of the rule lacks another one in a state that is usual, and of which therefore nothing will tell: lists
    /// the rule's objects again, after a while that grows as long as that is so.
    pub(crate) async fn relist_later(
        &self,
        scope: &Scope,
        rule: &Rule,
        namespace: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.ask_for_relist(&self.new_relist(scope, rule, namespace, now, Relist::WAIT_FIRST), now).await
    }

    fn new_relist(
        &self,
        scope: &Scope,
        rule: &Rule,
        namespace: &str,
        now: Timestamp,
        wait: SignedDuration,
    ) -> Relist {
        Relist {
            layout: 1,
            scope: scope.clone(),
            rule: rule.name().to_owned(),
            namespace: namespace.to_owned(),
            rules: self.loaded.version,
            due: later(now, wait.max(Relist::GATHER)),
            wait_seconds: wait.as_secs(),
            unread_seconds: 0,
        }
    }

    async fn ask_for_relist(&self, relist: &Relist, now: Timestamp) -> Result<(), Failure> {
        let (record, due) = (relist_record(relist), relist.due);
        let key = record.key.clone();
        let mut expect = Expect::Absent;
        for _ in 0..ATTEMPTS {
            match self.store.commit(vec![Write::Put(record.clone(), expect)]).await {
                Ok(()) => return self.enqueue(&key, due, now).await,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(store_failure(error)),
            }
            expect = match self.store.get(&key).await.map_err(store_failure)? {
                // It was done in between, and may have listed before what we know of.
                None => Expect::Absent,
                // One is still to come, and in time; or as soon as a cluster that cannot be read is tried again.
                Some(there)
                    if there.due.as_ref().is_some_and(|there| there.at > now && there.at <= due)
                        || is_put_off(&there, now) =>
                {
                    return Ok(());
                }
                // One is under way and may have listed already: let another follow it. Or it comes too late.
                Some(there) => Expect::Version(there.version),
            };
        }
        Err(contended("relist_contended", &key))
    }

    /// Looks at an object because one that referred to it went away: opens a check where nothing else refers to it.
    pub(crate) async fn check_released(
        &self,
        scope: &Scope,
        rule: &str,
        key: &ObjectKey,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let rules = self.rules.clone();
        let Some(rule) = rules.get(rule) else { return Ok(()) };
        let read = async {
            let resource = self.cluster.resource(&key.kind).await?;
            // Who refers to it lies in a namespace, though it may lie in none.
            let namespace = key.namespace.as_deref().filter(|_| resource.namespaced);
            let key = ObjectKey::new(resource.group_kind(), namespace, &*key.name);
            let bytes = self.cluster.get(&key).await?;
            Ok::<_, ClusterError>((resource, bytes))
        };
        let (resource, bytes) = match read.await {
            Ok((resource, Some(bytes))) => (resource, bytes),
            // Nothing else of its pack waits for that.
            Err(error) if error.is_retryable() => {
                tally.add(metric::CLUSTER_ERRORS, 1);
                let namespace = key.namespace.as_deref().unwrap_or_default();
                return self.request_relist(scope, rule, namespace, now).await;
            }
            Ok((_, None)) | Err(_) => return Ok(()),
        };
        let Ok(observed) = Observed::parse(&resource, &bytes) else { return Ok(()) };
        let sight = observed.sight(rule, now, now);
        if let Seen::Present { verdict: Verdict::HoldsIfReferenced, .. } = sight.sighting.seen {
            let object = observed.object();
            let matter = Matter { scope, rule, resource: &resource, object: &object };
            // It is looked at before it fires, and not at once, unless there is a doubt.
            if let Some(record) = self.settle(matter, &sight, None, now, tally).await? {
                self.look(record, now, tally).await?;
            }
        }
        Ok(())
    }

    /// Lists the objects of a rule and opens a check for each whose references hold now. The record goes when
    /// all is done, unless another relist was asked for meanwhile. Where the cluster cannot be read it stays, for a while
    /// that grows.
    pub(crate) async fn relist(
        &self,
        record: &Record,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let relist: Relist =
            serde_json::from_str(&record.data).map_err(|error| Failure::fatal("relist_malformed", error))?;
        self.knows(relist.rules)?;
        let done = Expect::Version(record.version);
        let next = match self.list_rule(&relist, now, tally).await? {
            Listed::Whole => None,
            Listed::LacksUsual => Some(relist.again(now)),
            Listed::Unread => Some(relist.unread(now)),
        };
        let (write, next) = match next {
            Some(next) => (Write::Put(relist_record(&next), done), Some(next)),
            None => (Write::Delete(record.key.clone(), done), None),
        };
        match (self.store.commit(vec![write]).await, next) {
            (Ok(()), Some(next)) => self.enqueue(&record.key, next.due, now).await,
            (Ok(()) | Err(StoreError::Conflict { .. }), _) => Ok(()),
            (Err(error), _) => Err(store_failure(error)),
        }
    }

    async fn list_rule(&self, relist: &Relist, now: Timestamp, tally: &mut Tally) -> Result<Listed, Failure> {
        let rules = self.rules.clone();
        // What events told is not listed again: each has its own time.
        let listed = rules.get(&relist.rule).filter(|rule| rule.enabled() && !rule.is_about_events());
        let Some(rule) = listed else { return Ok(Listed::Whole) };
        let (mut lacks_usual, mut unread) = (false, false);
        let namespace = Some(relist.namespace.as_str()).filter(|n| !n.is_empty());
        for kind in rule.kinds().iter().filter_map(prodrome_rules::KindPattern::to_group_kind) {
            match self.list_kind(&relist.scope, rule, &kind, namespace, now, tally).await {
                Err(Listing::Cluster(error)) => {
                    tally.add(metric::CLUSTER_ERRORS, 1);
                    unread |= error.is_retryable();
                    tracing::warn!(rule = rule.name(), %kind, reason = %error, "objects that may refer cannot be listed");
                }
                Err(Listing::Failure(failure)) => return Err(failure),
                Ok(lacks) => lacks_usual |= lacks,
            }
        }
        Ok(match (unread, lacks_usual) {
            (true, _) => Listed::Unread,
            (false, true) => Listed::LacksUsual,
            (false, false) => Listed::Whole,
        })
    }

    async fn list_kind(
        &self,
        scope: &Scope,
        rule: &Rule,
        kind: &GroupKind,
        namespace: Option<&str>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<bool, Listing> {
        let resource = match self.cluster.resource(kind).await {
            Err(ClusterError::UnknownKind { .. }) => return Ok(false),
            other => other?,
        };
        let namespace = namespace.filter(|_| resource.namespaced);
        let mut lacks_usual = false;
        let mut after: Option<String> = None;
        loop {
            let page = self.cluster.list(kind, namespace, None, after.as_deref()).await?;
            for bytes in &page.items {
                let Ok(observed) = Observed::parse(&resource, bytes) else { continue };
                let mut sight = observed.sight(rule, now, now);
                let Seen::Present { verdict: Verdict::HoldsIfReferenced, .. } = sight.sighting.seen else {
                    continue;
                };
                let asked = self.ask(rule, &observed, now).await?;
                lacks_usual |= asked.lacks_usual;
                if !asked.evaluation.matches {
                    continue;
                }
                sight.edges = Some(asked.edges);
                let object = observed.object();
                let matter = Matter { scope, rule, resource: &resource, object: &object };
                let due = self.settle(matter, &sight, None, now, tally).await.map_err(Listing::Failure)?;
                // A new check settles first, but one that was on its way to an end may be asked at once.
                if let Some(record) = due {
                    self.look(record, now, tally).await.map_err(Listing::Failure)?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(lacks_usual);
            }
        }
    }
}

fn relist_record(relist: &Relist) -> Record {
    let key = keys::relist(&relist.scope, &relist.rule, &relist.namespace);
    let data = serde_json::to_string(relist).expect("plain data is always written as JSON");
    Record { due: Some(keys::due(&key, relist.due)), ..Record::new(key, data) }
}

/// Whether a relist waits until the cluster can be read. Then it lists whatever it was asked for meanwhile.
fn is_put_off(record: &Record, now: Timestamp) -> bool {
    record.due.as_ref().is_some_and(|due| due.at > now)
        && serde_json::from_str::<Relist>(&record.data).is_ok_and(|relist| relist.is_put_off())
}

/// What a relist came to.
enum Listed {
    /// All objects were seen.
    Whole,
    /// And one lacks another that it refers to in its usual state.
    LacksUsual,
    /// The cluster could not be read.
    Unread,
}

enum Listing {
    Cluster(ClusterError),
    Failure(Failure),
}

impl From<ClusterError> for Listing {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}
