//! Running programs.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        OomKilled,
        "The program used more memory than its limit and was killed.",
        &[
            "Raise the memory limit, or the heap within it.",
            "Look for a leak: does use grow until it is killed?",
        ],
    ),
    (
        NodeOom,
        "The node ran out of memory and the kernel killed processes.",
        &[
            "Find what uses the memory on the node.",
            "Set requests and limits so that the node is not overcommitted.",
        ],
    ),
    (
        ProbeFailed,
        "The container does not answer its probe as asked.",
        &[
            "Check port, path and scheme of the probe against what the program serves.",
            "Give a slow start a startupProbe, and the probe a longer timeout.",
            "Look at the program's log at that time.",
        ],
    ),
    (
        AppError,
        "The program ended with an error of its own.",
        &["Read the log before its end.", "Compare with the last version that worked."],
    ),
    (
        AppConfigMissing,
        "The program misses a setting that it needs.",
        &["Set the variable or file that the log names, in the pod template or the object it refers to."],
    ),
    (
        AppDependencyUnreachable,
        "The program cannot reach something that it depends on.",
        &[
            "Check that the dependency runs and listens at that address.",
            "Check the address in the settings, network policies and firewalls.",
        ],
    ),
    (
        AppDependencyAuth,
        "Something that the program depends on refuses its credential.",
        &[
            "Compare user and password in the Secret with those in the dependency.",
            "Restart the pods if the credential was rotated.",
        ],
    ),
    (
        AppDnsFailure,
        "The program cannot resolve a host name.",
        &[
            "Check the name's spelling and namespace.",
            "Resolve it from a pod; check CoreDNS if other names fail as well.",
        ],
    ),
    (
        AppTls,
        "The program cannot make a secure connection.",
        &["Check that the certificate is valid, names the host, and that the program trusts its authority."],
    ),
    (
        AppPortInUse,
        "The port that the program wants is taken.",
        &[
            "Look for a second process or container of the pod on that port.",
            "For hostNetwork pods check the node's other programs.",
        ],
    ),
    (
        AppModuleMissing,
        "The program misses a library, module or class.",
        &["Add it to the image, in a version that fits.", "Compare with the last image that worked."],
    ),
    (
        AppFilePermission,
        "The program may not read or write a file.",
        &[
            "Check runAsUser, fsGroup and the file's owner.",
            "Mount a writable volume where the program writes.",
        ],
    ),
    (
        AppDiskFull,
        "The program has no disk space left.",
        &[
            "Free or enlarge the volume that it writes to.",
            "Check inode and inotify limits if there is space.",
        ],
    ),
    (
        AppCompleted,
        "The program ends successfully, and is started again for ever.",
        &["Run it as a Job if it is meant to end.", "Keep it in the foreground if it is meant to stay."],
    ),
    (
        AppDbMigration,
        "A migration of the program's database failed.",
        &[
            "Read the migration's own error and repair the schema or its history.",
            "Check that no other instance migrates at the same time.",
        ],
    ),
    (
        AppDeadlock,
        "The program waits for itself.",
        &[
            "Take the stacks from the log to those who wrote it.",
            "Restart it; the lock order in the code has to change.",
        ],
    ),
    (
        AppForcedKill,
        "The container did not stop in its grace period and was killed.",
        &[
            "Let the program handle SIGTERM.",
            "Give it a longer terminationGracePeriodSeconds if it needs one.",
            "Check the node if nothing on it stops.",
        ],
    ),
    (
        AppConfigWrong,
        "The program does not accept its settings.",
        &[
            "Correct the setting or file that the log names.",
            "Compare with the last version of the ConfigMap, Secret or arguments that worked.",
        ],
    ),
];
