use crate::loaded::{Loaded, Version};
use jiff::{SignedDuration, Timestamp};
use prodrome_lambda::{Tally, metric};
use prodrome_model::{Scope, chain};
use prodrome_rulebook::{BookError, Rulebook};
use prodrome_rules::RuleSet;
use prodrome_store::Store;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The rules that hold, as far as this process knows.
pub(crate) struct Rules<S> {
    base: Arc<RuleSet>,
    holding: RwLock<Arc<Version>>,
    book: Option<Rulebook<S>>,
    looked_at: Mutex<Option<Timestamp>>,
}

/// Whether it is time to look whether the rules have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// No.
    NotYet,
    /// Yes, beside what is at hand.
    Beside,
    /// Yes, before anything is judged by rules that may be old.
    First,
}

/// What a look at the rules came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// Those at hand hold.
    Current,
    /// Others were taken up.
    Newer,
    /// They could not be read.
    Unknown,
}

/// So long nobody looks again.
const FRESH: SignedDuration = SignedDuration::from_secs(4);
/// A version is to be known everywhere within ten seconds; what was not looked at for so long may be older.
const STALE: SignedDuration = SignedDuration::from_secs(9);

impl Look {
    fn after(looked_at: Option<Timestamp>, now: Timestamp) -> Self {
        let Some(looked_at) = looked_at else { return Self::First };
        // A clock that was set back must not keep anybody from looking.
        match now.duration_since(looked_at) {
            age if age.is_negative() || age >= STALE => Self::First,
            age if age >= FRESH => Self::Beside,
            _ => Self::NotYet,
        }
    }
}

impl<S: Store> Rules<S> {
    pub(crate) fn new(base: Arc<RuleSet>) -> Self {
        let holding = RwLock::new(Arc::new(Version::base(Arc::clone(&base))));
        Self { base, holding, book: None, looked_at: Mutex::default() }
    }

    pub(crate) fn following(self, book: Rulebook<S>) -> Self {
        Self { book: Some(book), ..self }
    }

    pub(crate) fn book(&self) -> Option<&Rulebook<S>> {
        self.book.as_ref()
    }

    pub(crate) fn follows(&self) -> bool {
        self.book.is_some()
    }

    /// Those of a cluster, of the version at hand.
    pub(crate) fn of_cluster(&self, scope: &Scope) -> Arc<Loaded> {
        self.holding().of_cluster(scope)
    }

    fn holding(&self) -> Arc<Version> {
        Arc::clone(&self.holding.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn look(&self, now: Timestamp) -> Look {
        if self.book.is_none() {
            return Look::NotYet;
        }
        Look::after(*self.looked_at.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Which version holds now; `None` where that cannot be read, or there is none.
    pub(crate) async fn head(&self) -> Option<u64> {
        match self.book.as_ref()?.head().await {
            Ok(head) => head.map(|head| head.version),
            Err(error) => {
                tracing::warn!(reason = chain(&error), "it cannot be read which version of the rules holds");
                None
            }
        }
    }

    /// Takes up the version that holds, if it is another. Where that cannot be read the rules stay what they are.
    pub(crate) async fn refresh(&self, now: Timestamp, tally: &mut Tally) -> Refreshed {
        let Some(book) = &self.book else { return Refreshed::Current };
        // Noted before it is done: many messages at once look once.
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        match self.take_up(book, tally).await {
            Ok(refreshed) => refreshed,
            Err(error) => {
                tally.add(metric::RULES_UNREADABLE, 1);
                let reason = chain(&error);
                let version = self.holding().number();
                tracing::error!(reason, version, "the rules cannot be read; the version at hand stays");
                Refreshed::Unknown
            }
        }
    }

    async fn take_up(&self, book: &Rulebook<S>, tally: &mut Tally) -> Result<Refreshed, BookError> {
        let at_hand = self.holding();
        let Some(head) = book.head().await?.filter(|head| head.version != at_hand.number()) else {
            return Ok(Refreshed::Current);
        };
        let compiled = book.compiled(head.version, &self.base).await?;
        for refused in &compiled.refused {
            tracing::error!(
                version = head.version,
                rule = refused.rule,
                reason = refused.reason,
                runs = refused.runs,
                "a rule does not compile here; the last good one runs"
            );
        }
        tally.add(metric::RULES_REFUSED, compiled.refused.len() as u64);
        let asked_for = at_hand.asked_for();
        let ready = book.aside(move || {
            let taken_up = Version::of(compiled);
            // What will be asked for at once is compiled before anything waits for it.
            taken_up.make_ready(&asked_for);
            taken_up
        });
        let Ok(taken_up) = ready.await else { return Ok(Refreshed::Unknown) };
        let (version, rules) = (taken_up.number(), taken_up.rules());
        let mut current = self.holding.write().unwrap_or_else(PoisonError::into_inner);
        // Versions rise, unless the table was set back; somebody else may have been quicker.
        if current.number() == at_hand.number() {
            *current = Arc::new(taken_up);
            drop(current);
            tally.add(metric::RULES_TAKEN_UP, 1);
            tracing::info!(version, rules, "rules are taken up");
        }
        Ok(Refreshed::Newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_looked_at_often_enough_and_no_more() {
        let at = |second: i64| Timestamp::from_second(1_000 + second).unwrap();
        for (looked_at, now, want) in [
            (None, 0, Look::First),
            (Some(0), 0, Look::NotYet),
            (Some(0), 3, Look::NotYet),
            (Some(0), 4, Look::Beside),
            (Some(0), 8, Look::Beside),
            (Some(0), 9, Look::First),
            (Some(0), 3_600, Look::First),
            (Some(0), -1, Look::First),
        ] {
            assert_eq!(Look::after(looked_at.map(at), at(now)), want, "{looked_at:?} {now}");
        }
    }
}
