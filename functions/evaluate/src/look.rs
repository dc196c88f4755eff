use crate::evaluate::{Kept, check_record, contended, store_failure};
use crate::observed::{Matter, Observed, Sight};
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::Policy;
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_lifecycle::{Check, Over, Phase, Seen, Sighting, Verdict};
use prodrome_model::EndReason;
use prodrome_queue::Queue;
use prodrome_rules::Rule;
use prodrome_store::{Expect, Record, Store, StoreError, Write};

/// When a look that the cluster did not allow is tried again.
const UNREADABLE_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// Of news that ask for such a look each is no reason to try, but one after this.
const UNREADABLE_NEWS: SignedDuration = SignedDuration::from_secs(10);
/// A check whose rule is not known is looked at again: by an instance that knows it, where a deployment is going on,
const ORPHAN_SOON: SignedDuration = SignedDuration::from_secs(30);
/// and later at leisure.
const ORPHAN_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// A rule that has not been known for this long was removed, and is not just newer than this instance.
const ORPHAN_ENDS: SignedDuration = SignedDuration::from_hours(1);

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Looks at a check that is due: at the live object, what it refers to, and the time.
    pub(crate) async fn look(
        &self,
        record: Record,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let key = record.key.clone();
        let mut record = Some(record);
        for _ in 0..ATTEMPTS {
            let Some(due) = record else { return Ok(()) };
            record = self.look_once(due, now, tally).await?;
        }
        Err(contended("check_contended", &key))
    }

    /// Returns the record as it is now where others wrote it meanwhile.
    async fn look_once(
        &self,
        record: Record,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Option<Record>, Failure> {
        let Some(kept) = Kept::read(&record)? else { return Ok(None) };
        tally.add(metric::CHECKS_LOOKED_AT, 1);
        self.knows(kept.check.rules)?;
        let rules = self.rules.clone();
        let Some(rule) = rules.get(&kept.check.rule).filter(|rule| rule.enabled()) else {
            return self.orphan(record, kept, now, tally).await.map(|()| None);
        };
        let (scope, resource, object) =
            (kept.check.scope.clone(), kept.check.resource.clone(), kept.check.object.clone());
        let matter = Matter { scope: &scope, rule, resource: &resource, object: &object };
        let sight = match self.live(rule, &kept.check, now).await {
            Ok(sight) => sight,
            Err(error) => {
                tally.add(metric::CLUSTER_ERRORS, 1);
                let sight = last_known(rule, &kept.check, &error, now);
                match sight {
                    Some(sight) if self.is_known(rule, &kept.check, now).await? => sight,
                    _ => return self.postpone(record, kept, &error, now).await.map(|()| None),
                }
            }
        };
        if let (Seen::Present { verdict: Verdict::Not, .. }, Some(edges)) =
            (&sight.sighting.seen, &sight.edges)
        {
            self.forget_partners(&scope, rule, edges).await?;
        }
        if sight.lacks_usual {
            let namespace = object.key().namespace.unwrap_or_default();
            self.relist_later(&scope, rule, &namespace, now).await?;
        }
        self.settle(matter, &sight, Some(kept), now, tally).await
    }

    /// The live object through the eyes of the rule, with its references.
    pub(crate) async fn live(
        &self,
        rule: &Rule,
        check: &Check,
        now: Timestamp,
    ) -> Result<Sight, ClusterError> {
        if rule.is_about_events() {
            return self.live_event(rule, check, now).await;
        }
        let found = match self.cluster.get(&check.object.key()).await {
            Err(ClusterError::UnknownKind { .. }) => None, // its definition went, and it with it
            other => other?,
        };
        let Some(bytes) = found else {
            return Ok(Sight::bare(Sighting {
                uid: check.uid.clone(),
                version: check.resource_version,
                at: now,
                seen_at: None,
                look: true,
                list: None,
                epoch: 0,
                seen: Seen::Gone,
            }));
        };
        let observed = Observed::parse(&check.resource, &bytes)
            .map_err(|error| ClusterError::Unavailable { reason: error.to_string() })?;
        let mut sight = observed.sight(rule, seen_from(rule, check, &observed, now), now);
        (sight.sighting.look, sight.sighting.seen_at) = (true, Some(now));
        if let Seen::Present { verdict: Verdict::HoldsIfReferenced, since, .. } = sight.sighting.seen {
            let asked = self.ask(rule, &observed, now).await?;
            let verdict = if asked.evaluation.matches { Verdict::Holds } else { Verdict::Not };
            sight.sighting.seen = Seen::Present { verdict, since, turns_at: asked.evaluation.turns_at };
            sight.evidence = asked.evaluation.evidence;
            sight.edges = Some(asked.edges);
            sight.lacks_usual = asked.lacks_usual;
        }
        Ok(sight)
    }

    /// Whether the last known state will do for a check that is about to fire: its watcher is heard and would have told of
    /// a recovery, or had seen it last for long enough. Of a cluster that is silent, and cannot be read either, nobody
    /// knows; the silence is told by itself.
    async fn is_known(&self, rule: &Rule, check: &Check, now: Timestamp) -> Result<bool, Failure> {
        let Some(signs) = self.signs.as_ref().filter(|_| matches!(check.phase, Phase::Pending { .. })) else {
            return Ok(true);
        };
        let Some(sign) = signs.of(&check.scope).await.map_err(store_failure)? else { return Ok(true) };
        let has_lasted = sign.seen_up_to().duration_since(check.since) >= rule.duration();
        Ok(has_lasted || !sign.is_behind(now, &Policy::default()))
    }

    async fn postpone(
        &self,
        record: Record,
        mut kept: Kept,
        error: &ClusterError,
        now: Timestamp,
    ) -> Result<(), Failure> {
        tracing::warn!(
            rule = kept.check.rule,
            kind = kept.check.object.kind,
            namespace = kept.check.object.namespace,
            name = kept.check.object.name,
            reason = %error,
            "the live object cannot be read, the check waits"
        );
        kept.check.postpone(UNREADABLE_AGAIN, now);
        self.write_back(record, &kept, now).await
    }

    /// Whether a version is at hand, and there is none newer: then a rule that is not in it is gone. Fails where there
    /// is one.
    async fn is_latest(&self) -> Result<bool, Failure> {
        if self.loaded.version == 0 {
            return Ok(false); // of what came with the program nobody can say whether it is the newest
        }
        match self.law.head().await {
            Some(head) if head > self.loaded.version => Err(self.is_behind()),
            head => Ok(head.is_some()),
        }
    }

    /// No rule of that name is known here. It may be newer than this instance, or gone.
    async fn orphan(
        &self,
        record: Record,
        mut kept: Kept,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        if self.loaded.lacking.contains(&kept.check.rule) {
            // It is there, and cannot be run here.
            kept.check.postpone(ORPHAN_AGAIN, now);
            return self.write_back(record, &kept, now).await;
        }
        let since = *kept.check.orphan_since.get_or_insert(now);
        if now.duration_since(since) < ORPHAN_ENDS && !self.is_latest().await? {
            if self.asked.is_none() && self.law.follows() {
                return Err(self.is_behind()); // looked at by the newest rules, at once
            }
            let is_new = now.duration_since(since) < ORPHAN_AGAIN;
            kept.check.postpone(if is_new { ORPHAN_SOON } else { ORPHAN_AGAIN }, now);
            return self.write_back(record, &kept, now).await;
        }
        let mut check = kept.check;
        let mut version = kept.version;
        if check.phase.is_told() {
            if !matches!(check.phase, Phase::Ending { .. }) {
                check.phase = Phase::Ending { at: now, reason: EndReason::RuleGone };
                check.postpone(ORPHAN_AGAIN, now);
                let write = Write::Put(check_record(record.key.clone(), &check), Expect::Version(version));
                self.store.commit(vec![write]).await.map_err(store_failure)?;
                version += 1;
                tally.add(metric::FINDINGS_ENDED, u64::from(!check.shadow));
            }
            self.send_end(&check).await?;
        }
        tally.add(metric::CHECKS_CLOSED, 1);
        let over = Over::of(&check, self.loaded.version, None, now);
        self.close(&record.key, &check, &over, Expect::Version(version)).await.map_err(store_failure)
    }

    async fn write_back(&self, record: Record, kept: &Kept, now: Timestamp) -> Result<(), Failure> {
        let write = Write::Put(check_record(record.key.clone(), &kept.check), Expect::Version(kept.version));
        match self.store.commit(vec![write]).await {
            Ok(()) => self.enqueue(&record.key, kept.check.due, now).await,
            Err(StoreError::Conflict { .. }) => Ok(()), // somebody else has seen to it
            Err(error) => Err(store_failure(error)),
        }
    }
}

