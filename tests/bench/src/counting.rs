//! A table that counts what it would be billed.

use crate::price;
use jiff::Timestamp;
use prodrome_store::{Key, MemoryStore, Page, Record, Store, StoreError, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A [`Store`] in memory with the bill of DynamoDB on demand. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct CountingStore {
    inner: MemoryStore,
    bill: Arc<Mutex<Bill>>,
}

/// Requests, and the units that they cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bill {
    /// Calls that read.
    pub reads: u64,
    /// Read units: 4 KiB each, strongly consistent.
    pub read_units: u64,
    /// Calls that write.
    pub writes: u64,
    /// Write units: 1 KiB each, twice that in a transaction.
    pub write_units: u64,
}

impl Bill {
    /// What it comes to.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    pub fn usd(&self) -> f64 {
        self.read_units as f64 * price::DYNAMO_READ_USD + self.write_units as f64 * price::DYNAMO_WRITE_USD
    }
}

impl CountingStore {
    /// What was billed so far.
    pub fn bill(&self) -> Bill {
        *self.bill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// What it holds.
    pub fn records(&self) -> Vec<Record> {
        self.inner.records()
    }

    fn count(&self, add: impl FnOnce(&mut Bill)) {
        add(&mut self.bill.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn count_read(&self, units: u64) {
        self.count(|bill| {
            bill.reads += 1;
            bill.read_units += units;
        });
    }
}

/// As DynamoDB counts an item: the names of its attributes and their values.
fn bytes_of(record: &Record) -> u64 {
    const NAMES: usize = "pk".len() + "sk".len() + "version".len() + "data".len() + 8;
    (NAMES + record.key.partition.len() + record.key.sort.len() + record.data.len()) as u64
}

fn read_units(bytes: u64) -> u64 {
    bytes.div_ceil(4096).max(1)
}

impl Store for CountingStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let found = self.inner.get(key).await?;
        self.count_read(read_units(found.as_ref().map_or(0, bytes_of)));
        Ok(found)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        let found = self.inner.get_many(keys).await?;
        let missing = (keys.len() - found.len()) as u64;
        self.count_read(found.iter().map(|record| read_units(bytes_of(record))).sum::<u64>() + missing);
        Ok(found)
    }

    async fn query(&self, partition: &str, prefix: &str, after: Option<&str>) -> Result<Page, StoreError> {
        let page = self.inner.query(partition, prefix, after).await?;
        self.count_read(read_units(page.records.iter().map(bytes_of).sum()));
        Ok(page)
    }

    async fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        let page = self.inner.due(bucket, until, limit, after).await?;
        self.count_read(read_units(page.records.iter().map(bytes_of).sum()));
        Ok(page)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let factor = if writes.len() > 1 { 2 } else { 1 };
        let units = writes.iter().map(|write| match write {
            Write::Put(record, _) => bytes_of(record).div_ceil(1024).max(1),
            Write::Delete(..) | Write::Require(..) => 1,
        });
        let units: u64 = units.sum();
        self.count(|bill| {
            bill.writes += 1;
            bill.write_units += units * factor;
        });
        self.inner.commit(writes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_store::Expect;

    #[tokio::test]
    async fn units_are_counted_as_they_are_billed() {
        let store = CountingStore::default();
        let record = |sort: &str, bytes: usize| Record::new(Key::new("p", sort), "x".repeat(bytes));
        store.commit(vec![Write::Put(record("a", 10), Expect::Anything)]).await.unwrap();
        store
            .commit(vec![
                Write::Put(record("b", 1500), Expect::Anything),
                Write::Put(record("c", 10), Expect::Anything),
            ])
            .await
            .unwrap();
        assert_eq!((store.bill().writes, store.bill().write_units), (2, 1 + 2 * (2 + 1)));
        store.query("p", "", None).await.unwrap();
        store.query("none", "", None).await.unwrap();
        store.get(&Key::new("p", "b")).await.unwrap();
        assert_eq!((store.bill().reads, store.bill().read_units), (3, 3));
    }
}
