use crate::client::{CallError, Client};
use serde_json::{Value, json};

const PATH: &str = "/2015-03-31/event-source-mappings";

/// A queue whose messages a function is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    /// Its id.
    pub id: String,
    /// The queue's ARN, which ends with its name.
    pub queue: String,
    /// The function's ARN, which ends with its name.
    pub function: String,
}

impl Client {
    /// All queues that functions are called for.
    pub fn event_sources(&self) -> Result<Vec<EventSource>, CallError> {
        let unexpected = || CallError::Unexpected { call: format!("GET {PATH}"), expected: "event sources" };
        let answer = self.get("lambda", PATH)?;
        let answer: Value = serde_json::from_str(&answer).map_err(|_| unexpected())?;
        let sources = answer["EventSourceMappings"].as_array().ok_or_else(unexpected)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(sources
            .iter()
            .map(|source| EventSource {
                id: text(&source["UUID"]),
                queue: text(&source["EventSourceArn"]),
                function: text(&source["FunctionArn"]),
            })
            .collect())
    }

    /// Whether the queue's messages are handed to the function from now on.
    pub fn enable_event_source(&self, source: &EventSource, enabled: bool) -> Result<(), CallError> {
        let body = json!({ "Enabled": enabled }).to_string();
        self.put("lambda", &format!("{PATH}/{}", source.id), body.as_bytes()).map(drop)
    }
}
