use crate::client::{CallError, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Client {
    /// The environment that a function runs in.
    pub fn environment(&self, function: &str) -> Result<BTreeMap<String, String>, CallError> {
        let path = path(function);
        let answer = self.get("lambda", &path)?;
        let settings = serde_json::from_str::<Value>(&answer).ok();
        let variables = settings.and_then(|settings| {
            serde_json::from_value(settings.get("Environment")?.get("Variables")?.clone()).ok()
        });
        variables
            .ok_or_else(|| CallError::Unexpected { call: format!("GET {path}"), expected: "an environment" })
    }

    /// Runs a function in another environment from its next call on.
    pub fn set_environment(&self, function: &str, to: &BTreeMap<String, String>) -> Result<(), CallError> {
        let body = json!({ "Environment": { "Variables": to } }).to_string();
        self.put("lambda", &path(function), body.as_bytes()).map(drop)
    }
}

fn path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/configuration")
}
