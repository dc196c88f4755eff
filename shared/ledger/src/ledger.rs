use crate::account::Tidings;
use crate::statement::Unnumbered;
use crate::{Account, Dead, Row, RunSummary, Silence, Span, Statement, Summary, Tried, keys};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Scope, Waybill};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A row is read within minutes; where the sweep stands still, it has so long to come back.
const ROWS_KEPT: SignedDuration = SignedDuration::from_hours(2 * 24);
/// A run is told of so long after its last pack: as long as a dead letter is kept, and a day.
pub(crate) const RUNS_KEPT: SignedDuration = SignedDuration::from_hours(15 * 24);
/// What does not change is written anew so often, that it does not expire before its run does.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// What was given up and sent again is looked for so often a settlement.
const REVIVALS: usize = 50;
/// So many pages of rows a run are read at once.
const PAGES_MAX: usize = 20;
/// A statement that others write at the same moment is tried so often; the next pack makes it again.
const ATTEMPTS: usize = 3;
/// So long after some were found to be lost, or dropped, that is said at each settlement: one that dies must not keep it to itself.
const SAID_FOR: SignedDuration = SignedDuration::from_mins(15);

/// The ledger in a table.
#[derive(Debug, Clone)]
pub struct Ledger<S> {
    pub(crate) store: S,
}

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The table.
    #[error("the table of the ledger")]
    Store(#[from] StoreError),
    /// What stands there is something else.
    #[error("the record {partition}/{sort} of the ledger cannot be read")]
    Malformed {
        /// Its partition.
        partition: String,
        /// Its sort key.
        sort: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// A line of a row, as it is written.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    dead: Dead,
    /// They are not dead: they were tried then, and come again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tried: Option<Timestamp>,
}

/// What a settlement found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many runs of watchers were gone through.
    pub runs: usize,
    /// How many changes are lost, of runs of which some were found to be in the last quarter of an hour.
    pub lost: u64,
    /// How many changes watchers have dropped, in runs of which some were heard of in the last quarter of an hour.
    pub dropped: u64,
    /// When each cluster's watcher was heard last.
    pub heard: BTreeMap<Scope, Timestamp>,
}

/// What is kept of a run.
struct Run {
    name: String,
    scope: String,
    epoch: u64,
    statement: Statement,
    account: Account,
    /// Of the record of the account, where there is one.
    version: Option<u64>,
    expires: Option<Timestamp>,
}

impl Run {
    /// Whether no row is awaited.
    fn is_over(&self) -> bool {
        self.account.is_closed && self.statement.waybill.accepted <= self.account.up_to
    }
}

impl<S: Store> Ledger<S> {
    /// The ledger in a store.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// Notes that the changes of a pack were handled, but for those that were given up. As often as wanted.
    pub async fn done(
        &self,
        scope: &Scope,
        epoch: u64,
        span: Span,
        dead: &[Dead],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let dead = dead.iter().map(|dead| Line { dead: dead.clone(), tried: None });
        self.write_row(scope, epoch, keys::DONE, span, dead.collect(), now).await
    }

    /// Notes that a try at a pack begins, or was in vain: it comes again. Where it is handled, or given up, that counts.
    pub async fn tried(
        &self,
        scope: &Scope,
        epoch: u64,
        span: Span,
        code: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.not_handled(scope, epoch, Dead { span, code: code.to_owned() }, Some(now), now).await
    }

    /// Notes that a pack was given up. Where it is handled after all, that counts.
    pub async fn given_up(
        &self,
        scope: &Scope,
        epoch: u64,
        span: Span,
        code: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.not_handled(scope, epoch, Dead { span, code: code.to_owned() }, None, now).await
    }

    async fn not_handled(
        &self,
        scope: &Scope,
        epoch: u64,
        dead: Dead,
        tried: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let span = dead.span;
        self.write_row(scope, epoch, keys::FAILED, span, vec![Line { dead, tried }], now).await
    }

    async fn write_row(
        &self,
        scope: &Scope,
        epoch: u64,
        prefix: &str,
        span: Span,
        lines: Vec<Line>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let key = keys::row(&keys::run(scope, epoch), prefix, span);
        Ok(self.put(key, &lines, now.checked_add(ROWS_KEPT).ok(), Expect::Anything).await?)
    }

