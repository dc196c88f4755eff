use crate::changes::Change;
use crate::compile::Compiled;
use crate::draft::{Draft, DraftError, Plan};
use crate::entry::{Entry, Head, Named};
use crate::text::{COMPRESSED_BYTES_MAX, Text};
use crate::version::{Identity, Version};
use crate::{keys, kinds};
use jiff::Timestamp;
use prodrome_model::stable_hash;
use prodrome_rules::{Diagnostic, RuleSet, SourceFile, load};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

/// How often a version is written where the store does not say that it was.
const ATTEMPTS: usize = 4;
/// So many older versions are looked through for the last good form of a rule.
const LOOK_BACK_MAX: u64 = 20;

/// All versions of the rules. See the crate's documentation.
#[derive(Debug, Clone)]
pub struct Rulebook<S> {
    store: S,
    is_aside: bool,
}

/// Why the rulebook could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The store did not answer.
    #[error("the table of rules cannot be read")]
    Store(#[from] StoreError),
    /// There is no such version.
    #[error("there is no version {version}{}", known(*.latest))]
    NoVersion {
        /// Which.
        version: u64,
        /// The latest that there is.
        latest: Option<u64>,
    },
    /// A record is not what this program writes.
    #[error("{}/{} in the table of rules cannot be read: {reason}", key.partition, key.sort)]
    Malformed {
        /// Where it is.
        key: Key,
        /// What is wrong.
        reason: String,
    },
}

fn known(latest: Option<u64>) -> String {
    match latest {
        None => ": nothing was pushed yet".to_owned(),
        Some(latest) => format!(": the latest is {latest}"),
    }
}

