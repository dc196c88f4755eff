//! Finding a node: what the scheduler and the autoscalers write.

use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::rule::{Reason, Rule};
use crate::text::Kind;
use crate::{Cause, Cause::*, Fact, Predicate};

const SCHEDULE: &[Domain] = &[Domain::Schedule, Domain::Other];
const LAUNCH: &[Domain] = &[
    Domain::Schedule,
    Domain::Other,
    Domain::Node,
    Domain::App,
    Domain::Balance,
    Domain::Volume,
    Domain::Control,
];

pub(super) const REASONS: &[Reason] = &[
    ("SchedulingGated", SchedulingGated, 94),
    ("PreemptionByScheduler", Preempted, 93),
    ("Preempted", Preempted, 88),
    ("Preempting", Preempted, 80),
    ("SchedulerError", SchedulerDown, 50),
    ("InsufficientCapacityError", CapacityUnavailable, 92),
    ("OutOfcpu", KubeletAdmissionRejected, 92),
    ("OutOfmemory", KubeletAdmissionRejected, 92),
    ("OutOfpods", KubeletAdmissionRejected, 92),
    ("OutOfephemeral-storage", KubeletAdmissionRejected, 92),
    ("UnexpectedAdmissionError", KubeletAdmissionRejected, 75),
    ("TopologyAffinityError", KubeletAdmissionRejected, 92),
    ("NodeAffinity", KubeletAdmissionRejected, 88),
    ("AppArmor", KubeletAdmissionRejected, 88),
    ("PodOSNotSupported", KubeletAdmissionRejected, 85),
    ("PodFeatureUnsupported", KubeletAdmissionRejected, 85),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(SchedulingGated, 95, &["scheduling is blocked due to non-empty scheduling gates", "waiting for scheduling gates: <object>"]).rank(1),
    Rule::new(Preempted, 93, &["preempting to accommodate a higher priority pod", "preempted by pod <*> on node <node>", "preempted by a pod on node <node>", "preempted by <*> on node <node>", "preempted in order to admit critical pod"]).rank(1),
    Rule::new(
        NodepoolLimits,
        95,
        &[
            "all available instance types exceed limits for nodepool",
            "all available instance types exceed limits for provisioner",
            "exceed limits for nodepool",
            "max node group size reached",
            "max cluster cpu limit reached",
            "max cluster memory limit reached",
            "max limit reached",
            "max total nodes in cluster reached",
            "limits would be exceeded",
            "resource limits for nodepool",
        ],
    )
    .rank(2),
    Rule::new(
        CapacityUnavailable,
        95,
        &[
            "insufficientinstancecapacity",
            "insufficienthostcapacity",
            "insufficientreservedinstancecapacity",
            "unfulfillablecapacity",
            "we currently do not have sufficient <resource> capacity",
            "there is no spot capacity available",
            "all requested instance types were unavailable during launch",
            "zone_resource_pool_exhausted",
            "skunotavailable",
            "overconstrainedzonalallocationrequest",
            "overconstrainedallocationrequest",
            "zonalallocationfailed",
            "allocationfailed",
            "no capacity offerings are currently available",
            "insufficient capacity", "gce out of resources",
            "outofstock",
        ],
    )
    .on(LAUNCH)
    .rank(2),
    Rule::new(CapacityUnavailable, 70, &["in backoff after failed scale-up", "failed to launch: "]).on(LAUNCH).rank(1),
    Rule::new(
        CloudQuota,
        95,
        &[
            "vcpulimitexceeded",
            "maxspotinstancecountexceeded",
            "instancelimitexceeded",
            "you have requested more vcpu capacity than your current vcpu limit",
            "addresslimitexceeded",
            "volumelimitexceeded",
            "maximumvolumecount",
            "networkinterfacelimitexceeded",
            "snapshotlimitexceeded",
            "servicequotaexceeded",
            "quota_exceeded", "gce quota exceeded",
            "quotaexceeded",
            "exceeding approved <*> quota",
            "quota '<quota>' exceeded",
            "maxiopslimitexceeded",
            "your quota allows for 0 more running instance",
        ],
    )
    .on(LAUNCH)
    .rank(2),
    Rule::new(TaintNotTolerated, 85, &["did not tolerate taint (taint=<taint>)", "did not tolerate taint=<taint>", "did not tolerate <taint>,", "did not tolerate taint", "did not tolerate <taint>"]).on(SCHEDULE),
    Rule::new(AffinityMismatch, 85, &["incompatible requirements, key <key>,", "incompatible requirements, label \"<key>\" does not have known values", "does not have known values"]).on(SCHEDULE),
    Rule::new(TopologySpread, 85, &["unsatisfiable topology constraint for topology spread", "unsatisfiable topology constraint for <*>topology spread"]).on(SCHEDULE),
    Rule::new(AffinityMismatch, 85, &["unsatisfiable topology constraint for pod"]).on(SCHEDULE),
    Rule::new(InsufficientResources, 84, &["no instance type satisfied resources <requested> and requirements", "no instance type which had enough resources", "no instance type has enough resources", "exceeds the capacity of any instance type"]).on(SCHEDULE),
    Rule::new(InsufficientResources, 60, &["no instance type met all requirements", "no instance type met the scheduling requirements", "it wouldn't fit if a new node is added", "no instance type"]).on(SCHEDULE).rank(-1),
    Rule::new(NodepoolLimits, 60, &["no nodepools found", "nodepool requirements filtered out all"]).on(SCHEDULE).rank(-1),
    Rule::new(PvcUnbound, 94, &["pod has unbound immediate persistentvolumeclaims", "unbound immediate persistentvolumeclaims"]).rank(1),
    Rule::new(VolumeZoneConflict, 90, &["volume node affinity conflict", "didn't match persistentvolume's node affinity"]).on(&[Domain::Other]),
    Rule::new(PvcUnbound, 78, &["binding volumes: timed out", "binding volumes: context deadline exceeded", "running prebind plugin \"volumebinding\""]).on(SCHEDULE),
    Rule::new(PvcMissing, 95, &["persistentvolumeclaim \"<claim>\" not found", "persistentvolumeclaims \"<claim>\" not found", "references non-existent claim"]).on(&[Domain::Schedule, Domain::Volume, Domain::Other, Domain::Start]).rank(1),
    Rule::new(PvcUnbound, 75, &["persistentvolumeclaim \"<claim>\" is being deleted", "persistentvolumeclaim \"<claim>\" bound to non-existent persistentvolume"]).on(SCHEDULE),
    Rule::new(RwoVolumeShared, 92, &["readwriteoncepod access mode already in-use", "readwriteoncepod access mode and is already in use"]),
    Rule::new(
        KubeletAdmissionRejected,
        93,
        &[
            "node didn't have enough resource: <resource>, requested: <requested>, used: <used>, capacity: <limited>",
            "resources cannot be allocated with topology locality",
            "predicate <*> failed: ",
            "pod was rejected: predicate",
            "cannot enforce apparmor",
            "pod requires node features that are not available",
            "update plugin resources failed due to",
            "node has reached its volume attachment limit, rejecting pod",
        ],
    )
    .unless(&["forbidden sysctl"]),
    Rule::new(NodesNotReady, 78, &["no nodes available to schedule pods"]).on(SCHEDULE),
    Rule::new(SchedulerDown, 80, &["kube-scheduler is not running", "no scheduler is running", "scheduler is not available", "scheduler unhealthy"]),
];

