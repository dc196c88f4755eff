//! Containers of a pod that wait for what does not come, or that ended badly.

use super::{Seeker, Symptom};
use crate::rules::new::vocabulary::camel;
use serde_json::{Map, Value, json};

/// Reasons for which a container waits while it starts.
const STARTING: &[&str] = &["ContainerCreating", "PodInitializing"];
const PULLING: &[&str] = &["ErrImagePull", "ImagePullBackOff"];

impl Seeker<'_> {
    pub(super) fn containers(&self, found: &mut Vec<Symptom>) {
        for key in ["containerStatuses", "initContainerStatuses"] {
            let Some(statuses) = self.get(&["status", key]).and_then(Value::as_array) else { continue };
            for status in statuses {
                found.extend(self.container(key, status));
            }
        }
    }

    fn container(&self, key: &str, status: &Value) -> Option<Symptom> {
        let name = status.get("name").and_then(Value::as_str).unwrap_or("?");
        let state = |what: &str, key: &str| {
            status.get("state").and_then(|s| s.get(what)).and_then(|s| s.get(key)).and_then(Value::as_str)
        };
        let turned = || {
            let mut object = self.object.clone();
            well(&mut object, key);
            object
        };
        let waits = state("waiting", "reason").filter(|reason| !STARTING.contains(reason));
        if let Some(reason) = waits {
            // Two names for one thing take turns.
            let reasons: Vec<&str> = if PULLING.contains(&reason) { PULLING.to_vec() } else { vec![reason] };
            let check =
                json!({ "field": ["status", key, "state", "waiting", "reason"], "equalValue": reasons });
            let words = format!("its container {name} waits: {reason}");
            let summary = format!(
                "{{metadata.name}}: {{status.{key}.state.waiting.reason}}: {{status.{key}.state.waiting.message}}"
            );
            let another = reasons.iter().find(|other| **other != reason).map(|other| {
                let mut object = self.object.clone();
                wait_for(&mut object, key, reason, other);
                object
            });
            // Between two tries it runs, or creates, for a moment.
            let gap_tolerance = Some(if reason == "CrashLoopBackOff" { "2m" } else { "1m" });
            return Some(Symptom {
                another,
                gap_tolerance,
                summary,
                turned: turned(),
                ..self.symptom(80, words, camel(reason), vec![check])
            });
        }
        let terminated = status.get("state").and_then(|s| s.get("terminated"));
        let code = terminated.and_then(|t| t.get("exitCode")).and_then(Value::as_i64).unwrap_or(0);
        if code == 0 {
            return None;
        }
        let reason = state("terminated", "reason").unwrap_or("Error");
        let check =
            json!({ "field": ["status", key, "state", "terminated", "exitCode"], "notEqualValue": [0] });
        let words = format!("its container {name} ended: {reason}, exit code {code}");
        let summary = format!(
            "{{metadata.name}}: a container ended with {{status.{key}.state.terminated.exitCode}}: {{status.{key}.state.terminated.reason}}"
        );
        Some(Symptom {
            gap_tolerance: Some("2m"),
            summary,
            turned: turned(),
            ..self.symptom(78, words, format!("Container{}", camel(reason)), vec![check])
        })
    }
}

/// Gives the containers that wait for one reason another.
fn wait_for(object: &mut Map<String, Value>, key: &str, reason: &str, other: &str) {
    let statuses =
        object.get_mut("status").and_then(|status| status.get_mut(key)).and_then(Value::as_array_mut);
    for status in statuses.into_iter().flatten() {
        if let Some(waiting) = status.get_mut("state").and_then(|state| state.get_mut("waiting"))
            && waiting.get("reason").is_some_and(|found| found == reason)
        {
            waiting["reason"] = other.into();
        }
    }
}

/// A pod whose containers run, or have done what they were there for.
fn well(object: &mut Map<String, Value>, key: &str) {
    let is_init = key == "initContainerStatuses";
    let Some(Value::Object(status)) = object.get_mut("status") else { return };
    if let Some(Value::Array(statuses)) = status.get_mut(key) {
        for status in statuses.iter_mut().filter_map(Value::as_object_mut) {
            let state = if is_init {
                json!({ "terminated": { "exitCode": 0, "reason": "Completed" } })
            } else {
                json!({ "running": {} })
            };
            status.insert("state".to_owned(), state);
            status.insert("ready".to_owned(), true.into());
        }
    }
    status.insert("phase".to_owned(), "Running".into());
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
            condition.insert("status".to_owned(), "True".into());
            condition.remove("reason");
            condition.remove("message");
        }
    }
}