/// Why a push was refused.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It would be no version.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Somebody else pushed in the meantime.
    #[error("version {} was pushed meanwhile, by {} at {} ({})", by.version, by.who, by.at.strftime("%Y-%m-%d %H:%M:%SZ"), by.why)]
    Overtaken {
        /// What they pushed.
        by: Box<Entry>,
    },
    /// It was made from a version that there is not.
    #[error("it was made from version {on}, and {}", latest(*.holds))]
    NotYet {
        /// The version that it was made from.
        on: u64,
        /// The one that holds.
        holds: u64,
    },
    /// A version that no longer compiles cannot hold again.
    #[error("version {version} no longer compiles, so it cannot be gone back to")]
    Outdated {
        /// Which.
        version: u64,
        /// What is wrong, warnings too.
        diagnostics: Vec<Diagnostic>,
        /// Its files.
        files: Vec<SourceFile>,
    },
    /// The store does not take it.
    #[error("the version was not written; nothing has changed")]
    NotWritten(#[source] StoreError),
    /// The rulebook cannot be read.
    #[error(transparent)]
    Book(#[from] BookError),
}

fn latest(holds: u64) -> String {
    match holds {
        0 => "nothing was pushed yet".to_owned(),
        holds => format!("version {holds} holds"),
    }
}

#[derive(Serialize, Deserialize)]
struct Part {
    layout: u32,
    zstd: String,
}

impl<S: Store> Rulebook<S> {
    /// The rulebook in a table.
    pub fn new(store: S) -> Self {
        Self { store, is_aside: true }
    }

    /// The same, compiling where it is asked to and on no thread of its own: for a simulation, in which the same has to
    /// come to the same.
    #[must_use]
    pub fn on_this_thread(self) -> Self {
        Self { is_aside: false, ..self }
    }

    /// Does work that takes a while away from the thread that handles messages.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        if self.is_aside { tokio::task::spawn_blocking(work).await } else { Ok(work()) }
    }

    /// Which version holds; `None` where nothing was pushed yet: then what each program came with does.
    pub async fn head(&self) -> Result<Option<Head>, BookError> {
        let record = self.store.get(&keys::head()).await?;
        record.map(|record| read(&record)).transpose()
    }

    /// What is to be known of a version.
    pub async fn entry(&self, version: u64) -> Result<Entry, BookError> {
        if let Some(record) = self.store.get(&keys::entry(version)).await? {
            return read(&record);
        }
        let latest = self.head().await?.map(|head| head.version);
        Err(BookError::NoVersion { version, latest })
    }

    /// All versions, the newest first.
    pub async fn history(&self) -> Result<Vec<Entry>, BookError> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.query(keys::PARTITION, keys::ENTRIES, after.as_deref()).await?;
            for record in &page.records {
                entries.push(read(record)?);
            }
            after = page.next;
            if after.is_none() {
                entries.reverse();
                return Ok(entries);
            }
        }
    }

    /// A version with its text.
    pub async fn version(&self, version: u64) -> Result<Version, BookError> {
        let entry = self.entry(version).await?;
        let keys: Vec<Key> = (0..entry.parts).map(|number| keys::part(version, number)).collect();
        let mut records = self.store.get_many(&keys).await?;
        records.sort_by(|one, other| one.key.cmp(&other.key));
        let parts: Vec<String> = records
            .iter()
            .map(|record| read::<Part>(record).map(|part| part.zstd))
            .collect::<Result<_, _>>()?;
        let malformed = |reason| BookError::Malformed { key: keys::part(version, 0), reason };
        if parts.len() != entry.parts {
            return Err(malformed(format!("{} of {} parts are there", parts.len(), entry.parts)));
        }
        let text = Text::read(&parts).map_err(malformed)?;
        Ok(Version { entry, rules: text.rules.clone(), files: text.into_files() })
    }

    /// A version as this program understands it, compiled on a thread of its own: what it refuses is taken from the
    /// last version in which it does not, and else from the rules that the program came with.
    pub async fn compiled(&self, version: u64, base: &RuleSet) -> Result<Compiled, BookError> {
        let mut compiled = self.compile(self.version(version).await?).await?;
        let oldest = version.saturating_sub(LOOK_BACK_MAX).max(1);
        for older in (oldest..version).rev() {
            if !compiled.lacks_any() {
                return Ok(compiled);
            }
            // What is not there or cannot be read is no last good one.
            if let Ok(found) = self.version(older).await {
                compiled.fill_from(older, &self.compile(found).await?.rules);
            }
        }
        compiled.fill_from(0, base);
        Ok(compiled)
    }

    async fn compile(&self, version: Version) -> Result<Compiled, BookError> {
        let key = keys::part(version.entry.version, 0);
        let compiled = self.aside(move || Compiled::of(&version)).await;
        compiled.map_err(|error| BookError::Malformed { key, reason: error.to_string() })
    }

    /// What a push would come to. Where nothing was pushed yet, `base` holds.
    pub async fn plan(&self, draft: &Draft, base: &[SourceFile]) -> Result<(Plan, u64), PushError> {
        let (holding, plan) = self.planned(draft, base).await?;
        Ok((plan, holding.map_or(0, |holding| holding.entry.version)))
    }

    /// Makes a draft the version that holds, all or nothing. Where nothing was pushed yet, `base` holds before it.
    pub async fn push(&self, draft: &Draft, base: &[SourceFile], now: Timestamp) -> Result<Entry, PushError> {
        let (holding, plan) = self.planned(draft, base).await?;
        let before = holding.as_ref().map(|holding| &holding.entry);
        let entry = entry(draft, &plan, before, now);
        let known = holding.as_ref().map(|holding| holding.rules.clone()).unwrap_or_default();
        let identities = Identity::of_all(entry.version, &plan.rules, &plan.old, &known);
        let text = Text::new(&plan.files, identities);
        let parts = text.parts().map_err(|bytes| DraftError::TooLarge {
            bytes,
            compressed: " compressed",
            max: COMPRESSED_BYTES_MAX,
        })?;
        let entry = Entry { parts: parts.len(), ..entry };
        self.write(&entry, parts).await?;
        Ok(entry)
    }

    /// Makes an older version hold again, as a new one.
    pub async fn roll_back(&self, to: u64, who: &str, why: &str, now: Timestamp) -> Result<Entry, PushError> {
        let old = self.version(to).await?;
        let loaded = load(&old.files);
        if loaded.diagnostics.iter().any(Diagnostic::is_error) {
            let (diagnostics, files) = (loaded.diagnostics, old.files);
            return Err(PushError::Outdated { version: to, diagnostics, files });
        }
        let draft = Draft { prune: true, back_to: Some(to), ..Draft::new(who, why, old.files) };
        self.push(&draft, &[], now).await
    }

    async fn planned(
        &self,
        draft: &Draft,
        base: &[SourceFile],
    ) -> Result<(Option<Version>, Plan), PushError> {
        let holding = match self.head().await? {
            None => None,
            Some(head) => Some(self.version(head.version).await?),
        };
        let holds = holding.as_ref().map_or(0, |holding| holding.entry.version);
        match (draft.on, &holding) {
            (Some(on), Some(holding)) if on < holds => {
                return Err(PushError::Overtaken { by: Box::new(holding.entry.clone()) });
            }
            (Some(on), _) if on != holds => return Err(PushError::NotYet { on, holds }),
            _ => {}
        }
        let plan = draft.plan(holding.as_ref().map_or(base, |holding| &holding.files))?;
        Ok((holding, plan))
    }

    async fn write(&self, entry: &Entry, parts: Vec<String>) -> Result<(), PushError> {
        let head_key = keys::head();
        let there = self.store.get(&head_key).await.map_err(BookError::from)?;
        let holds = there.as_ref().map(read::<Head>).transpose()?.map_or(0, |head| head.version);
        if holds + 1 != entry.version {
            return Err(self.overtaken(holds).await?);
        }
        let head = Head { layout: 1, version: entry.version, at: entry.at };
        let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
        let mut writes = vec![
            Write::Put(record(head_key, &head), expect),
            Write::Put(record(keys::entry(entry.version), entry), Expect::Absent),
        ];
        for (number, zstd) in parts.into_iter().enumerate() {
            let key = keys::part(entry.version, number);
            writes.push(Write::Put(record(key, &Part { layout: 1, zstd }), Expect::Absent));
        }
        let mut tried = 0;
        loop {
            let error = match self.store.commit(writes.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            tried += 1;
            // It may have been done all the same, and this be the conflict of a repetition with itself.
            match self.entry(entry.version).await {
                Ok(found) if found.id == entry.id => return Ok(()),
                Ok(_) => return Err(self.overtaken(entry.version).await?),
                Err(_) if error.is_retryable() && tried < ATTEMPTS => {}
                Err(_) => return Err(PushError::NotWritten(error)),
            }
        }
    }

    async fn overtaken(&self, holds: u64) -> Result<PushError, BookError> {
        Ok(PushError::Overtaken { by: Box::new(self.entry(holds).await?) })
    }
}

