//! Pods that find no node, or have to leave theirs.

use crate::objects::{TAINT, deployment, image, on, patched, program, scheduled_by};
use crate::scenario::{Act, DEDICATED, NODES, Scenario};
use serde_json::{Value, json};

const UNSCHEDULABLE: &[&str] = &["PodUnschedulable"];
/// There is one of it, on the first node.
const LICENCE: &str = "shop.example.com/licence";

pub(super) fn unscheduled() -> Vec<Scenario> {
    let mut wants = program();
    wants["containers"][0]["resources"] = json!({ "requests": { "cpu": "1k" } });
    let mut gpu = scheduled_by("batch", program());
    gpu["nodeSelector"] = json!({ "shop.example.com/gpu": "a100" });
    let mut intolerant = scheduled_by("batch", on(DEDICATED, program()));
    intolerant["tolerations"] = Value::Null;
    let licensed = || {
        let limits = json!({ "resources": { "limits": { LICENCE: "1" } } });
        let mut pod = scheduled_by("batch", patched(image("registry.example.com/shop/worker:1.0"), limits));
        pod["terminationGracePeriodSeconds"] = json!(30);
        pod
    };
    let mut vip = licensed();
    vip["priorityClassName"] = json!("preempted");
    let class = json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "preempted" },
        "value": 1_000_000,
    });
    let one = json!({ LICENCE: "1" });
    let advertised = json!({ "status": { "capacity": one, "allocatable": one } }).to_string();
    let advertise = ["patch", "node", NODES[0], "--subresource=status", "-p", &*advertised];
    let free = format!("taint node {DEDICATED} {TAINT}-");
    let label = format!("label node {} shop.example.com/gpu=a100", NODES[0]);
    vec![
        Scenario::fault(
            "no-room",
            vec![deployment("batch", 1, wants)],
            UNSCHEDULABLE,
            "insufficient-resources",
        ),
        Scenario::fault(
            "host-port-taken",
            vec![deployment(
                "web",
                2,
                patched(program(), json!({ "ports": [{ "hostPort": 18080, "containerPort": 8080 }] })),
            )],
            UNSCHEDULABLE,
            "host-port-conflict",
        ),
        Scenario::fault(
            "unschedulable-selector",
            vec![deployment("gpu", 1, gpu)],
            UNSCHEDULABLE,
            "affinity-mismatch",
        )
        .mended_by(Act::kubectl(&label)),
        Scenario::fault(
            "unschedulable-taint",
            vec![deployment("b", 1, intolerant)],
            UNSCHEDULABLE,
            "taint-not-tolerated",
        )
        .mended_by(Act::kubectl(&free)),
        // The pod that had to go is seen for as long as it ends; on a busy machine the one in its place is seen first.
        Scenario::fault("preempted", vec![class], &["PodPreempted", "PodUnschedulable"], "preempted")
            .then(5, Act::Kubectl(advertise.map(str::to_owned).to_vec()))
            .then(10, Act::Apply(deployment("batch", 1, licensed())))
            .then(45, Act::Apply(deployment("vip", 1, vip))),
    ]
}
