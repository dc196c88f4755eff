//! What a list did not name may be gone.

use crate::evaluate::{Kept, contended, store_failure};
use crate::pack::Markers;
use crate::rollout::{BATCH, SIDE_BY_SIDE};
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Clusters;
use prodrome_lambda::Failure;
use prodrome_lifecycle::{EndedList, is_named, keys};
use prodrome_model::{Change, ObjectKey, Scope, shard_of};
use prodrome_queue::Queue;
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// A list is complete: after a while it is compared with the open checks of its kind. The record is due until that is
    /// done, so that the sweep finds it whatever dies.
    pub(crate) async fn list_ended(
        &self,
        scope: &Scope,
        end: &Change,
        waited: SignedDuration,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(list) = end.list.as_deref() else { return Ok(()) };
        let ended = EndedList::new(scope, end.resource.group_kind(), list, waited, now);
        let key = keys::listed(scope, &ended.kind, list);
        for _ in 0..ATTEMPTS {
            let there = self.store.get(&key).await.map_err(store_failure)?;
            let waiting = there.as_ref().map(read).transpose()?;
            let Some(ended) = ended.clone().after(waiting.as_ref()) else { return Ok(()) };
            let data = serde_json::to_string(&ended).expect("plain data is always written as JSON");
            let record = Record { due: Some(keys::due(&key, ended.due)), ..Record::new(key.clone(), data) };
            let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
            match self.store.commit(vec![Write::Put(record, expect)]).await {
                Ok(()) => return self.enqueue(&key, ended.due, now).await,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(store_failure(error)),
            }
        }
        Err(contended("list_contended", &key))
    }

    /// Makes every open check of the kind due whose object neither the list nor a newer one named.
    pub(crate) async fn compare_with_list(&self, record: &Record, now: Timestamp) -> Result<(), Failure> {
        let EndedList { scope, kind, list, .. } = read(record)?;
        let prefix = format!("c:{}/{}/", kind.group, kind.kind);
        for shard in 0..self.shards {
            let mut markers = Markers::default();
            self.query_markers(&scope, shard, &prefix, &mut markers).await?;
            let mut checks = Vec::new();
            for (path, rules) in &markers.checks {
                let Some(object) = ObjectKey::from_path(path) else { continue };
                for rule in rules {
                    if rule.starts_with('~') {
                        self.forget_partner(&scope, &object, rule, now, &list).await?;
                    } else {
                        checks.push(keys::check(&scope, &object, rule));
                    }
                }
            }
            self.make_unnamed_due(&checks, now, &list).await?;
        }
        // Where another list ended meanwhile it has written the record anew.
        self.write_unless_changed(Write::Delete(record.key.clone(), Expect::Version(record.version))).await
    }

    /// Makes those due that the list did not name: most are named, so they are read together first.
    async fn make_unnamed_due(&self, checks: &[Key], now: Timestamp, list: &str) -> Result<(), Failure> {
        for batch in checks.chunks(BATCH) {
            let mut unnamed = Vec::new();
            for record in self.store.get_many(batch).await.map_err(store_failure)? {
                let named =
                    Kept::read(&record)?.is_none_or(|kept| is_named(kept.check.list.as_deref(), list));
                if !named {
                    unnamed.push(record.key);
                }
            }
            let made = unnamed.iter().map(|key| self.make_due(key, now, now, Some(list)));
            let made: Vec<_> = futures::stream::iter(made).buffer_unordered(SIDE_BY_SIDE).collect().await;
            made.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    /// Forgets that a referred object was in a bad state, if the list did not name it: it is gone. What news of that would
    /// have brought about is done first: a crash in between does it once more, and does not forget. Should its pack still
    /// be on its way, it is noted again, at the price of one relist.
    async fn forget_partner(
        &self,
        scope: &Scope,
        object: &ObjectKey,
        note: &str,
        now: Timestamp,
        list: &str,
    ) -> Result<(), Failure> {
        let key = keys::check(scope, object, note);
        let Some(record) = self.store.get(&key).await.map_err(store_failure)? else { return Ok(()) };
        let named = serde_json::from_str::<serde_json::Value>(&record.data)
            .is_ok_and(|data| is_named(data.get("list").and_then(serde_json::Value::as_str), list));
        if named {
            return Ok(());
        }
        let (path, mut waiting) = (object.path(), Markers::default());
        let shard = shard_of(&path, self.shards);
        self.query_markers(scope, shard, &format!("e:{path}#"), &mut waiting).await?;
        self.wake_edges(&path, &waiting, now).await?;
        self.relist_who_may_miss(scope, object, now).await?;
        self.forget(key, keys::marker(scope, self.shards, object, note)).await
    }
}

fn read(record: &Record) -> Result<EndedList, Failure> {
    serde_json::from_str(&record.data).map_err(|error| Failure::fatal("ended_list_malformed", error))
}
