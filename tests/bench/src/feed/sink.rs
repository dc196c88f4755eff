use crate::price::SQS_CHUNK_BYTES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Packs that are kept for the evaluation.
const PACKS_MAX: usize = 4_000;

/// What a queue was sent since it was last asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Taken {
    /// Calls.
    pub calls: u64,
    /// What they are billed as: each started 64 KiB.
    pub billed_calls: u64,
    /// Messages.
    pub messages: u64,
    /// What each is billed as when it is received: its started 64 KiB.
    pub billed_messages: u64,
    /// Bytes of all messages.
    pub bytes: u64,
    /// The first packs, in base64.
    pub packs: Vec<String>,
}

/// A queue that takes everything.
#[derive(Default)]
pub(super) struct Sink {
    taken: Mutex<Taken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
    #[serde(default)]
    message_attributes: std::collections::BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: String,
    #[serde(default)]
    string_value: String,
    #[serde(default)]
    binary_value: String,
}

impl Sink {
    /// Takes a `SendMessageBatch`, and answers as SQS does.
    pub(super) fn take(&self, body: &[u8]) -> Value {
        let Ok(Batch { entries }) = serde_json::from_slice::<Batch>(body) else {
            return json!({ "__type": "com.amazonaws.sqs#InvalidParameterValue", "message": "not a batch" });
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut in_call = 0;
        for entry in &entries {
            let mut bytes = entry.message_body.len();
            for (name, attribute) in &entry.message_attributes {
                let binary = STANDARD.decode(&attribute.binary_value).map_or(0, |binary| binary.len());
                bytes += name.len() + attribute.data_type.len() + attribute.string_value.len() + binary;
                if taken.packs.len() < PACKS_MAX && !attribute.binary_value.is_empty() {
                    taken.packs.push(attribute.binary_value.clone());
                }
            }
            let bytes = bytes as u64;
            taken.messages += 1;
            taken.billed_messages += bytes.div_ceil(SQS_CHUNK_BYTES).max(1);
            taken.bytes += bytes;
            in_call += bytes;
        }
        taken.calls += 1;
        taken.billed_calls += in_call.div_ceil(SQS_CHUNK_BYTES).max(1);
        let successful = entries.iter().map(|entry| {
            json!({ "Id": entry.id, "MessageId": entry.id, "MD5OfMessageBody": "00000000000000000000000000000000" })
        });
        json!({ "Successful": successful.collect::<Vec<_>>(), "Failed": [] })
    }

    /// What was taken since the last time.
    pub(super) fn taken(&self) -> Taken {
        std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_started_64_kib_is_billed() {
        let sink = Sink::default();
        let entry = |id: &str, bytes: usize| {
            let pack = STANDARD.encode(vec![0; bytes]);
            json!({ "Id": id, "MessageBody": "pack", "MessageAttributes": { "pack": { "DataType": "Binary", "BinaryValue": pack } } })
        };
        let batch = json!({ "QueueUrl": "q", "Entries": [entry("0", 60_000), entry("1", 70_000)] });
        let answer = sink.take(batch.to_string().as_bytes());
        assert_eq!(answer["Successful"][1]["Id"], "1");
        let taken = sink.taken();
        assert_eq!((taken.calls, taken.billed_calls, taken.messages, taken.billed_messages), (1, 2, 2, 3));
        assert_eq!((taken.packs.len(), sink.taken().messages), (2, 0));
        assert!(sink.take(b"no batch")["__type"].is_string());
    }
}
