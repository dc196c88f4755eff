//! Why a pod finds no node: each of the scheduler's predicates, with the arithmetic of requests.

mod scaler;
mod scheduler;
mod victims;

use prodrome_causes::Cause;
use prodrome_plugin::{
    Area, Context, Evidence, FactType, NoParams, Object, ObjectRef, Owner, Plugin, Problem, Response, Texts,
    counted,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is out of the question where every pod has a node.
const RULED_OUT: [Cause; 9] = [
    Cause::InsufficientResources,
    Cause::TaintNotTolerated,
    Cause::AffinityMismatch,
    Cause::TopologySpread,
    Cause::TooManyPods,
    Cause::HostPortConflict,
    Cause::VolumeZoneConflict,
    Cause::SchedulingGated,
    Cause::SchedulerDown,
];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("pending", diagnose)
        .about("Why a pod finds no node.")
        .reads("", "pods", &["get", "list"])
        .reads("", "nodes", &["list"])
        .reads("", "events", &["list"])
        .fact("unbound", FactType::Bool)
        .names_of(&[Area::Schedule, Area::Storage, Area::Node])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    let Some(pod) = pods.iter().find(|pod| is_unscheduled(pod)) else {
        let preempted = pods.iter().find(|pod| {
            pod.condition("DisruptionTarget").is_some_and(|c| c.reason == "PreemptionByScheduler")
        });
        return Ok(match preempted {
            Some(pod) => preemption(&context, pod, "the scheduler preempted it").await,
            None => Response::cleared("every pod has a node").ruling_out_all(RULED_OUT.map(Cause::id)),
        });
    };
    let events = context.cluster().events(pod).await.unwrap_or_default();
    let condition = pod.condition("PodScheduled").unwrap_or_else(|| prodrome_plugin::Condition {
        status: String::new(),
        reason: String::new(),
        message: String::new(),
        since: None,
    });
    if condition.reason == "SchedulingGated" || !pod.list("/spec/schedulingGates").is_empty() {
        let gates: Vec<&str> =
            pod.list("/spec/schedulingGates").iter().filter_map(|g| g["name"].as_str()).collect();
        let summary = format!("the pod waits behind the scheduling gates {}", gates.join(", "));
        return Ok(Response::cause("scheduling-gated", 0.9, summary).blaming(context.workload().clone()));
    }
    if pods.iter().chain([pod]).any(is_preempted) || !victims::told(&context, pod).await.is_empty() {
        return Ok(preemption(&context, pod, &condition.message).await);
    }
    if condition.message.is_empty()
        && let Some(response) = scheduler::absent(&context, pod).await
    {
        return Ok(response);
    }
    let mut texts = Texts::new();
    texts.condition(&condition.reason, &condition.message);
    // What the scheduler found at its last try is the condition. Its events tell of the tries before, too: of nodes that were
    // cordoned then, and are not now.
    let is_of_before = |text: &str| is_of_try(text) && is_of_try(&condition.message);
    let events: Vec<_> = events.into_iter().filter(|event| !is_of_before(&event.message)).collect();
    texts.events(&events, &["FailedScheduling", "NotTriggerScaleUp", "FailedToScaleUpGroup", "Preempted"]);
    let nodes = context.cluster().list("Node", None, None).await.unwrap_or_default();
    let all = context.cluster().list("Pod", None, None).await.unwrap_or_default();
    let refusal = scaler::refusal(pod, &events);
    Ok(explain(&context, pod, &condition.message, &texts, refusal, &nodes, &all))
}

/// Whether the scheduler says how many nodes will not do: `0/4 nodes are available: …`.
fn is_of_try(text: &str) -> bool {
    text.contains(" nodes are available: ")
}

fn is_unscheduled(pod: &Object) -> bool {
    pod.text("/spec/nodeName").is_empty()
        && !matches!(pod.text("/status/phase"), "Succeeded" | "Failed")
        && !pod.is_being_deleted()
}

fn is_preempted(pod: &Object) -> bool {
    pod.condition("DisruptionTarget").is_some_and(|c| c.reason == "PreemptionByScheduler")
}

