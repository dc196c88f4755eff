//! Volumes.

use crate::Cause::*;
use crate::context::{Domain, Input};
use crate::failure::Failure;
use crate::recognise::node::FOLDERS;
use crate::rule::{Reason, Rule};
use prodrome_model::Owner;

const HERE: &[Domain] = &[Domain::Volume, Domain::Other];
const CLOUD: &[Domain] = &[
    Domain::Volume,
    Domain::Balance,
    Domain::Certify,
    Domain::Other,
    Domain::App,
    Domain::Schedule,
    Domain::Node,
    Domain::Sandbox,
];

pub(super) const REASONS: &[Reason] = &[
    ("VolumeResizeFailed", VolumeExpandFailed, 85),
    ("FileSystemResizeFailed", VolumeExpandFailed, 85),
    ("ControllerResizeFailed", VolumeExpandFailed, 85),
    ("NodeResizeFailed", VolumeExpandFailed, 85),
    ("ClaimLost", VolumeNotFound, 80),
    ("VolumeConditionAbnormal", FsCorrupt, 45),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        VolumeMultiAttach,
        96,
        &[
            "multi-attach error for volume \"<volume>\"",
            "multi-attach error",
            "volume is already exclusively attached to one node",
            "is already attached to another node",
            "already attached to node <node>",
            "already attached to node(<node>",
            "already attached to the node <node>",
            "already attached to another",
            "is in-use by node <node>",
            "is in use by node <node>",
            "already mounted by another node",
            "volume <volume> is attached to another instance",
            "volume is already used by pod",
        ],
    )
    .unless(&["readwriteoncepod"])
    .rank(1),
    Rule::new(
        VolumeAttachFailed,
        95,
        &[
            "desc = instance \"<node>\" not found",
            "desc = instance <node> not found",
            "desc = node \"<node>\" not found",
            "desc = could not find instance",
            "virtual machine <node> not found",
            "could not find vm by uuid",
        ],
    )
    .on(HERE)
    .rank(1),
    Rule::new(
        VolumeAttachFailed,
        92,
        &[
            "is stuck in attaching state",
            "volumeinuse",
            "is already attached to an instance",
            "could not attach volume",
            "attach volume <volume> failed",
            "incorrectstate: volume",
            "attachment of disk",
            "failed to attach disk",
            "is in state attaching",
            "volume is busy",
            "is still being attached",
            "stuck attaching",
            "is stuck in detaching state",
            "attachdisktimeout",
            "resource_in_use_by_another_resource",
            "there is no block device frontend for volume",
            "is not ready for workloads",
            "volume is not attached",
            "failed to attach volume",
            "rbd image <*> is still being used",
            "is not in available state",
        ],
    )
    .on(HERE),
    Rule::new(
        VolumeAttachFailed,
        62,
        &[
            "attachvolume.attach failed for volume \"<volume>\"",
            "waitforattach failed for volume \"<volume>\"",
        ],
    )
    .on(HERE)
    .rank(-1),
    // No plugin knows how to attach it: its driver is not installed, or no longer.
    Rule::new(
        CsiDriverMissing,
        75,
        &["attachvolume.findattachablepluginbyspec failed for volume \"<volume>\""],
    )
    .on(HERE),
    Rule::new(
        VolumeNotFound,
        94,
        &[
            "invalidvolume.notfound",
            "volumenotfound",
            "volume not found",
            "the volume '<volume>' does not exist",
            "volume <volume> not found",
            "volume \"<volume>\" not found",
            "could not find volume",
            "no such volume",
            "could not get volume with id",
            "disk <volume> not found",
            "disk with id <volume> not found",
            "bound claim has lost its persistentvolume",
            "bound claim has lost reference to persistentvolume",
            "rbd: error opening image <volume>: (2) no such file",
            "failed, reason given by server: no such file or directory",
            "filesystemnotfound",
            "file system <volume> does not exist",
            "access point <volume> does not exist",
            "accesspointnotfound",
            "failed to find disk",
            "snapshot <volume> not found",
            "invalidsnapshot.notfound",
        ],
    )
    .on(HERE)
    .unless(&["references non-existent", "volume plugin"]),
    // A local volume: its folder is not there on the node that it is bound to.
    Rule::new(VolumeNotFound, 90, &["path \"<path>\" does not exist"])
        .on(HERE)
        .beside(&["newmounter initialization failed", "newblockvolumemapper initialization failed"])
        .owner(Owner::Platform),
    Rule::new(
        VolumeMountTimeout,
        85,
        &[
            "volumepermissionchangeinprogress",
            "setting volume ownership",
            "applyfsgroup failed for vol <volume>",
            "failed to set volume ownership",
            "timed out waiting for volume to be mounted",
            "timeout expired waiting for volumes to attach or mount",
            "timeout expired waiting for volumes to attach/mount",
        ],
    )
    .on(HERE)
    .unless(&["read-only file system", "operation not permitted", "permission denied"]),
    Rule::new(
        VolumeMountTimeout,
        58,
        &[
            "an operation with the given volume id <volume> already exists",
            "an operation with the given volume",
            "unable to attach or mount volumes: <*>timed out waiting for the condition",
            "failed to process volumes",
            "timed out waiting for the condition",
        ],
    )
    .on(HERE)
    .unless(&["failed to sync"])
    .rank(-2),
    Rule::new(
        NfsAccessDenied,
        95,
        &[
            "mount.nfs: access denied by server while mounting <host>",
            "mount.nfs4: access denied by server while mounting <host>",
            "access denied by server while mounting",
            "mount.nfs: operation not permitted",
            "mount.nfs4: operation not permitted",
            "mount.nfs: permission denied",
            "mount.nfs4: permission denied",
            "mount error(13): permission denied",
            "mount error: permission denied",
            "reason given by server: permission denied",
            "nt_status_logon_failure",
            "nfserr_access",
        ],
    )
    .rank(2),
    Rule::new(
        NfsUnreachable,
        95,
        &[
            "mount.nfs: connection timed out",
            "mount.nfs4: connection timed out",
            "mount.nfs: connection refused",
            "mount.nfs4: connection refused",
            "mount.nfs: no route to host",
            "mount.nfs4: no route to host",
            "mount.nfs: network is unreachable",
            "mount.nfs: failed to resolve server <host>:",
            "mount.nfs4: failed to resolve server <host>:",
            "failed to resolve \"<host>\"",
            "mount.nfs: portmap query failed",
            "mount.nfs: rpc.statd is not running",
            "mount error(113): could not connect to <host>",
            "mount error(115)",
            "mount error(111)",
            "mount error(110)",
            "mount.nfs: stale file handle",
            "mount.nfs4: stale file handle",
            "stale nfs file handle",
            "stale file handle",
            "server <host> not responding",
            "mount.nfs: remote i/o error",
            "mount attempt <*> failed due to timeout",
            "cannot find mount target",
            "no mount targets",
            "requested nfs version or transport protocol is not supported",
            "mount target is not available",
            "mount.nfs4: mount system call failed",
            "mount.nfs: mount system call failed",
        ],
    )
    .on(&[Domain::Volume, Domain::Other, Domain::Node, Domain::Sandbox])
    .rank(1),
    // A mount whose server went away shows wherever its path is touched next.
    Rule::new(NfsUnreachable, 92, &["stale nfs file handle", "stale file handle", "estale: stale"])
        .on(&[Domain::Start, Domain::App])
        .rank(2),
    Rule::new(
        MountProgramMissing,
        95,
        &[
            "you might need a /sbin/mount.<driver> helper program",
            "you might need a /sbin/mount",
            "exec: \"mount.<driver>\": executable file not found",
            "exec: \"iscsiadm\": executable file not found",
            "unknown filesystem type '<driver>'",
            "fsck.<binary>: not found",
            "modprobe: fatal: module <module> not found",
            "iscsiadm not found",
            "mount.<driver>: not found",
            "rbd: map failed: (2) no such file",
            "mount: <*>: unknown filesystem type",
        ],
    )
    .on(HERE)
    .rank(2),
    Rule::new(MountProgramMissing, 92, &["exec: \"<binary>\": executable file not found in $path"])
        .on(&[Domain::Volume])
        .rank(2),
    Rule::new(
        FsCorrupt,
        92,
        &[
            "wrong fs type, bad option, bad superblock on <path>",
            "fsck found errors on device",
            "fsck found errors",
            "'fsck' found errors on device <path> but could not correct them",
            "structure needs cleaning",
            "bad superblock",
            "can't read superblock",
            "input/output error",
            "bad magic number in super-block",
            "already contains <*>. mount error",
            "failed to mount the volume as \"<*>\", it already contains",
            "superblock could not be read",
            "mount error: can't read superblock",
            "format of disk \"<path>\" failed",
            "failed to format and mount",
            "unexpected inconsistency; run fsck manually",
            "filesystem has errors",
            "corruption detected",
            "metadata corruption",
        ],
    )
    .on(HERE)
    .unless(&["you might need a /sbin/mount"])
    .rank(1),
    Rule::new(
        VolumeFull,
        88,
        &[
            "thin pool <*> is full",
            "volume is full",
            "is out of space",
            "disk quota exceeded",
            "volume <volume> is full",
        ],
    )
    .on(HERE)
    .rank(1),
    Rule::new(
        CsiDriverMissing,
        95,
        &[
            "driver name <driver> not found in the list of registered csi drivers",
            "does not contain driver <driver>",
            "csi driver <driver> not found",
            "csinode is not yet initialized",
            "error getting csinode",
            "csinodeinfo: error getting csinode",
            "no csi driver registered",
            "/csi.sock: connect: <*>",
            "csi.sock: no such file or directory",
            "no volume plugin matched",
            "failed to get driver \"<driver>\"",
            "csi driver name <driver> not found",
        ],
    )
    .on(HERE)
    .unless(&[
        "external-attacher",
        "external-provisioner",
        "controllerpublish",
        "failed to provision",
        // A class for volumes that are made by hand has no driver, and needs none.
        "kubernetes.io/no-provisioner",
    ])
    .rank(1),
    Rule::new(CsiDriverMissing, 92, &["no topology key found on csinode <node>"]).rank(1),
    Rule::new(
        CsiControllerDown,
        93,
        &[
            "timed out waiting for external-attacher of <driver> csi driver to attach volume <volume>",
            "timed out waiting for external-attacher",
            "external-attacher is not running",
            "timed out waiting for external-provisioner",
        ],
    )
    .rank(1),
    Rule::new(
        CsiControllerDown,
        62,
        &[
            "waiting for a volume to be created either by the external provisioner '<driver>'",
            "waiting for a volume to be created, either by external provisioner \"<driver>\"",
            "waiting for external controller to expand this pvc",
        ],
    )
    .rank(-1),
    Rule::new(
        StorageclassMissing,
        95,
        &[
            "storageclass.storage.k8s.io \"<storageClass>\" not found",
            "storageclass \"<storageClass>\" not found",
            "storageclasses.storage.k8s.io \"<storageClass>\" not found",
            "storage class <storageClass> not found",
        ],
    )
    .rank(1),
    Rule::new(
        PvcUnbound,
        90,
        &[
            "no persistent volumes available for this claim and no storage class is set",
            "cannot bind to requested volume \"<volume>\"",
            "pvc is not bound",
            "persistentvolumeclaim is not bound: \"<claim>\"",
            "persistentvolumeclaim <claim> is not bound",
            "volume \"<volume>\" already bound to a different claim",
            "two claims are bound to the same volume",
            "cannot bind persistentvolume",
            "storageclassname does not match",
            "no volume plugin matched name",
            "selector is not supported",
            "claim.spec.selector",
        ],
    )
    .on(HERE),
    // As old schedulers told it.
    Rule::new(PvcUnbound, 90, &["persistentvolumeclaim is not bound: \"<claim>\""]).on(&[Domain::Schedule]),
    Rule::new(
        PvcUnbound,
        50,
        &["waiting for first consumer to be created before binding", "waiting for pod <pod> to be scheduled"],
    )
    .on(HERE),
    Rule::new(
        VolumeExpandFailed,
        92,
        &[
            "error expanding volume \"<volume>\"",
            "error resizing volume",
            "resize volume \"<volume>\" by resizer <*> failed",
            "maximum modification rate per volume",
            "volumemodificationratelimitexceeded",
            "volumemodificationsizelimitexceeded",
            "failed to expand",
            "failed to expand pvc",
            "nodeexpandvolume.nodeexpandvolume failed",
            "nodeexpandvolume failed",
            "expand volume failed",
            "only dynamically provisioned pvc can be resized",
            "must support resize",
            "didn't find a plugin capable of expanding the volume",
            "resize failed",
            "cannot expand volume",
            "field can not be less than",
        ],
    )
    .on(&[Domain::Volume, Domain::Other, Domain::Admit]),
    Rule::new(
        VolumeAttachLimit,
        95,
        &[
            "attachmentlimitexceeded",
            "exceed max volume count",
            "maximum number of attachments",
            "too many volumes attached",
            "exceeded the maximum number of attach",
            "no attachment slots left",
            "the maximum number of data disks",
            "node has reached its volume attachment limit",
            "has insufficient attachable volumes",
            "attachment limit exceeded",
            "attach limit exceeded",
            "volume attachment limit",
        ],
    )
    .rank(2),
    // What the specification of CSI names a node without room for one more.
    Rule::new(VolumeAttachLimit, 84, &["code = resourceexhausted desc = "])
        .on(HERE)
        .beside(&["attachvolume.attach failed", "controllerpublish"])
        .unless(&["quota", "limitexceeded: "]),
    Rule::new(
        KmsDenied,
        94,
        &[
            "kmskey",
            "kms key",
            "customerkeyhasbeenrevoked",
            "kms.notfoundexception",
            "invalidkmskey",
            "kmsinvalidstate",
            "kms:creategrant",
            "kms:decrypt",
            "kms:generatedatakey",
            "kms: access denied",
            "client.invalidkmskey",
            "kmsaccessdenied",
            "kms.disabled",
            "the ciphertext refers to a customer master key",
            "encryption key <*> is disabled",
        ],
    )
    .beside(&[
        "denied",
        "not authorized",
        "disabled",
        "pending",
        "invalid",
        "not found",
        "notfound",
        "does not exist",
        "state",
        "not accessible",
        "unable to access",
        "cannot access",
        "revoked",
    ])
    .on(&[Domain::Volume, Domain::Other, Domain::App, Domain::Node, Domain::Schedule])
    .rank(3),
    Rule::new(
        IamDenied,
        94,
        &[
            "unauthorizedoperation",
            "is not authorized to perform: <action>",
            "not authorized to perform <action>",
            "not authorized to perform sts:assumerolewithwebidentity",
            "webidentityerr",
            "accessdenied: ",
            "accessdeniedexception",
            "failed to assume role",
            "you are not authorized to perform this operation",
            "authorizationfailed",
            "does not have authorization to perform action '<action>'",
            "required '<action>' permission",
            "permission '<action>' denied",
            "failed to refresh cached credentials",
            "no ec2 imds role found",
            "nocredentialproviders",
            "unable to locate credentials",
            "caller does not have permission",
            "could not find default credentials",
            "managedidentitycredential authentication failed",
            "defaultazurecredential failed to retrieve a token",
            "could not load credentials from any providers",
            "error 403: required",
            "does not have <action> access to the google cloud",
            "does not have <action> permission",
            "is not authorized to perform this operation using this permission",
        ],
    )
    .on(CLOUD)
    .unless(&[
        "java.nio.file.accessdeniedexception",
        "accessdeniedexception[/",
        "accessdeniedexception: /",
        "is not authorized to perform: ecr:",
        "is not authorized to perform: secretsmanager",
        "is not authorized to perform: ssm:",
        "is not authorized to perform: kms:",
    ])
    .rank(2),
    Rule::new(IamDenied, 88, &["access denied", "access is denied", "permission denied"])
        .on(&[Domain::Volume, Domain::Balance])
        .beside(&["aws permissions", "arn:aws", "describe file system", "iam ", "ec2"])
        .unless(&["mount.nfs", "mount error", "by server"])
        .rank(2),
    Rule::new(PvcMissing, 92, &["persistentvolumeclaim \"<claim>\" not found", "pvc <claim> not found"])
        .on(HERE)
        .rank(1),
];

