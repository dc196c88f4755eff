//! Nodes in trouble.

use crate::objects::{among, deployment, disruption_budget, on, program, ready};
use crate::scenario::{Act, NODES, Scenario};
use serde_json::{Value, json};

/// What befalls nodes.
pub(crate) fn nodes() -> Vec<Scenario> {
    let mut drained = ready(program());
    drained["nodeSelector"] = Value::Null;
    // One on each of two nodes, where both are there.
    drained["affinity"] = among(&NODES[..2]);
    drained["affinity"]["podAntiAffinity"] = json!({ "preferredDuringSchedulingIgnoredDuringExecution": [{
        "weight": 100, "podAffinityTerm": {
            "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "web" } } },
    }] });
    let there = deployment("web", 2, on(NODES[1], ready(program())));
    vec![
        Scenario::quiet("drained", vec![deployment("web", 2, drained)])
            .then(40, Act::kubectl("drain node-b --ignore-daemonsets --delete-emptydir-data --timeout=100s"))
            .then(100, Act::kubectl("uncordon node-b")),
        // Whoever drains it is told by the API server; that nothing may be disrupted is told when it lasts for a day.
        Scenario::quiet(
            "drain-refused",
            vec![disruption_budget("web"), deployment("web", 1, on(NODES[3], ready(program())))],
        )
        .then(
            60,
            Act::kubectl_in_vain("drain node-d --ignore-daemonsets --pod-selector=app=web --timeout=45s"),
        )
        .then(120, Act::kubectl("uncordon node-d")),
        Scenario::fault("network-gone", Vec::new(), &["NodeNotReady"], "cni-not-ready")
            .then(340, Act::TakeNetwork(NODES[3]))
            .mended_by(Act::GiveNetwork(NODES[3]))
            .within(200),
        Scenario::fault("kubelet-stopped", Vec::new(), &["NodeUnreachable"], "node-kubelet-down")
            .then(105, Act::Apply(there))
            .then(130, Act::KillKubelet(NODES[1]))
            .mended_by(Act::StartKubelet(NODES[1]))
            .within(200),
        Scenario::fault("runtime-stopped", Vec::new(), &["NodeNotReady"], "runtime-down")
            .then(330, Act::KillContainerd(NODES[2]))
            .mended_by(Act::StartContainerd(NODES[2]))
            .within(200),
    ]
}