/// Whether a look that news asked for was tried a moment ago, and the cluster did not allow it: one that throttles is not to
/// be asked as often as it changes.
pub(crate) fn was_just_tried(check: &Check, now: Timestamp) -> bool {
    let put_off = check.woken.filter(|_| check.rumour.is_some()).map(|woken| woken.duration_since(now));
    let just = UNREADABLE_AGAIN - UNREADABLE_NEWS;
    put_off.is_some_and(|put_off| just < put_off && put_off <= UNREADABLE_AGAIN)
}

/// Since when what a look sees is known to be so, however late the look: what was told of another object under the name, of
/// which this is the first look; or what time alone has turned since.
fn seen_from(rule: &Rule, check: &Check, observed: &Observed<'_>, now: Timestamp) -> Timestamp {
    let (uid, version) = (&observed.metadata.uid, observed.metadata.version());
    if let Some(began) = check.rumour_of_another().and_then(|rumour| rumour.began(uid, version)) {
        return began.min(now);
    }
    let is_same = (&check.uid, check.resource_version) == (uid, version) && check.resource_version != 0;
    let turns_at = match check.phase {
        Phase::Watching { turns_at } => Some(turns_at),
        Phase::Pending { turns_at } | Phase::Fired { turns_at } => turns_at,
        Phase::Gap { .. } | Phase::Firing | Phase::Recovering { .. } | Phase::Ending { .. } => None,
    };
    let turned = turns_at.filter(|_| is_same && rule.reference_groups().is_empty());
    turned.map_or(now, |turned| turned.min(now))
}