/// Where a volume's own store is full.
const STORES: &[&str] = &[
    "expand",
    "resize",
    "snapshot",
    "thin pool",
    "thinpool",
    "volume group",
    "disk quota",
    "lvcreate",
    "rbd",
];

/// What an inner error means while a volume is provisioned, attached or mounted.
pub(super) fn failure(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    let file_server = input.has_any(&["nfs", "efs", "cifs", "smb", "cephfs", "glusterfs"]);
    let provision = input.has_any(&[
        "failed to provision",
        "failed to create volume",
        "createvolume",
        "external-provisioner",
    ]);
    Some(match failure {
        Failure::NoSuchHost | Failure::Resolver | Failure::Refused | Failure::Timeout | Failure::NoRoute
            if file_server =>
        {
            (NfsUnreachable, 85, 0)
        }
        Failure::Refused | Failure::Timeout | Failure::Reset | Failure::Eof if provision => {
            (CsiControllerDown, 72, 0)
        }
        Failure::Http(401 | 403) => (IamDenied, 70, 0),
        Failure::Http(404) => (VolumeNotFound, 65, 0),
        // Who mounts writes to the node's disk; who makes and grows volumes has a store of its own.
        Failure::DiskFull if provision || file_server || input.has_any(STORES) => (VolumeFull, 80, 0),
        Failure::DiskFull => (NodeDiskFull, 84, 1),
        Failure::ReadOnly => read_only(input, file_server),
        // Only a file server refuses root what it asks for within a volume.
        Failure::Permission if file_server || changes_owners(input) => (NfsAccessDenied, 80, 0),
        Failure::Deadline if input.has_any(&["attachvolume", "controllerpublish"]) => {
            (VolumeAttachFailed, 66, -1)
        }
        Failure::Deadline if provision => (CsiControllerDown, 60, -1),
        Failure::Deadline => (VolumeMountTimeout, 75, -1),
        _ => return None,
    })
}

/// Whose file system is read-only. A kubelet that changes what is in a volume has mounted it to be written to: the kernel
/// has made it read-only since, as it does where the disk or the file system is broken, or the file server allows no more.
/// What is made before anything is mounted lies on the node's own disk, or, where the folder is not the kubelet's, on a part
/// of the node that a hostPath names and nobody can write to.
fn read_only(input: &Input, file_server: bool) -> (crate::Cause, u8, i8) {
    let within = changes_owners(input);
    match () {
        () if within && file_server => (NfsAccessDenied, 75, 0),
        () if within => (FsCorrupt, 72, 0),
        () if input.has_any(FOLDERS) => (NodeKernel, 82, 0),
        () => (AppFilePermission, 60, 0),
    }
}

/// Whether the kubelet was giving what is in a volume to the pod's group, which it does in what it has mounted.
fn changes_owners(input: &Input) -> bool {
    input.has_any(&["applyfsgroup", "chown", "volume ownership"])
}
