use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_e2e::System;
use prodrome_queue::pack;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The queues of dead letters.
const QUEUES: [&str; 4] = [
    "ChangesDeadLetterQueueUrl",
    "ChecksDeadLetterQueueUrl",
    "DiagnosesDeadLetterQueueUrl",
    "FindingsDeadLetterQueueUrl",
];
/// So long what was received is hidden.
const HIDDEN_SECONDS: u32 = 600;
/// Of one that was not planted, so much is told.
const TOLD_CHARS: usize = 300;

/// What was found among the dead letters so far.
#[derive(Debug, Default)]
pub(crate) struct Dead {
    /// How many letters.
    pub(crate) letters: usize,
    /// The planted names that they bear.
    pub(crate) planted: BTreeSet<String>,
    /// The others.
    pub(crate) strange: Vec<String>,
}

impl Dead {
    /// Takes all letters that lie there.
    pub(crate) fn collect(&mut self, system: &System) -> Result<()> {
        for queue in QUEUES {
            for (message, handle) in receive_all(system, queue)? {
                self.letters += 1;
                self.take(queue, &message)?;
                delete(system, queue, &handle)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, queue: &str, message: &Value) -> Result<()> {
        let text = text_of(message)?;
        let names = planted_in(&text);
        if names.is_empty() || queue != QUEUES[0] {
            let error = message["MessageAttributes"]["error"]["StringValue"].as_str().unwrap_or("no reason");
            let text: String = text.chars().take(TOLD_CHARS).collect();
            self.strange.push(format!("{queue}: {error}: {text}"));
        }
        self.planted.extend(names);
        Ok(())
    }
}

/// All messages of a queue, each with the handle to delete it by. They stay hidden for a while.
fn receive_all(system: &System, queue: &str) -> Result<Vec<(Value, String)>> {
    let mut all = Vec::new();
    loop {
        let request = json!({
            "QueueUrl": system.stack().output(queue)?, "MaxNumberOfMessages": 10, "VisibilityTimeout": HIDDEN_SECONDS,
            "MessageAttributeNames": ["All"],
        });
        let mut answer = system.emulator().client().json("sqs", "AmazonSQS.ReceiveMessage", &request)?;
        let Some(messages) = answer["Messages"].as_array_mut().filter(|found| !found.is_empty()) else {
            return Ok(all);
        };
        for message in messages {
            let handle = message["ReceiptHandle"].as_str().unwrap_or_default().to_owned();
            all.push((message.take(), handle));
        }
    }
}

fn delete(system: &System, queue: &str, handle: &str) -> Result<()> {
    let request = json!({ "QueueUrl": system.stack().output(queue)?, "ReceiptHandle": handle });
    system.emulator().client().json("sqs", "AmazonSQS.DeleteMessage", &request)?;
    Ok(())
}

/// What a message holds: its text, or the changes of its pack.
fn text_of(message: &Value) -> Result<String> {
    let Some(pack) = message["MessageAttributes"]["pack"]["BinaryValue"].as_str() else {
        return Ok(message["Body"].as_str().unwrap_or_default().to_owned());
    };
    let pack = STANDARD.decode(pack).context("a pack is not in base64")?;
    let decoded = pack::decode(&pack, pack::UNCOMPRESSED_MAX)?;
    let line = |change: &Result<prodrome_model::Change, pack::BadChange>| match change {
        Ok(change) => change.object.as_ref().map(|raw| raw.get().to_owned()).unwrap_or_default(),
        Err(bad) => bad.raw.clone(),
    };
    // One that is well among those that are not would be lost with them: it has a name of its own.
    Ok(decoded.changes.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The names of malformed changes in a text; none where another object is in it.
fn planted_in(text: &str) -> Vec<String> {
    let quoted = text.split('"').filter(|word| word.contains("-malformed-"));
    let names: BTreeSet<String> = quoted.map(str::to_owned).collect();
    if names.iter().any(|name| name.starts_with("beside-")) {
        Vec::new()
    } else {
        names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_holds_more_than_what_is_malformed_is_strange() {
        assert_eq!(planted_in(r#"{"metadata":{"name":"a-malformed-1"}}"#), ["a-malformed-1"]);
        assert_eq!(planted_in("{\"name\":\"a-malformed-1\"}\n{\"name\":\"beside-a-malformed-1\"}").len(), 0);
        assert_eq!(planted_in(r#"{"name":"well-1"}"#).len(), 0);
        let mut dead = Dead::default();
        let letter = json!({ "Body": "[\"a-malformed-2\"]" });
        dead.take(QUEUES[0], &letter).unwrap();
        dead.take(QUEUES[1], &letter).unwrap();
        dead.take(QUEUES[0], &json!({ "Body": "{}" })).unwrap();
        assert_eq!((dead.planted.len(), dead.strange.len()), (1, 2));
    }
}