fn entry(draft: &Draft, plan: &Plan, before: Option<&Entry>, now: Timestamp) -> Entry {
    let version = before.map_or(0, |before| before.version) + 1;
    let of = |changes: &[Change]| Named::new(plan.changes.names(changes));
    let (kinds_before, kinds_of_clusters) =
        before.map(|before| (before.kinds.clone(), before.kinds_of_clusters.clone())).unwrap_or_default();
    let (at, who, why) = (now.to_string(), draft.who.trim(), draft.why.trim());
    Entry {
        layout: 1,
        version,
        id: stable_hash(&["push", &version.to_string(), &at, who, why, &plan.rules.hash()]),
        at: now,
        who: who.to_owned(),
        why: why.to_owned(),
        back_to: draft.back_to,
        files: plan.files.iter().map(|file| file.name.clone()).collect(),
        rules: plan.rules.rules().len(),
        added: of(&[Change::Added]),
        changed: of(&Change::OTHERS),
        removed: of(&[Change::Removed]),
        kinds: kinds::touched(version, &kinds_before, &plan.old, &plan.rules),
        kinds_of_clusters: kinds::touched_of_clusters(
            version,
            (&kinds_before, &kinds_of_clusters),
            &plan.old,
            &plan.rules,
        ),
        parts: 0,
    }
}

fn record(key: Key, data: &impl Serialize) -> Record {
    Record::new(key, serde_json::to_string(data).expect("plain data is always written as JSON"))
}

fn read<T: DeserializeOwned>(record: &Record) -> Result<T, BookError> {
    serde_json::from_str(&record.data)
        .map_err(|error| BookError::Malformed { key: record.key.clone(), reason: error.to_string() })
}
