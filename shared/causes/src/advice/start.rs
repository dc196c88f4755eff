//! Starting containers.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        ConfigRefMissing,
        "The pod refers to a Secret, ConfigMap or key that does not exist.",
        &[
            "Create it in the pod's namespace, or correct the name or key in the pod template.",
            "Mark the reference optional if the program can do without.",
        ],
    ),
    (
        CommandNotFound,
        "The program that the container should start is not in the image.",
        &[
            "Check command and args against the image: path, spelling, base image with or without a shell.",
            "Look for a missing loader or interpreter if the file is there.",
        ],
    ),
    (
        CommandNotExecutable,
        "The program that the container should start may not be executed.",
        &[
            "Make the file executable in the image (chmod +x).",
            "Check that it is a file rather than a directory, and that its volume is not mounted noexec.",
        ],
    ),
    (
        RunAsRootDenied,
        "The pod must not run as root, but its image does.",
        &["Set runAsUser to a number other than 0, or a numeric USER in the image."],
    ),
    (
        SubpathFailed,
        "A subPath of a volume could not be prepared.",
        &[
            "Check that the subPath exists in the volume and is of the same type (file or directory) as its mount point.",
            "Restart the pod if the ConfigMap or Secret behind it changed.",
        ],
    ),
    (
        CgroupFailed,
        "The node could not set up the container's resource group.",
        &[
            "Check the pod's limits for values that are too small.",
            "Check that kubelet and runtime use the same cgroup driver, and the node's kernel.",
        ],
    ),
    (
        PoststartFailed,
        "The container's postStart hook failed, so the container was killed.",
        &[
            "Run the hook's command in the container and correct it.",
            "Move work that may fail into the program or an init container.",
        ],
    ),
    (
        ServiceAccountMissing,
        "The pod's service account does not exist.",
        &["Create the service account in the pod's namespace, or correct serviceAccountName."],
    ),
];
