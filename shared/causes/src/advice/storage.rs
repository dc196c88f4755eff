//! Volumes.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        VolumeMultiAttach,
        "The volume is still attached to another node.",
        &[
            "Wait for the old pod to end; delete it if it hangs.",
            "If its node is dead, taint it node.kubernetes.io/out-of-service.",
            "Use a Recreate strategy for workloads with one single-node volume.",
        ],
    ),
    (
        VolumeAttachFailed,
        "The cloud could not attach the volume to the node.",
        &["Look at the volume's state in the cloud.", "Detach it by force if it hangs, and check the node."],
    ),
    (
        VolumeNotFound,
        "The volume does not exist any more where it was.",
        &[
            "Look for it in the cloud's recycle bin, or restore a snapshot; make the folder of a local one on its node.",
            "Remove the PersistentVolume that points to nothing.",
        ],
    ),
    (
        VolumeMountTimeout,
        "Mounting the volume took too long.",
        &[
            "Look at the events beside this one for the first error.",
            "Set fsGroupChangePolicy: OnRootMismatch for volumes with many files.",
            "Check the driver's pod on the node.",
        ],
    ),
    (
        NfsAccessDenied,
        "The file server does not let this node mount the path.",
        &[
            "Add the node to the export, or correct its path.",
            "Check the file system's policy and access point.",
        ],
    ),
    (
        NfsUnreachable,
        "The node cannot reach the file server.",
        &[
            "Check that the server runs, its name resolves and its port (2049) is open from the node.",
            "For EFS check the mount target in the node's zone and its security group.",
        ],
    ),
    (
        MountProgramMissing,
        "The node lacks the program that mounts this kind of volume.",
        &["Install the client package (nfs-common, cifs-utils, ceph-common) on the nodes."],
    ),
    (
        FsCorrupt,
        "The volume's file system is damaged or not of the expected type.",
        &["Check it with fsck before anything writes to it.", "Restore a snapshot if it cannot be repaired."],
    ),
    (
        VolumeFull,
        "The volume is full.",
        &["Enlarge the claim if its class allows, or delete data.", "Check inodes if there is space."],
    ),
    (
        CsiDriverMissing,
        "The node does not have the volume's driver.",
        &["Check that the driver's DaemonSet runs on that node.", "Wait a minute if the node is new."],
    ),
    (
        CsiControllerDown,
        "The storage driver's controller does not work.",
        &["Check the controller's pods and their logs.", "Check its permissions and leader lease."],
    ),
    (
        StorageclassMissing,
        "The claim names a storage class that does not exist, or none and there is no default.",
        &[
            "Create the class, or correct storageClassName; a claim's class cannot be changed, so make a new one.",
        ],
    ),
    (
        VolumeExpandFailed,
        "The volume could not be enlarged.",
        &[
            "Read the driver's error; some clouds allow one change in hours.",
            "Check that the class allows expansion.",
        ],
    ),
    (
        IamDenied,
        "The cloud refuses an action to the role of the component.",
        &[
            "Add the action to the role's policy.",
            "Check the service account's role annotation and the role's trust.",
        ],
    ),
    (
        KmsDenied,
        "The encryption key cannot be used.",
        &[
            "Check that the key is enabled and not about to be deleted.",
            "Allow the driver's role in the key's policy.",
        ],
    ),
    (
        PvcMissing,
        "The pod names a volume claim that does not exist.",
        &["Create the claim in the pod's namespace, or correct its name."],
    ),
    (
        RwoVolumeShared,
        "Pods on several nodes, or several pods, want a volume that only one may use.",
        &[
            "Use a ReadWriteMany volume, or one replica.",
            "Use a StatefulSet, so that each replica has its own.",
        ],
    ),
];
