//! What was being done when the text was written: the same inner error means another thing in another place.

use crate::text::{Kind, Normal, Text};
use std::ops::Range;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Domain {
    /// Pulling an image.
    Pull,
    /// Making the pod's sandbox and its network.
    Sandbox,
    /// Making or starting a container.
    Start,
    /// Asking a container whether it is well.
    Probe,
    /// Stopping a container: why a hook before the end fails is not why a container does not start.
    Stop,
    /// The program in the container.
    App,
    /// Finding a node.
    Schedule,
    /// Provisioning, attaching, mounting.
    Volume,
    /// The node.
    Node,
    /// Creating or changing objects of the API.
    Admit,
    /// Autoscaling of pods.
    Scale,
    /// Load balancers and ingress.
    Balance,
    /// Issuing certificates.
    Certify,
    /// Secrets from outside.
    Secrets,
    /// The control plane's own parts.
    Control,
    /// Nothing says.
    Other,
}

/// A text with its surroundings.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) kind: Kind,
    /// As it was given.
    pub(crate) reason: String,
    pub(crate) domain: Domain,
    pub(crate) normal: Normal,
}

impl Input {
    pub(crate) fn new(text: &Text<'_>) -> Self {
        let mut normal = Normal::new(text.text);
        let reason: String = text.reason.trim().chars().take(100).collect();
        // What the cluster's own parts write has a reason beside it.
        if text.kind == Kind::Log || reason.is_empty() {
            normal.lower = crate::speech::hide(&normal.text, std::mem::take(&mut normal.lower));
        }
        let domain = domain(text.kind, &reason, &normal.lower);
        Self { kind: text.kind, reason, domain, normal }
    }

    pub(crate) fn lower(&self) -> &str {
        &self.normal.lower
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        has_any(self.lower(), &[words])
    }

    pub(crate) fn has_any(&self, words: &[&str]) -> bool {
        has_any(self.lower(), words)
    }

    /// What belongs together with a place: a log tells of many things one after the other, any other text of one.
    pub(crate) fn around(&self, at: &Range<usize>) -> &str {
        self.lower().get(self.around_range(at)).unwrap_or_default()
    }

    /// Where that stands.
    pub(crate) fn around_range(&self, at: &Range<usize>) -> Range<usize> {
        if self.kind != Kind::Log || at.is_empty() {
            return 0..self.lower().len();
        }
        let bytes = self.lower().as_bytes();
        let (before, after) =
            (bytes.get(..at.start).unwrap_or_default(), bytes.get(at.end..).unwrap_or_default());
        let start = memchr::memrchr_iter(b'\n', before).nth(AROUND_LINES).map_or(0, |n| n + 1);
        let end = memchr::memchr_iter(b'\n', after).nth(AROUND_LINES).map_or(bytes.len(), |n| at.end + n);
        start..end
    }
}

/// How many lines of a log before and behind a place belong to it, such as a stack's.
const AROUND_LINES: usize = 12;

pub(crate) fn has_any(lower: &str, words: &[&str]) -> bool {
    words.iter().any(|words| memchr::memmem::find(lower.as_bytes(), words.as_bytes()).is_some())
}

