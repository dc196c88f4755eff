use super::FINALIZER;
use super::apply::{Done, Target, take_out};
use super::meta::Meta;
use crate::api::{ApiError, Listed, Page as _};
use crate::discovery::Discovery;
use crate::kube_api::KubeApi;
use futures::stream::{self, StreamExt as _};
use kube::Client;
use prodrome_model::Resource;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// How often all is gone through, before it is said that something adds them again.
const ROUNDS: u32 = 4;
/// How many objects a page has, and how many are changed at once.
const PAGE_OBJECTS: u32 = 500;
const AT_ONCE: usize = 8;
/// How often one object is tried whose list of finalizers changes meanwhile.
const TRIES: u32 = 4;
/// After so many objects of a kind that keep it, it is no matter of single objects.
const KEPT_MAX: u64 = 16;

/// What was removed, and the proof that none is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// By kind (`Pod`, `apps/Deployment`), from how many objects.
    pub removed: BTreeMap<String, u64>,
    /// In the last round, which found none: how many kinds and how many objects of them were looked at.
    pub kinds: usize,
    /// See [`Removal::kinds`].
    pub objects: u64,
}

/// Why it cannot be said that none is left.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// The kinds of the cluster are not known.
    #[error("the kinds of the cluster cannot be discovered: {0}")]
    Discovery(String),
    /// A kind cannot be looked through.
    #[error("{kind} cannot be listed, so nobody knows whether one is left there: {reason}")]
    List {
        /// Which.
        kind: String,
        /// Why.
        reason: String,
    },
    /// Objects keep their finalizer.
    #[error(
        "{kind} {object}{} keeps {FINALIZER}: {reason}; {removed} were removed elsewhere. Run this again with the right to \
         patch {kind}; or by hand: kubectl edit {kind} {object}",
        more(*.others)
    )]
    Object {
        /// Of which kind.
        kind: String,
        /// The name and the namespace of the first.
        object: String,
        /// How many others were tried in vain, of whatever kind.
        others: u64,
        /// From how many objects it was removed all the same.
        removed: u64,
        /// Why.
        reason: String,
    },
    /// They come back.
    #[error(
        "{count} more appeared after they had been removed {ROUNDS} times: take FINALIZER_KINDS from the watcher's \
         settings, or the watcher away, and run this again"
    )]
    Added {
        /// How many, in the last round.
        count: u64,
    },
}

fn more(others: u64) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} others)") }
}

/// Removes every finalizer of the watcher from a cluster, and goes through all kinds again until there is none.
pub async fn remove_finalizers(client: Client) -> Result<Removal, RemovalError> {
    let api = KubeApi::new(client);
    let served = Discovery::new(api.clone()).served().await;
    let served = served.map_err(|error| RemovalError::Discovery(error.to_string()))?;
    // Each kind in one of its versions.
    let mut known = BTreeSet::new();
    let kinds: Vec<_> =
        served.into_iter().filter(|r| known.insert((r.group.clone(), r.plural.clone()))).collect();
    let mut removed: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = 0;
    for _ in 0..ROUNDS {
        let (mut objects, mut listed, mut failed, mut kept) = (0, 0, None, 0);
        count = 0;
        for kind in &kinds {
            let found = match of_kind(&api, kind).await {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                // The others are seen to all the same.
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            listed += 1;
            objects += found.objects;
            count += found.removed;
            if found.removed > 0 {
                *removed.entry(kind.group_kind().to_string()).or_default() += found.removed;
            }
            kept += found.kept;
            failed = failed.or(found.refusal);
        }
        match failed {
            None => {}
            Some(RemovalError::Object { kind, object, reason, .. }) => {
                let (others, removed) = (kept - 1, removed.values().sum());
                return Err(RemovalError::Object { kind, object, others, removed, reason });
            }
            Some(error) => return Err(error),
        }
        if count == 0 {
            return Ok(Removal { removed, kinds: listed, objects });
        }
    }
    Err(RemovalError::Added { count })
}

#[derive(Default)]
struct Found {
    objects: u64,
    removed: u64,
    /// From how many it could not be removed, and why not from the first.
    kept: u64,
    refusal: Option<RemovalError>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

/// Goes through a kind; `None` where it is not served after all.
async fn of_kind(api: &KubeApi, resource: &Resource) -> Result<Option<Found>, RemovalError> {
    let kind = resource.group_kind().to_string();
    let failed = |error: ApiError| RemovalError::List { kind: kind.clone(), reason: error.to_string() };
    let (mut found, mut next) = (Found::default(), None::<String>);
    loop {
        let path = resource.collection_path(None);
        let mut page = match api.list_metadata(&path, "", PAGE_OBJECTS, next.as_deref()).await {
            Ok(page) => page,
            Err(ApiError::NotServed) => return Ok(None),
            // Too much time has gone by: from the beginning, where those that had it have none any more.
            Err(ApiError::Gone) if next.is_some() => {
                next = None;
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        let mut held = Vec::new();
        next = loop {
            match page.next().await.map_err(failed)? {
                Listed::Item(item) => {
                    found.objects += 1;
                    let object: Object = serde_json::from_slice(&item)
                        .map_err(|error| failed(ApiError::Broken(error.to_string())))?;
                    if object.metadata.is_held() {
                        held.push(object.metadata);
                    }
                }
                Listed::End { next, .. } => break next,
            }
        };
        let mut tried = stream::iter(held).map(|meta| one(api, resource, meta)).buffer_unordered(AT_ONCE);
        while let Some(removed) = tried.next().await {
            match removed {
                Ok(removed) => found.removed += u64::from(removed),
                Err(error) => {
                    found.kept += 1;
                    found.refusal = found.refusal.or(Some(error));
                    if found.kept == KEPT_MAX {
                        return Ok(Some(found));
                    }
                }
            }
        }
        if next.is_none() {
            return Ok(Some(found));
        }
    }
}

/// Removes it from one object; whether it had it still.
async fn one(api: &KubeApi, resource: &Resource, mut meta: Meta) -> Result<bool, RemovalError> {
    let target = Target::of(&meta);
    let failed = |reason: String| RemovalError::Object {
        kind: resource.group_kind().to_string(),
        object: target
            .namespace
            .as_ref()
            .map_or_else(|| target.name.to_string(), |namespace| format!("{} -n {namespace}", target.name)),
        others: 0,
        removed: 0,
        reason,
    };
    for _ in 0..TRIES {
        match take_out(api, resource, &target, &meta).await {
            Ok(Done::Yes) => return Ok(true),
            Ok(Done::Moot) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
        // It is gone, or others have changed its list of finalizers.
        let answer = match api.get(&target.path(resource), "application/json", None).await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(ApiError::NotServed) => return Ok(false),
            Err(error) => return Err(failed(error.to_string())),
        };
        let object: Object =
            serde_json::from_slice(&answer.body).map_err(|error| failed(error.to_string()))?;
        meta = object.metadata;
        if !meta.is_held() || meta.uid != *target.uid {
            return Ok(false);
        }
    }
    Err(failed("others change its finalizers all the time".to_owned()))
}
