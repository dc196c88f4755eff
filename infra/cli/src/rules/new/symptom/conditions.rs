//! Conditions that are as they ought not to be, wherever they stand in a status.

use super::{Seeker, Symptom};
use crate::rules::new::vocabulary::{Good, Phase, camel, good, phase};
use serde_json::{Map, Value, json};

/// How deep a status is searched for conditions.
const DEPTH_MAX: usize = 6;

impl Seeker<'_> {
    pub(super) fn conditions(&self, found: &mut Vec<Symptom>) {
        let Some(status) = self.object.get("status") else { return };
        let mut lists = Vec::new();
        condition_lists(status, &mut vec!["status".to_owned()], &mut lists);
        for (path, conditions) in lists {
            for condition in conditions {
                let Some(symptom) = self.condition(&path, condition) else { continue };
                // Each of several parents may say it: it began where it began first.
                match found.iter_mut().find(|other| other.check == symptom.check) {
                    Some(other) if symptom.began < other.began && symptom.began.is_some() => *other = symptom,
                    Some(_) => {}
                    None => found.push(symptom),
                }
            }
        }
    }

    fn condition(&self, path: &[String], condition: &Value) -> Option<Symptom> {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, status, reason) = (text("type"), text("status"), text("reason"));
        // Where its type does not tell what is good, its reason may.
        let tells = phase(reason) == Phase::Bad;
        let by_reason = || tells.then(|| if status == "True" { Good::False } else { Good::True });
        let polarity = good(kind).or_else(by_reason)?;
        let (bad, turned): (Value, &str) = match (polarity, status) {
            (Good::True, "False" | "Unknown") => (json!(["False", "Unknown"]), "True"),
            (Good::False, "True") => (json!(["True"]), "False"),
            _ => return None,
        };
        // Not ready, as it is done.
        if matches!(reason, "PodCompleted" | "Completed" | "Succeeded") {
            return None;
        }
        let last = kind.rsplit('/').next().unwrap_or(kind);
        let own = path == ["status", "conditions"];
        let place = |key: &str| {
            if own {
                return json!({ "field": path, "subIdentifierName": "type", "subIdentifierValue": [kind], "subField": [key] });
            }
            json!({ "field": path, "each": [{ "subField": ["type"], "equalValue": [kind] }, { "subField": ["status"], "equalValue": bad.clone() }], "subField": [key] })
        };
        let mut check = place("status");
        if own {
            check["equalValue"] = bad.clone();
        } else if let Value::Object(check) = &mut check {
            check.remove("subField");
        }
        let is_good_when_true = polarity == Good::True;
        // A Pod's PodScheduled: the kind is in the rule's name already.
        let short = camel(last.strip_prefix(self.kind).filter(|rest| !rest.is_empty()).unwrap_or(last));
        let name = if is_good_when_true { format!("Not{short}") } else { short };
        let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let words = format!("its condition {kind} is {status}{because}");
        // Of several the widest: one that says Ready speaks for the others.
        let rank = match (is_good_when_true, last) {
            (false, "Failed" | "Stalled") => 74,
            (false, _) => 64,
            (true, "Available") => 66,
            (true, "Ready") => 65,
            (true, "Healthy" | "Synced" | "Complete" | "Succeeded") => 62,
            (true, _) => 58,
        };
        let began = condition.get("lastTransitionTime").and_then(Value::as_str).map(str::to_owned);
        let is = if is_good_when_true { "is not" } else { "is" };
        let printed = if own { "status.conditions".to_owned() } else { path.join(".") };
        let field = |key: &str| {
            let there = condition.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            there.then(|| format!("{{{printed}[type={kind}].{key}}}"))
        };
        let why: Vec<String> = ["reason", "message"].into_iter().filter_map(field).collect();
        let colon = if why.is_empty() { "" } else { ": " };
        let plain = kind.chars().all(|c| c.is_ascii_alphanumeric());
        let summary = if plain {
            format!("{{metadata.name}} {is} {}{colon}{}", last.to_lowercase(), why.join(" "))
        } else {
            format!("{{metadata.name}} {is} {}", last.to_lowercase())
        };
        let with = |status: &str, only: Option<&str>| {
            let mut object = self.object.clone();
            turn_condition(&mut object, path, kind, status, only);
            object
        };
        let mut well = with(turned, None);
        if !own {
            // Another condition may be as bad: it is not asked for.
            let beside = json!({ "type": "SomethingElse", "status": bad[0] });
            put_beside(&mut well, path, kind, &beside);
        }
        let another = match status {
            _ if !is_good_when_true => None,
            "False" => Some(with("Unknown", Some(status))),
            _ => Some(with("False", Some(status))),
        };
        Some(Symptom {
            another,
            since: began.is_some().then(|| place("lastTransitionTime")),
            began,
            summary,
            duration: if is_good_when_true { "10m" } else { "5m" },
            turned: well,
            ..self.symptom(rank, words, name, vec![check])
        })
    }
}

/// The lists of conditions in a status, each with the path to it.
fn condition_lists<'v>(
    value: &'v Value,
    path: &mut Vec<String>,
    lists: &mut Vec<(Vec<String>, &'v [Value])>,
) {
    if path.len() > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                path.push(key.clone());
                condition_lists(value, path, lists);
                path.pop();
            }
        }
        Value::Array(items) => {
            let is_condition =
                |item: &Value| item.get("type").is_some() && item.get("status").is_some_and(Value::is_string);
            if !items.is_empty() && items.iter().all(is_condition) {
                lists.push((path.clone(), items));
            } else {
                for item in items {
                    condition_lists(item, path, lists);
                }
            }
        }
        _ => {}
    }
}

/// Gives all conditions of a type another status (with `only`, those that have this one), and takes away what they said.
fn turn_condition(
    object: &mut Map<String, Value>,
    path: &[String],
    kind: &str,
    status: &str,
    only: Option<&str>,
) {
    each_list(object, path, &mut |conditions| {
        let is_it = |condition: &&mut Value| {
            condition["type"] == kind && only.is_none_or(|only| condition["status"] == only)
        };
        for condition in conditions.iter_mut().filter(is_it) {
            condition["status"] = status.into();
            if let Value::Object(condition) = condition {
                condition.remove("message");
                condition.remove("reason");
            }
        }
    });
}

/// Puts a condition beside those of a type.
fn put_beside(object: &mut Map<String, Value>, path: &[String], kind: &str, beside: &Value) {
    each_list(object, path, &mut |conditions| {
        if conditions.iter().any(|condition| condition["type"] == kind) {
            conditions.push(beside.clone());
        }
    });
}

/// The lists that a path leads to, through whatever lists are on its way.
fn each_list(object: &mut Map<String, Value>, path: &[String], visit: &mut dyn FnMut(&mut Vec<Value>)) {
    fn walk(value: &mut Value, path: &[String], visit: &mut dyn FnMut(&mut Vec<Value>)) {
        match (value, path.split_first()) {
            (Value::Array(items), None) => visit(items),
            (Value::Array(items), Some(_)) => items.iter_mut().for_each(|item| walk(item, path, visit)),
            (Value::Object(entries), Some((key, rest))) => {
                if let Some(value) = entries.get_mut(key) {
                    walk(value, rest, visit);
                }
            }
            _ => {}
        }
    }
    let Some((first, rest)) = path.split_first() else { return };
    if let Some(value) = object.get_mut(first) {
        walk(value, rest, visit);
    }
}
