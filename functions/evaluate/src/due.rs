//! Checks that are made due: something happened that is not in the news of their objects.

use crate::evaluate::{Kept, check_record, contended, store_failure};
use crate::pack::Markers;
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use jiff::Timestamp;
use prodrome_cluster::Clusters;
use prodrome_lambda::Failure;
use prodrome_lifecycle::is_named;
use prodrome_queue::Queue;
use prodrome_store::{Expect, Key, Store, StoreError, Write};

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Makes the checks due that wait for a change of this object.
    pub(crate) async fn wake_edges(
        &self,
        path: &str,
        markers: &Markers,
        now: Timestamp,
    ) -> Result<(), Failure> {
        for check in markers.edges.get(path).into_iter().flatten() {
            self.make_due(check, now, now, None).await?;
        }
        Ok(())
    }

    /// Makes a check due at an instant, unless it was woken for a sooner one or was named by the list. What is due sooner
    /// may be put off by other news. Whoever writes it in the same moment may have looked before what we know of, so it is
    /// tried until it is written.
    pub(crate) async fn make_due(
        &self,
        key: &Key,
        at: Timestamp,
        now: Timestamp,
        list: Option<&str>,
    ) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let Some(record) = self.store.get(key).await.map_err(store_failure)? else { return Ok(()) };
            let Some(mut kept) = Kept::read(&record)? else { return Ok(()) };
            let named = list.is_some_and(|list| is_named(kept.check.list.as_deref(), list));
            let due = kept.check.due;
            let is_woken = kept.check.woken.is_some_and(|woken| woken <= at);
            if named || (now < due && due <= at && is_woken) {
                return Ok(());
            }
            // One that is overdue may be looked at just now: written, it is looked at once more.
            kept.check.wake(at);
            let write = Write::Put(check_record(key.clone(), &kept.check), Expect::Version(kept.version));
            match self.store.commit(vec![write]).await {
                Ok(()) if due <= at => return Ok(()),
                Ok(()) => return self.enqueue(key, at, now).await,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(store_failure(error)),
            }
        }
        Err(contended("check_contended", key))
    }
}
