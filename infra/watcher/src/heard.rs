//! What the watcher hears of the rules of its cluster: which kinds they name, and which of them have to be listed anew.

use crate::chain::chain;
use crate::kind_pattern::KindPattern;
use prodrome_model::{GroupKind, Scope};
use prodrome_rulebook::{BookError, Rulebook, is_named_by};
use prodrome_store::Store;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is asked which version of the rules holds, in a cloud: a version is to be felt within ten seconds.
pub const ASK_EVERY: Duration = Duration::from_secs(4);
/// What rules name and nobody may read unasked.
const NOT_UNASKED: [&str; 2] = ["*", "core/Secret"];

/// The rules that are pushed, as far as a watcher is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Which version holds: 0 where nothing was pushed yet.
    pub version: u64,
    /// The kinds that those of the cluster name (`core/Pod`, `apps/Deployment`, `*/Rollout`, `*`), each with the version
    /// that touched it last.
    pub kinds: BTreeMap<String, u64>,
}

impl Heard {
    /// The version under which a kind must have been listed at least.
    pub(crate) fn touched(&self, kind: &GroupKind) -> u64 {
        let named = self.kinds.iter().filter(|(text, _)| is_named_by(kind, text));
        named.map(|(_, version)| *version).max().unwrap_or(0)
    }

    /// The kinds to watch for their sake. Rules on all kinds are about those that are watched; and Secrets have to be
    /// asked for by whoever runs the watcher.
    pub(crate) fn wanted(&self) -> Vec<KindPattern> {
        let named = self.kinds.keys().filter(|text| !NOT_UNASKED.contains(&text.as_str()));
        named.filter_map(|text| text.parse().ok()).collect()
    }
}

/// Where a watcher hears of the rules. `None` until it has heard for the first time.
pub type Hearsay = watch::Receiver<Option<Heard>>;

/// Asks a rulebook again and again of the rules of a cluster, for as long as anybody listens.
pub async fn listen_to(
    book: Rulebook<impl Store>,
    scope: Scope,
    tell: watch::Sender<Option<Heard>>,
    every: Duration,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = tell.closed() => return,
        }
        let known = tell.borrow().as_ref().map(|heard| heard.version);
        match ask(&book, &scope, known).await {
            Ok(heard) => {
                failing = false;
                let Some(heard) = heard else { continue };
                if heard.version > 0 {
                    tracing::info!(version = heard.version, kinds = heard.kinds.len(), "rules were pushed");
                }
                tell.send_replace(Some(heard));
            }
            Err(error) => {
                // Said once; what was heard last holds.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(error = chain(&error), "the table of rules cannot be read");
                }
            }
        }
    }
}

/// What holds now; `None` where that is known.
async fn ask(
    book: &Rulebook<impl Store>,
    scope: &Scope,
    known: Option<u64>,
) -> Result<Option<Heard>, BookError> {
    let version = book.head().await?.map_or(0, |head| head.version);
    if known == Some(version) {
        return Ok(None);
    }
    let kinds = if version == 0 { BTreeMap::new() } else { book.entry(version).await?.kinds_in(scope) };
    Ok(Some(Heard { version, kinds }))
}

/// Which version was heard of last.
pub(crate) fn version(hearsay: &Hearsay) -> u64 {
    hearsay.borrow().as_ref().map_or(0, |heard| heard.version)
}

/// Returns when something new was heard, which may be never.
pub(crate) async fn news(hearsay: &mut Hearsay) {
    if hearsay.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Of nothing, ever.
pub(crate) fn silence() -> Hearsay {
    watch::channel(None).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(kinds: &[(&str, u64)]) -> Heard {
        let kinds = kinds.iter().map(|(kind, version)| ((*kind).to_owned(), *version)).collect();
        Heard { version: 9, kinds }
    }

    #[test]
    fn a_kind_is_touched_by_whatever_names_it() {
        let heard = heard(&[("*", 2), ("core/Pod", 5), ("*/Rollout", 7), ("core/Event", 3)]);
        for (kind, want) in [
            (GroupKind::core("Pod"), 5),
            (GroupKind::core("Node"), 2),
            (GroupKind::new("argoproj.io", "Rollout"), 7),
            (GroupKind::core("Event"), 3),
            (GroupKind::new("events.k8s.io", "Event"), 0),
        ] {
            assert_eq!(heard.touched(&kind), want, "{kind}");
        }
    }

    #[test]
    fn secrets_and_all_there_is_are_not_watched_for_a_rules_sake() {
        let heard = heard(&[("*", 2), ("core/Secret", 5), ("*/Rollout", 7), ("apps/Deployment", 3)]);
        let wanted: Vec<_> = heard.wanted().iter().map(ToString::to_string).collect();
        assert_eq!(wanted, ["*/Rollout", "apps/Deployment"]);
    }
}
