//! What in an object looks like a fault, by the conventions of Kubernetes.

use super::vocabulary::{Good, Phase, camel, good, phase};
use prodrome_model::Resource;
use serde_json::{Map, Value, json};

/// How deep a status is searched for conditions.
const DEPTH_MAX: usize = 6;

/// Something that looks like a fault.
#[derive(Debug, Clone)]
pub(super) struct Symptom {
    /// How telling it is.
    pub(super) rank: u8,
    /// For people.
    pub(super) words: String,
    /// What the rule's name says of it: `NotReady`.
    pub(super) name: String,
    /// What a rule asks, as its checkField.
    pub(super) check: Vec<Value>,
    /// And beside that, as its filterField.
    pub(super) filter: Vec<Value>,
    pub(super) since: Option<Value>,
    pub(super) duration: &'static str,
    pub(super) gap_tolerance: Option<&'static str>,
    pub(super) summary: String,
    /// When it began, as the object says: an RFC 3339 timestamp.
    pub(super) began: Option<String>,
    /// The object without it.
    pub(super) turned: Map<String, Value>,
    /// The object with the same fault in another of the forms that are asked for.
    pub(super) another: Option<Map<String, Value>>,
}

/// All that is found, in no order.
pub(super) fn find(resource: &Resource, object: &Map<String, Value>) -> Vec<Symptom> {
    let seeker = Seeker { kind: &resource.kind, object };
    let mut found = Vec::new();
    found.extend(seeker.deleting());
    if !found.is_empty() {
        return found; // whatever else is wrong with it no longer matters
    }
    seeker.conditions(&mut found);
    seeker.containers(&mut found);
    seeker.phases(&mut found);
    seeker.replicas(&mut found);
    seeker.generation(&mut found);
    seeker.errors(&mut found);
    seeker.flags(&mut found);
    found
}

struct Seeker<'s> {
    kind: &'s str,
    object: &'s Map<String, Value>,
}

/// Where a phase, a state or a health may stand in a status, and what it says when all is well.
const PHASES: &[(&[&str], &str)] = &[
    (&["phase"], "Ready"),
    (&["state"], "Ready"),
    (&["status"], "Ready"),
    (&["health"], "Healthy"),
    (&["health", "status"], "Healthy"),
    (&["healthStatus"], "Healthy"),
    (&["sync", "status"], "Synced"),
    (&["operationState", "phase"], "Succeeded"),
    (&["currentState"], "Ready"),
    (&["currentStatus"], "Ready"),
    (&["overallStatus"], "Ready"),
    (&["provisioningState"], "Succeeded"),
    (&["printableStatus"], "Running"),
    (&["clusterStatus"], "Ready"),
    (&["ceph", "health"], "HEALTH_OK"),
    (&["result"], "Succeeded"),
];
/// The phases of Kubernetes' own kinds when all is well.
const OWN_PHASES: &[(&str, &str)] = &[
    ("Pod", "Running"),
    ("PersistentVolumeClaim", "Bound"),
    ("PersistentVolume", "Bound"),
    ("Namespace", "Active"),
];
/// How many there are, and how many there ought to be.
const REPLICAS: &[(&[&str], &[&str])] = &[
    (&["status", "readyReplicas"], &["spec", "replicas"]),
    (&["status", "availableReplicas"], &["spec", "replicas"]),
    (&["status", "readyInstances"], &["spec", "instances"]),
    (&["status", "readyNodes"], &["spec", "nodes"]),
    (&["status", "readyReplicas"], &["status", "replicas"]),
    (&["status", "numberReady"], &["status", "desiredNumberScheduled"]),
    (&["status", "currentHealthy"], &["status", "desiredHealthy"]),
];
/// Texts that are there only if something went wrong.
const ERRORS: &[&[&str]] = &[
    &["status", "error"],
    &["status", "errorMessage"],
    &["status", "errMsg"],
    &["status", "lastError"],
    &["status", "failureMessage"],
    &["status", "failureReason"],
    &["status", "reconcileError"],
];
/// What ought to be true.
const FLAGS: &[&str] =
    &["ready", "healthy", "available", "connected", "readyToUse", "success", "succeeded", "synced"];