/// Where the cluster cannot be read, a check that is about to fire does so on the last known state, and says so; one that
/// is doubted does not, as what is known is that it was over, nor one whose object's name is said to be another's, nor one
/// that was seen by a rule which looked for something else. One that had begun to fire goes on; everything else waits, a
/// recovery above all: silence is none.
fn last_known(rule: &Rule, check: &Check, error: &ClusterError, now: Timestamp) -> Option<Sight> {
    let over = now.duration_since(check.since) >= rule.duration();
    // What time alone has ended meanwhile is not known any more.
    let is_so =
        matches!(check.phase, Phase::Pending { turns_at } if turns_at.is_none_or(|turns_at| now < turns_at));
    let fires = is_so
        && over
        && !check.doubted
        && check.rumour.is_none()
        && check.is_meant_by(rule.meaning())
        && rule.reference_groups().is_empty()
        && rule.frequency().is_none()
        && rule.periodic().is_none();
    // An end waits, as a recovery does: who looks sees what follows it.
    if !fires && !matches!(check.phase, Phase::Firing) {
        return None;
    }
    let sighting = Sighting {
        uid: check.uid.clone(),
        version: check.resource_version,
        // Nobody has seen it now.
        at: check.seen_at.map_or(check.since, |seen_at| seen_at.max(check.since)),
        seen_at: check.seen_at,
        look: true,
        list: None,
        epoch: 0,
        seen: Seen::Present { verdict: Verdict::Holds, since: None, turns_at: None },
    };
    Some(Sight {
        summary: check.summary.clone(),
        evidence: check.evidence.clone(),
        metadata: check.metadata.clone(),
        stale: Some(error.to_string()),
        ..Sight::bare(sighting)
    })
}
