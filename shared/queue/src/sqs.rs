use crate::limits::{BATCH_MAX, MESSAGE_BYTES_MAX, PACK_ATTRIBUTE, Wire, to_wire};
use crate::{DeadLetters, FailedMessage, Message, Queue, QueueName, SendError};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{BatchResultErrorEntry, MessageAttributeValue, SendMessageBatchRequestEntry};
use prodrome_model::chain;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

/// One try of a call takes no longer, and a call with all its tries; 1 MiB is to get through a slow line. The SDK
/// waits for ever by itself.
const TRY_WAIT: Duration = Duration::from_secs(8);
const CALL_WAIT: Duration = Duration::from_secs(24);

/// The [`Queue`]s of the system over SQS.
///
/// Messages go ten a call and at most 1 MiB a call, one call after another, in their order. The client's own
/// retries stand, and so do its timeouts; where it has none, a call ends after 24 s. What it gives up is reported
/// message by message.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    urls: BTreeMap<QueueName, String>,
    dead: BTreeMap<QueueName, String>,
}

/// A message with its place in what is to be sent.
struct Placed {
    index: usize,
    wire: Wire,
}

impl SqsQueue {
    /// The queues at these URLs. A queue without one accepts nothing.
    pub fn new(client: Client, urls: impl IntoIterator<Item = (QueueName, String)>) -> Self {
        Self { client: impatient(client), urls: urls.into_iter().collect(), dead: BTreeMap::new() }
    }

    /// The same, with the queues of dead letters.
    #[must_use]
    pub fn with_dead_letters(self, urls: impl IntoIterator<Item = (QueueName, String)>) -> Self {
        Self { dead: urls.into_iter().collect(), ..self }
    }

    /// Which queue an ARN names: the URL of a queue ends with its name, and so does its ARN.
    pub fn of_arn(&self, arn: &str) -> Option<QueueName> {
        let name = arn.rsplit(':').next().filter(|name| !name.is_empty());
        self.urls.iter().find(|(_, url)| url.rsplit('/').next() == name).map(|(queue, _)| *queue)
    }

    /// A message that was received comes again after so long (at most 12 hours, in whole seconds), unless it is deleted
    /// before.
    pub async fn change_visibility(
        &self,
        of: QueueName,
        receipt: &str,
        wait: Duration,
    ) -> Result<(), String> {
        let Some(url) = self.urls.get(&of) else {
            return Err(format!("no URL is configured for the queue {}", of.as_str()));
        };
        let seconds = i32::try_from(wait.as_secs()).unwrap_or(i32::MAX);
        let request = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt);
        let changed = request.visibility_timeout(seconds).send().await;
        changed.map(drop).map_err(|error| Outage::from(&error).reason)
    }

    /// Sends one batch; returns what was not accepted of it. Where the queue refuses the batch as a whole, each
    /// message goes by itself, so that the one at fault does not stop the others.
    async fn send_batch(&self, url: &str, batch: &[Placed]) -> Vec<FailedMessage> {
        let mut failed = match self.call(url, batch).await {
            Err(outage) if outage.our_fault && batch.len() > 1 => Vec::new(),
            outcome => return outcome.unwrap_or_else(|outage| outage.of(batch)),
        };
        for alone in batch.chunks(1) {
            failed.extend(self.call(url, alone).await.unwrap_or_else(|outage| outage.of(alone)));
        }
        failed
    }

    /// One call; what was not accepted of it, or why all of it was not.
    async fn call(&self, url: &str, batch: &[Placed]) -> Result<Vec<FailedMessage>, Outage> {
        let entries = batch.iter().map(to_entry).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| Outage { reason: error.to_string(), our_fault: true })?;
        let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| Outage::from(&error))?;
        let accepted = |placed: &&Placed| answer.successful.iter().any(|entry| entry.id == placed.id());
        let failed = batch.iter().filter(|placed| !accepted(placed));
        let failed = failed.map(|placed| {
            let named = answer.failed.iter().find(|entry| entry.id == placed.id());
            refusal(placed.index, named)
        });
        Ok(failed.collect())
    }
}

impl Placed {
    /// How the entry of a batch is named.
    fn id(&self) -> String {
        self.index.to_string()
    }
}

impl Queue for SqsQueue {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.send_to(self.urls.get(&to), to, messages).await
    }
}

impl DeadLetters for SqsQueue {
    async fn send_to_dead_letters(&self, of: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.send_to(self.dead.get(&of), of, messages).await
    }
}