/// Reasons for which a container waits while it starts.
const STARTING: &[&str] = &["ContainerCreating", "PodInitializing"];
const PULLING: &[&str] = &["ErrImagePull", "ImagePullBackOff"];

impl Seeker<'_> {
    fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.object.get(*first)?, |value, key| value.get(key))
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The object with another value under a path; gone where it is null.
    fn with(&self, path: &[&str], value: Value) -> Map<String, Value> {
        let mut object = self.object.clone();
        put(&mut object, path, value);
        object
    }

    fn symptom(&self, rank: u8, words: String, name: impl Into<String>, check: Vec<Value>) -> Symptom {
        Symptom {
            rank,
            words,
            name: name.into(),
            check,
            filter: vec![json!({ "field": ["metadata", "deletionTimestamp"], "nilValue": true })],
            since: None,
            duration: "5m",
            gap_tolerance: None,
            summary: "{metadata.name}".to_owned(),
            began: None,
            turned: self.object.clone(),
            another: None,
        }
    }

    fn deleting(&self) -> Option<Symptom> {
        let since = self.text(&["metadata", "deletionTimestamp"])?.to_owned();
        let path = ["metadata", "deletionTimestamp"];
        let check = vec![json!({ "field": path, "nilValue": false })];
        let words = format!("it has been on its way out since {since}");
        let summary = "{metadata.name} is being deleted and does not go; finalizers: {metadata.finalizers}";
        Some(Symptom {
            filter: Vec::new(),
            since: Some(json!(path)),
            duration: "15m",
            summary: summary.to_owned(),
            began: Some(since),
            turned: self.with(&path, Value::Null),
            ..self.symptom(90, words, "StuckDeleting", check)
        })
    }

    fn conditions(&self, found: &mut Vec<Symptom>) {
        let Some(status) = self.object.get("status") else { return };
        let mut lists = Vec::new();
        condition_lists(status, &mut vec!["status".to_owned()], &mut lists);
        for (path, conditions) in lists {
            for condition in conditions {
                found.extend(self.condition(&path, condition));
            }
        }
    }

    fn condition(&self, path: &[String], condition: &Value) -> Option<Symptom> {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, status, reason) = (text("type"), text("status"), text("reason"));
        let (bad, turned): (Value, &str) = match (good(kind)?, status) {
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
        let is_good_when_true = good(kind) == Some(Good::True);
        let name = if is_good_when_true { format!("Not{}", camel(last)) } else { camel(last) };
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
        let with = |status: &str| {
            let mut object = self.object.clone();
            turn_condition(&mut object, path, kind, status);
            object
        };
        let mut well = with(turned);
        if !own {
            // Another condition may be as bad: it is not asked for.
            let beside = json!({ "type": "SomethingElse", "status": bad[0] });
            put_beside(&mut well, path, kind, &beside);
        }
        let another = match status {
            _ if !is_good_when_true => None,
            "False" => Some(with("Unknown")),
            _ => Some(with("False")),
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

    fn containers(&self, found: &mut Vec<Symptom>) {
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

    fn phases(&self, found: &mut Vec<Symptom>) {
        for (path, well) in PHASES {
            let path: Vec<&str> = std::iter::once("status").chain(path.iter().copied()).collect();
            let Some(word) = self.text(&path) else { continue };
            let (rank, duration) = match phase(word) {
                Phase::Bad => (70, "5m"),
                Phase::Underway => (40, "15m"),
                Phase::Other => continue,
            };
            let printed = path.join(".");
            let why = ["message", "reason"]
                .into_iter()
                .find(|key| self.text(&["status", key]).is_some())
                .map(|key| format!(": {{status.{key}}}"))
                .unwrap_or_default();
            let own = OWN_PHASES.iter().find(|(kind, _)| *kind == self.kind && path == ["status", "phase"]);
            let well = own.map_or(*well, |(_, well)| well);
            let check = json!({ "field": path, "equalValue": [word] });
            let created = self.text(&["metadata", "creationTimestamp"]).filter(|_| rank == 40);
            found.push(Symptom {
                duration,
                summary: format!("{{metadata.name}} is {{{printed}}}{why}"),
                // What is not there yet has not been there since it was made.
                since: created.map(|_| json!(["metadata", "creationTimestamp"])),
                began: created.map(str::to_owned),
                turned: self.with(&path, json!(well)),
                ..self.symptom(rank, format!("its {printed} is {word}"), camel(word), vec![check])
            });
        }
    }

    fn replicas(&self, found: &mut Vec<Symptom>) {
        for (have_path, want_path) in REPLICAS {
            let Some(want) = self.get(want_path).and_then(Value::as_i64).filter(|want| *want > 0) else {
                continue;
            };
            let have = self.get(have_path).and_then(Value::as_i64);
            // Absent where it is zero, if the rest of the status is there.
            let counts = have.is_some() || matches!(self.kind, "Deployment" | "StatefulSet" | "ReplicaSet");
            if !counts || self.get(&["status"]).is_none() || have.unwrap_or(0) >= want {
                continue;
            }
            let (have_text, want_text) = (have_path.join("."), want_path.join("."));
            let check = json!({ "field": have_path, "default": 0, "lessThanField": want_path });
            let mut turned = self.with(have_path, json!(want));
            put(&mut turned, &["status", "unavailableReplicas"], Value::Null);
            found.push(Symptom {
                duration: "15m",
                summary: format!("{{metadata.name}} has {{{have_text}}} of {{{want_text}}} replicas"),
                turned,
                // None at all: then the count is not there.
                another: have.map(|_| self.with(have_path, Value::Null)),
                ..self.symptom(
                    52,
                    format!("its {have_text} is {} of {want}", have.unwrap_or(0)),
                    "ReplicasMissing",
                    vec![check],
                )
            });
            return;
        }
    }

    fn generation(&self, found: &mut Vec<Symptom>) {
        let number = |path: &[&str]| self.get(path).and_then(Value::as_i64);
        let (Some(seen), Some(meant)) =
            (number(&["status", "observedGeneration"]), number(&["metadata", "generation"]))
        else {
            return;
        };
        if seen >= meant {
            return;
        }
        let check =
            json!({ "field": ["status", "observedGeneration"], "lessThanField": ["metadata", "generation"] });
        found.push(Symptom {
            duration: "10m",
            summary: "{metadata.name}: its controller has not looked at its last change (generation {metadata.generation}, observed {status.observedGeneration})".to_owned(),
            turned: self.with(&["status", "observedGeneration"], json!(meant)),
            ..self.symptom(45, format!("its controller is at generation {seen} of {meant}"), "NotObserved", vec![check])
        });
    }

    fn errors(&self, found: &mut Vec<Symptom>) {
        for path in ERRORS {
            let Some(value) = self.get(path) else { continue };
            let is_empty = match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => true,
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
            };
            if is_empty {
                continue;
            }
            let printed = path.join(".");
            let check = json!({ "field": path, "nilValue": false });
            found.push(Symptom {
                summary: format!("{{metadata.name}} has failed: {{{printed}}}"),
                turned: self.with(path, Value::Null),
                ..self.symptom(60, format!("its {printed} is set"), "Failing", vec![check])
            });
        }
    }

    fn flags(&self, found: &mut Vec<Symptom>) {
        for flag in FLAGS {
            if self.get(&["status", flag]) != Some(&Value::Bool(false)) {
                continue;
            }
            let check = json!({ "field": ["status", flag], "equalValue": [false] });
            found.push(Symptom {
                duration: "10m",
                summary: format!("{{metadata.name}} is not {}", flag.to_lowercase()),
                turned: self.with(&["status", flag], json!(true)),
                ..self.symptom(
                    48,
                    format!("its status.{flag} is false"),
                    format!("Not{}", camel(flag)),
                    vec![check],
                )
            });
        }
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

/// Gives all conditions of a type another status, and takes away what they said.
fn turn_condition(object: &mut Map<String, Value>, path: &[String], kind: &str, status: &str) {
    each_list(object, path, &mut |conditions| {
        for condition in conditions.iter_mut().filter(|condition| condition["type"] == kind) {
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

/// Puts a value under a path, or takes what is there away where it is null.
pub(super) fn put(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] if value.is_null() => drop(object.remove(*key)),
        [key] => drop(object.insert((*key).to_owned(), value)),
        [key, rest @ ..] => {
            let within = object.entry((*key).to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(within) = within {
                put(within, rest, value);
            }
        }
    }
}
