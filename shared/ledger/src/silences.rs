//! The silences in the table, and how a cluster is forgotten.

use crate::ledger::{RUNS_KEPT, read};
use crate::statement::Unnumbered;
use crate::{Ledger, LedgerError, Silence, Statement, keys};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{EndReason, Ended, Scope};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};
use std::collections::BTreeMap;

/// A cluster whose watcher was heard within this time is not forgotten: it would only be there again, with a hole.
pub const HEARD_LATELY: SignedDuration = SignedDuration::from_mins(10);
/// So often a record is read anew where others write it.
const ATTEMPTS: usize = 5;

/// What became of the wish to forget a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// It is off the ledger, with so many runs of its watcher.
    Done {
        /// How many.
        runs: usize,
        /// Whether a silence ended with it.
        was_silent: bool,
    },
    /// Its watcher was heard just now.
    StillHeard {
        /// When.
        at: Timestamp,
    },
    /// Nothing is known of such a cluster.
    Unknown,
}

impl<S: Store> Ledger<S> {
    /// What is kept of silences, with the versions of the records. One that cannot be read is left out, and said.
    pub async fn silences(&self) -> Result<BTreeMap<Scope, (Silence, u64)>, LedgerError> {
        let mut silences = BTreeMap::new();
        for record in self.all(keys::SILENCES, "").await? {
            match read::<Silence>(&record) {
                Ok(silence) => _ = silences.insert(silence.scope.clone(), (silence, record.version)),
                Err(error) => tracing::error!(scope = record.key.sort, %error, "a silence cannot be read"),
            }
        }
        Ok(silences)
    }

    /// Keeps a silence, where the record is still in the version that was read (`None`: not there). Returns its new
    /// version; `None` where somebody else was quicker.
    pub async fn keep_silence(
        &self,
        silence: &Silence,
        version: Option<u64>,
        now: Timestamp,
    ) -> Result<Option<u64>, LedgerError> {
        let data = serde_json::to_string(silence).expect("plain data is always written as JSON");
        let expires = if silence.is_open() { None } else { now.checked_add(RUNS_KEPT).ok() };
        let record = Record { expires, ..Record::new(keys::silence(&silence.scope), data) };
        let expect = version.map_or(Expect::Absent, Expect::Version);
        let version = record.version_after(expect);
        match self.store.commit(vec![Write::Put(record, expect)]).await {
            Ok(()) => Ok(version),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a cluster off the ledger that is no more; where it is silent that ends. As often as wanted.
    pub async fn forget(&self, scope: &Scope, now: Timestamp) -> Result<Forgotten, LedgerError> {
        let statements = self.all(keys::STATEMENTS, &keys::runs_of(scope)).await?;
        let uncounted = self.store.get(&keys::uncounted(scope)).await?;
        let mut heard = uncounted.as_ref().map(read::<Unnumbered>).transpose()?.map(|noted| noted.at);
        for record in &statements {
            heard = heard.max(Some(read::<Statement>(record)?.at));
        }
        if let Some(at) = heard.filter(|at| now.duration_since(*at) < HEARD_LATELY) {
            return Ok(Forgotten::StillHeard { at });
        }
        // The silence last: what is off the ledger begins no other one.
        let runs = statements.len();
        for statement in &statements {
            self.remove(keys::account(&statement.key.sort)).await?;
            self.remove(statement.key.clone()).await?;
        }
        if uncounted.is_some() {
            self.remove(keys::uncounted(scope)).await?;
        }
        let was_silent = self.end_silence(scope, now).await?;
        let is_known = heard.is_some() || was_silent;
        Ok(if is_known { Forgotten::Done { runs, was_silent } } else { Forgotten::Unknown })
    }

    /// Ends what is kept of a silence. Returns whether there was one.
    async fn end_silence(&self, scope: &Scope, now: Timestamp) -> Result<bool, LedgerError> {
        let key = keys::silence(scope);
        for attempt in 1.. {
            let Some(record) = self.store.get(&key).await? else { break };
            let silence: Silence = read(&record)?;
            if !silence.is_open() {
                break;
            }
            let ended = silence.ends(Ended { at: now, reason: EndReason::Deleted });
            if self.keep_silence(&ended, Some(record.version), now).await?.is_some() {
                return Ok(true);
            }
            if attempt == ATTEMPTS {
                return Err(StoreError::Conflict { key }.into());
            }
        }
        Ok(false)
    }

    async fn remove(&self, key: Key) -> Result<(), LedgerError> {
        Ok(self.store.commit(vec![Write::Delete(key, Expect::Anything)]).await?)
    }
}