impl SqsQueue {
    async fn send_to(
        &self,
        url: Option<&String>,
        to: QueueName,
        messages: Vec<Message>,
    ) -> Result<(), SendError> {
        let total = messages.len();
        let Some(url) = url else {
            let reason = format!("no URL is configured for the queue {}", to.as_str());
            let failed = |index| FailedMessage { index, reason: reason.clone(), retryable: true };
            let failed: Vec<_> = (0..total).map(failed).collect();
            return if failed.is_empty() { Ok(()) } else { Err(SendError { queue: to, total, failed }) };
        };
        let mut failed = Vec::new();
        let mut batch: Vec<Placed> = Vec::new();
        let mut batch_bytes = 0;
        for (index, message) in messages.into_iter().enumerate() {
            let wire = match to_wire(message) {
                Ok(wire) => wire,
                Err(reason) => {
                    failed.push(FailedMessage { index, reason, retryable: false });
                    continue;
                }
            };
            if batch.len() == BATCH_MAX || batch_bytes + wire.bytes > MESSAGE_BYTES_MAX {
                failed.extend(self.send_batch(url, &batch).await);
                batch.clear();
                batch_bytes = 0;
            }
            batch_bytes += wire.bytes;
            batch.push(Placed { index, wire });
        }
        if !batch.is_empty() {
            failed.extend(self.send_batch(url, &batch).await);
        }
        failed.sort_by_key(|failed| failed.index);
        if failed.is_empty() { Ok(()) } else { Err(SendError { queue: to, total, failed }) }
    }
}

/// The client, with timeouts where it has none of its own.
fn impatient(client: Client) -> Client {
    let timeouts = client.config().timeout_config();
    if timeouts.is_some_and(|set| set.operation_timeout().or(set.operation_attempt_timeout()).is_some()) {
        return client;
    }
    let ours = TimeoutConfig::builder().operation_attempt_timeout(TRY_WAIT).operation_timeout(CALL_WAIT);
    let mut ours = ours.build();
    if let Some(timeouts) = timeouts {
        ours.take_defaults_from(timeouts);
    }
    Client::from_conf(client.config().to_builder().timeout_config(ours).build())
}

fn to_entry(placed: &Placed) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let Wire { text, pack, attributes, delay, bytes: _ } = &placed.wire;
    let delay = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
    let entry = SendMessageBatchRequestEntry::builder().id(placed.id()).message_body(text);
    let mut entry = entry.delay_seconds(delay);
    for (name, value) in attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value);
        entry = entry.message_attributes(name, value.build()?);
    }
    if let Some(pack) = pack {
        let value = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new(&**pack));
        entry = entry.message_attributes(PACK_ATTRIBUTE, value.build()?);
    }
    entry.build()
}

/// What SQS said of one message of a batch. Only a fault of the sender is for ever.
fn refusal(index: usize, named: Option<&BatchResultErrorEntry>) -> FailedMessage {
    let Some(named) = named else {
        let reason = "the answer does not name the message".to_owned();
        return FailedMessage { index, reason, retryable: true };
    };
    let reason = format!("{}: {}", named.code, named.message.as_deref().unwrap_or("no message"));
    FailedMessage { index, reason, retryable: !named.sender_fault || is_passing(&named.code) }
}

/// Why a whole call failed.
struct Outage {
    reason: String,
    /// The request is wrong and will never go. A queue that is not there and a permission that lacks are mended
    /// by people: then the messages are sound and stay worth sending.
    our_fault: bool,
}

impl Outage {
    fn of(&self, batch: &[Placed]) -> Vec<FailedMessage> {
        let Self { reason, our_fault } = self;
        let failed = |placed: &Placed| FailedMessage {
            index: placed.index,
            reason: reason.clone(),
            retryable: !our_fault,
        };
        batch.iter().map(failed).collect()
    }
}

impl<E, R> From<&SdkError<E, R>> for Outage
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    fn from(error: &SdkError<E, R>) -> Self {
        let Some(answer) = error.as_service_error() else {
            let our_fault = matches!(error, SdkError::ConstructionFailure(_));
            return Self { reason: chain(error), our_fault };
        };
        let code = answer.code().unwrap_or("an error without a code");
        let reason = format!("{code}: {}", answer.message().unwrap_or("no message"));
        Self { reason, our_fault: is_our_fault(code) }
    }
}

/// Codes that mean the request itself is wrong.
fn is_our_fault(code: &str) -> bool {
    const CODES: [&str; 9] = [
        "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong",
        "EmptyBatchRequest",
        "InvalidBatchEntryId",
        "InvalidMessageContents",
        "InvalidParameterValue",
        "MissingParameter",
        "TooManyEntriesInBatchRequest",
        "UnsupportedOperation",
    ];
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    CODES.contains(&code)
}

/// Codes that pass by themselves, whoever is said to be at fault.
fn is_passing(code: &str) -> bool {
    ["RequestThrottled", "Throttl", "InternalError", "ServiceUnavailable", "OverLimit"]
        .iter()
        .any(|passing| code.contains(passing))
}

#[cfg(test)]
mod tests;