/// Pods of a higher priority took the place. Whose priority that is, is what would have to be changed.
async fn preemption(context: &Context, pod: &Object, why: &str) -> Response {
    let events = context.cluster().events(pod).await.unwrap_or_default();
    let all = context.cluster().list("Pod", None, None).await.unwrap_or_default();
    let mine = pod.number("/spec/priority").unwrap_or(0.0);
    let of_others = victims::told(context, pod).await;
    let told: Vec<&str> = events
        .iter()
        .filter(|event| event.reason == "Preempted")
        .map(|event| event.message.as_str())
        .chain(of_others.iter().map(String::as_str))
        .collect();
    let named = all.iter().find(|other| {
        let uid = &other.metadata().uid;
        !uid.is_empty() && told.iter().any(|message| message.contains(uid.as_str()))
    });
    let higher = || {
        let above = all.iter().filter(|other| other.number("/spec/priority").unwrap_or(0.0) > mine);
        above
            .filter(|other| other.namespace() != Some("kube-system") && !other.is_being_deleted())
            .max_by_key(|other| other.metadata().creation_timestamp)
    };
    let response =
        Response::cause("preempted", 0.85, "pods of a higher priority took its place on the nodes")
            .because(Evidence::new("status", why.to_owned()).on(pod.reference().clone()))
            .remedy("Give the pod the priority that it deserves, or add nodes.");
    let Some(winner) = named.or_else(higher) else { return response };
    let class = winner.text("/spec/priorityClassName");
    let priority = winner.number("/spec/priority").unwrap_or(0.0);
    let text = format!("its priority is {priority}, that of the pod that had to go {mine}");
    let response = response.because(Evidence::new("spec", text).on(winner.reference().clone()));
    if class.is_empty() {
        return response.blaming(context.top(winner).await);
    }
    response.sharing(format!("priority class {class}")).blaming(ObjectRef {
        api_version: "scheduling.k8s.io/v1".to_owned(),
        kind: "PriorityClass".to_owned(),
        namespace: None,
        name: class.to_owned(),
    })
}

