use crate::by_cluster::ByCluster;
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::{WatchSign, keys};
use prodrome_model::Scope;
use prodrome_store::{Expect, Record, Store, StoreError, Write};

/// A sign of life is written so often, however many packs come: a reader takes three minutes for silence.
const NOTE_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// Whether a watcher is later than this is news at once.
const LATE: u32 = 30;

/// Where the watchers' signs of life are noted, for those who must not take silence for recovery.
pub(crate) struct Signs<S> {
    store: S,
    /// What this process noted last.
    noted: ByCluster<WatchSign>,
}

impl<S: Store> Signs<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, noted: ByCluster::default() }
    }

    /// Notes that a watcher's pack came at `now` which had seen everything up to `seen_up_to`. One that cannot
    /// be noted is made good by the next; nothing else fails for it.
    pub(crate) async fn note(&self, scope: &Scope, seen_up_to: Timestamp, now: Timestamp) {
        let sign = WatchSign::given(seen_up_to, now);
        if !self.is_news(scope, &sign) {
            return;
        }
        match self.write(scope, sign).await {
            Ok(noted) => self.noted.insert(scope, noted),
            Err(error) => {
                tracing::warn!(cluster = scope.cluster, %error, "the watcher's sign of life cannot be noted");
            }
        }
    }

    /// The last sign that was noted of a watcher; none where it was never heard.
    pub(crate) async fn of(&self, scope: &Scope) -> Result<Option<WatchSign>, StoreError> {
        let there = self.store.get(&keys::watch(scope)).await?;
        Ok(there.and_then(|record| serde_json::from_str(&record.data).ok()))
    }

    fn is_news(&self, scope: &Scope, sign: &WatchSign) -> bool {
        let noted = self.noted.get(scope);
        noted.is_none_or(|noted| {
            let turns = (sign.lag_seconds > LATE) != (noted.lag_seconds > LATE);
            tells_more(sign, &noted) && (turns || sign.seen_at.duration_since(noted.seen_at) >= NOTE_EVERY)
        })
    }

    /// Writes it, unless others have noted more; returns what is noted then.
    async fn write(&self, scope: &Scope, sign: WatchSign) -> Result<WatchSign, StoreError> {
        let key = keys::watch(scope);
        let there = self.store.get(&key).await?;
        // What cannot be read is written anew.
        let noted = there.as_ref().and_then(|record| serde_json::from_str::<WatchSign>(&record.data).ok());
        if let Some(noted) = noted.filter(|noted| !tells_more(&sign, noted)) {
            return Ok(noted);
        }
        let expect = there.map_or(Expect::Absent, |record| Expect::Version(record.version));
        let data = serde_json::to_string(&sign).expect("plain data is always written as JSON");
        match self.store.commit(vec![Write::Put(Record::new(key, data), expect)]).await {
            // Another has noted one in the same moment.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(sign),
            Err(error) => Err(error),
        }
    }
}

/// A watcher that is cut off says again and again that it has seen no more: that counts as well.
fn tells_more(sign: &WatchSign, noted: &WatchSign) -> bool {
    sign.seen_up_to().as_second() >= noted.seen_up_to().as_second()
}
