//! Finding a node.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        InsufficientResources,
        "No node has enough free CPU, memory or other resources for the pod.",
        &[
            "Add nodes, or let the autoscaler do so.",
            "Lower the pod's requests if they are higher than its use.",
            "Check that the request fits the largest node at all.",
        ],
    ),
    (
        TaintNotTolerated,
        "Every node that would do has a taint that the pod does not tolerate.",
        &[
            "Add the toleration if the pod belongs there.",
            "Otherwise add nodes without that taint, or remove a taint that was forgotten.",
        ],
    ),
    (
        NodesNotReady,
        "The nodes that would do are not ready.",
        &["Look at the nodes' conditions.", "Replace nodes that do not come back."],
    ),
    (
        AffinityMismatch,
        "No node, or no other pod, fits the pod's selector or affinity.",
        &[
            "Compare nodeSelector and affinity with the labels of the nodes.",
            "Loosen required terms to preferred ones, or label nodes.",
        ],
    ),
    (
        TopologySpread,
        "The pod's topology spread or anti-affinity leaves no node for it.",
        &["Add nodes in the missing zones.", "Loosen maxSkew, or set whenUnsatisfiable to ScheduleAnyway."],
    ),
    (
        VolumeZoneConflict,
        "The pod's volume is in a zone where no fitting node is.",
        &[
            "Add a node in the volume's zone.",
            "Use a storage class with WaitForFirstConsumer for new volumes.",
        ],
    ),
    (
        TooManyPods,
        "The nodes run as many pods as they may.",
        &["Add nodes, or raise the number of pods a node may run (kubelet maxPods, addresses per node)."],
    ),
    (
        PvcUnbound,
        "The pod waits for a volume claim that is not bound.",
        &[
            "Look at the claim's events.",
            "Create a volume or a default storage class if nothing provisions one.",
        ],
    ),
    (
        HostPortConflict,
        "The port on the node that the pod asks for is taken on every node.",
        &["Drop the hostPort in favour of a Service.", "Run no more of these pods than there are nodes."],
    ),
    (
        VolumeAttachLimit,
        "The node has as many volumes attached as it may.",
        &["Add nodes, or use instance types that take more volumes."],
    ),
    (
        SchedulingGated,
        "The pod is held back by a scheduling gate.",
        &["Ask the controller that set the gate; it removes it when ready."],
    ),
    (
        SchedulerDown,
        "Nothing schedules pods.",
        &["Check the scheduler's pods and lease.", "Check schedulerName if only this pod waits."],
    ),
    (
        Preempted,
        "The pod had to make room for one of higher priority.",
        &["Add capacity, or raise the pod's priority if it matters more."],
    ),
    (
        NodepoolLimits,
        "The autoscaler's node pools do not allow another node.",
        &["Raise the pool's limits or maximum size.", "Remove nodes that are hardly used."],
    ),
    (
        CapacityUnavailable,
        "The cloud has no instances of that type left there.",
        &["Allow more instance types and zones.", "Wait, or reserve capacity."],
    ),
    (
        CloudQuota,
        "The cloud account's quota is reached.",
        &["Ask the provider for a higher quota.", "Remove what is not used."],
    ),
    (
        KubeletAdmissionRejected,
        "The node's kubelet refused the pod after it was scheduled.",
        &[
            "Delete the refused pods; their owner makes new ones.",
            "Check the node's resources, topology policy and devices if it happens again.",
        ],
    ),
    (
        NodeCordoned,
        "The nodes that would do are closed to new pods.",
        &["Uncordon the node when its maintenance is done."],
    ),
];
