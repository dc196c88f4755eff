//! What evaluate writes into the ledger.

use crate::by_cluster::ByCluster;
use crate::evaluate::store_failure;
use crate::pack::Taken;
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Clusters;
use prodrome_lambda::{Delivery, Failure, RECEIVES_MAX};
use prodrome_ledger::{Ledger, LedgerError, Span};
use prodrome_model::{Scope, Waybill};
use prodrome_queue::{Body, pack};
use prodrome_store::Store;

/// Of each try from this one on it is noted, before it begins, that the pack is still tried: one that fails for long, or
/// kills its function each time, would count as lost.
pub const NOTED_FROM: u32 = 5;

/// What a watcher says of its counts is noted so often, however many packs come.
const STATE_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// A row is written so often, as that costs less than to handle the pack once more.
const ROW_TRIES: u32 = 5;

/// The reason that is given before the last try that the queue allows: what kills a function cannot say so itself.
const LAST_TRY: &str = "last_try";

/// The reason that a pack is tried once more.
const AGAIN: &str = "tried_again";

/// What is noted of a pack that is not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Tried,
    Dead,
}

/// The ledger as evaluate writes it.
pub(crate) struct Counted<S> {
    ledger: Ledger<S>,
    /// Of each watcher: the run and the moment of what this process noted last. A watcher that does not count has the run
    /// 0.
    stated: ByCluster<(u64, Timestamp)>,
}

impl<S: Store> Counted<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { ledger: Ledger::new(store), stated: ByCluster::default() }
    }

    /// Notes what a watcher says, or that it says nothing. What cannot be noted is made good by the next pack.
    async fn state(&self, scope: &Scope, waybill: Option<Waybill>, at: Timestamp) {
        let run = waybill.map_or(0, |waybill| waybill.epoch);
        let noted = self.stated.get(scope);
        let is_news = noted.is_none_or(|(noted_run, noted)| {
            run > noted_run || (run == noted_run && at.duration_since(noted) >= STATE_EVERY)
        });
        if !is_news {
            return;
        }
        let done = match waybill {
            Some(waybill) => self.ledger.state(scope, waybill, at).await,
            None => self.ledger.uncounted(scope, at).await,
        };
        match done {
            Ok(()) => self.stated.insert(scope, (run, at)),
            Err(error) => {
                tracing::warn!(cluster = scope.cluster, %error, "what a watcher counted cannot be noted");
            }
        }
    }

    /// Notes that one more try at a pack begins, or that it is the last.
    pub(crate) async fn trying(&self, delivery: &Delivery, now: Timestamp) {
        match delivery.attempt {
            RECEIVES_MAX.. => self.note(delivery, LAST_TRY, Fate::Dead, now).await,
            NOTED_FROM.. => self.note(delivery, AGAIN, Fate::Tried, now).await,
            _ => {}
        }
    }

    /// Notes that a pack lies among the dead letters, or will: what is handled after all counts as handled.
    pub(crate) async fn given_up(&self, delivery: &Delivery, code: &str, now: Timestamp) {
        self.note(delivery, code, Fate::Dead, now).await;
    }

    /// What cannot be read, or not be noted, will show as lost.
    async fn note(&self, delivery: &Delivery, code: &str, fate: Fate, now: Timestamp) {
        let Body::Pack(bytes) = &delivery.body else { return };
        let Ok(decoded) = pack::decode(bytes, pack::UNCOMPRESSED_MAX) else { return };
        let span = |waybill: Waybill| span_of(waybill, decoded.changes.len());
        let Some((waybill, span)) = decoded.waybill.and_then(|waybill| Some((waybill, span(waybill)?)))
        else {
            return;
        };
        let scope = &decoded.head.scope;
        let noted = match fate {
            Fate::Tried => self.ledger.tried(scope, waybill.epoch, span, code, now).await,
            Fate::Dead => self.ledger.given_up(scope, waybill.epoch, span, code, now).await,
        };
        if let Err(error) = noted {
            tracing::warn!(cluster = scope.cluster, %error, ?fate, "what becomes of a pack cannot be noted");
        }
    }
}

impl<S: Store, Q, C: Clusters> Sitting<'_, S, Q, C> {
    /// Counts a pack that was handled. Where that cannot be noted the pack comes again, which changes nothing else.
    pub(crate) async fn enter(
        &self,
        taken: &Taken,
        sent_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(counted) = &self.counted else { return Ok(()) };
        if let Some((waybill, span)) = taken.waybill.zip(taken.span) {
            let mut tries = 1;
            while let Err(error) =
                counted.ledger.done(&taken.scope, waybill.epoch, span, &taken.dead, now).await
            {
                if tries == ROW_TRIES {
                    return Err(match error {
                        LedgerError::Store(error) => store_failure(error),
                        LedgerError::Malformed { .. } => Failure::retryable("ledger_malformed", error),
                    });
                }
                tries += 1;
            }
        }
        if taken.lag_seconds.is_some() {
            counted.state(&taken.scope, taken.waybill, sent_at).await;
        }
        Ok(())
    }
}

/// The numbers of a pack's changes.
pub(crate) fn span_of(waybill: Waybill, changes: usize) -> Option<Span> {
    let last = waybill.last(u64::try_from(changes).unwrap_or(u64::MAX))?;
    Some(Span { first: waybill.first, last })
}
