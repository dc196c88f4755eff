//! What became of the findings that are open: each that evaluate has told, alert has to know.
//!
//! Changes end at evaluate, which keeps a check of what they begin. From there on nothing is counted, as nothing has to be:
//! a check that fired says so for as long as its fault lasts, and alert remembers each finding under its fingerprint. One
//! is held against the other.

use crate::ledger::read;
use crate::summary::Grouped;
use crate::{LedgerError, SETTLED_AFTER};
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::keys as alerting_keys;
use prodrome_lifecycle::{Check, Over, keys as lifecycle_keys};
use prodrome_model::Fingerprint;
use prodrome_store::{Key, Record, Store, StoreError};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// What evaluate has told, alert knows after so long, if all that is on its way can be reached. What cannot (a table that
/// refuses, say) has it tried on, for days.
pub const KNOWN_AFTER: SignedDuration = SETTLED_AFTER;
/// So many of those that are missing are named.
const NAMED_MAX: usize = 20;
/// Records a page of the index.
const PAGE: u32 = 250;

/// What became of the findings that are open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// How many faults last that evaluate has decided to tell of.
    #[serde(rename = "in")]
    pub came: u64,
    /// Of them, how many alert knows.
    pub out: u64,
    /// Of them, how many are on their way.
    pub waiting: u64,
    /// Of them, how many alert does not know though it should: they are tried in vain, lie among the dead letters, or are lost.
    pub missing: u64,
    /// Some of those that are missing, the oldest first.
    pub missing_findings: Vec<MissingFinding>,
    /// How many alerts are open.
    pub alerts: u64,
    /// How many notices are owed to channels: not yet sent, or tried in vain so far.
    pub owed: u64,
}

/// A finding that alert does not know though it should.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingFinding {
    /// When it fired.
    pub fired_at: Timestamp,
    /// The tenant, region and cluster.
    pub scope: String,
    /// The rule.
    pub rule: String,
    /// The object, as `Kind namespace/name`.
    pub object: String,
    /// Its identity.
    pub fingerprint: Fingerprint,
}

impl Findings {
    /// Reads it of the tables of checks and of episodes. It reads each open check once.
    pub async fn read(
        checks: &impl Store,
        episodes: &impl Store,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let mut findings = Self::default();
        for key in due(episodes, alerting_keys::due_buckets()).await? {
            findings.owed += u64::from(alerting_keys::is_delivery(&key.sort));
            findings.alerts += u64::from(key.sort == alerting_keys::HEAD);
        }
        let is_check = |key: &Key| key.partition.starts_with("check#") && !key.sort.starts_with('~');
        let open: Vec<Key> =
            due(checks, lifecycle_keys::buckets()).await?.into_iter().filter(is_check).collect();
        // A chunk at a time, as each holds what was found.
        for open in open.chunks(1_000) {
            let records = checks.get_many(open).await?;
            let fired: Vec<MissingFinding> =
                records.iter().filter_map(|record| fired(record).transpose()).collect::<Result<_, _>>()?;
            let memories: Vec<Key> =
                fired.iter().map(|finding| alerting_keys::memory(&finding.fingerprint)).collect();
            let known = episodes.get_many(&memories).await?;
            let known: BTreeSet<&Key> = known.iter().map(|record| &record.key).collect();
            for (finding, memory) in fired.into_iter().zip(&memories) {
                findings.count(finding, known.contains(memory), now);
            }
        }
        findings.missing_findings.sort();
        findings.missing_findings.truncate(NAMED_MAX);
        Ok(findings)
    }

