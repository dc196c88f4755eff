use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A token that was refused is not asked for again sooner than this: what gives it out would be asked by every look.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

type Fetch = dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync;

/// Bearer tokens that are replaced in time: kept until they are old, or until the API server refuses them.
///
/// Clones share what is kept.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    fetch: Box<Fetch>,
    age_max: SignedDuration,
    clock: fn() -> Timestamp,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    token: String,
    at: Timestamp,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Tokens {
    /// Tokens that `fetch` gives out, each used for `age_max` at most. `clock` tells the present: it has to go on
    /// where the process is frozen between two calls.
    pub fn new(
        age_max: SignedDuration,
        clock: fn() -> Timestamp,
        fetch: impl Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { fetch: Box::new(fetch), age_max, clock, kept: Mutex::default() }))
    }

    /// The same, beginning with one that was given out just now.
    #[must_use]
    pub fn beginning_with(self, token: String) -> Self {
        if let Ok(mut kept) = self.0.kept.try_lock() {
            *kept = Some(Kept { token, at: (self.0.clock)() });
        }
        self
    }

    /// A token that is good now; `refused` is one that the API server did not take. Else the reason why there is
    /// none. Several who ask at once share one answer.
    pub async fn token(&self, refused: Option<&str>) -> Result<String, String> {
        let Inner { fetch, age_max, clock, kept } = &*self.0;
        let mut kept = kept.lock().await;
        let now = clock();
        if let Some(Kept { token, at }) = &*kept {
            let age = now.duration_since(*at);
            let is_refused = refused == Some(token);
            // A clock that was set back makes nothing young.
            let is_young = age < *age_max && age > -*age_max;
            if (!is_refused && is_young) || (is_refused && age.abs() < AGAIN) {
                return Ok(token.clone());
            }
            match fetch().await {
                Ok(token) => {
                    *kept = Some(Kept { token: token.clone(), at: now });
                    return Ok(token);
                }
                // It may well be good for a while.
                Err(reason) if !is_refused => {
                    tracing::warn!(
                        reason,
                        "the token for the cluster cannot be renewed; the old one is used"
                    );
                    return Ok(token.clone());
                }
                Err(reason) => return Err(reason),
            }
        }
        let token = fetch().await?;
        *kept = Some(Kept { token: token.clone(), at: now });
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};

    /// Tokens `t1`, `t2`, …; `down` may be set. The clock belongs to one test, as a function keeps no state.
    struct Desk {
        tokens: Tokens,
        given: Arc<AtomicUsize>,
        down: Arc<AtomicBool>,
    }

    fn desk(clock: fn() -> Timestamp) -> Desk {
        let (given, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (g, d) = (given.clone(), down.clone());
        let tokens = Tokens::new(SignedDuration::from_mins(10), clock, move || {
            let (g, d) = (g.clone(), d.clone());
            Box::pin(async move {
                let n = g.fetch_add(1, Relaxed) + 1;
                if d.load(Relaxed) { Err("away".to_owned()) } else { Ok(format!("t{n}")) }
            })
        });
        Desk { tokens, given, down }
    }

    #[tokio::test]
    async fn a_token_is_renewed_when_it_is_old_or_refused() {
        static NOW: AtomicI64 = AtomicI64::new(1_000_000);
        let clock = || Timestamp::from_second(NOW.load(Relaxed)).unwrap();
        let Desk { tokens, given, down } = desk(clock);
        let ask = async |refused| tokens.token(refused).await;
        let tokens_of_now = tokens.clone().beginning_with("t0".into());
        assert_eq!(tokens_of_now.token(None).await, Ok("t0".into()));
        assert_eq!(ask(Some("t0")).await, Ok("t0".into()), "given out a moment ago");
        NOW.fetch_add(5, Relaxed);
        assert_eq!(ask(Some("t0")).await, Ok("t1".into()));
        assert_eq!(ask(None).await, Ok("t1".into()));
        NOW.fetch_add(599, Relaxed);
        assert_eq!(ask(None).await, Ok("t1".into()), "young");
        NOW.fetch_add(1, Relaxed);
        assert_eq!(ask(None).await, Ok("t2".into()), "old");
        assert_eq!(ask(Some("t1")).await, Ok("t2".into()), "somebody else renewed it");
        assert_eq!(ask(Some("t2")).await, Ok("t2".into()), "asked for a moment ago");
        NOW.fetch_add(5, Relaxed);
        assert_eq!(ask(Some("t2")).await, Ok("t3".into()), "refused");

        down.store(true, Relaxed);
        NOW.fetch_add(600, Relaxed);
        assert_eq!(ask(None).await, Ok("t3".into()), "an old one is better than none");
        assert_eq!(ask(Some("t3")).await, Err("away".into()), "one that is refused is not");
        assert_eq!(given.load(Relaxed), 5);
    }

    #[tokio::test]
    async fn who_asks_at_once_shares_one_answer() {
        let Desk { tokens, given, .. } = desk(|| Timestamp::UNIX_EPOCH);
        let all = futures::future::join_all((0..8).map(|_| tokens.token(None))).await;
        assert!(all.iter().all(|token| token.as_deref() == Ok("t1")), "{all:?}");
        assert_eq!(given.load(Relaxed), 1);
    }
}
