//! Nodes, evictions, the control plane.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        NodeKubeletDown,
        "The node's kubelet does not report any more.",
        &["Check whether the machine runs and is reachable.", "Restart the kubelet or replace the node."],
    ),
    (
        NodeNetwork,
        "The node's network does not work.",
        &["Check routes, interface and security groups of the node.", "Replace the node."],
    ),
    (
        NodeDiskPressure,
        "The node is short of disk space.",
        &[
            "Find what fills the disk: images, logs, emptyDir volumes.",
            "Give nodes larger disks, or limit ephemeral storage.",
        ],
    ),
    (
        NodeMemoryPressure,
        "The node is short of memory.",
        &["Find the pods above their requests.", "Set requests so that the node is not overcommitted."],
    ),
    (
        NodePidPressure,
        "The node is short of process ids.",
        &["Find the pod that starts too many processes or threads.", "Set podPidsLimit of the kubelet."],
    ),
    (
        NodeKernel,
        "The node's kernel or hardware is faulty.",
        &["Drain and replace the node.", "Keep its kernel log for those who build the image."],
    ),
    (
        NodeTerminated,
        "The cloud took the machine away.",
        &["Check that a replacement comes.", "Spread the workload, and handle interruption notices."],
    ),
    (
        NodeBootstrapFailed,
        "A new machine does not become a node.",
        &[
            "Read its boot log: user data, role, access entry, network to the API.",
            "Check the kubelet's version and certificate.",
        ],
    ),
    (
        NodeShutdown,
        "The node was shut down.",
        &[
            "Nothing, if that was planned: the pods' owners start new ones.",
            "Otherwise find out who or what shut it down.",
        ],
    ),
    (
        EvictedNodePressure,
        "The pod was evicted because its node ran short of a resource.",
        &[
            "Look at which resource, and which pods used most of it.",
            "Set requests near to use: pods above theirs go first.",
        ],
    ),
    (
        EvictedStorageLimit,
        "The pod was evicted because it used more local storage than it may.",
        &[
            "Raise the ephemeral-storage limit or the emptyDir's size limit.",
            "Write less: rotate logs, clean temporary files.",
        ],
    ),
    (
        EvictedTaint,
        "The pod was evicted because its node got a taint that it does not tolerate.",
        &[
            "Look at the node: it was not ready, unreachable or drained.",
            "Add a toleration if the pod should have stayed.",
        ],
    ),
    (
        EvictedApi,
        "The pod was evicted on request: a drain or a scale-down.",
        &["Nothing, if that was planned.", "Protect the workload with a PodDisruptionBudget otherwise."],
    ),
    (
        ApiserverUnreachable,
        "The API server cannot be reached.",
        &["Check its load balancer, its processes and the network to it."],
    ),
    (
        ApiserverOverload,
        "The API server is overloaded and turns requests away.",
        &[
            "Find the client with the most requests and slow it down.",
            "Check priority and fairness, and the server's memory.",
        ],
    ),
    (
        ApiserverToKubeletBlocked,
        "The control plane cannot reach the kubelets.",
        &[
            "Open port 10250 from the control plane to the nodes.",
            "Check the kubelets' serving certificates and the konnectivity agents.",
        ],
    ),
    (
        EtcdFull,
        "The cluster's database is full and takes no writes.",
        &[
            "Compact and defragment etcd, then disarm the alarm.",
            "Find what fills it: events, large objects.",
        ],
    ),
    (
        EtcdSlow,
        "The cluster's database is slow.",
        &["Check the disks of etcd, and the network between its members."],
    ),
    (
        ControllerLeaderLost,
        "A controller lost its leadership and stopped.",
        &["Check why it could not renew its lease: a slow API server or a starved process."],
    ),
    (
        ControlPlaneCertExpired,
        "A certificate of the control plane has expired.",
        &[
            "Renew the control plane's certificates and restart its parts.",
            "Renew the kubeconfigs that hold copies.",
        ],
    ),
];
