//! Pods as plugins look at them: containers with their states, and whether something is wrong with them.

use crate::object::Object;
use jiff::Timestamp;
use serde_json::Value;

/// A container of a pod and how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, as the status has them")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Whether it runs before the others.
    pub init: bool,
    /// Whether it is an init container that keeps running beside the others.
    pub sidecar: bool,
    /// The image that the spec names.
    pub image: String,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was started anew.
    pub restarts: u32,
    /// Why it waits, if it does.
    pub waiting: Option<Waiting>,
    /// Since when it runs, if it does.
    pub running: Option<Timestamp>,
    /// How its present life ended, if it did.
    pub terminated: Option<Terminated>,
    /// How its life before ended.
    pub last: Option<Terminated>,
    /// Whether the status speaks of it at all.
    pub known: bool,
}

/// Why a container waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// `ImagePullBackOff`, `CrashLoopBackOff`, …
    pub reason: String,
    /// The text.
    pub message: String,
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terminated {
    /// The exit code.
    pub exit_code: i64,
    /// The signal, where the runtime tells it.
    pub signal: i64,
    /// `Error`, `OOMKilled`, `Completed`, `StartError`, …
    pub reason: String,
    /// The termination message.
    pub message: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

impl Container {
    /// How it ended last: now, or before it was started anew.
    pub fn ended(&self) -> Option<&Terminated> {
        self.terminated.as_ref().or(self.last.as_ref())
    }

    /// The reason for which it waits; empty where it does not.
    pub fn waits(&self) -> &str {
        self.waiting.as_ref().map_or("", |waiting| waiting.reason.as_str())
    }
}

/// The containers of a pod, those that run first before the others.
pub fn containers(pod: &Object) -> Vec<Container> {
    let mut all = Vec::new();
    for (specs, statuses, init) in [
        ("/spec/initContainers", "/status/initContainerStatuses", true),
        ("/spec/containers", "/status/containerStatuses", false),
    ] {
        let statuses = pod.list(statuses);
        for spec in pod.list(specs) {
            let name = spec["name"].as_str().unwrap_or_default();
            let status = statuses.iter().find(|status| status["name"] == name).unwrap_or(&Value::Null);
            all.push(container(spec, status, init));
        }
        // A status without its spec: files may hold half an object.
        let lone =
            statuses.iter().filter(|status| !all.iter().any(|known| status["name"] == known.name.as_str()));
        let lone: Vec<Container> = lone.map(|status| container(status, status, init)).collect();
        all.extend(lone);
    }
    all
}

fn container(spec: &Value, status: &Value, init: bool) -> Container {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let state = &status["state"];
    let waiting = state["waiting"].as_object().map(|_| Waiting {
        reason: text(&state["waiting"]["reason"]),
        message: text(&state["waiting"]["message"]),
    });
    Container {
        name: text(&spec["name"]),
        init,
        sidecar: init && spec["restartPolicy"] == "Always",
        image: text(&spec["image"]),
        ready: status["ready"].as_bool().unwrap_or(false),
        restarts: status["restartCount"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        waiting,
        running: state["running"]["startedAt"].as_str().and_then(|at| at.parse().ok()),
        terminated: terminated(&state["terminated"]),
        last: terminated(&status["lastState"]["terminated"]),
        known: !status.is_null(),
    }
}

fn terminated(value: &Value) -> Option<Terminated> {
    value.as_object()?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Some(Terminated {
        exit_code: value["exitCode"].as_i64().unwrap_or(0),
        signal: value["signal"].as_i64().unwrap_or(0),
        reason: text("reason"),
        message: text("message"),
        started: text("startedAt").parse().ok(),
        finished: text("finishedAt").parse().ok(),
    })
}

/// What a container waits for when its image does not come.
const WITHOUT_IMAGE: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// The container of a pod that waits for its image, if there is one.
pub fn waits_for_image(pod: &Object) -> Option<Container> {
    containers(pod).into_iter().find(|container| WITHOUT_IMAGE.contains(&container.waits()))
}

/// Whether a pod is ready, or has done its work.
pub fn is_well(pod: &Object) -> bool {
    if pod.text("/status/phase") == "Succeeded" {
        return true;
    }
    pod.condition("Ready").is_some_and(|ready| ready.status == "True")
}

/// How much a pod tells of a fault: the higher, the more. Those that are well come last.
pub(crate) fn telling(pod: &Object) -> u32 {
    if is_well(pod) {
        return u32::from(containers(pod).iter().any(|c| c.restarts > 0));
    }
    let containers = containers(pod);
    let waits = |reason: &str| containers.iter().any(|c| c.waits() == reason);
    let stuck = containers.iter().any(|c| !matches!(c.waits(), "" | "ContainerCreating" | "PodInitializing"));
    let begun = containers.iter().any(|c| c.ended().is_some_and(|t| t.exit_code != 0));
    let failed = pod.text("/status/phase") == "Failed";
    let unscheduled = pod.condition("PodScheduled").is_some_and(|c| c.status == "False");
    let mut score = 2;
    score += 4 * u32::from(stuck || waits("CrashLoopBackOff"));
    score += 2 * u32::from(begun);
    score += 3 * u32::from(unscheduled);
    score += u32::from(!failed);
    if pod.is_being_deleted() { score.min(2) } else { score }
}
