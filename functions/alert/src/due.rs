use crate::Alerts;
use jiff::Timestamp;
use prodrome_model::{AlertMessage, DueMessage};
use prodrome_notify::Channels;
use prodrome_queue::{Message, Queue, QueueName};
use prodrome_store::{Key, Store};
use std::time::Duration;

/// What is due later than this is left to the sweep.
const ENQUEUE_AHEAD: Duration = Duration::from_mins(3);

impl<S: Store, Q: Queue, C: Channels> Alerts<S, Q, C> {
    /// Sends a message for when a record falls due, unless that is left to the sweep.
    pub(crate) async fn enqueue(&self, key: &Key, at: Timestamp, now: Timestamp) {
        let delay = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
        if delay > ENQUEUE_AHEAD {
            return;
        }
        let due = DueMessage { partition: key.partition.clone(), sort: key.sort.clone(), at };
        let text =
            serde_json::to_string(&AlertMessage::Due(due)).expect("plain data is always written as JSON");
        let message = Message::text(text).delayed(delay);
        if let Err(error) = self.queue.send(QueueName::Findings, vec![message]).await {
            // It is in the due index too, so the next sweep hands it over: late, not lost.
            tracing::warn!(partition = key.partition, sort = key.sort, %error, "due message left to the sweep");
        }
    }

    /// Whether a due message for `at` is to be acted on: the record is still due then, and then is now. One
    /// that came early is sent again.
    pub(crate) async fn is_timely(
        &self,
        key: &Key,
        due: Option<Timestamp>,
        at: Timestamp,
        now: Timestamp,
    ) -> bool {
        if due != Some(at) {
            return false;
        }
        if now < at {
            self.enqueue(key, at, now).await;
        }
        now >= at
    }
}