fn explain(
    context: &Context,
    pod: &Object,
    message: &str,
    texts: &Texts,
    refusal: Option<(Cause, Response)>,
    nodes: &[Object],
    all: &[Object],
) -> Response {
    let unbound = message.contains("unbound") || message.contains("persistentvolumeclaim");
    let Some(mut explained) = texts.explain() else {
        if message.is_empty() {
            return Response::unknown("the scheduler has not said anything about the pod")
                .without("the scheduler", "it wrote neither a condition nor an event");
        }
        return Response::unknown(format!("the scheduler says: {message}")).fact("unbound", unbound);
    };
    let both =
        |cause: Cause| explained.facts.predicates.iter().any(|predicate| predicate.cause == Some(cause));
    // Where something else keeps the pod from the nodes that would do, it is none of these.
    let of_labels =
        matches!(explained.cause, Cause::AffinityMismatch | Cause::TaintNotTolerated | Cause::NodeCordoned);
    let (tainted, cordoned) = (both(Cause::TaintNotTolerated), both(Cause::NodeCordoned));
    let mut is_decided = false;
    if of_labels && both(Cause::AffinityMismatch) && (tainted || cordoned) && !nodes.is_empty() {
        // Which of them it is hangs on whether any node would do but for its taint, or for being cordoned.
        let wanted: Vec<&Object> = nodes.iter().filter(|node| is_wanted(pod, node)).collect();
        is_decided = true;
        let (cause, summary) = if wanted.is_empty() {
            (
                Cause::AffinityMismatch,
                match nodes.len() {
                    1 => "the only node has not the labels that the pod asks for".to_owned(),
                    n => format!("none of the {n} nodes has the labels that the pod asks for"),
                },
            )
        } else if cordoned && wanted.iter().all(|node| node.at("/spec/unschedulable") == true) {
            (Cause::NodeCordoned, "the nodes that the pod asks for are cordoned".to_owned())
        } else if !tainted {
            (explained.cause, String::new())
        } else {
            let open = wanted.iter().filter(|node| node.at("/spec/unschedulable") != true);
            let names: Vec<&str> = open.map(|node| node.name()).take(4).collect();
            (
                Cause::TaintNotTolerated,
                format!(
                    "the pod does not tolerate the taints of the nodes it asks for: {}",
                    names.join(", ")
                ),
            )
        };
        if cause != explained.cause {
            let evidence = std::mem::take(&mut explained.response.evidence);
            let remediation = cause.remediation().iter().map(|step| (*step).to_owned()).collect();
            explained.response =
                Response { evidence, remediation, ..Response::cause(cause.id(), 0.85, summary) };
            explained.cause = cause;
        }
    }
    if matches!(explained.cause, Cause::PvcUnbound | Cause::PvcMissing) {
        // Why the claim is not bound says more; this is the way to it.
        explained.response.confidence = explained.response.confidence.min(0.6);
    }
    let nodes_with = |cause: Cause| -> u32 {
        let of = explained.facts.predicates.iter().filter(|predicate| predicate.cause == Some(cause));
        of.map(|predicate| predicate.nodes).sum()
    };
    let tainted = nodes_with(Cause::TaintNotTolerated);
    if !is_decided
        && explained.cause == Cause::NodeCordoned
        && tainted >= nodes_with(Cause::NodeCordoned)
        && tainted > 0
    {
        let summary = format!(
            "the pod does not tolerate the taints of {} that would do",
            counted(usize::try_from(tainted).unwrap_or(usize::MAX), "node")
        );
        let evidence = std::mem::take(&mut explained.response.evidence);
        let cause = Cause::TaintNotTolerated;
        let remediation = cause.remediation().iter().map(|step| (*step).to_owned()).collect();
        explained.response = Response { evidence, remediation, ..Response::cause(cause.id(), 0.8, summary) };
        explained.cause = cause;
    }
    // Where there is no room, it matters why no node is added.
    let mut is_blamed = false;
    if matches!(explained.cause, Cause::InsufficientResources | Cause::TooManyPods)
        && let Some((cause, refused)) = refusal
    {
        let scheduler = std::mem::replace(&mut explained.response, refused);
        for evidence in scheduler.evidence {
            if !explained.response.evidence.contains(&evidence) {
                explained.response.evidence.push(evidence);
            }
        }
        explained.cause = cause;
        is_blamed = explained.response.faulty.is_some();
    }
    // Whoever finds no room on nodes that could hold it suffers from what takes the room, and is not at fault; nor is
    // a pod whose claim is not bound, or for which no node may be added.
    let mut suffers = matches!(
        explained.cause,
        Cause::PvcUnbound
            | Cause::NodepoolLimits
            | Cause::CapacityUnavailable
            | Cause::CloudQuota
            | Cause::IamDenied
    );
    if explained.cause == Cause::InsufficientResources {
        let lines = arithmetic(pod, nodes, all);
        suffers = !lines.is_empty() && !lines.iter().any(|line| line.never);
        for line in lines {
            if line.never {
                explained.response.owner = Some(Owner::User);
            }
            explained.response = explained.response.because(Evidence::new("arithmetic", line.text));
            if let Some(text) = victims::takers(&line.resource, all).filter(|_| !line.never) {
                explained.response = explained.response.because(Evidence::new("peers", text));
            }
        }
    }
    let response = explained.response.fact("unbound", unbound);
    if is_blamed {
        return response;
    }
    if let Some(wrong) = of_nodes(explained.cause) {
        // The nodes are not well, not the pod that they do not take.
        let node = nodes.iter().find(|node| wrong(node)).map(|node| node.reference().clone());
        return node.into_iter().fold(response, Response::blaming);
    }
    if suffers { response } else { response.blaming(context.workload().clone()) }
}

/// Of a cause that lies with the nodes: how one shows it.
fn of_nodes(cause: Cause) -> Option<fn(&Object) -> bool> {
    fn is(node: &Object, condition: &str) -> bool {
        node.condition(condition).is_some_and(|found| found.status == "True")
    }
    Some(match cause {
        Cause::NodesNotReady => |node| !is(node, "Ready"),
        Cause::NodeDiskPressure => |node| is(node, "DiskPressure"),
        Cause::NodeMemoryPressure => |node| is(node, "MemoryPressure"),
        Cause::NodePidPressure => |node| is(node, "PIDPressure"),
        Cause::NodeNetwork => |node| is(node, "NetworkUnavailable"),
        _ => return None,
    })
}

/// Whether a node has the labels that a pod's selector and required affinity ask for.
fn is_wanted(pod: &Object, node: &Object) -> bool {
    let labels = &node.metadata().labels;
    let by_selector = pod.selector("/spec/nodeSelector").is_none_or(|selector| selector.selects(labels));
    let terms = pod
        .list("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    let by_term = |term: &Value| {
        let requirements = term["matchExpressions"].as_array().cloned().unwrap_or_default();
        requirements.iter().all(|requirement| {
            let value = labels.get(requirement["key"].as_str().unwrap_or_default());
            let listed = |value: &String| {
                requirement["values"]
                    .as_array()
                    .is_some_and(|values| values.iter().any(|v| v == value.as_str()))
            };
            match requirement["operator"].as_str().unwrap_or_default() {
                "In" => value.is_some_and(listed),
                "NotIn" => !value.is_some_and(listed),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => true,
            }
        })
    };
    by_selector && (terms.is_empty() || terms.iter().any(by_term))
}

