//! What a version of the rules means for the checks that are open: those whose rule says something else now are
//! looked at, those whose rule is gone end. Once a version and cluster.

use crate::evaluate::{Kept, check_record, contended, store_failure};
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use futures::StreamExt;
use jiff::Timestamp;
use prodrome_cluster::Clusters;
use prodrome_lambda::Failure;
use prodrome_lifecycle::{Rollout, keys};
use prodrome_model::{ObjectKey, Scope};
use prodrome_queue::Queue;
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};

/// So many checks are read at once.
pub(crate) const BATCH: usize = 100;
/// So many are written side by side.
pub(crate) const SIDE_BY_SIDE: usize = 16;

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Sees to it that the version at hand comes to a cluster, if nobody has yet. The record is due until it is done,
    /// so that the sweep finds it whatever dies.
    pub(crate) async fn request_rollout(&self, scope: &Scope, now: Timestamp) -> Result<(), Failure> {
        let version = self.loaded.version;
        if version <= self.rolled_out.get(scope).unwrap_or(0) {
            return Ok(());
        }
        let key = keys::rollout(scope);
        for _ in 0..ATTEMPTS {
            let there = self.store.get(&key).await.map_err(store_failure)?;
            let begun = there.as_ref().map(read).transpose()?;
            if begun.is_some_and(|begun| begun.version >= version) {
                break;
            }
            let rollout = Rollout { layout: 1, scope: scope.clone(), version, begun_at: now };
            let data = serde_json::to_string(&rollout).expect("plain data is always written as JSON");
            let record = Record { due: Some(keys::due(&key, now)), ..Record::new(key.clone(), data) };
            let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
            match self.store.commit(vec![Write::Put(record, expect)]).await {
                Ok(()) => {
                    tracing::info!(cluster = scope.cluster, version, "rules come to a cluster");
                    self.enqueue(&key, now, now).await?;
                    break;
                }
                Err(StoreError::Conflict { .. }) => {} // others have seen to it, perhaps of an older version
                Err(error) => return Err(store_failure(error)),
            }
        }
        self.rolled_out.insert(scope, version);
        Ok(())
    }

    /// Carries a rollout out.
    pub(crate) async fn roll_out(&self, record: Record, now: Timestamp) -> Result<(), Failure> {
        let rollout = read(&record)?;
        self.knows(rollout.version)?;
        self.renew_objects(&rollout.scope, now).await?;
        for shard in 0..self.shards {
            let partition = keys::shard_partition(&rollout.scope, shard);
            let mut after: Option<String> = None;
            loop {
                let page =
                    self.store.query(&partition, "c:", after.as_deref()).await.map_err(store_failure)?;
                let sorts = page.records.iter().map(|record| record.key.sort.as_str());
                self.roll_out_to(&rollout.scope, sorts, now).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        // Kept, and due no more. Where another version came meanwhile it has written the record anew.
        let done = Record { due: None, ..record.clone() };
        self.write_unless_changed(Write::Put(done, Expect::Version(record.version))).await
    }

    /// To the checks of these markers.
    async fn roll_out_to<'m>(
        &self,
        scope: &Scope,
        sorts: impl Iterator<Item = &'m str>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut checks = Vec::new();
        for sort in sorts {
            let Some((path, name)) = keys::parse_marker(sort) else { continue };
            let Some(object) = ObjectKey::from_path(path) else { continue };
            match name.strip_prefix('~') {
                Some(rule) => self.forget_note_of(scope, &object, name, rule).await?,
                None => checks.push(keys::check(scope, &object, name)),
            }
        }
        for batch in checks.chunks(BATCH) {
            let records = self.store.get_many(batch).await.map_err(store_failure)?;
            let touched = records.iter().filter(|record| self.is_touched(record));
            let woken = futures::stream::iter(touched.map(|record| self.wake(&record.key, now)));
            let woken: Vec<_> = woken.buffer_unordered(SIDE_BY_SIDE).collect().await;
            woken.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    /// Whether a check was decided on by another form of its rule, or its rule is gone.
    fn is_touched(&self, record: &Record) -> bool {
        // One that cannot be read is met by whoever looks at it.
        let Ok(Some(kept)) = Kept::read(record) else { return false };
        let rule = self.rules.get(&kept.check.rule).filter(|rule| rule.enabled());
        kept.check.rules <= self.loaded.version && rule.is_none_or(|rule| rule.hash() != kept.check.rule_hash)
    }

    /// Makes a check due now, under these rules: whoever has older ones cannot look at it.
    async fn wake(&self, key: &Key, now: Timestamp) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let Some(record) = self.store.get(key).await.map_err(store_failure)? else { return Ok(()) };
            let Some(mut kept) = Kept::read(&record)? else { return Ok(()) };
            if !self.is_touched(&record) {
                return Ok(());
            }
            // What was woken before and is still due need not be written again.
            if kept.check.rules < self.loaded.version || kept.check.due > now {
                kept.check.rules = self.loaded.version;
                kept.check.wake(now);
                let put = Write::Put(check_record(key.clone(), &kept.check), Expect::Version(kept.version));
                match self.store.commit(vec![put]).await {
                    Ok(()) => {}
                    Err(StoreError::Conflict { .. }) => continue,
                    Err(error) => return Err(store_failure(error)),
                }
            }
            return self.enqueue(key, kept.check.due, now).await;
        }
        Err(contended("check_contended", key))
    }

    /// Forgets that an object satisfies what a rule says of those that others refer to, where the rule says that no
    /// more. Where it still does, its next change notes it again.
    async fn forget_note_of(
        &self,
        scope: &Scope,
        object: &ObjectKey,
        note: &str,
        rule: &str,
    ) -> Result<(), Failure> {
        let key = keys::check(scope, object, note);
        if let Some(rule) = self.rules.get(rule).filter(|rule| rule.enabled()) {
            let Some(record) = self.store.get(&key).await.map_err(store_failure)? else { return Ok(()) };
            let data: serde_json::Value = serde_json::from_str(&record.data).unwrap_or_default();
            if data["meaning"].as_str().is_none_or(|meaning| meaning == rule.meaning()) {
                return Ok(());
            }
        }
        self.forget(key, keys::marker(scope, self.shards, object, note)).await
    }
}

fn read(record: &Record) -> Result<Rollout, Failure> {
    serde_json::from_str(&record.data).map_err(|error| Failure::fatal("rollout_malformed", error))
}
