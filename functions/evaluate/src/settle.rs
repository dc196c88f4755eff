use crate::evaluate::{Kept, check_record, contended, over_record, send_failure, store_failure};
use crate::look::was_just_tried;
use crate::observed::{Matter, Sight};
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Clusters;
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_lifecycle::{Check, Decision, Over, Phase, Seen, Terms, Turnover, decide, keys};
use prodrome_model::{AlertMessage, Ended, Finding, FindingState, later};
use prodrome_queue::{Message, Queue, QueueName};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};

/// How often a decision is taken again because somebody else wrote in between.
pub(crate) const ATTEMPTS: usize = 6;
/// When a check is looked at of which there is news that the rules at hand are too old for, by whoever has newer ones.
const NEWER_LOOK: SignedDuration = SignedDuration::from_secs(30);

/// What is left to do after a decision was carried out.
enum Next {
    Done,
    /// The end of the old episode is told; the sighting may begin a new one in the place of this check. Both in one
    /// write: what was seen is not told again, should this be the last that is done.
    Again(Box<Kept>),
    /// The check is due already.
    Look(Record),
    /// A step that somebody had begun is done: what was seen is decided on now.
    Anew,
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Decides what a sighting means for a check, and carries it out. `kept` is what was read before, if
    /// anything; where it is out of date the store says so and all is decided anew. Returns the record of a
    /// check that is due at once; after a look that others overtook, the check to be looked at anew: what was
    /// seen then may be what they woke it for.
    pub(crate) async fn settle(
        &self,
        matter: Matter<'_>,
        sight: &Sight,
        mut kept: Option<Kept>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Option<Record>, Failure> {
        let key = keys::check(matter.scope, &matter.object.key(), matter.rule.name());
        let terms = matter.terms();
        let told = sight;
        let mark = self.mark(matter.rule);
        let mut over: Option<Kept> = None;
        // What stays of one that was closed before, with the version of its record.
        let mut before: Option<(Over, u64)> = None;
        for _ in 0..ATTEMPTS {
            // Where its rule is another now: the check as that takes it over.
            let (mut met, mut turned, mut ends) = (kept.clone(), false, false);
            match kept.as_ref().map(|kept| self.turn_over(&kept.check, &mark, now)) {
                Some(Turnover::Newer) => return self.leave_alone(&key, sight, now).await,
                Some(Turnover::Changed(check)) => {
                    (met, turned) = (met.map(|met| Kept { check: *check, ..met }), true);
                }
                Some(Turnover::Ends(check)) => {
                    (met, ends) = (met.map(|met| Kept { check: *check, ..met }), true);
                }
                Some(Turnover::Same) | None => {}
            }
            // What has to be looked at first is counted then.
            let doubts = met.as_ref().is_some_and(|met| met.check.doubts(&sight.sighting));
            let counted = match matter.rule.frequency() {
                Some(frequency) if !doubts => {
                    Some(self.counted(matter, frequency, sight, met.as_ref(), over.as_ref(), now).await?)
                }
                _ => None,
            };
            let sight = counted.as_ref().unwrap_or(sight);
            let check = met.as_ref().map(|met| &met.check);
            let sighting = match check.filter(|_| counted.is_none()) {
                Some(check) => sight.joining(check, matter.rule),
                None => sight.sighting.clone(),
            };
            let blank = || Check { rules: mark.version, shadow: mark.shadow, ..matter.blank() };
            let decided = match matter.rule.periodic() {
                Some(periodic) => self.decide_asked(matter, periodic, check, sight, now, blank).await?,
                None => decide(check, &terms, &sighting, now, blank),
            };
            let decision = match (decided, check) {
                (Decision::Open(mut check), None) => {
                    // What ends just now is over no less than what was closed before.
                    let ended = over.as_ref().map(|kept| Over::of(&kept.check, mark.version, None, now));
                    if let Some(before) = ended.as_ref().or(before.as_ref().map(|(before, _)| before)) {
                        before.opens(&mut check, &sighting, now);
                        self.leave_to_newer(&mut check, before.rules, now)?;
                    }
                    Decision::Open(check)
                }
                (_, Some(check)) if ends => Decision::End(Box::new(check.clone())),
                (Decision::Look(mut check), before) => {
                    check.heard(&told.sighting, told.event.clone());
                    if let Some(before) = before.filter(|before| was_just_tried(before, now)) {
                        (check.due, check.woken) = (before.due, before.woken);
                    }
                    Decision::Look(check)
                }
                // What it was decided on by has changed, if nothing else has.
                (Decision::Nothing, Some(check)) if turned => Decision::Keep(Box::new(check.clone())),
                (Decision::Nothing, None) if over.is_some() => Decision::Close,
                (decision, _) => decision,
            };
            let there = kept.as_ref().or(over.as_ref());
            let expect = match (there, &before) {
                (Some(kept), _) => Expect::Version(kept.version),
                (None, Some((_, version))) => Expect::Version(*version),
                (None, None) => Expect::Absent,
            };
            match self.carry_out(matter, &key, sight, there, expect, decision, now, tally).await {
                Ok(Next::Done) => return Ok(None),
                Ok(Next::Look(record)) => return Ok(Some(record)),
                Ok(Next::Again(ended)) => (kept, over) = (None, Some(*ended)),
                Ok(Next::Anew) | Err(Problem::Conflict) => {
                    let record = self.store.get(&key).await.map_err(store_failure)?;
                    if sight.sighting.look && kept.is_some() {
                        return Ok(record);
                    }
                    (kept, over) = (record.as_ref().map(Kept::read).transpose()?.flatten(), None);
                    before = record.and_then(|record| Some((Over::read(&record.data)?, record.version)));
                }
                Err(Problem::Failure(failure)) => return Err(failure),
            }
        }
        Err(contended("check_contended", &key))
    }

    /// Newer rules cannot be had: the check is theirs. What was seen is not lost, as somebody who has them looks soon.
    async fn leave_alone(&self, key: &Key, sight: &Sight, now: Timestamp) -> Result<Option<Record>, Failure> {
        if sight.sighting.look || !self.insists() {
            return Err(self.is_behind());
        }
        let at = later(now, NEWER_LOOK);
        self.make_due(key, at, now, None).await.map(|()| None)
    }

    /// The same of a check that is opened where newer rules have ended one: it is theirs from its first moment on. They
    /// alone look at it, and nobody is told before. Not to open it would lose what was seen, as it may be more than what
    /// they ended.
    fn leave_to_newer(&self, check: &mut Check, rules: u64, now: Timestamp) -> Result<(), Failure> {
        match self.knows(rules) {
            Err(_) if self.insists() => {
                check.rules = rules;
                check.due = later(now, NEWER_LOOK);
                check.look_again_at = check.due;
                Ok(())
            }
            known => known,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and this is called once")]
    async fn carry_out(
        &self,
        matter: Matter<'_>,
        key: &Key,
        sight: &Sight,
        kept: Option<&Kept>,
        expect: Expect,
        decision: Decision,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Next, Problem> {
        let old_edges = kept.map_or(&[][..], |k| &k.check.edges);
        let opens = matches!(decision, Decision::Open(_));
        match decision {
            Decision::Nothing => Ok(Next::Done),
            Decision::Open(mut check) | Decision::Keep(mut check) => {
                sight.note_in(&mut check, &self.mark(matter.rule));
                let mut writes = self.edge_writes(key, old_edges, &check);
                if opens {
                    tally.add(metric::CHECKS_OPENED, 1);
                    tally.add(metric::CHECKS_CLOSED, u64::from(kept.is_some()));
                    if matches!(check.phase, Phase::Pending { .. }) {
                        tally.add(metric::MATCHES, 1);
                    }
                    let marker = keys::marker(matter.scope, self.shards, &check.object.key(), &check.rule);
                    writes.push(Write::Put(Record::new(marker, ""), Expect::Anything));
                }
                let record = check_record(key.clone(), &check);
                writes.push(Write::Put(record.clone(), expect));
                self.store.commit(writes).await?;
                // A look leaves nothing due at once but what begins by it: what it finds due, it does.
                let begins = opens || kept.is_none_or(|kept| kept.check.uid != check.uid);
                if check.due <= now && (begins || !sight.sighting.look) {
                    let version = record.version_after(expect).unwrap_or_default();
                    return Ok(Next::Look(Record { version, ..record }));
                }
                if opens || kept.is_none_or(|k| k.check.due != check.due) {
                    self.enqueue(key, check.due, now).await?;
                }
                self.put_question(matter, key, &check, now).await?;
                Ok(Next::Done)
            }
            Decision::Look(check) => {
                let record = check_record(key.clone(), &check);
                self.store.commit(vec![Write::Put(record.clone(), expect)]).await?;
                if check.due > now {
                    return Ok(Next::Done);
                }
                let version = record.version_after(expect).unwrap_or_default();
                Ok(Next::Look(Record { version, ..record }))
            }
            Decision::Close => {
                if let Some(kept) = kept {
                    tally.add(metric::CHECKS_CLOSED, 1);
                    let over = Over::of(&kept.check, self.loaded.version, Some(&sight.sighting), now);
                    self.close(key, &kept.check, &over, expect).await?;
                }
                Ok(Next::Done)
            }
            Decision::Fire(mut check) => {
                let mut version = kept.map_or(0, |k| k.version);
                if check.finding.is_none() {
                    sight.note_in(&mut check, &self.mark(matter.rule));
                    check.finding = Some(Box::new(self.finding(matter, &check, sight, now).await));
                    let mut writes = self.edge_writes(key, old_edges, &check);
                    let record = check_record(key.clone(), &check);
                    version = record.version_after(expect).unwrap_or_default();
                    writes.push(Write::Put(record, expect));
                    self.store.commit(writes).await?;
                    tracing::info!(
                        rule = check.rule,
                        kind = check.object.kind,
                        namespace = check.object.namespace,
                        name = check.object.name,
                        resource_version = check.resource_version,
                        opened_at = %check.opened_at,
                        stale = sight.stale,
                        "check fires"
                    );
                    let told = if check.shadow { metric::FINDINGS_STAGED } else { metric::FINDINGS_FIRED };
                    tally.add(told, 1);
                }
                self.fire(key, check, version, &matter.terms(), now).await?;
                // The stream fires nothing: it met what somebody is about to do, or died of.
                Ok(if sight.sighting.look { Next::Done } else { Next::Anew })
            }
            Decision::End(check) => {
                let mut version = kept.map_or(0, |k| k.version);
                if kept.is_none_or(|k| k.check.phase != check.phase) {
                    self.store.commit(vec![Write::Put(check_record(key.clone(), &check), expect)]).await?;
                    version += 1;
                    tally.add(metric::FINDINGS_ENDED, u64::from(!check.shadow));
                }
                self.send_end(&check).await?;
                // Another has its name now; or it came back while the end was on its way.
                if matches!(sight.sighting.seen, Seen::Present { .. }) {
                    return Ok(Next::Again(Box::new(Kept { check: *check, version })));
                }
                tally.add(metric::CHECKS_CLOSED, 1);
                let over = Over::of(&check, self.loaded.version, Some(&sight.sighting), now);
                self.close(key, &check, &over, Expect::Version(version)).await?;
                Ok(Next::Done)
            }
        }
    }

    /// Sends the finding of a check in [`Phase::Firing`] and notes that it was sent. A crash in between sends
    /// it once more, with the same fingerprint.
    async fn fire(
        &self,
        key: &Key,
        mut check: Box<Check>,
        version: u64,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<(), Problem> {
        if let Some(finding) = &check.finding {
            self.send_finding((**finding).clone(), check.shadow).await?;
        }
        check.sent(terms, now);
        let record = check_record(key.clone(), &check);
        for _ in 0..ATTEMPTS {
            let write = Write::Put(record.clone(), Expect::Version(version));
            match self.store.commit(vec![write]).await {
                Err(StoreError::Conflict { .. }) => {}
                other => return Ok(other.map(|()| self.enqueue(key, check.due, now))?.await?),
            }
            let there = self.store.get(key).await?;
            if there.is_none_or(|there| there.version != version) {
                return Ok(()); // somebody else has carried the check on meanwhile
            }
        }
        Err(Problem::Conflict)
    }

    /// Sends the end of a check in [`Phase::Ending`].
    pub(crate) async fn send_end(&self, check: &Check) -> Result<(), Failure> {
        let (Some(finding), Phase::Ending { at, reason }) = (&check.finding, &check.phase) else {
            return Ok(());
        };
        let state = FindingState::Ended(Ended { at: *at, reason: *reason });
        self.send_finding(Finding { state, ..(**finding).clone() }, check.shadow).await
    }

    async fn send_finding(&self, finding: Finding, is_staged: bool) -> Result<(), Failure> {
        if is_staged {
            return self.keep_from_telling(&finding).await;
        }
        let to = if finding.flow.is_some() { QueueName::Diagnoses } else { QueueName::Findings };
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding)));
        let message = Message::text(text.expect("plain data is always written as JSON"));
        self.queue.send(to, vec![message]).await.map_err(|e| send_failure(&e))
    }

    /// Removes a check with its marker and its edges. In its place stays what is over.
    pub(crate) async fn close(
        &self,
        key: &Key,
        check: &Check,
        over: &Over,
        expect: Expect,
    ) -> Result<(), StoreError> {
        let marker = keys::marker(&check.scope, self.shards, &check.object.key(), &check.rule);
        let over = over_record(key.clone(), over);
        let mut writes = vec![Write::Put(over, expect), Write::Delete(marker, Expect::Anything)];
        let edges = check.edges.iter().map(|path| keys::edge(&check.scope, self.shards, path, key));
        writes.extend(edges.map(|edge| Write::Delete(edge, Expect::Anything)));
        self.store.commit(writes).await
    }

    /// The writes that bring the stored edges from what they were to what the check names now.
    fn edge_writes(&self, key: &Key, old: &[String], check: &Check) -> Vec<Write> {
        let edge = |path: &String| keys::edge(&check.scope, self.shards, path, key);
        let data = serde_json::json!({ "partition": key.partition, "sort": key.sort }).to_string();
        let gone = old.iter().filter(|path| !check.edges.contains(path));
        let new = check.edges.iter().filter(|path| !old.contains(path));
        gone.map(|path| Write::Delete(edge(path), Expect::Anything))
            .chain(new.map(|path| Write::Put(Record::new(edge(path), data.clone()), Expect::Anything)))
            .collect()
    }
}

/// Why a decision was not carried out.
enum Problem {
    /// Somebody else wrote the check in between.
    Conflict,
    Failure(Failure),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::Conflict,
            other => Self::Failure(store_failure(other)),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