struct Line {
    resource: String,
    text: String,
    /// Whether no node is large enough, even an empty one.
    never: bool,
}

/// For each resource that the pod asks for: what the largest node has, and what is free on it.
fn arithmetic(pod: &Object, nodes: &[Object], all: &[Object]) -> Vec<Line> {
    let asked = requests(pod);
    let mut lines = Vec::new();
    for (resource, wanted) in &asked {
        let mut largest = 0.0_f64;
        let mut fit = 0;
        let mut freest = 0.0_f64;
        for node in nodes {
            let allocatable = quantity(&node.json()["status"]["allocatable"][resource.as_str()]);
            let used: f64 = all
                .iter()
                .filter(|other| {
                    other.text("/spec/nodeName") == node.name()
                        && !matches!(other.text("/status/phase"), "Succeeded" | "Failed")
                })
                .map(|other| requests(other).get(resource).copied().unwrap_or(0.0))
                .sum();
            largest = largest.max(allocatable);
            freest = freest.max(allocatable - used);
            fit += usize::from(allocatable - used >= *wanted);
        }
        if nodes.is_empty() || fit == nodes.len() {
            continue;
        }
        let never = *wanted > largest;
        let text = format!(
            "{resource}: {} asked for; the largest of {} has {}, the freest {} left; {} enough",
            shown(resource, *wanted),
            counted(nodes.len(), "node"),
            shown(resource, largest),
            shown(resource, freest.max(0.0)),
            if fit == 1 { "1 node has".to_owned() } else { format!("{} have", counted(fit, "node")) },
        );
        lines.push(Line { resource: resource.clone(), text, never });
    }
    lines
}

/// What the containers of a pod ask for, in sum; an init container counts where it asks for more than they do.
fn requests(pod: &Object) -> BTreeMap<String, f64> {
    let mut sum: BTreeMap<String, f64> = BTreeMap::new();
    let of = |container: &Value| -> Vec<(String, f64)> {
        let map = container["resources"]["requests"].as_object();
        map.into_iter().flatten().map(|(name, value)| (name.clone(), quantity(value))).collect()
    };
    for container in pod.list("/spec/containers") {
        for (name, value) in of(container) {
            *sum.entry(name).or_default() += value;
        }
    }
    for container in pod.list("/spec/initContainers") {
        for (name, value) in of(container) {
            let known = sum.entry(name).or_default();
            *known = known.max(value);
        }
    }
    sum
}

fn shown(resource: &str, value: f64) -> String {
    if resource == "memory" || resource.ends_with("storage") {
        return format!("{:.1} GiB", value / f64::from(1 << 30));
    }
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") }
}

