use crate::{Delivery, Failure, Tally};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use futures::FutureExt;
use jiff::Timestamp;
use prodrome_queue::Body;
use std::future::Future;
use std::panic::AssertUnwindSafe;

/// What handles one message at a time.
pub trait Handler {
    /// Handles a message; what is counted is returned even where it then fails.
    fn handle(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        tally: &mut Tally,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// A message lies among the dead letters, or will as soon as it is given back: whoever keeps accounts notes it. It may
    /// be told of twice, and the message may be sent again.
    fn given_up(&self, _: &Delivery, _: &Failure, _now: Timestamp) -> impl Future<Output = ()> {
        async {}
    }
}

/// One message as it reached a function, with what its queue wants to know of whoever speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub delivery: Delivery,
    /// The ARN of its queue.
    pub source: String,
    /// What this delivery is called by.
    pub receipt: String,
    /// Why it was sent on alone, if it was.
    pub error: Option<String>,
}

/// The messages of an event. One without an id cannot be answered for by itself, so it comes first as an error
/// of the whole batch.
///
/// # Errors
/// Where a record has no id: an empty answer would tell Lambda that all failed, or that none did.
pub fn received(event: SqsEvent) -> Result<Vec<Received>, Failure> {
    event.records.into_iter().map(one).collect()
}

fn one(record: SqsMessage) -> Result<Received, Failure> {
    let id = record.message_id.filter(|id| !id.is_empty());
    let id =
        id.ok_or_else(|| Failure::fatal("record_without_id", "a record of the batch has no messageId"))?;
    let attempt = record.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok()).unwrap_or(1);
    let sent_at = record.attributes.get("SentTimestamp").and_then(|ms| ms.parse().ok());
    let sent_at = sent_at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let source = record.event_source_arn.unwrap_or_default();
    let receipt = record.receipt_handle.unwrap_or_default();
    let mut attributes = record.message_attributes;
    let error = attributes.remove("error").and_then(|error| error.string_value);
    let body = match attributes.remove("pack").and_then(|pack| pack.binary_value) {
        Some(bytes) => Body::Pack(bytes.0),
        None => Body::Text(record.body.unwrap_or_default()),
    };
    Ok(Received { delivery: Delivery { id, body, attempt, sent_at }, source, receipt, error })
}

/// Handles a message; a panic is a failure like others.
pub(crate) async fn handle_one(
    handler: &impl Handler,
    delivery: &Delivery,
    now: Timestamp,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let handled = AssertUnwindSafe(handler.handle(delivery, now, tally)).catch_unwind().await;
    handled.unwrap_or_else(|panic| Err(Failure::fatal("panic", panic_text(&*panic))))
}

pub(crate) fn log(delivery: &Delivery, failure: &Failure) {
    let Delivery { id: message_id, attempt, .. } = delivery;
    let Failure { code, reason, retryable, .. } = failure;
    if *retryable {
        tracing::warn!(message_id, attempt, code, reason, "message goes back");
    } else {
        tracing::error!(message_id, attempt, code, reason, "message cannot be handled");
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_how_often_it_came_and_when_it_was_sent() {
        let attributes =
            serde_json::json!({ "ApproximateReceiveCount": "2", "SentTimestamp": "1800000000123" });
        let event = serde_json::json!({ "Records": [{ "messageId": "m", "body": "text", "attributes": attributes }] });
        let received = received(serde_json::from_value(event).unwrap()).unwrap();
        let sent_at = Timestamp::from_millisecond(1_800_000_000_123).ok();
        let want = Delivery { id: "m".into(), body: Body::Text("text".into()), attempt: 2, sent_at };
        assert_eq!(received[0].delivery, want);
    }

    #[test]
    fn a_pack_arrives_as_bytes() {
        let event = serde_json::json!({ "Records": [{ "messageId": "m", "body": "{}",
            "messageAttributes": { "pack": { "dataType": "Binary", "binaryValue": "AQID" } } }] });
        let received = received(serde_json::from_value(event).unwrap()).unwrap();
        assert_eq!(received[0].delivery.body, Body::Pack(vec![1, 2, 3]));
    }

    #[test]
    fn a_record_without_an_id_is_refused() {
        let event = serde_json::json!({ "Records": [{ "body": "{}" }] });
        assert_eq!(received(serde_json::from_value(event).unwrap()).unwrap_err().code, "record_without_id");
    }
}