const REASONS: &[(Domain, &[&str])] = &[
    (
        Domain::Pull,
        &[
            "ErrImagePull",
            "ImagePullBackOff",
            "RegistryUnavailable",
            "ErrImageNeverPull",
            "ImageInspectError",
            "InspectFailed",
            "InvalidImageName",
            "SignatureValidationFailed",
            "FailedToRetrieveImagePullSecret",
            "Pulling",
        ],
    ),
    (
        Domain::Sandbox,
        &[
            "FailedCreatePodSandBox",
            "FailedKillPod",
            "FailedPodSandBoxStatus",
            "SandboxChanged",
            "NetworkNotReady",
            "FailedCreatePodContainer",
            "CreatePodSandboxError",
            "KillPodSandboxError",
        ],
    ),
    (
        Domain::Start,
        &[
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "StartError",
            "ContainerCannotRun",
            "PostStartHookError",
            "FailedPostStartHook",
            "PreCreateHookError",
            "PreStartHookError",
        ],
    ),
    (Domain::Probe, &["Unhealthy", "ProbeWarning", "ProbeError"]),
    (Domain::Stop, &["FailedPreStopHook", "ExceededGracePeriod"]),
    (
        Domain::Schedule,
        &["FailedScheduling", "Unschedulable", "SchedulerError", "NotTriggerScaleUp", "SchedulingGated"],
    ),
    (
        Domain::Volume,
        &[
            "FailedMount",
            "FailedAttachVolume",
            "FailedDetachVolume",
            "FailedUnMount",
            "FailedMapVolume",
            "FailedUnmapDevice",
            "ProvisioningFailed",
            "VolumeResizeFailed",
            "FileSystemResizeFailed",
            "FailedBinding",
            "VolumeFailedDelete",
            "VolumeFailedRecycle",
            "VolumeMismatch",
            "ClaimLost",
            "ExternalExpanding",
            "VolumeConditionAbnormal",
            "ControllerResizeFailed",
            "NodeResizeFailed",
        ],
    ),
    (
        Domain::Node,
        &[
            "KubeletNotReady",
            "NodeStatusUnknown",
            "NodeStatusNeverUpdated",
            "NodeNotReady",
            "SystemOOM",
            "OOMKilling",
            "TaskHung",
            "KernelOops",
            "ContainerGCFailed",
            "ImageGCFailed",
            "FreeDiskSpaceFailed",
            "InvalidDiskCapacity",
            "EvictionThresholdMet",
            "Evicted",
        ],
    ),
    (
        Domain::Admit,
        &["FailedCreate", "ReplicaSetCreateError", "FailedUpdate", "FailedDelete", "FailedDaemonPod"],
    ),
    (
        Domain::Scale,
        &[
            "FailedGetResourceMetric",
            "FailedGetContainerResourceMetric",
            "FailedGetPodsMetric",
            "FailedGetObjectMetric",
            "FailedGetExternalMetric",
            "FailedComputeMetricsReplicas",
            "FailedGetScale",
            "FailedUpdateScale",
            "FailedRescale",
            "InvalidMetricSourceType",
            "KEDAScalerFailed",
            "ScaledObjectCheckFailed",
        ],
    ),
    (
        Domain::Balance,
        &[
            "FailedBuildModel",
            "FailedDeployModel",
            "SyncLoadBalancerFailed",
            "BackendNotFound",
            "FailedAddFinalizer",
            "Translate",
        ],
    ),
    (
        Domain::Certify,
        &[
            "IssuerNotReady",
            "IssuerNotFound",
            "PresentError",
            "FailedRegisterACMEAccount",
            "ErrInitIssuer",
            "BadConfig",
        ],
    ),
    (
        Domain::Secrets,
        &[
            "SecretSyncedError",
            "SecretSyncError",
            "UpdateFailed",
            "InvalidProviderConfig",
            "ValidationFailed",
            "InvalidStoreConfiguration",
        ],
    ),
];

