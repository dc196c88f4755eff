//! The node itself, and being moved away from it.

use crate::Cause::*;
use crate::context::{Domain, Input, has_any};
use crate::failure::Failure;
use crate::rule::{Reason, Rule};
use crate::text::Kind;

const HERE: &[Domain] = &[Domain::Node, Domain::Other, Domain::App, Domain::Control];

pub(super) const REASONS: &[Reason] = &[
    ("NodeStatusUnknown", NodeKubeletDown, 92),
    ("NodeStatusNeverUpdated", NodeBootstrapFailed, 80),
    ("KubeletHasDiskPressure", NodeDiskPressure, 95),
    ("NodeHasDiskPressure", NodeDiskPressure, 93),
    ("KubeletHasInsufficientMemory", NodeMemoryPressure, 95),
    ("NodeHasInsufficientMemory", NodeMemoryPressure, 93),
    ("KubeletHasInsufficientPID", NodePidPressure, 95),
    ("NodeHasInsufficientPID", NodePidPressure, 93),
    ("FreeDiskSpaceFailed", NodeDiskPressure, 85),
    ("SystemOOM", NodeOom, 93),
    ("TaskHung", NodeKernel, 88),
    ("KernelOops", NodeKernel, 92),
    ("KernelDeadlock", NodeKernel, 92),
    ("ReadonlyFilesystem", NodeKernel, 92),
    ("FilesystemIsReadOnly", NodeKernel, 92),
    ("DockerHung", NodeKernel, 85),
    ("XfsHasShutdown", NodeKernel, 92),
    ("CperHardwareErrorFatal", NodeKernel, 92),
    ("UnregisterNetDevice", NodeKernel, 85),
    ("NoRouteCreated", NodeNetwork, 88),
    ("CalicoIsDown", NodeNetwork, 85),
    ("SpotInterrupted", NodeTerminated, 93),
    ("InstanceTerminating", NodeTerminated, 88),
    ("InstanceStopping", NodeTerminated, 85),
    ("SpotRebalanceRecommendation", NodeTerminated, 65),
    // What the cloud has planned for an instance, as node agents tell it.
    ("PreemptScheduled", NodeTerminated, 90),
    ("TerminateScheduled", NodeTerminated, 90),
    ("RedeployScheduled", NodeTerminated, 85),
    ("RebootScheduled", NodeShutdown, 80),
    ("VMEventScheduled", NodeTerminated, 65),
    ("TerminationGracePeriodExpiring", NodeTerminated, 65),
    ("DeletingNode", NodeTerminated, 75),
    ("NodeShutdown", NodeShutdown, 93),
    ("Terminated", NodeShutdown, 70),
    ("Shutdown", NodeShutdown, 75),
    ("Evicted", EvictedNodePressure, 55),
    ("DeletionByTaintManager", EvictedTaint, 94),
    ("TaintManagerEviction", EvictedTaint, 88),
    ("EvictionByEvictionAPI", EvictedApi, 94),
    ("DeletionByPodGC", NodeTerminated, 72),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        NodeKubeletDown,
        95,
        &[
            "kubelet stopped posting node status",
            "node controller: kubelet not responding",
            "node is not responding",
            "kubelet is not running",
            "kubelet: inactive (dead)",
        ],
    ),
    Rule::new(
        NodeBootstrapFailed,
        90,
        &[
            "kubelet never posted node status",
            "unable to register node \"<node>\" with api server",
            "unable to register node with api server",
            "unable to register node",
            "failed to run kubelet",
            "node not registered with cluster",
            "never registered with the cluster",
            "registered condition not met",
            "bootstrap.sh: failed",
            "failed to join the cluster",
            "certificate signing request was denied",
            "unauthorized: node",
            "was terminated before registering",
            "kubelet bootstrap",
            "unable to bootstrap",
            "cannot use bootstrap",
            "instances failed to join the kubernetes cluster",
            "is not allowed to modify node \"<node>\"",
        ],
    )
    .on(HERE),
    // What the API server says to that stands behind it.
    Rule::new(
        NodeBootstrapFailed,
        92,
        &[
            "unable to register node with api server",
            "unable to register node",
            "nodes is forbidden: user \\\"system:anonymous\\\"",
        ],
    )
    .beside(&["forbidden", "unauthorized"])
    .rank(3),
    Rule::new(
        NodeNetwork,
        90,
        &[
            "routecontroller failed to create a route",
            "node created without a route",
            "calico is not ready: ",
            "bird is not ready",
            "calico is shutting down on this node",
            "felix is not ready",
            "bgp not established",
            "network interface is down",
            "nic link is down",
            "link is not ready",
            "netdev watchdog",
        ],
    )
    .on(HERE),
    Rule::new(
        NodeDiskPressure,
        94,
        &[
            "kubelet has disk pressure",
            "attempting to reclaim ephemeral-storage",
            "attempting to reclaim nodefs",
            "attempting to reclaim imagefs",
            "attempting to reclaim inodes",
            "failed to garbage collect required amount of images",
            "insufficient free disk space on the node's image filesystem",
            "attempted to free <*> bytes, but only found",
            "wanted to free <*> bytes, but freed",
            "diskpressure",
        ],
    )
    .on(HERE),
    Rule::new(
        NodeMemoryPressure,
        94,
        &["kubelet has insufficient memory available", "attempting to reclaim memory", "memorypressure"],
    )
    .on(HERE),
    Rule::new(
        NodePidPressure,
        94,
        &[
            "kubelet has insufficient pid available",
            "attempting to reclaim pids",
            "pidpressure",
            "fork: retry: resource temporarily unavailable",
            "pthread_create failed: resource temporarily unavailable",
        ],
    )
    .on(HERE),
    Rule::new(
        NodeKernel,
        92,
        &[
            "task <binary> blocked for more than <*> seconds",
            "kernel has deadlock",
            "bug: unable to handle kernel",
            "kernel bug at",
            "kernel panic",
            "soft lockup",
            "hard lockup",
            "machine check",
            "hardware error",
            "unregister_netdevice: waiting for <*> to become free",
            "remounting filesystem read-only",
            "filesystem is read-only",
            "general protection fault",
            "xfs <*>: shutting down filesystem",
            "ext4-fs error",
            "i/o error, dev",
            "uncorrectable memory error",
            "nvrm: xid",
        ],
    )
    .on(&[Domain::Node, Domain::Other, Domain::App])
    .rank(1),
    Rule::new(
        NodeTerminated,
        92,
        &[
            "spot interruption",
            "spotinterruption",
            "instance is being terminated",
            "instance was terminated",
            "instance-retirement",
            "scheduled for retirement",
            "does not exist in the cloud provider",
            "instance termination",
            "instance is terminated",
            "node no longer exists",
            "instance has been terminated",
            "host maintenance event",
            "rebalance recommendation",
            "preemptible instance was preempted",
            "vm was preempted",
            "server.spotinstancetermination",
            "instance-terminated",
        ],
    )
    .on(&[Domain::Node, Domain::Other, Domain::Schedule, Domain::App]),
    Rule::new(
        NodeShutdown,
        95,
        &[
            "imminent node shutdown",
            "node is shutting down",
            "node is shutdown",
            "in response to node shutdown",
            "shutdown manager detected shutdown event",
        ],
    )
    .rank(1),
    Rule::new(
        EvictedStorageLimit,
        96,
        &[
            "usage of emptydir volume \"<volume>\" exceeds the limit \"<limited>\"",
            "pod ephemeral local storage usage exceeds the total limit of containers <limited>",
            "container <container> exceeded its local ephemeral storage limit \"<limited>\"",
            "exceeded its local ephemeral storage limit",
            "exceeds the total limit of containers",
        ],
    )
    .rank(2),
    Rule::new(
        EvictedNodePressure,
        95,
        &[
            "the node was low on resource: <resource>",
            "the node had condition: [<resource>]",
            "evicted due to node pressure",
        ],
    )
    .rank(1),
    Rule::new(
        EvictedTaint,
        94,
        &[
            "taint manager: deleting due to noexecute taint",
            "deleting due to noexecute taint",
            "taintmanagereviction",
            "marking for deletion pod <pod>",
        ],
    )
    .rank(1),
    Rule::new(
        EvictedApi,
        93,
        &[
            "eviction api: evicting",
            "evicted by eviction api",
            "evicting pod <pod> for node drain",
            "evicted pod: ",
            "was evicted by the eviction api",
        ],
    )
    .unless(&["the node was low"])
    .rank(1),
    Rule::new(
        NodeOom,
        94,
        &[
            "system oom encountered, victim process: <binary>, pid:",
            "out of memory: killed process <*> (<binary>)",
            "out of memory: kill process",
            "oom-kill:constraint=constraint_none",
            "invoked oom-killer<*>global",
        ],
    )
    .unless(&["memory cgroup out of memory", "constraint_memcg"])
    .rank(1),
];