    fn count(&mut self, finding: MissingFinding, is_known: bool, now: Timestamp) {
        self.came += 1;
        if is_known {
            self.out += 1;
        } else if now.duration_since(finding.fired_at) < KNOWN_AFTER {
            self.waiting += 1;
        } else {
            self.missing += 1;
            self.missing_findings.push(finding);
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { came, out, waiting, missing, alerts, owed, .. } = self;
        let n = |number: u64| Grouped(number);
        write!(f, "in {}, out {}, waiting {}", n(*came), n(*out), n(*waiting))?;
        if *missing > 0 {
            write!(f, ", MISSING {}", n(*missing))?;
        }
        write!(f, "; alerts open {}, notices owed {}", n(*alerts), n(*owed))
    }
}

/// What a check has told; nothing where it has told nothing, or nobody is to be told.
fn fired(record: &Record) -> Result<Option<MissingFinding>, LedgerError> {
    if Over::read(&record.data).is_some() {
        return Ok(None);
    }
    let check: Check = read(record)?;
    let finding = check.finding.filter(|_| check.phase.is_told() && !check.shadow);
    Ok(finding.map(|finding| MissingFinding {
        fired_at: finding.fired_at,
        scope: finding.scope.to_string(),
        rule: finding.rule,
        object: check.object.to_string(),
        fingerprint: finding.fingerprint,
    }))
}

/// The keys of all that has an entry in these buckets of the due index, each once. What moves meanwhile to where was read
/// already is not among them.
async fn due(store: &impl Store, buckets: Vec<String>) -> Result<BTreeSet<Key>, StoreError> {
    let mut keys = BTreeSet::new();
    for bucket in buckets {
        let mut after: Option<String> = None;
        loop {
            let page = store.due(&bucket, Timestamp::MAX, PAGE, after.as_deref()).await?;
            keys.extend(page.records.into_iter().map(|record| record.key));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_model::{ObjectKey, Scope};
    use prodrome_store::{Expect, MemoryStore, Write};
    use serde_json::{Value, json};

    fn t(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
    }

    /// A check of a pod in some phase, and what it told at an instant.
    fn check(name: &str, phase: &Value, shadow: bool, fired_at: Timestamp) -> Record {
        let scope = Scope::new("default", "eu", "prod");
        let object = json!({ "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": name });
        let finding = json!({
            "version": 1, "fingerprint": name, "state": { "type": "firing" }, "scope": scope, "rule": "Broken",
            "severity": "P3", "owner": "user", "subject": { "type": "object", "object": object, "uid": name },
            "group": { "key": "k", "owner": object }, "since": fired_at, "firedAt": fired_at, "holdDownSeconds": 0,
            "summary": "",
        });
        let check = json!({
            "layout": 1, "scope": scope, "rule": "Broken", "ruleHash": "", "shadow": shadow, "uid": name,
            "resource": { "group": "", "version": "v1", "kind": "Pod", "plural": "pods", "namespaced": true },
            "object": object, "resourceVersion": 1, "phase": phase, "since": fired_at, "openedAt": fired_at,
            "due": fired_at, "lookAgainAt": fired_at, "finding": finding,
        });
        let read: ObjectKey = serde_json::from_value::<Check>(check.clone()).unwrap().object.key();
        let key = lifecycle_keys::check(&scope, &read, "Broken");
        let due = Some(lifecycle_keys::due(&key, t(10_000)));
        Record { due, ..Record::new(key, check.to_string()) }
    }

    async fn put(store: &MemoryStore, records: impl IntoIterator<Item = Record>) {
        let writes = records.into_iter().map(|record| Write::Put(record, Expect::Absent));
        store.commit(writes.collect()).await.unwrap();
    }

    #[tokio::test]
    async fn each_finding_that_evaluate_has_told_is_known_to_alert_on_its_way_or_missing() {
        let (checks, episodes) = (MemoryStore::new(), MemoryStore::new());
        let (fired, pending) = (json!({ "name": "fired" }), json!({ "name": "pending" }));
        put(
            &checks,
            [
                check("known", &fired, false, t(-600)),
                check("recovers", &json!({ "name": "recovering", "from": t(-5) }), false, t(-600)),
                check("new", &json!({ "name": "firing" }), false, t(-29)),
                check("missing", &fired, false, t(-30)),
                check("waits", &pending, false, t(-600)),
                check("staged", &fired, true, t(-600)),
            ],
        )
        .await;
        // What is over, though its entry in the index is still there.
        let over = check("over", &fired, false, t(-600));
        let data = json!({ "over": t(-1), "resourceVersion": 1 }).to_string();
        put(&checks, [Record { data, ..over }]).await;
        for known in ["known", "recovers"] {
            let fingerprint = serde_json::from_value(json!(known)).unwrap();
            put(&episodes, [Record::new(alerting_keys::memory(&fingerprint), "{}")]).await;
        }
        let head = alerting_keys::head("alert#default/eu/prod#1");
        let owed =
            alerting_keys::delivery(&head.partition, &serde_json::from_value(json!("a")).unwrap(), "slack");
        for key in [head, owed] {
            let due = Some(alerting_keys::due(&key, t(10_000)));
            put(&episodes, [Record { due, ..Record::new(key, "{}") }]).await;
        }

        let findings = Findings::read(&checks, &episodes, t(0)).await.unwrap();
        let named: Vec<_> = findings.missing_findings.iter().map(|one| (&*one.rule, &*one.object)).collect();
        assert_eq!(named, [("Broken", "Pod shop/missing")]);
        let Findings { came, out, waiting, missing, alerts, owed, .. } = findings;
        assert_eq!((came, out, waiting, missing, alerts, owed), (4, 2, 1, 1, 1, 1));
        assert_eq!(findings.to_string(), "in 4, out 2, waiting 1, MISSING 1; alerts open 1, notices owed 1");
    }

    #[tokio::test]
    async fn nothing_is_nothing() {
        let (checks, episodes) = (MemoryStore::new(), MemoryStore::new());
        assert_eq!(Findings::read(&checks, &episodes, t(0)).await.unwrap(), Findings::default());
    }
}
