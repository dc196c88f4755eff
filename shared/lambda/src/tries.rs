use jiff::{SignedDuration, Timestamp};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};
use serde::{Deserialize, Serialize};

/// A note outlives its message, which a queue keeps for four days.
const KEPT: SignedDuration = SignedDuration::from_hours(5 * 24);
/// So often it is tried to note that a try has ended.
const ENDS_TRIED: u32 = 3;

/// Tries that began in a row and did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unended {
    /// How many.
    pub(crate) count: u32,
    /// When the first of them began.
    pub(crate) since: Timestamp,
}

/// How many tries at a message have begun in a row and not ended: whoever made them died of it, or was killed.
///
/// The receives of a queue do not tell: a message that kills its function takes its whole batch with it each time, and
/// one that finds a table busy is received as often as it is tried.
#[derive(Debug, Clone)]
pub(crate) struct Tries<S> {
    store: S,
}

impl<S: Store> Tries<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store }
    }

    /// Notes that a try begins. Returns those that did before and have not ended.
    pub(crate) async fn begin(&self, message_id: &str, now: Timestamp) -> Result<Unended, StoreError> {
        let key = key(message_id);
        let there = self.store.get(&key).await?;
        // What cannot be read is written anew.
        let before = there.and_then(|record| serde_json::from_str(&record.data).ok());
        let before = before.unwrap_or(Unended { count: 0, since: now });
        let with_this = Unended { count: before.count.saturating_add(1), ..before };
        let data = serde_json::to_string(&with_this).expect("plain data is always written as JSON");
        let record = Record { expires: now.checked_add(KEPT).ok(), ..Record::new(key, data) };
        self.store.commit(vec![Write::Put(record, Expect::Anything)]).await?;
        Ok(before)
    }

    /// Notes that the try has ended, however.
    pub(crate) async fn end(&self, message_id: &str) {
        for tried in 1..=ENDS_TRIED {
            match self.store.commit(vec![Write::Delete(key(message_id), Expect::Anything)]).await {
                Ok(()) => return,
                Err(error) if tried == ENDS_TRIED => {
                    tracing::warn!(message_id, %error, "that a try has ended cannot be noted");
                }
                Err(_) => {}
            }
        }
    }
}

fn key(message_id: &str) -> Key {
    Key::new(format!("tries#{message_id}"), "tries")
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_store::MemoryStore;

    #[tokio::test]
    async fn tries_that_did_not_end_are_counted_until_one_does() {
        let store = MemoryStore::new();
        let tries = Tries::new(store.clone());
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (count, now) in [(0, 100), (1, 200), (2, 300)] {
            let unended = tries.begin("m", at(now)).await.unwrap();
            assert_eq!(unended, Unended { count, since: at(100) });
        }
        assert_eq!(tries.begin("other", at(300)).await.unwrap().count, 0);
        tries.end("m").await;
        assert_eq!(tries.begin("m", at(400)).await.unwrap(), Unended { count: 0, since: at(400) });
        tries.end("m").await;
        tries.end("other").await;
        assert_eq!(store.len(), 0);
    }
}
