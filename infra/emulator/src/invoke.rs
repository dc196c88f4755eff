use crate::client::{CallError, Client};
use serde_json::Value;

/// What came of calling a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What it answered; where it failed, the error.
    pub payload: Value,
    /// Whether it failed: `Unhandled`, mostly.
    pub error: Option<String>,
}

impl Client {
    /// Calls a function and waits for its answer.
    pub fn invoke(&self, function: &str, payload: &Value) -> Result<Invocation, CallError> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let (head, text) = self.post("lambda", &path, payload.to_string().as_bytes())?;
        let error = head.headers().get("X-Amz-Function-Error").and_then(|value| value.to_str().ok());
        let payload = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Invocation { payload, error: error.map(str::to_owned) })
    }
}
