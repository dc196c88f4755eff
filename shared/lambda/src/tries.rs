use jiff::{SignedDuration, Timestamp};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};

/// A note outlives its message, which a queue keeps for four days.
const KEPT: SignedDuration = SignedDuration::from_hours(5 * 24);
/// So often it is tried to note that a try has ended.
const ENDS_TRIED: u32 = 3;

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

    /// Notes that a try begins. Returns how many did before and have not ended.
    pub(crate) async fn begin(&self, message_id: &str, now: Timestamp) -> Result<u32, StoreError> {
        let key = key(message_id);
        let there = self.store.get(&key).await?;
        // What cannot be read is written anew.
        let begun = there.and_then(|record| record.data.parse().ok()).unwrap_or(0_u32);
        let expires = now.checked_add(KEPT).ok();
        let record = Record { expires, ..Record::new(key, begun.saturating_add(1).to_string()) };
        self.store.commit(vec![Write::Put(record, Expect::Anything)]).await?;
        Ok(begun)
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
        for begun in 0..3 {
            assert_eq!(tries.begin("m", Timestamp::UNIX_EPOCH).await.unwrap(), begun);
        }
        assert_eq!(tries.begin("other", Timestamp::UNIX_EPOCH).await.unwrap(), 0);
        tries.end("m").await;
        assert_eq!(tries.begin("m", Timestamp::UNIX_EPOCH).await.unwrap(), 0);
        tries.end("m").await;
        tries.end("other").await;
        assert_eq!(store.len(), 0);
    }
}
