//! The pod's sandbox: network, runtime, devices.

use crate::Cause::*;
use crate::Fact;
use crate::classification::Words;
use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::failure::Failure;
use crate::rule::{Reason, Rule};

const NODE: &[Domain] =
    &[Domain::Sandbox, Domain::Node, Domain::Other, Domain::Start, Domain::Pull, Domain::Control];
const HERE: &[Domain] = &[Domain::Sandbox];

pub(super) const REASONS: &[Reason] = &[
    ("NetworkNotReady", CniNotReady, 85),
    ("FailedCreatePodSandBox", SandboxCreateFailed, 55),
    ("CreatePodSandboxError", SandboxCreateFailed, 55),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        CniNotReady,
        94,
        &[
            "networkpluginnotready",
            "cni plugin not initialized",
            "cni config not initialized",
            "cni config uninitialized",
            "network plugin is not ready",
            "container runtime network not ready",
            "no networks found in <path>",
            "no valid networks found",
            "failed to find plugin \"<driver>\" in path",
            "stat /var/lib/calico/nodename",
            "/run/flannel/subnet.env: no such file",
            "unable to push cni event",
            "unable to connect to cilium agent",
            "unable to connect to cilium daemon",
            "cilium.sock: connect:",
            "cilium api client timeout exceeded",
            "error getting clusterinformation",
            "127.0.0.1:50051: connect: connection refused",
            "error dialing unix socket for aws-node",
            "failed to load cni config",
            "cni network \"<*>\" not found",
            "calico/node container is running and has mounted",
            "cni request failed with status",
            "still waiting for readinessindicatorfile",
            "timed out waiting for ovs",
            "cni.sock: connect:",
            "kube-ovn-daemon.sock: connect:",
            "waiting for antrea",
            "unsupported cni result version",
            "please check that the calico/node",
        ],
    )
    .on(NODE),
    Rule::new(
        CniNotReady,
        80,
        &[
            "connection is unauthorized: unauthorized",
            "error received from addnetwork grpc call<*>connection error",
            "no configured calico pools",
            "add cmd: failed to get k8s args",
            "incompatible cni versions",
        ],
    )
    .on(HERE),
    Rule::new(
        IpExhausted,
        95,
        &[
            "failed to assign an ip address to container",
            "noavailableaddress",
            "no available address",
            "no address allocated to pod",
            "no ip addresses available in range set",
            "no available ip/prefix addresses",
            "no available ip addresses",
            "no free ip",
            "no more free affine blocks",
            "insufficientfreeaddressesinsubnet",
            "insufficientcidrblocks",
            "no more ips available",
            "no available ips",
            "range is full",
            "all ip addresses exhausted",
            "ip pool exhausted",
            "ip address pool is exhausted",
            "assigned 0 out of 1 requested ipv4 addresses",
            "no addresses available",
            "no available addresses",
            "not enough free ip",
            "does not have enough free addresses",
            "no ipv4 address available",
            "ipam: no address",
            "failed to allocate pod ip",
            "not enough ips available",
            "no more ips",
            "not enough available ips",
            "insufficient ip addresses",
            "ip addresses exhausted",
            "ip exhaustion",
            "no ips left",
            "no ip address is available",
            "out of ip addresses",
            "ipam: out of addresses",
            "could not allocate ip in range",
            "is exhausted, no ip",
            "no free address",
            "no available ip in",
        ],
    )
    .rank(1),
    Rule::new(
        RuntimeDown,
        94,
        &[
            "containerd.sock: connect: <*>",
            "containerd.sock\": dial unix",
            "crio.sock: connect: <*>",
            "cri-dockerd.sock: connect: <*>",
            "dockershim.sock: connect: <*>",
            "container runtime is down",
            "pleg is not healthy",
            "cannot connect to the docker daemon",
            "runtime status check may not have completed yet",
            "unknown service runtime.v1",
            "failed to connect to containerd",
            "get remote runtime typed version failed",
            "runtimenotready",
            "runtimeready=false",
            "the container runtime is not running",
            "ttrpc: closed",
            "containerd is not running",
        ],
    )
    .on(NODE)
    .rank(1),
    Rule::new(
        RuntimeDown,
        80,
        &["container runtime not ready", "container runtime status is nil", "failed to get runtime status"],
    )
    .on(NODE)
    .unless(&["network not ready", "networkready"]),
    Rule::new(
        RuntimeClassMissing,
        95,
        &[
            "runtimeclass.node.k8s.io \"<runtimeClass>\" not found",
            "runtimeclass \"<runtimeClass>\" not found",
            "no runtime for \"<runtimeClass>\" is configured",
            "failed to find runtime handler <runtimeClass>",
            "failed to lookup runtimehandler",
            "failed to lookup runtimeclass <runtimeClass>:",
            "runtimeclass handler \"<runtimeClass>\" not found",
            "unknown runtime handler",
            "runtimehandler \"<runtimeClass>\" not supported",
            "runtime handler <runtimeClass> not found",
            "runtime \"<runtimeClass>\" binary not installed",
        ],
    )
    .rank(1),
    Rule::new(
        DeviceUnavailable,
        94,
        &[
            "requested number of devices unavailable for <resource>. requested:",
            "no healthy devices present",
            "cannot allocate unhealthy devices <resource>",
            "cannot allocate unregistered device <resource>",
            "endpoint not found in cache for a registered resource: <resource>",
            "nvidia-container-cli: initialization error",
            "failed to apply oci options: no such device",
            "error gathering device information",
            "/dev/nvidia0: no such file",
            "nvidia-container-runtime: <*>no such file",
            "nvidia-container-cli: <*> error",
            "failed to initialize nvml",
            "could not select device driver",
            "unresolvable cdi devices <resource>",
            "failed to inject cdi devices",
            "error gathering device information while adding custom device \"<path>\"",
            "failed to prepare dynamic resources",
            "nodeprepareresources failed",
            "device plugin prestartcontainer rpc failed",
            "device plugin <*> is not registered",
            "allocate failed due to <*>device",
            "no cuda-capable device is detected",
            "cuda driver version is insufficient",
            "cannot allocate all claims",
        ],
    )
    .rank(1),
    Rule::new(
        SandboxCreateFailed,
        78,
        &[
            "failed to create network namespace for sandbox",
            "failed to reserve sandbox name",
            "already has an ip address different from",
            "failed to set up sandbox container",
            "failed to start sandbox",
            "failed to create veth",
            "cannot open hostport",
            "failed to add hostport mapping",
            "failed to locate iptables",
            "unable to create pod sandbox",
            "failed to mount rootfs component",
            "failed to create shim task",
            "failed to generate sandbox",
            "error adding container to network",
            "failed to create endpoint",
            "unable to create endpoint",
        ],
    )
    .on(HERE),
    Rule::new(
        SandboxCreateFailed,
        62,
        &[
            "failed to create pod sandbox",
            "failed to setup network for sandbox",
            "failed (add)",
            "networkplugin cni failed to set up pod",
        ],
    )
    .on(HERE)
    .rank(-1),
];

