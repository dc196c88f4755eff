mod index;
mod unkindness;

pub use unkindness::{Fault, Operation, OperationKind, Unkindness};

use crate::limits::{
    PAGE_BYTES, check_commit, check_due, check_key, check_query, due_millisecond, expires_second, size_of,
};
use crate::{Expect, Key, Page, Record, Store, StoreError, Write};
use index::DueIndex;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use unkindness::Faults;

/// A [`Store`] in memory, with the limits of DynamoDB and, when asked, its [`Unkindness`].
///
/// A clone is a handle to the same records. It never reads the time: what expires stays until
/// [`MemoryStore::forget_expired`] is called.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<Key, Record>,
    index: DueIndex,
    faults: Faults,
}

impl MemoryStore {
    /// An empty store that does what it is told, at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that is as unkind as its seed makes it.
    pub fn with_unkindness(unkindness: Unkindness) -> Self {
        let store = Self::new();
        store.set_unkindness(unkindness);
        store
    }

    /// Changes the unkindness from here on; [`Unkindness::NONE`] lets a simulation come to rest.
    pub fn set_unkindness(&self, unkindness: Unkindness) {
        let mut inner = self.lock();
        inner.index.set_lag(unkindness.index_lag_commits_max, unkindness.seed);
        inner.faults.set_unkindness(unkindness);
    }

    /// Asks `script` before each operation whether it shall fail, and how. Replaces the script before.
    pub fn set_script(&self, script: impl FnMut(&Operation<'_>) -> Option<Fault> + Send + 'static) {
        self.lock().faults.set_script(Some(Box::new(script)));
    }

    /// Takes the script away.
    pub fn clear_script(&self) {
        self.lock().faults.set_script(None);
    }

    /// The due index stays as it is now, whatever is written, until [`MemoryStore::release_index`].
    pub fn hold_index(&self) {
        self.lock().index.hold();
    }

    /// The due index catches up.
    pub fn release_index(&self) {
        self.lock().index.release();
    }

    /// Every record, in the order of the keys.
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.values().cloned().collect()
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.lock().records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of operations so far, refused ones included.
    pub fn operations(&self) -> u64 {
        self.lock().faults.operations()
    }

    /// Removes what expired before `now`, as DynamoDB does hours or days after. Returns how many.
    pub fn forget_expired(&self, now: Timestamp) -> usize {
        let mut inner = self.lock();
        let expired = |r: &&Record| r.expires.is_some_and(|at| at < now);
        let keys: Vec<_> = inner.records.values().filter(expired).map(|r| r.key.clone()).collect();
        inner.index.begin_commit();
        for key in &keys {
            inner.replace(key, None);
        }
        keys.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others run first, when the unkindness says so.
    async fn yields(&self) {
        let yields = self.lock().faults.draw_yields();
        for _ in 0..yields {
            yield_once().await;
        }
    }

    /// A read begins; it may fail.
    async fn reading(&self, kind: OperationKind, keys: &[Key]) -> Result<(), StoreError> {
        self.yields().await;
        match self.lock().faults.next(kind, &keys.iter().collect::<Vec<_>>()) {
            None => Ok(()),
            Some(_) => Err(unavailable()),
        }
    }
}

impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        check_key(key)?;
        self.reading(OperationKind::Get, std::slice::from_ref(key)).await?;
        Ok(self.lock().records.get(key).cloned())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        keys.iter().try_for_each(check_key)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.reading(OperationKind::GetMany, keys).await?;
        let inner = self.lock();
        let mut seen = BTreeSet::new();
        let once = keys.iter().filter(|key| seen.insert(*key));
        Ok(once.filter_map(|key| inner.records.get(key).cloned()).collect())
    }

    async fn query(&self, partition: &str, prefix: &str, after: Option<&str>) -> Result<Page, StoreError> {
        check_query(partition, prefix, after)?;
        self.reading(OperationKind::Query, &[]).await?;
        let start = match after {
            Some(after) => Excluded(Key::new(partition, after)),
            None => Included(Key::new(partition, prefix)),
        };
        let inner = self.lock();
        let rest = inner.records.range((start, Unbounded));
        let matching = rest.take_while(|(k, _)| k.partition == partition && k.sort.starts_with(prefix));
        let mut page = Page { records: Vec::new(), next: None };
        let mut bytes = 0;
        for (key, record) in matching {
            bytes += size_of(record);
            page.records.push(record.clone());
            if bytes >= PAGE_BYTES {
                page.next = Some(key.sort.clone());
                break;
            }
        }
        Ok(page)
    }

    async fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        check_due(bucket, limit)?;
        self.reading(OperationKind::Due, &[]).await?;
        self.lock().index.page(bucket, until, limit, after)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_commit(&writes)?;
        let Some(first) = writes.first().map(|write| write.key().clone()) else { return Ok(()) };
        self.yields().await;
        let mut inner = self.lock();
        let keys: Vec<_> = writes.iter().map(Write::key).collect();
        match inner.faults.next(OperationKind::Commit, &keys) {
            None => inner.commit(writes),
            Some(Fault::Unavailable) => Err(unavailable()),
            Some(Fault::Conflict) => Err(StoreError::Conflict { key: first }),
            Some(Fault::AnswerLost) => inner.commit(writes).and_then(|()| Err(unavailable())),
            Some(Fault::ConflictAfterCommit) => {
                inner.commit(writes).and(Err(StoreError::Conflict { key: first }))
            }
        }
    }
}

impl Inner {
    fn commit(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        for write in &writes {
            let (Write::Put(_, expect) | Write::Delete(_, expect) | Write::Require(_, expect)) = write;
            let found = self.records.get(write.key()).map(|record| record.version);
            let holds = match expect {
                Expect::Anything => true,
                Expect::Absent => found.is_none(),
                Expect::Version(version) => found == Some(*version),
            };
            if !holds {
                return Err(StoreError::Conflict { key: write.key().clone() });
            }
        }
        self.index.begin_commit();
        for write in writes {
            match write {
                Write::Put(mut record, _) => {
                    let found = self.records.get(&record.key).map(|found| found.version);
                    record.version = found.map_or_else(|| record.first_version(), |version| version + 1);
                    let key = record.key.clone();
                    self.replace(&key, Some(as_kept(record)));
                }
                Write::Delete(key, _) => self.replace(&key, None),
                Write::Require(..) => {}
            }
        }
        Ok(())
    }

    fn replace(&mut self, key: &Key, record: Option<Record>) {
        let before = match record.clone() {
            Some(record) => self.records.insert(key.clone(), record),
            None => self.records.remove(key),
        };
        self.index.replace(before, record);
    }
}

/// The record with its instants as coarse as the store keeps them.
fn as_kept(mut record: Record) -> Record {
    if let Some(due) = &mut record.due {
        due.at = Timestamp::from_millisecond(due_millisecond(due.at)).unwrap_or(due.at);
    }
    record.expires = record.expires.map(|at| Timestamp::from_second(expires_second(at)).unwrap_or(at));
    record
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { reason: "a fault was injected".to_owned() }
}

/// Pending once, then ready.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
