//! Nodes in trouble, and what every cluster sees each day.

use crate::objects::{deployment, disruption_budget, image, job, on, program, pull_secret, ready, shell};
use crate::registry::PASSWORD;
use crate::scenario::{Act, NODES, Scenario};
use serde_json::{Value, json};

/// What befalls nodes.
pub(crate) fn nodes() -> Vec<Scenario> {
    let mut drained = ready(program());
    drained["nodeSelector"] = Value::Null;
    // One on each of two nodes, where both are there.
    drained["affinity"] = json!({
        "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 100, "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "web" } } },
        }] },
        "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [{
            "matchExpressions": [{
                "key": "kubernetes.io/hostname", "operator": "In", "values": [NODES[0], NODES[1]] }],
        }] } },
    });
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

/// What is as it should be.
pub(crate) fn healthy() -> Vec<Scenario> {
    let slow = ready(shell("sleep 90; exec httpd -f -p 8080 -h /var/www"));
    let mut private = on(NODES[0], image("private.example.com/shop/web:1.0"));
    private["imagePullSecrets"] = json!([{ "name": "registry" }]);
    vec![
        Scenario::quiet(
            "right-password",
            vec![pull_secret("private.example.com", PASSWORD), deployment("app", 1, ready(private))],
        ),
        Scenario::quiet("rollout", vec![deployment("web", 3, ready(program()))])
            .then(60, Act::kubectl("set image deployment/web main=registry.example.com/shop/web:1.1")),
        Scenario::quiet("slow-start", vec![deployment("api", 1, slow)]),
        Scenario::quiet("job-finishing", vec![job("report", 0, "sleep 15; echo done")]),
        Scenario::quiet("scaled-down", vec![deployment("web", 3, ready(program()))])
            .then(90, Act::kubectl("scale deployment/web --replicas=1")),
    ]
}
