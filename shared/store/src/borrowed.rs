//! A store that is borrowed is the store.

use crate::{Key, Page, Record, Store, StoreError, Write};
use jiff::Timestamp;

impl<S: Store> Store for &S {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        (**self).get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        (**self).get_many(keys).await
    }

    async fn query(&self, partition: &str, prefix: &str, after: Option<&str>) -> Result<Page, StoreError> {
        (**self).query(partition, prefix, after).await
    }

    async fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        (**self).due(bucket, until, limit, after).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        (**self).commit(writes).await
    }
}