/// Words that only one place writes, the more telling first.
const MARKS: &[(Domain, &[&str])] = &[
    (
        Domain::Schedule,
        &[
            "nodes are available:",
            "nodes available:",
            "predicates::",
            "didn't trigger scale-up",
            "incompatible with nodepool",
        ],
    ),
    (
        Domain::Sandbox,
        &[
            "failed to create pod sandbox",
            "createpodsandbox",
            "networkplugin cni",
            "failed to setup network for sandbox",
            "for sandbox \"",
            "networkpluginnotready",
            "cni plugin",
            "failed to get sandbox image",
            "runpodsandbox",
        ],
    ),
    (
        Domain::Pull,
        &[
            "failed to pull image",
            "back-off pulling image",
            "errimagepull",
            "imagepullbackoff",
            "failed to pull and unpack image",
            "failed to resolve reference",
            "initializing source docker://",
            "error pinging docker registry",
            "pinging container registry",
            "error response from daemon: get \"https://",
            "error response from daemon: manifest",
            "error response from daemon: pull",
            "/manifests/",
            "pull access denied",
            "error response from daemon: repository",
            "cancel pulling image",
            "failed to inspect image",
            "manifest unknown",
            "manifest_unknown",
            "pull rate limit",
            "toomanyrequests: ",
            "no basic auth credentials",
            "unauthorized: authentication required",
            "unexpected commit size",
            "unexpected commit digest",
            "failed to extract layer",
            "failed to register layer",
            "requested access to the resource is denied",
            "denied: requested access",
            "signature validation failed",
            "source image rejected",
            "failed to fetch oauth token",
            "failed to fetch anonymous token",
            "insufficient_scope",
            "failed size validation",
            "authorization token has expired",
            "short-name \"",
            "must be lowercase",
            "unauthorized to access repository",
            "reading manifest ",
            "httpreadseeker",
            "pullimage",
        ],
    ),
    (
        Domain::Admit,
        &[
            "failed calling webhook",
            "admission webhook",
            "exceeded quota",
            "is forbidden: ",
            "violates podsecurity",
            "error creating: ",
            "error from server",
            "failed to call webhook",
            "conversion webhook",
        ],
    ),
    (
        Domain::Secrets,
        &[
            "secretstore",
            "external secret",
            "externalsecret",
            "secretsmanager",
            "could not get secret data from provider",
            "vault client",
            "vault.",
            "vault: ",
            "spec.dataFrom",
            "secrets store objects",
            "secret does not exist",
            "cannot find secret data",
        ],
    ),
    (
        Domain::Certify,
        &[
            "acme:",
            "acme-challenge",
            "acme account",
            "acme order",
            "acme server",
            "letsencrypt",
            "http-01",
            "dns-01",
            "presenting challenge",
            "accepting challenge",
            "challenge propagation",
            "challenge solver",
            "certificaterequest",
            "certificate request",
            "issuer.cert-manager",
            "clusterissuer",
            "order is in",
            "cert-manager",
        ],
    ),
    (
        Domain::Volume,
        &[
            "mountvolume.",
            "unmountvolume.",
            "attachvolume.",
            "detachvolume.",
            "unable to attach or mount volumes",
            "multi-attach error",
            "failed to provision volume",
            "mapvolume.",
            "volume resize failed",
            "persistentvolumeclaim",
            "persistentvolume ",
            "external-attacher",
            "nodestagevolume",
            "nodepublishvolume",
            "controllerpublishvolume",
            "createvolume",
            "csi driver",
            "csinode",
            "mount.nfs",
            "storageclass",
        ],
    ),
    (
        Domain::Start,
        &[
            "failed to create containerd task",
            "failed to create shim task",
            "oci runtime create failed",
            "oci runtime exec failed",
            "unable to start container process",
            "runc create failed",
            "crun: ",
            "container create failed",
            "failed to generate container",
            "failed to start container",
            "failed to create containerd container",
            "container_linux.go",
            "poststarthook",
        ],
    ),
    (Domain::Probe, &["probe failed", "probe errored", "liveness probe", "readiness probe", "startup probe"]),
    (
        Domain::Node,
        &[
            "pleg is not healthy",
            "container runtime is down",
            "kubelet stopped posting",
            "the node was low on resource",
            "kubelet has ",
        ],
    ),
    (
        Domain::Scale,
        &[
            "horizontalpodautoscaler",
            "the hpa ",
            "unable to get metric",
            "unable to fetch metrics",
            "failed to get cpu utilization",
            "failed to get memory utilization",
            "unable to get metrics",
            "resource metrics api",
            "custom metrics api",
            "external metrics api",
            "replica count",
        ],
    ),
    (
        Domain::Balance,
        &[
            "elasticloadbalancing",
            "load balancer",
            "loadbalancer",
            "targetgroup",
            "target group",
            "ingress",
            "at least one subnet",
            "elbv2",
            "error syncing to gcp",
        ],
    ),
    (
        Domain::Control,
        &[
            "etcdserver:",
            "etcdclient",
            "leader election",
            "leaderelection",
            "failed to renew lease",
            "kube-apiserver",
            "apiservice",
        ],
    ),
];

/// Whether a text has the marks of a part of the cluster.
pub(crate) fn is_of_the_cluster(text: &Text<'_>) -> bool {
    let input = Input::new(&Text { kind: Kind::Event, ..*text });
    !matches!(input.domain, Domain::App | Domain::Other)
}

/// Of these marks not even a log is free to write what it likes.
const MARKS_IN_LOGS: &[Domain] =
    &[Domain::Schedule, Domain::Sandbox, Domain::Pull, Domain::Start, Domain::Control];

fn domain(kind: Kind, reason: &str, lower: &str) -> Domain {
    if let Some((domain, _)) = REASONS.iter().find(|(_, reasons)| reasons.contains(&reason)) {
        return *domain;
    }
    let marked = MARKS.iter().filter(|(domain, _)| kind != Kind::Log || MARKS_IN_LOGS.contains(domain)).find(
        |(_, marks)| {
            marks.iter().any(|mark| memchr::memmem::find(lower.as_bytes(), mark.as_bytes()).is_some())
        },
    );
    match (marked, kind) {
        (Some((domain, _)), _) => *domain,
        (None, Kind::Log) => Domain::App,
        (None, Kind::Waiting) => Domain::Start,
        (None, Kind::Event | Kind::Condition) => Domain::Other,
    }
}