/// What an inner error means while a sandbox is made.
pub(super) fn failure(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    if input.has_any(&["failed to get sandbox image", "failed to pull image", "failed to resolve reference"])
    {
        return super::image::failure(failure);
    }
    Some(match failure {
        Failure::DiskFull => (NodeDiskFull, 92, 1),
        Failure::ReadOnly => (NodeKernel, 80, 1),
        Failure::ClockBehind => (NodeClockSkew, 85, 0),
        // The plugin asks the API server, or its own agent.
        Failure::Refused | Failure::Timeout | Failure::NoRoute
            if input.has_any(&["calico", "cilium", "flannel", "cni", "plugin type="]) =>
        {
            (CniNotReady, 70, 0)
        }
        _ => return None,
    })
}

/// What is said of a network that the pod names and that does not exist.
const NETWORK_MISSING: Words = (
    "The pod names a NetworkAttachmentDefinition that does not exist.",
    &["Create it, or correct its name or namespace in the pod's annotation k8s.v1.cni.cncf.io/networks."],
);

/// What no template says: Multus, which is at work, misses an object that the pod's own annotation names.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    const BEFORE: &str = "cannot find a network-attachment-definition (";
    if input.domain != Domain::Sandbox {
        return;
    }
    if let Some(at) = memchr::memmem::find(input.lower().as_bytes(), BEFORE.as_bytes()) {
        let named = at + BEFORE.len();
        let mut missing = Candidate::new(ConfigRefMissing, 95, at..named);
        missing.rank = 3;
        missing.advice = Some(NETWORK_MISSING);
        if let Some((name, _)) = input.normal.text.get(named..).and_then(|rest| rest.split_once(')')) {
            missing.facts.add(Fact::Object, name);
        }
        candidates.push(missing);
    }
}
