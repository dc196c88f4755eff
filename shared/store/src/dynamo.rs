mod failure;
mod item;
pub mod schema;
#[cfg(test)]
mod tests;
mod write;

use crate::due::DuePlace;
use crate::limits::{check_commit, check_due, check_key, check_query, until_millisecond};
use crate::{Expect, Key, Page, Record, Store, StoreError, Write};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use failure::{canceled, failure};
use item::Item;
use jiff::Timestamp;
use schema::{DUE_AT, DUE_BUCKET, DUE_INDEX, PARTITION, SORT};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The most keys of one `BatchGetItem`.
const KEYS_MAX: usize = 100;
/// So often the keys that a busy table left unread are asked for again.
const UNREAD_ATTEMPTS_MAX: u32 = 8;
/// The first wait before that; it doubles from time to time, up to twenty times as long.
const UNREAD_WAIT: Duration = Duration::from_millis(50);
const UNREAD_WAIT_GROWTH_MAX: u32 = 20;

/// One try of a request takes no longer, and a request with all its tries. The SDK waits for ever by itself: then one
/// answer that is lost without a word would hold a function until its time is over, and with it all of a batch.
const TRY_WAIT: Duration = Duration::from_secs(4);
const REQUEST_WAIT: Duration = Duration::from_secs(12);

/// A [`Store`] over one table of DynamoDB, made as [`schema`] says.
///
/// A commit of one write is a conditional `PutItem`, `UpdateItem` or `DeleteItem`; of several, a
/// `TransactWriteItems`, which costs double. The client's own retries stand: they repeat what was throttled or
/// lost on the way. Its timeouts stand too; where it has none, a request ends after 12 s.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
    unread_wait: Duration,
}

impl DynamoStore {
    /// The store in this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client: impatient(client), table: table.into(), unread_wait: UNREAD_WAIT }
    }

    /// Reads up to [`KEYS_MAX`] different keys.
    async fn get_batch(&self, keys: &[&Key]) -> Result<Vec<Record>, StoreError> {
        let mut unread: Vec<Item> = keys.iter().map(|key| item::of_key(key)).collect();
        let mut records = Vec::new();
        for attempt in 0..UNREAD_ATTEMPTS_MAX {
            if attempt > 0 {
                let wait = self.unread_wait * (1 << (attempt - 1)).min(UNREAD_WAIT_GROWTH_MAX);
                tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            }
            let keys = KeysAndAttributes::builder().set_keys(Some(unread)).consistent_read(true).build();
            let keys = keys.map_err(|error| StoreError::Refused { reason: error.to_string() })?;
            let request = self.client.batch_get_item().request_items(&self.table, keys);
            let output = request.send().await.map_err(|error| failure(&error, None))?;
            let read = output.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
            for item in &read {
                records.push(item::to_record(item)?);
            }
            match output.unprocessed_keys.and_then(|mut unread| unread.remove(&self.table)) {
                Some(rest) if !rest.keys.is_empty() => unread = rest.keys,
                _ => return Ok(records),
            }
        }
        let reason = format!("the table left keys unread {UNREAD_ATTEMPTS_MAX} times");
        Err(StoreError::Unavailable { reason })
    }

    async fn commit_one(&self, write: Write) -> Result<(), StoreError> {
        let key = write.key().clone();
        let client = &self.client;
        match write {
            Write::Put(record, Expect::Anything) => {
                let update = write::Update::of(&record);
                let request = client.update_item().table_name(&self.table).set_key(Some(item::of_key(&key)));
                let request = request.update_expression(update.expression);
                let request = request.set_expression_attribute_names(Some(update.names));
                let request = request.set_expression_attribute_values(Some(update.values));
                request.send().await.map_err(|error| failure(&error, Some(&key)))?;
            }
            Write::Put(record, expect) => {
                let condition = write::Condition::of(expect);
                let request = client.put_item().table_name(&self.table);
                let request = request.set_item(Some(item::of_record(&record, expect)));
                let request = request.set_condition_expression(condition.expression);
                let request = request.set_expression_attribute_names(condition.names);
                let request = request.set_expression_attribute_values(condition.values);
                request.send().await.map_err(|error| failure(&error, Some(&key)))?;
            }
            Write::Delete(_, expect) => {
                let condition = write::Condition::of(expect);
                let request = client.delete_item().table_name(&self.table).set_key(Some(item::of_key(&key)));
                let request = request.set_condition_expression(condition.expression);
                let request = request.set_expression_attribute_names(condition.names);
                let request = request.set_expression_attribute_values(condition.values);
                request.send().await.map_err(|error| failure(&error, Some(&key)))?;
            }
            // Only a transaction can require without writing.
            Write::Require(..) => self.commit_all(vec![write]).await?,
        }
        Ok(())
    }

    async fn commit_all(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let keys: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
        let items = writes.into_iter().map(|write| write::transact(&self.table, write));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        request.send().await.map(|_| ()).map_err(|error| canceled(&error, &keys))
    }
}

impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        check_key(key)?;
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let output = request.set_key(Some(item::of_key(key))).send().await;
        let output = output.map_err(|error| failure(&error, Some(key)))?;
        output.item.as_ref().map(item::to_record).transpose()
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        keys.iter().try_for_each(check_key)?;
        let mut seen = BTreeSet::new();
        let once: Vec<&Key> = keys.iter().filter(|key| seen.insert(*key)).collect();
        let mut read = BTreeMap::new();
        for batch in once.chunks(KEYS_MAX) {
            let records = self.get_batch(batch).await?;
            read.extend(records.into_iter().map(|record| (record.key.clone(), record)));
        }
        Ok(once.into_iter().filter_map(|key| read.remove(key)).collect())
    }

    async fn query(&self, partition: &str, prefix: &str, after: Option<&str>) -> Result<Page, StoreError> {
        check_query(partition, prefix, after)?;
        let request = self.client.query().table_name(&self.table).consistent_read(true);
        let request = request.expression_attribute_names("#p", PARTITION);
        let request = request.expression_attribute_values(":p", text(partition));
        let request = if prefix.is_empty() {
            request.key_condition_expression("#p = :p")
        } else {
            let request = request.key_condition_expression("#p = :p AND begins_with(#s, :s)");
            let request = request.expression_attribute_names("#s", SORT);
            request.expression_attribute_values(":s", text(prefix))
        };
        let after = after.map(|after| item::of_key(&Key::new(partition, after)));
        let output = request.set_exclusive_start_key(after).send().await;
        let output = output.map_err(|error| failure(&error, None))?;
        let records = output.items().iter().map(item::to_record).collect::<Result<_, _>>()?;
        let last = output.last_evaluated_key.as_ref().map(item::to_key).transpose()?;
        Ok(Page { records, next: last.map(|key| key.sort) })
    }

    async fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        check_due(bucket, limit)?;
        let after = after.map(DuePlace::from_token).transpose()?.map(|place| item::of_place(bucket, &place));
        let request = self.client.query().table_name(&self.table).index_name(DUE_INDEX);
        let request = request.key_condition_expression("#b = :b AND #a <= :a");
        let request = request.expression_attribute_names("#b", DUE_BUCKET);
        let request = request.expression_attribute_names("#a", DUE_AT);
        let request = request.expression_attribute_values(":b", text(bucket));
        let until = AttributeValue::N(until_millisecond(until).to_string());
        let request = request.expression_attribute_values(":a", until);
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let output = request.set_exclusive_start_key(after).send().await;
        let output = output.map_err(|error| failure(&error, None))?;
        let records = output.items().iter().map(item::to_record).collect::<Result<_, _>>()?;
        let last = output.last_evaluated_key.as_ref().map(item::to_place).transpose()?;
        Ok(Page { records, next: last.map(|place| place.to_token()) })
    }

    async fn commit(&self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        check_commit(&writes)?;
        writes.retain(|write| !matches!(write, Write::Require(_, Expect::Anything)));
        match writes.len() {
            0 => Ok(()),
            1 => self.commit_one(writes.swap_remove(0)).await,
            _ => self.commit_all(writes).await,
        }
    }
}

/// The client, with timeouts where it has none of its own.
fn impatient(client: Client) -> Client {
    let timeouts = client.config().timeout_config();
    if timeouts.is_some_and(|set| set.operation_timeout().or(set.operation_attempt_timeout()).is_some()) {
        return client;
    }
    let ours = TimeoutConfig::builder().operation_attempt_timeout(TRY_WAIT).operation_timeout(REQUEST_WAIT);
    let mut ours = ours.build();
    if let Some(timeouts) = timeouts {
        ours.take_defaults_from(timeouts);
    }
    Client::from_conf(client.config().to_builder().timeout_config(ours).build())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
