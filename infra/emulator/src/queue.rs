use crate::client::{CallError, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Ready to be received.
    pub visible: u64,
    /// Received, and neither removed nor given back yet.
    pub in_flight: u64,
    /// Held back by a delay.
    pub delayed: u64,
}

impl QueueDepth {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }
}

/// A message as it lies in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// The text.
    pub body: String,
    /// The text attributes, such as the error that came with a dead letter.
    pub attributes: BTreeMap<String, String>,
}

impl Client {
    /// Counts the messages of a queue.
    pub fn queue_depth(&self, url: &str) -> Result<QueueDepth, CallError> {
        let target = "AmazonSQS.GetQueueAttributes";
        let answer = self.json("sqs", target, &json!({"QueueUrl": url, "AttributeNames": ["All"]}))?;
        let count = |name: &str| {
            let text = answer["Attributes"][format!("ApproximateNumberOf{name}")].as_str();
            text.and_then(|text| text.parse().ok())
                .ok_or(CallError::Unexpected { call: target.into(), expected: "the number of messages" })
        };
        Ok(QueueDepth {
            visible: count("Messages")?,
            in_flight: count("MessagesNotVisible")?,
            delayed: count("MessagesDelayed")?,
        })
    }

    /// Sends a text.
    pub fn send(&self, url: &str, body: &str) -> Result<(), CallError> {
        self.json("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": url, "MessageBody": body})).map(drop)
    }

    /// Looks at up to ten messages of a queue that nothing else reads, such as its dead letters, and leaves them
    /// there.
    pub fn peek(&self, url: &str) -> Result<Vec<QueueMessage>, CallError> {
        let answer = self.json(
            "sqs",
            "AmazonSQS.ReceiveMessage",
            &json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "MessageAttributeNames": ["All"]}),
        )?;
        let messages = answer["Messages"].as_array().into_iter().flatten().map(|message| QueueMessage {
            body: message["Body"].as_str().unwrap_or("").to_owned(),
            attributes: attributes(&message["MessageAttributes"]),
        });
        Ok(messages.collect())
    }
}

fn attributes(attributes: &Value) -> BTreeMap<String, String> {
    let texts =
        attributes.as_object().into_iter().flatten().filter_map(|(name, attribute)| {
            Some((name.clone(), attribute["StringValue"].as_str()?.to_owned()))
        });
    texts.collect()
}
