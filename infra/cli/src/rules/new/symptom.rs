//! What in an object looks like a fault, by the conventions of Kubernetes.

mod conditions;
mod containers;

use super::vocabulary::{Phase, camel, phase};
use prodrome_model::Resource;
use serde_json::{Map, Value, json};

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
    (&["applicationState", "state"], "Running"),
    (&["backupStatus"], "Completed"),
    (&["certificateStatus"], "Active"),
    (&["clusterState"], "Ready"),
    (&["compliant"], "Compliant"),
    (&["currentPhase"], "Ready"),
    (&["deploymentStatus"], "Ready"),
    (&["jobDeploymentStatus"], "Running"),
    (&["jobStatus"], "Running"),
    (&["jobStatus", "state"], "Running"),
    (&["lastOperation", "state"], "Succeeded"),
    (&["lastOperationStatus"], "Succeeded"),
    (&["reconcileStatus"], "Success"),
    (&["robustness"], "healthy"),
    (&["serviceStatus"], "Running"),
    (&["state", "phase"], "Ready"),
    (&["syncStatus"], "Synced"),
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
    &["status", "error", "message"],
    &["status", "reconciliationStatus", "error"],
    &["status", "errorDescription"],
];
/// What ought to be true.
const FLAGS: &[&str] =
    &["ready", "healthy", "available", "connected", "readyToUse", "success", "succeeded", "synced"];
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