    /// Notes what a watcher said in a pack sent at `at`. What is older than what is noted changes nothing.
    pub async fn state(&self, scope: &Scope, waybill: Waybill, at: Timestamp) -> Result<(), LedgerError> {
        let key = keys::statement(&keys::run(scope, waybill.epoch));
        let said = Statement { waybill, at };
        for attempt in 1.. {
            let there = self.store.get(&key).await?;
            // What cannot be read is written anew.
            let noted =
                there.as_ref().and_then(|record| serde_json::from_str::<Statement>(&record.data).ok());
            let new = noted.map_or(said, |noted| noted.with(said));
            if noted == Some(new) {
                break;
            }
            let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
            match self.put(key.clone(), &new, new.at.checked_add(RUNS_KEPT).ok(), expect).await {
                Err(StoreError::Conflict { .. }) if attempt < ATTEMPTS => {}
                // Others have said as much just now.
                Ok(()) | Err(StoreError::Conflict { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Notes that a watcher's pack came, sent at `at`, that says nothing of numbers.
    pub async fn uncounted(&self, scope: &Scope, at: Timestamp) -> Result<(), LedgerError> {
        let expires = at.checked_add(RUNS_KEPT).ok();
        Ok(self.put(keys::uncounted(scope), &Unnumbered { at }, expires, Expect::Anything).await?)
    }

    /// Goes through what has come since the last time. Of two at once one is done.
    pub async fn settle(&self, now: Timestamp) -> Result<Settled, LedgerError> {
        let mut settled = Settled::default();
        let runs = self.runs().await?;
        let mut newest: BTreeMap<&str, (Timestamp, u64)> = BTreeMap::new();
        for run in &runs {
            let (at, epoch) = newest.entry(&run.scope).or_insert((run.statement.at, run.epoch));
            *at = run.statement.at.max(*at);
            *epoch = run.epoch.max(*epoch);
        }
        for run in &runs {
            let (news, last) =
                newest.get(run.scope.as_str()).copied().unwrap_or((run.statement.at, run.epoch));
            let mut account = run.account.clone();
            if !run.is_over() || account.lost + account.dead_count() + account.tried_count() > 0 {
                settled.runs += 1;
                self.revive(&run.name, &mut account).await?;
                account.expire(now);
            }
            if !run.is_over() {
                let (rows, read_up_to) = self.rows(&run.name, account.up_to, u64::MAX).await?;
                let (accepted, at) = (run.statement.waybill.accepted, run.statement.at);
                let is_succeeded = last > run.epoch;
                account.advance(rows, &Tidings { accepted, at, news, read_up_to, is_succeeded, now });
            }
            account.drops(run.statement.waybill.dropped, now);
            let expires = run.statement.at.checked_add(RUNS_KEPT).ok();
            let written = run.expires.zip(expires);
            let is_old = written.is_some_and(|(old, new)| new.duration_since(old) > RENEWED_AFTER);
            if account != run.account || is_old {
                let expect = run.version.map_or(Expect::Absent, Expect::Version);
                match self.put(keys::account(&run.name), &account, expires, expect).await {
                    Ok(()) | Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let is_news = |at: Option<Timestamp>| at.is_some_and(|at| now.duration_since(at) < SAID_FOR);
            if is_news(account.lost_at) {
                settled.lost += account.lost;
            }
            if is_news(account.dropped_at) {
                settled.dropped += account.dropped;
            }
        }
        let counted = newest.iter().map(|(scope, (at, _))| ((*scope).to_owned(), *at));
        for (scope, at) in counted.chain(self.all_uncounted().await?) {
            let Some(scope) = Scope::parse(&scope) else { continue };
            let heard = settled.heard.entry(scope).or_insert(at);
            *heard = at.max(*heard);
        }
        Ok(settled)
    }

    /// What is known at this moment.
    pub async fn summary(&self) -> Result<Summary, LedgerError> {
        let mut runs = Vec::new();
        for Run { name, scope, epoch, statement, mut account, .. } in self.runs().await? {
            self.revive(&name, &mut account).await?;
            let (rows, _) = self.rows(&name, account.up_to, u64::MAX).await?;
            let known = account.with_beyond(rows);
            runs.push((scope, RunSummary::new(epoch, statement, known)));
        }
        let silences = self.silences().await?.into_values();
        let silent = silences.map(|(silence, _)| silence).filter(Silence::is_open);
        Ok(Summary::new(runs, &self.all_uncounted().await?, silent))
    }

    /// When each watcher was heard that does not number its changes.
    pub(crate) async fn all_uncounted(&self) -> Result<BTreeMap<String, Timestamp>, LedgerError> {
        let mut uncounted = BTreeMap::new();
        for record in self.all(keys::UNCOUNTED, "").await? {
            let Unnumbered { at } = read(&record)?;
            uncounted.insert(record.key.sort, at);
        }
        Ok(uncounted)
    }

    /// All runs that are kept, by cluster and epoch.
    async fn runs(&self) -> Result<Vec<Run>, LedgerError> {
        let accounts =
            self.all(keys::ACCOUNTS, "").await?.into_iter().map(|record| (record.key.sort.clone(), record));
        let accounts: BTreeMap<String, Record> = accounts.collect();
        let mut runs = Vec::new();
        for record in self.all(keys::STATEMENTS, "").await? {
            let Some((scope, epoch)) = keys::parse_run(&record.key.sort) else { continue };
            let there = accounts.get(&record.key.sort);
            runs.push(Run {
                scope: scope.to_owned(),
                epoch,
                statement: read(&record)?,
                account: there.map(read).transpose()?.unwrap_or_default(),
                version: there.map(|record| record.version),
                expires: there.and_then(|record| record.expires),
                name: record.key.sort,
            });
        }
        Ok(runs)
    }

    pub(crate) async fn all(&self, partition: &str, prefix: &str) -> Result<Vec<Record>, LedgerError> {
        let mut records = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.query(partition, prefix, after.as_deref()).await?;
            records.extend(page.records);
            after = page.next;
            if after.is_none() {
                return Ok(records);
            }
        }
    }

    /// The rows that begin behind a number, up to another one, and up to where these are all that there are. What was
    /// handled in the end was not given up.
    async fn rows(&self, run: &str, behind: u64, until: u64) -> Result<(Vec<Row>, u64), LedgerError> {
        let (mut rows, done_up_to) = self.query_rows(run, keys::DONE, behind, until).await?;
        let known: BTreeSet<Span> = rows.iter().map(|row| row.span).collect();
        let (failed, failed_up_to) = self.query_rows(run, keys::FAILED, behind, until).await?;
        rows.extend(failed.into_iter().filter(|row| !known.contains(&row.span)));
        let read_up_to = done_up_to.min(failed_up_to);
        rows.retain(|row| row.span.last <= read_up_to);
        Ok((rows, read_up_to))
    }

    async fn query_rows(
        &self,
        run: &str,
        prefix: &str,
        behind: u64,
        until: u64,
    ) -> Result<(Vec<Row>, u64), LedgerError> {
        let partition = keys::rows(run);
        let mut after = Some(keys::behind(prefix, behind));
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.store.query(&partition, prefix, after.as_deref()).await?;
            for record in page.records {
                let Some(span) = keys::parse_row(prefix, &record.key.sort) else { continue };
                if span.first > until {
                    return Ok((rows, u64::MAX));
                }
                rows.push(row(span, &record)?);
            }
            after = page.next;
            if after.is_none() {
                return Ok((rows, u64::MAX));
            }
        }
        let read_up_to = rows.last().map_or(behind, |row| row.span.last);
        Ok((rows, read_up_to))
    }

    /// Looks whether what was given up, tried or lost was handled after all, or for another reason not.
    async fn revive(&self, run: &str, account: &mut Account) -> Result<(), LedgerError> {
        let dead: Vec<Span> = account.dead_spans.iter().rev().take(REVIVALS).map(|dead| dead.span).collect();
        // What was handled comes last, so that it has the last word.
        for prefix in [keys::FAILED, keys::DONE] {
            let wanted: Vec<Key> = dead.iter().map(|span| keys::row(run, prefix, *span)).collect();
            if wanted.is_empty() {
                break;
            }
            for record in self.store.get_many(&wanted).await? {
                let Some(span) = keys::parse_row(prefix, &record.key.sort) else { continue };
                account.revive(&row(span, &record)?);
            }
        }
        let lost = account.lost_spans.iter().rev().take(REVIVALS).copied();
        // What was tried longest ago first: it is the next to expire.
        let mut tried: Vec<Tried> = account.tried_spans.clone();
        tried.sort_by_key(|tried| tried.at);
        let gaps: Vec<Span> = lost.chain(tried.iter().take(REVIVALS).map(|tried| tried.span)).collect();
        for span in gaps {
            let (rows, _) = self.rows(run, span.first - 1, span.last).await?;
            for row in &rows {
                account.revive(row);
            }
        }
        Ok(())
    }

    pub(crate) async fn put(
        &self,
        key: Key,
        value: &impl serde::Serialize,
        expires: Option<Timestamp>,
        expect: Expect,
    ) -> Result<(), StoreError> {
        let data = serde_json::to_string(value).expect("plain data is always written as JSON");
        let record = Record { expires, ..Record::new(key, data) };
        self.store.commit(vec![Write::Put(record, expect)]).await
    }
}

fn row(span: Span, record: &Record) -> Result<Row, LedgerError> {
    let lines: Vec<Line> = read(record)?;
    let tried = lines.iter().filter_map(|line| line.tried).max();
    let dead = if tried.is_some() { Vec::new() } else { lines.into_iter().map(|line| line.dead).collect() };
    Ok(Row { span, dead, tried })
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(record: &Record) -> Result<T, LedgerError> {
    serde_json::from_str(&record.data).map_err(|source| LedgerError::Malformed {
        partition: record.key.partition.clone(),
        sort: record.key.sort.clone(),
        source,
    })
}
