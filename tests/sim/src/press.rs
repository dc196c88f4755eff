//! Who pushes rules, and the table that they are pushed into.

use crate::clock::{Clock, Millis, SECOND, millis};
use crate::edition::{Edit, Edition};
use crate::law::{Besides, rules_text};
use crate::weather::Weather;
use jiff::Timestamp;
use prodrome_rulebook::{Draft, DraftError, PushError, Rulebook};
use prodrome_rules::SourceFile;
use prodrome_store::{Key, MemoryStore, Page, Record, Store, StoreError, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The table of rules, and what was pushed into it.
#[derive(Clone)]
pub(crate) struct Press {
    clock: Clock,
    weather: Weather,
    table: MemoryStore,
    besides: Besides,
    pushed: Arc<Mutex<Vec<Pushed>>>,
}

/// That a version was pushed: when, and what it makes of which rule.
pub(crate) type Pushed = (Millis, &'static str, Option<Edit>);

impl Press {
    pub(crate) fn new(clock: Clock, weather: Weather, table: MemoryStore, besides: Besides) -> Self {
        Self { clock, weather, table, besides, pushed: Arc::default() }
    }

    /// The versions, for whoever can always read them.
    pub(crate) fn book(&self) -> Rulebook<MemoryStore> {
        Rulebook::new(self.table.clone()).on_this_thread()
    }

    /// The table, as an instance of evaluate reaches it.
    pub(crate) fn shelf(&self, instance: u8) -> Shelf {
        Shelf { table: self.table.clone(), hidden_from: Some((self.weather.clone(), instance)) }
    }

    /// What was pushed, in order.
    pub(crate) fn pushed(&self) -> Vec<Pushed> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pushes these, each when it is time: until it is done.
    pub(crate) async fn push_all(self, deeds: Vec<Pushed>) {
        let mut edition = Edition::new();
        for (at, rule, edit) in deeds {
            match edit {
                Some(edit) => _ = edition.insert(rule, edit),
                None => _ = edition.remove(rule),
            }
            self.clock.until(at).await;
            // It may be done though nobody says so.
            let from = self.clock.millis();
            self.pushed.lock().unwrap_or_else(PoisonError::into_inner).push((from, rule, edit));
            while !self.push(&edition).await {
                tokio::time::sleep(millis(SECOND)).await;
            }
        }
    }

    async fn push(&self, edition: &Edition) -> bool {
        let text = |edition: &Edition| rules_text(edition, self.besides, |name| name);
        let file = |edition: &Edition| SourceFile::new("rules.yaml", text(edition));
        let draft = Draft::new("somebody", "they know better", [file(edition)]);
        let base = [file(&Edition::new())];
        match self.book().push(&draft, &base, self.clock.now()).await {
            Ok(_) | Err(PushError::Draft(DraftError::Nothing)) => true,
            Err(PushError::Draft(error)) => unreachable!("the rules are sound: {error:?}"),
            Err(_) => false,
        }
    }
}

/// A table for one instance of evaluate. That of the rules may be out of its reach.
#[derive(Clone)]
pub(crate) struct Shelf {
    table: MemoryStore,
    hidden_from: Option<(Weather, u8)>,
}

impl From<MemoryStore> for Shelf {
    fn from(table: MemoryStore) -> Self {
        Self { table, hidden_from: None }
    }
}

impl Shelf {
    fn reached(&self) -> Result<&MemoryStore, StoreError> {
        if self.hidden_from.as_ref().is_some_and(|(weather, instance)| weather.hides_rules(*instance)) {
            return Err(StoreError::Unavailable { reason: "a fault was injected".to_owned() });
        }
        Ok(&self.table)
    }
}

impl Store for Shelf {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.reached()?.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        self.reached()?.get_many(keys).await
    }

    async fn query(&self, partition: &str, prefix: &str, after: Option<&str>) -> Result<Page, StoreError> {
        self.reached()?.query(partition, prefix, after).await
    }

    async fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        self.reached()?.due(bucket, until, limit, after).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.reached()?.commit(writes).await
    }
}