/// What an inner error means beside a node's condition.
pub(super) fn failure(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    Some(match failure {
        Failure::DiskFull => (NodeDiskFull, 90, 0),
        Failure::ReadOnly => (NodeKernel, 85, 0),
        Failure::ClockBehind => (NodeClockSkew, 85, 0),
        Failure::Refused | Failure::Timeout | Failure::NoRoute
            if input.has_any(&["api/v1", "apis/", "lease"]) =>
        {
            (ApiserverUnreachable, 75, 0)
        }
        _ => return None,
    })
}

/// Folders that only the kubelet and the container runtime write to.
pub(super) const FOLDERS: &[&str] = &[
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/docker",
    "/var/lib/containers",
    "/run/containerd",
    "/var/log/pods",
];

/// What an inner error means that names a folder of the node's, whoever tells it.
pub(super) fn failure_of_its_folders(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    match failure {
        Failure::DiskFull if input.has_any(FOLDERS) => Some((NodeDiskFull, 92, 3)),
        Failure::ReadOnly if input.has_any(FOLDERS) => Some((NodeKernel, 80, 3)),
        _ => None,
    }
}

/// The same where a container is started, whose own files are named by where the node keeps them: what is read-only there is
/// a folder of the runtime's or the kubelet's only where it is no part of a container's file system and of no volume.
pub(super) fn failure_under_its_folders(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    if failure != Failure::ReadOnly {
        return None;
    }
    let path = input.lower().split(": read-only file system").next()?.split([' ', '"']).next_back()?;
    let of_node = FOLDERS.iter().any(|folder| path.starts_with(folder));
    let of_a_container = ["/rootfs/", "/merged/", "/volumes/", "/volume-subpaths/"];
    (of_node && !has_any(path, &of_a_container)).then_some((NodeKernel, 80, 3))
}

/// Words of those who run containers, in events and statuses.
const RUNNERS: &[&str] = &[
    "rpc error",
    "container",
    "kubelet",
    "pod",
    "image",
    "sandbox",
    "snapshot",
    "layer",
    "volume",
    "mkdir /var/",
    "mkdir /run/",
    "write /var/lib/",
    "write /run/",
    "checkpoint",
    "cni",
];

/// How a program's own language tells of a full disk.
const PROGRAMS: &[&str] = &[
    "errno 28",
    "enospc",
    "exception",
    "oserror",
    "traceback",
    "panic:",
    "could not write",
    "could not extend",
    "cannot write",
    "failed to write log",
    "sqlstate",
    "cp:",
    "tee:",
    "tar:",
    "dd:",
    "echo:",
    "(os error 28)",
];

/// Whose disk is full where an event or a status says so: the kubelet and the runtime write to the node's, and tell of a
/// program's only what that has written itself.
pub(super) fn failure_of_its_disk(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    if failure != Failure::DiskFull || input.kind == Kind::Log || input.has_any(PROGRAMS) {
        return None;
    }
    let told = !input.reason.is_empty() || input.has_any(RUNNERS);
    told.then_some((NodeDiskFull, 88, 2))
}