/// What a predicate's words stand for. Later ones of the scheduler's chain have a higher stage: a node that fails
/// there passed everything before, and is the nearest to fit.
const PREDICATES: &[(&str, Cause, u8)] = &[
    ("were unschedulable", NodeCordoned, 0),
    ("node.kubernetes.io/unschedulable", NodeCordoned, 0),
    ("tobedeletedbyclusterautoscaler", NodeCordoned, 0),
    ("karpenter.sh/disrupt", NodeCordoned, 0),
    ("node.kubernetes.io/not-ready", NodesNotReady, 0),
    ("node.kubernetes.io/unreachable", NodesNotReady, 0),
    ("node.kubernetes.io/out-of-service", NodesNotReady, 0),
    ("node.cloudprovider.kubernetes.io/", NodesNotReady, 0),
    ("node.kubernetes.io/network-unavailable", NodesNotReady, 0),
    // Taints that a node begins with until an agent of its own has come up.
    ("agent-not-ready", NodesNotReady, 0),
    ("not-ready", NodesNotReady, 0),
    ("uninitialized", NodesNotReady, 0),
    ("karpenter.sh/unregistered", NodesNotReady, 0),
    ("node.kubernetes.io/disk-pressure", NodeDiskPressure, 0),
    ("node.kubernetes.io/memory-pressure", NodeMemoryPressure, 0),
    ("node.kubernetes.io/pid-pressure", NodePidPressure, 0),
    ("were not ready", NodesNotReady, 0),
    ("nodenotready", NodesNotReady, 0),
    ("unknown conditions", NodesNotReady, 0),
    ("disk pressure", NodeDiskPressure, 0),
    ("memory pressure", NodeMemoryPressure, 0),
    ("the requested node name", AffinityMismatch, 1),
    ("taint", TaintNotTolerated, 1),
    ("node affinity/selector", AffinityMismatch, 1),
    ("node selector", AffinityMismatch, 1),
    ("scheduler-enforced node affinity", AffinityMismatch, 1),
    ("matchnodeselector", AffinityMismatch, 1),
    ("required features", AffinityMismatch, 1),
    ("free ports", HostPortConflict, 2),
    ("podfitshostports", HostPortConflict, 2),
    ("too many pods", TooManyPods, 3),
    ("insufficient pods", TooManyPods, 3),
    ("insufficient ", InsufficientResources, 3),
    ("readwriteoncepod", RwoVolumeShared, 4),
    ("no available disk", RwoVolumeShared, 4),
    ("max volume count", VolumeAttachLimit, 4),
    ("maxvolumecount", VolumeAttachLimit, 4),
    ("unbound immediate", PvcUnbound, 5),
    ("not found", PvcMissing, 5),
    ("available persistent volumes to bind", PvcUnbound, 5),
    ("enough free storage", InsufficientResources, 5),
    ("non-existent pv", VolumeNotFound, 5),
    ("volume node affinity conflict", VolumeZoneConflict, 5),
    ("persistentvolume's node affinity", VolumeZoneConflict, 5),
    ("no available volume zone", VolumeZoneConflict, 5),
    ("novolumezoneconflict", VolumeZoneConflict, 5),
    ("topology spread", TopologySpread, 6),
    ("missing required label", TopologySpread, 6),
    ("affinity", AffinityMismatch, 7),
    ("resourceclaim", DeviceUnavailable, 8),
    ("allocate all claims", DeviceUnavailable, 8),
];

