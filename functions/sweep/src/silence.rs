//! A cluster of which nothing is heard is an alert of its own.

use crate::SweepError;
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::{WatchSign, keys};
use prodrome_ledger::{Ledger, Life, Silence, Silent};
use prodrome_model::{
    AlertMessage, Finding, FindingState, Fingerprint, Group, Owner, Scope, Severity, Subject,
};
use prodrome_queue::{Message, Queue, QueueName};
use prodrome_store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// As alerts and routes name it.
pub(crate) const RULE: &str = "ClusterSilent";

/// Tells of each cluster that fell silent, and of the end of each silence.
///
/// What is told is kept before it is told, and that it was told after: who dies in between has it told again, and who is
/// told knows an episode by its fingerprint. `kept` was read before `heard`, so that what has ended since is not taken for
/// what has not begun.
pub(crate) async fn tell<S: Store>(
    ledger: &Ledger<S>,
    episodes: &impl Store,
    queue: &impl Queue,
    kept: BTreeMap<Scope, (Silence, u64)>,
    heard: &BTreeMap<Scope, Timestamp>,
    after: SignedDuration,
    now: Timestamp,
) -> Result<(), SweepError> {
    let signs = signs(episodes, heard.keys()).await?;
    let scopes: BTreeSet<&Scope> = heard.keys().chain(kept.keys()).collect();
    for scope in scopes {
        let life = heard.get(scope).map(|heard| {
            let sign = signs.get(scope);
            Life {
                heard: *heard,
                handled: sign.map(|sign| sign.seen_at),
                seen_up_to: sign.map(WatchSign::seen_up_to),
            }
        });
        let (was, mut version) = kept.get(scope).map(|(was, version)| (was, *version)).unzip();
        let Some(mut silence) = Silence::next(was, scope, life.as_ref(), after, now) else { continue };
        if was != Some(&silence) {
            version = ledger.keep_silence(&silence, version, now).await?;
            if version.is_none() {
                continue; // another sweep sees to it
            }
            let (cluster, since, is_open) = (&scope.cluster, silence.since, silence.is_open());
            if is_open {
                tracing::error!(cluster, %since, how = ?silence.how, "nothing is known any more of how a cluster is");
            } else {
                tracing::info!(cluster, %since, ended = ?silence.ended, "a cluster's silence is over");
            }
        }
        if !silence.told {
            queue.send(QueueName::Findings, vec![message(&silence)]).await?;
            silence.told = true;
            // Where another sweep was quicker the queue has it twice.
            ledger.keep_silence(&silence, version, now).await?;
        }
    }
    Ok(())
}

/// The watchers' signs of life, where there are any.
async fn signs(
    episodes: &impl Store,
    scopes: impl Iterator<Item = &Scope>,
) -> Result<BTreeMap<Scope, WatchSign>, SweepError> {
    let wanted: BTreeMap<_, &Scope> = scopes.map(|scope| (keys::watch(scope), scope)).collect();
    let keys: Vec<_> = wanted.keys().cloned().collect();
    let mut signs = BTreeMap::new();
    if keys.is_empty() {
        return Ok(signs);
    }
    for record in episodes.get_many(&keys).await? {
        // What cannot be read is written anew by the next pack.
        if let (Some(scope), Ok(sign)) = (wanted.get(&record.key), serde_json::from_str(&record.data)) {
            signs.insert((*scope).clone(), sign);
        }
    }
    Ok(signs)
}

fn message(silence: &Silence) -> Message {
    let message = AlertMessage::Finding(Box::new(finding(silence)));
    Message::text(serde_json::to_string(&message).expect("plain data is always written as JSON"))
}

fn finding(silence: &Silence) -> Finding {
    let Silence { scope, how, since, fired_at, ended, told: _ } = silence;
    let object = scope.object();
    let subject = Subject::Object { object: object.clone(), uid: scope.to_string() };
    let minutes = fired_at.duration_since(*since).as_mins();
    let cluster = &scope.cluster;
    let (summary, what_to_do) = match how {
        Silent::Unheard => (
            format!(
                "nothing was heard of the cluster {cluster} for {minutes} minutes: nobody looks after it"
            ),
            "Does its watcher run (kubectl get pods -n prodrome), and reach the queue (its log says so)? Does the function \
             evaluate handle packs (its log, the alarms of the queue of changes)?",
        ),
        Silent::CutOff => (
            format!(
                "the watcher of the cluster {cluster} has seen nothing of it for {minutes} minutes: nobody looks after it"
            ),
            "The watcher runs, and cannot read the Kubernetes API: does the API server answer, and is the watcher's account \
             still allowed to watch (its log says so)?",
        ),
    };
    let runbook = format!(
        "{what_to_do} Until it is heard no alert of the cluster ends. If the cluster is no more: prodrome ledger --forget \
         {scope}"
    );
    Finding {
        version: 1,
        fingerprint: Fingerprint::of_episode(scope, RULE, &subject, *since),
        state: ended.clone().map_or(FindingState::Firing, FindingState::Ended),
        scope: scope.clone(),
        rule: RULE.to_owned(),
        severity: Severity::P1,
        owner: Owner::Platform,
        cause: None,
        flow: None,
        diagnosis: None,
        group: Group { key: format!("{RULE}/{}", object.key().path()), owner: object },
        subject,
        since: *since,
        fired_at: *fired_at,
        hold_down_seconds: 0,
        summary,
        runbook: Some(runbook),
        labels: BTreeMap::new(),
        object_labels: BTreeMap::new(),
        evidence: vec![format!("last known = {since}")],
        events: Vec::new(),
        stale: None,
        resource_version: String::new(),
    }
}
