//! Starting a container.

use crate::Cause::*;
use crate::context::Domain;
use crate::failure::Failure;
use crate::rule::{Reason, Rule};

const HERE: &[Domain] = &[Domain::Start, Domain::Sandbox, Domain::Other];
const REFERENCES: &[Domain] =
    &[Domain::Start, Domain::Sandbox, Domain::Other, Domain::Volume, Domain::Schedule];
const PROGRAM: &[Domain] = &[Domain::Start, Domain::Other, Domain::App, Domain::Sandbox, Domain::Pull];

pub(super) const REASONS: &[Reason] =
    &[("PostStartHookError", PoststartFailed, 93), ("FailedPostStartHook", PoststartFailed, 93)];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        ConfigRefMissing,
        96,
        &[
            "couldn't find key <key> in secret <secret>",
            "couldn't find key <key> in configmap <configMap>",
            "couldn't find key <key> in configmap/secret",
            "references non-existent secret key: <key>",
            "references non-existent config key: <key>",
            "secret \"<secret>\" not found",
            "configmap \"<configMap>\" not found",
            "secrets \"<secret>\" not found",
            "configmaps \"<configMap>\" not found",
            "environment variable key \"<key>\" not found in file",
            "couldn't get configmap <configMap>:",
            "couldn't get secret <secret>:",
            "failed to get secretproviderclass",
        ],
    )
    .on(REFERENCES)
    .unless(&["secrets store objects"])
    .rank(1),
    Rule::new(ConfigRefMissing, 60, &["couldn't find the config"]).on(HERE),
    // A profile that the pod refers to and the node does not have.
    Rule::new(ConfigRefMissing, 86, &["load seccomp profile \"<path>\"", "cannot load seccomp profile"])
        .on(HERE)
        .rank(1),
    Rule::new(
        CommandNotFound,
        95,
        &[
            "exec: \"<binary>\": executable file not found in $path",
            "executable file `<binary>` not found",
            "executable file not found in $path",
            "exec: \"<binary>\": stat <*>: no such file or directory",
            "exec: \"<binary>\": stat <*>: not a directory",
            "exec: \"<binary>\": no such file or directory",
            "exec <binary>: no such file or directory",
            "exec <binary> failed: no such file or directory",
            "starting container process caused: no such file or directory",
            "open executable: no such file or directory",
            "<binary>: command not found",
            "cannot find `<binary>` in $path",
            "env: '<binary>': no such file or directory",
            "env: <binary>: no such file or directory",
            "env: can't execute '<binary>': no such file or directory",
            "can't open '<binary>': no such file",
            "can't open file '<binary>': [errno 2]",
            "can't open file <binary>: [errno 2]",
            "the system cannot find the file specified",
            "executable not found",
            "no command specified",
            "chdir to cwd (\"<path>\") set in config.json failed: no such file",
            "exec: <binary>: not found",
        ],
    )
    .on(PROGRAM)
    .unless(&[
        "lifecycle hook",
        "could not load file or assembly",
        "poststarthook",
        "probe failed",
        "exec failed: unable to start",
        "unable to upgrade connection",
    ])
    .rank(1),
    Rule::new(
        CommandNotFound,
        90,
        &[
            "sh: <*>: not found",
            "sh: line <*>: not found",
            "bash: <binary>: no such file or directory",
            "bad interpreter: no such file or directory",
            "sh: 0: can't open <binary>",
            "interpreter not found",
        ],
    )
    .on(PROGRAM),
    Rule::new(
        CommandNotExecutable,
        95,
        &[
            "exec: \"<binary>\": permission denied",
            "exec: \"<binary>\": is a directory",
            "exec <binary>: permission denied",
            "exec <binary> failed: permission denied",
            "starting container process caused: permission denied",
            "open executable: permission denied",
            "exec: \"<binary>\": operation not permitted",
            "the path `<binary>` exists but it is not executable",
            "bad interpreter: permission denied",
            "env: '<binary>': permission denied",
            "exec: <binary>: permission denied",
        ],
    )
    .on(PROGRAM)
    .unless(&["lifecycle hook", "poststarthook", "probe failed"])
    .rank(1),
    Rule::new(
        CommandNotExecutable,
        80,
        &[
            "sh: <*>: permission denied",
            "bash: <binary>: permission denied",
            "chdir to cwd (\"<path>\") set in config.json failed: permission denied",
        ],
    )
    .on(PROGRAM)
    .unless(&["can't create", "cannot create", "cannot touch"]),
    Rule::new(
        ImagePlatformMismatch,
        95,
        &[
            "exec <binary>: exec format error",
            "exec format error",
            "cannot execute binary file",
            "rosetta error: failed to open elf",
        ],
    )
    .rank(2),
    Rule::new(
        RunAsRootDenied,
        96,
        &[
            "container has runasnonroot and image will run as root",
            "container has runasnonroot and image has non-numeric user (<login>)",
            "container has runasnonroot and image",
            "breaks non-root policy",
            "break non-root policy",
        ],
    ),
    Rule::new(
        SubpathFailed,
        95,
        &[
            "failed to prepare subpath for volumemount \"<volume>\" of container \"<container>\"",
            "failed to create subpath directory for volumemount \"<volume>\"",
            "subpath \"<path>\" not within volume path",
            "error subpath `<path>` must not be an absolute path",
            "unable to create subpath",
            "failed to prepare subpath",
            "failed to create subpath",
            "invalid subpath",
        ],
    )
    .rank(1),
    Rule::new(
        SubpathFailed,
        85,
        &[
            "are you trying to mount a directory onto a file",
            "error mounting \"<path>\" to rootfs<*>not a directory",
            "error mounting \"<path>\" to rootfs<*>no such file or directory",
            "mount through procfd: not a directory",
            "volume-subpaths/<*>: no such file",
        ],
    )
    .on(HERE)
    .rank(1),
    Rule::new(
        OomKilled,
        90,
        &["container init was oom-killed (memory limit too low?)", "container init was oom-killed"],
    )
    .rank(2),
    Rule::new(
        CgroupFailed,
        92,
        &[
            "unable to apply cgroup configuration",
            "cgroups: cgroup mountpoint does not exist",
            "expected cgroupspath to be of format",
            "unable to freeze",
            "failed to create cgroup",
            "cgroup deleted",
            "failed to write <*>/sys/fs/cgroup",
            "error setting cgroup config for prochooks process",
            "error while writing to cgroup",
            "cpu.max: invalid argument",
            "memory.max: invalid argument",
            "unable to start unit \"<*>.scope\"",
            "unable to ensure pod container exists: failed to create container for",
            "failed to create container for [kubepods",
            "no such file or directory<*>cgroup.procs",
            "cgroup.procs: <*>",
            "failed to add pids to cgroup",
            "error while starting unit \"kubepods",
            "cpu.cfs_quota_us: invalid argument",
            "cgroup: cannot",
            "failed to set cpu.",
            "systemd failed to create unit",
            "creating cgroup directory",
            "error adding pid <*> to cgroups",
        ],
    )
    .on(&[Domain::Start, Domain::Sandbox, Domain::Other, Domain::Node])
    .rank(2),
    // A kernel that has no room for another group says it in the words of a full disk.
    Rule::new(CgroupFailed, 92, &["/sys/fs/cgroup/<path>: no space left on device"]).rank(4),
    Rule::new(
        PoststartFailed,
        93,
        &[
            "poststarthook failed",
            "poststarthook:",
            "exec lifecycle hook (<*>) for container \"<container>\" in pod <*> failed",
            "http lifecycle hook (<*>) for container \"<container>\" in pod <*> failed",
        ],
    )
    .on(&[Domain::Start, Domain::Other])
    .unless(&["prestop"])
    .rank(2),
    Rule::new(
        ServiceAccountMissing,
        96,
        &[
            "error looking up service account <serviceAccount>: ",
            "error looking up service account <serviceAccount>",
            "serviceaccount \"<serviceAccount>\" not found",
            "serviceaccounts \"<serviceAccount>\" not found",
            "service account <serviceAccount> was not found",
            "service account \"<serviceAccount>\" does not exist",
        ],
    )
    .rank(2),
    Rule::new(
        AppConfigWrong,
        65,
        &[
            "failed to generate spec: failed to stat \"<path>\"",
            "hostpath type check failed: <path>",
            "hostpath type check failed",
            "invalid environment variable names",
            "invalid cpuset",
            "invalid mount path",
        ],
    )
    .on(&[Domain::Start, Domain::Volume, Domain::Other]),
];

/// What an inner error means while a container is started.
pub(super) fn failure(failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    Some(match failure {
        Failure::DiskFull => (NodeDiskFull, 90, 1),
        Failure::ReadOnly => (AppFilePermission, 60, 0),
        // The kubelet waits for the runtime.
        Failure::Deadline => (RuntimeDown, 60, -1),
        _ => return None,
    })
}