/// A quantity as a number: `500m`, `2Gi`, `3`.
fn quantity(value: &Value) -> f64 {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => return number.as_f64().unwrap_or(0.0),
        _ => return 0.0,
    };
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".-+eE".contains(c))).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    // `E` is both a unit and the sign of an exponent.
    let (number, unit) = match number.strip_suffix('E') {
        Some(rest) if unit.is_empty() || unit == "i" => (rest, if unit == "i" { "Ei" } else { "E" }),
        _ => (number, unit),
    };
    let factor = match unit {
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        _ => 1.0,
    };
    number.parse::<f64>().unwrap_or(0.0) * factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[test]
    fn quantities_are_numbers() {
        for (text, want) in
            [("500m", 0.5), ("2Gi", 2_147_483_648.0), ("3", 3.0), ("1e3", 1000.0), ("1E", 1e18)]
        {
            assert!((quantity(&Value::from(text)) - want).abs() < 1e-6, "{text}");
        }
    }

    #[tokio::test]
    async fn a_selector_that_no_node_has_is_not_taken_for_a_taint() {
        let pod = |selector: Value| {
            json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "gpu", "namespace": "shop" }, "spec": { "nodeSelector": selector },
            "status": { "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint(s)." }] } })
        };
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "a", "labels": { "zone": "a" } } });
        for (selector, want) in
            [(json!({ "gpu": "yes" }), "affinity-mismatch"), (json!({ "zone": "a" }), "taint-not-tolerated")]
        {
            let answer =
                Kit::new().with(pod(selector)).with(node.clone()).ask(&plugin(), "Pod shop/gpu").await;
            assert_eq!(answer.cause.as_deref(), Some(want));
        }
    }

    #[tokio::test]
    async fn a_node_that_the_pod_does_not_ask_for_may_be_cordoned_or_was() {
        let now = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector.";
        let cordoned = "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.";
        let node = |name: &str, cordoned: bool| {
            json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": { "zone": name } },
                "spec": { "unschedulable": cordoned } })
        };
        let drained = "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) were unschedulable.";
        // Before, the scheduler found nodes that were cordoned.
        let kit = |message: &str, zone: &str| {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "gpu", "namespace": "shop" },
                "spec": { "nodeSelector": { "zone": zone } },
                "status": { "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
                    "reason": "Unschedulable", "message": message }] } });
            let said = |kit: Kit, message| kit.event("Pod shop/gpu", "Warning", "FailedScheduling", message);
            [cordoned, drained].into_iter().fold(Kit::new().with(pod), said)
        };
        for (message, zone, want) in [
            (now, "none", "affinity-mismatch"),
            (now, "a", "taint-not-tolerated"),
            (cordoned, "none", "affinity-mismatch"),
            (cordoned, "b", "node-cordoned"),
        ] {
            let kit = kit(message, zone).with(node("a", false)).with(node("b", true));
            let answer = kit.ask(&plugin(), "Pod shop/gpu").await;
            assert_eq!(answer.cause.as_deref(), Some(want), "{message} {zone}: {answer:?}");
        }
        let without_nodes = kit(now, "a").ask(&plugin(), "Pod shop/gpu").await;
        assert_ne!(without_nodes.cause.as_deref(), Some("node-cordoned"), "{without_nodes:?}");
    }

    #[tokio::test]
    async fn what_keeps_the_pod_from_the_node_it_asks_for_is_not_the_taint_of_others() {
        for (lack, want) in [
            ("1 node(s) didn't have free ports for the requested pod ports", "host-port-conflict"),
            ("1 Insufficient cpu", "insufficient-resources"),
        ] {
            let message = format!(
                "0/3 nodes are available: {lack}, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had \
                 untolerated taint(s)."
            );
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop" },
                "spec": { "nodeSelector": { "zone": "a" } },
                "status": { "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
                    "reason": "Unschedulable", "message": message }] } });
            let node = |name: &str, zone: &str| json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": { "zone": zone } } });
            let kit = Kit::new().with(pod).with(node("a", "a")).with(node("b", "b"));
            let answer = kit.ask(&plugin(), "Pod shop/web").await;
            assert_eq!(answer.cause.as_deref(), Some(want), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn where_there_is_no_room_the_autoscaler_says_why_it_adds_none() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "etl", "namespace": "shop" },
            "spec": { "containers": [{ "name": "c", "resources": { "requests": { "cpu": "3" } } }] },
            "status": { "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/2 nodes are available: 2 Insufficient cpu." }] } });
        let karpenter =
            "Failed to schedule pod, all available instance types exceed limits for nodepool: \"general\"";
        for (reason, message, want) in [
            ("FailedScheduling", karpenter, ("nodepool-limits", Some("general"))),
            (
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up: 1 max node group size reached",
                ("nodepool-limits", None),
            ),
            (
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up: 2 Insufficient cpu",
                ("insufficient-resources", Some("etl")),
            ),
        ] {
            let answer = Kit::new()
                .with(pod.clone())
                .event("Pod shop/etl", "Warning", reason, message)
                .ask(&plugin(), "Pod shop/etl")
                .await;
            let faulty = answer.faulty.as_ref().map(|faulty| faulty.name.as_str());
            assert_eq!((answer.cause.as_deref().unwrap(), faulty), want, "{message}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_pod_that_no_node_could_ever_hold_is_its_owners_matter() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "big", "namespace": "shop" },
            "spec": { "containers": [{ "name": "c", "resources": { "requests": { "cpu": "64" } } }] },
            "status": { "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod." }] },
        });
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "a" }, "status": { "allocatable": { "cpu": "4" } } });
        let answer = Kit::new().with(pod).with(node).ask(&plugin(), "Pod shop/big").await;
        assert_eq!(
            (answer.cause.as_deref(), answer.owner),
            (Some("insufficient-resources"), Some(Owner::User))
        );
        assert!(answer.evidence.iter().any(|e| e.text.starts_with("cpu: 64 asked for")), "{answer:?}");
    }
}