/// Reads the scheduler's account of the nodes.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    let lower = input.lower();
    let marks = [
        "nodes are available: ",
        "node are available: ",
        "predicates:: ",
        "predicates: ",
        "didn't trigger scale-up: ",
    ];
    let marked = marks.iter().find_map(|mark| {
        let at = memchr::memmem::find(lower.as_bytes(), mark.as_bytes())?;
        Some((at, at + mark.len()))
    });
    // A part of the account, as people paste it.
    let bare = (input.has("node(s) ") || input.domain == Domain::Schedule && input.has("insufficient "))
        && input.kind != Kind::Log
        && !input.has_any(&["nodepool", "provisioner", "predicate ", "rejected"]);
    let Some((at, start)) = marked.or_else(|| bare.then_some((0, 0))) else {
        return;
    };
    // What preemption would bring is no cause.
    let end = memchr::memmem::find(lower.as_bytes().get(start..).unwrap_or_default(), b"preemption:")
        .map_or(lower.len(), |n| start + n);
    let list = input.normal.text.get(start..end).unwrap_or_default();
    let predicates = predicates(list);
    let nodes = total(lower.get(..at).unwrap_or_default());
    let Some((cause, percent)) = decide(&predicates) else {
        return;
    };
    let mut candidate = Candidate::new(cause, percent, at..end);
    candidate.rank = 1;
    candidate.facts.nodes = nodes;
    for predicate in predicates.iter().filter(|predicate| predicate.cause == Some(cause)) {
        let reason = &predicate.reason;
        match cause {
            TaintNotTolerated | NodesNotReady | NodeCordoned => {
                if let Some(taint) = reason.split_once('{').and_then(|(_, rest)| rest.split('}').next()) {
                    candidate.facts.add(Fact::Taint, taint);
                }
            }
            InsufficientResources => {
                if let Some((_, resource)) = reason.split_once("nsufficient ") {
                    candidate
                        .facts
                        .add(Fact::Resource, resource.split_whitespace().next().unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    candidate.facts.predicates = predicates;
    candidates.push(candidate);
}

/// `0/5 ` before the words.
fn total(before: &str) -> Option<u32> {
    before.rsplit_once('/')?.1.split_whitespace().next()?.parse().ok()
}

/// The most predicates that are kept.
const PREDICATES_MAX: usize = 40;

/// `3 Insufficient cpu, 1 node(s) had …` and, of old, `Insufficient cpu (3), …`.
fn predicates(list: &str) -> Vec<Predicate> {
    let mut parts: Vec<String> = Vec::new();
    for part in list.split(", ") {
        let begins = part.split_once(' ').is_some_and(|(n, _)| n.parse::<u32>().is_ok());
        let old = part.trim_end_matches(['.', ' ']).ends_with(')');
        match parts.last_mut() {
            // A taint of old versions holds a comma.
            Some(last) if !begins && !old => {
                last.push_str(", ");
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
        .iter()
        .take(PREDICATES_MAX)
        .filter_map(|part| {
            let part = part.trim().trim_end_matches('.').trim_end();
            let (nodes, reason) = match part.split_once(' ') {
                Some((n, reason)) if n.parse::<u32>().is_ok() => (n.parse().unwrap_or(0), reason),
                _ => match part.rsplit_once(" (") {
                    Some((reason, n)) if n.trim_end_matches(')').parse::<u32>().is_ok() => {
                        (n.trim_end_matches(')').parse().unwrap_or(0), reason)
                    }
                    _ => (0, part),
                },
            };
            let reason: String = reason.chars().take(200).collect();
            let lower = reason.to_ascii_lowercase();
            let cause =
                PREDICATES.iter().find(|(words, _, _)| lower.contains(words)).map(|(_, cause, _)| *cause);
            (!reason.is_empty()).then_some(Predicate { reason, nodes, cause })
        })
        .collect()
}

fn is_control_plane(predicate: &Predicate) -> bool {
    let reason = predicate.reason.to_ascii_lowercase();
    [
        "node-role.kubernetes.io/control-plane",
        "node-role.kubernetes.io/master",
        "node-role.kubernetes.io/etcd",
        "eks.amazonaws.com/compute-type",
    ]
    .iter()
    .any(|taint| reason.contains(taint))
}

fn stage(predicate: &Predicate) -> u8 {
    let lower = predicate.reason.to_ascii_lowercase();
    PREDICATES.iter().find(|(words, _, _)| lower.contains(words)).map_or(0, |(_, _, stage)| *stage)
}

/// The predicate whose repair helps. Nodes of the control plane and of other pools (other labels, other taints) are
/// not meant for the pod where some node passed both; where nodes are lost, what the rest lacks follows from that.
fn decide(predicates: &[Predicate]) -> Option<(Cause, u8)> {
    let known: Vec<&Predicate> = predicates.iter().filter(|predicate| predicate.cause.is_some()).collect();
    let workers: Vec<&Predicate> =
        known.iter().copied().filter(|predicate| !is_control_plane(predicate)).collect();
    let field = if workers.is_empty() { &known } else { &workers };
    let mut by_cause: Vec<(Cause, u32, u8)> = Vec::new();
    for predicate in field {
        let cause = predicate.cause?;
        let stage = stage(predicate);
        match by_cause.iter_mut().find(|(of, _, _)| *of == cause) {
            Some((_, nodes, highest)) => {
                // Of several resources that one node lacks each counts it.
                *nodes = if cause == InsufficientResources {
                    (*nodes).max(predicate.nodes)
                } else {
                    *nodes + predicate.nodes
                };
                *highest = (*highest).max(stage);
            }
            None => by_cause.push((cause, predicate.nodes, stage)),
        }
    }
    if let [(cause, _, _)] = by_cause[..] {
        return Some((cause, if workers.is_empty() { 85 } else { 95 }));
    }
    let lost: u32 = by_cause.iter().filter(|(_, _, stage)| *stage == 0).map(|(_, nodes, _)| nodes).sum();
    let late: u32 = by_cause.iter().filter(|(_, _, stage)| *stage >= 2).map(|(_, nodes, _)| nodes).sum();
    let pick = |keep: &dyn Fn(u8) -> bool| {
        by_cause
            .iter()
            .filter(|(_, _, stage)| keep(*stage))
            .max_by_key(|(_, nodes, stage)| (*nodes, *stage))
            .map(|(cause, _, _)| *cause)
    };
    if late > 0 && late >= lost {
        let kinds = by_cause.iter().filter(|(_, _, stage)| *stage >= 2).count();
        return Some((pick(&|stage| stage >= 2)?, if kinds == 1 { 88 } else { 78 }));
    }
    if lost > 0 {
        // Other pools aside, the nodes that would do are gone.
        let pools: u32 = by_cause.iter().filter(|(_, _, stage)| *stage == 1).map(|(_, nodes, _)| nodes).sum();
        return Some((pick(&|stage| stage == 0)?, if pools > lost { 70 } else { 80 }));
    }
    // Selector and taint: the nodes that are selected may be the tainted ones; a taint without a name is often that of
    // the control plane.
    let named = |cause: Cause| {
        cause == TaintNotTolerated && field.iter().any(|predicate| predicate.reason.contains('{'))
    };
    let most = by_cause
        .iter()
        .max_by_key(|(cause, nodes, _)| (*nodes, named(*cause), *cause == AffinityMismatch))?;
    Some((most.0, 70))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_predicate_whose_repair_helps_is_the_cause() {
        let table = [
            (
                "3 Insufficient cpu, 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
                InsufficientResources,
            ),
            (
                "1 Insufficient memory, 5 node(s) didn't match Pod's node affinity/selector.",
                InsufficientResources,
            ),
            ("3 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu", InsufficientResources),
            (
                "1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate, 3 node(s) had taint {a: b}, that the pod didn't tolerate.",
                TaintNotTolerated,
            ),
            (
                "4 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 1 Insufficient cpu.",
                NodesNotReady,
            ),
            (
                "2 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector.",
                NodeCordoned,
            ),
            ("Insufficient cpu (9), PodToleratesNodeTaints (3).", InsufficientResources),
            (
                "2 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) had volume node affinity conflict.",
                TopologySpread,
            ),
            ("1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.", TaintNotTolerated),
        ];
        for (list, want) in table {
            assert_eq!(decide(&predicates(list)).map(|(cause, _)| cause), Some(want), "{list}");
        }
    }

    #[test]
    fn predicates_are_counted() {
        let found = predicates(
            "2 Insufficient cpu, 1 node(s) had taint {a: b}, that the pod didn't tolerate, 3 Too many pods.",
        );
        let counts: Vec<_> = found.iter().map(|predicate| (predicate.nodes, predicate.cause)).collect();
        assert_eq!(
            counts,
            [(2, Some(InsufficientResources)), (1, Some(TaintNotTolerated)), (3, Some(TooManyPods))]
        );
    }
}
