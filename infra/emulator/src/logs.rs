use crate::client::{CallError, Client};
use serde_json::json;

/// A line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    pub text: String,
}

impl Client {
    /// What a function wrote into its log group, the oldest first, from an instant on (milliseconds since 1970).
    /// The emulator adds the lines of an invocation when it ends.
    pub fn logs(&self, group: &str, from_ms: u64) -> Result<Vec<LogLine>, CallError> {
        let mut lines = Vec::new();
        let mut token = None;
        loop {
            let mut request = json!({"logGroupName": group, "startTime": from_ms});
            if let Some(token) = token {
                request["nextToken"] = token;
            }
            let answer = self.json("logs", "Logs_20140328.FilterLogEvents", &request)?;
            lines.extend(answer["events"].as_array().into_iter().flatten().map(|event| LogLine {
                at_ms: event["timestamp"].as_u64().unwrap_or(0),
                text: event["message"].as_str().unwrap_or("").trim_end().to_owned(),
            }));
            match &answer["nextToken"] {
                next if next.is_string() => token = Some(next.clone()),
                _ => return Ok(lines),
            }
        }
    }
}
