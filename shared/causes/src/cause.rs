//! The closed vocabulary: rules, plugins, alerts and reports name a cause by these ids.

use prodrome_model::Owner;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The part of a cluster's life that a cause belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Getting the image onto the node.
    Image,
    /// The pod's sandbox: network, runtime, devices.
    Sandbox,
    /// Starting a container.
    Start,
    /// What a started container dies of.
    Run,
    /// Finding a node.
    Schedule,
    /// Volumes.
    Storage,
    /// The node itself.
    Node,
    /// Being moved away from a node.
    Eviction,
    /// Controllers, admission, quota, jobs, autoscaling.
    Workload,
    /// Services, DNS, load balancers.
    Network,
    /// Secrets and certificates.
    Certs,
    /// The control plane.
    ControlPlane,
}

macro_rules! causes {
    ($($variant:ident $id:literal $area:ident $owner:ident)*) => {
        /// Why something is wrong. The owner is the default; evidence may override it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Cause {
            $(#[doc = concat!("`", $id, "`")] #[serde(rename = $id)] $variant,)*
        }

        impl Cause {
            /// Every cause, by area.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As it is written: `image-not-found`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Its area.
            pub const fn area(self) -> Area {
                match self { $(Self::$variant => Area::$area,)* }
            }

            /// Who has to act where nothing says otherwise.
            pub const fn owner(self) -> Owner {
                match self { $(Self::$variant => Owner::$owner,)* }
            }
        }
    };
}

causes! {
    ImageNotFound "image-not-found" Image User
    ImageAuth "image-auth" Image User
    ImageNodeCredential "image-node-credential" Image Platform
    ImageRateLimited "image-rate-limited" Image User
    RegistryUnavailable "registry-unavailable" Image Cloud
    RegistryDns "registry-dns" Image Platform
    RegistryUnreachable "registry-unreachable" Image Platform
    RegistryTlsUntrusted "registry-tls-untrusted" Image Platform
    RegistryTlsExpired "registry-tls-expired" Image Platform
    NodeClockSkew "node-clock-skew" Image Platform
    NodeDiskFull "node-disk-full" Image Platform
    ImagePlatformMismatch "image-platform-mismatch" Image User
    ImageNameInvalid "image-name-invalid" Image User
    ImageNeverPull "image-never-pull" Image User
    ImageSignature "image-signature" Image User
    ImageUnpackFailed "image-unpack-failed" Image Platform
    ImagePullSlow "image-pull-slow" Image Platform
    ImagePullThrottled "image-pull-throttled" Image Platform
    ImagePolicyDenied "image-policy-denied" Image User
    CniNotReady "cni-not-ready" Sandbox Platform
    IpExhausted "ip-exhausted" Sandbox Platform
    SandboxCreateFailed "sandbox-create-failed" Sandbox Platform
    RuntimeDown "runtime-down" Sandbox Platform
    RuntimeClassMissing "runtime-class-missing" Sandbox User
    DeviceUnavailable "device-unavailable" Sandbox Platform
    ConfigRefMissing "config-ref-missing" Start User
    CommandNotFound "command-not-found" Start User
    CommandNotExecutable "command-not-executable" Start User
    RunAsRootDenied "run-as-root-denied" Start User
    SubpathFailed "subpath-failed" Start User
    CgroupFailed "cgroup-failed" Start Platform
    PoststartFailed "poststart-failed" Start User
    ServiceAccountMissing "service-account-missing" Start User
    OomKilled "oom-killed" Run User
    NodeOom "node-oom" Run Platform
    ProbeFailed "probe-failed" Run User
    AppError "app-error" Run User
    AppConfigMissing "app-config-missing" Run User
    AppDependencyUnreachable "app-dependency-unreachable" Run User
    AppDependencyAuth "app-dependency-auth" Run User
    AppDnsFailure "app-dns-failure" Run Platform
    AppTls "app-tls" Run User
    AppPortInUse "app-port-in-use" Run User
    AppModuleMissing "app-module-missing" Run User
    AppFilePermission "app-file-permission" Run User
    AppDiskFull "app-disk-full" Run User
    AppCompleted "app-completed" Run User
    AppDbMigration "app-db-migration" Run User
    AppDeadlock "app-deadlock" Run User
    AppForcedKill "app-forced-kill" Run Platform
    AppConfigWrong "app-config-wrong" Run User
    InsufficientResources "insufficient-resources" Schedule Platform
    TaintNotTolerated "taint-not-tolerated" Schedule User
    NodesNotReady "nodes-not-ready" Schedule Platform
    AffinityMismatch "affinity-mismatch" Schedule User
    TopologySpread "topology-spread" Schedule User
    VolumeZoneConflict "volume-zone-conflict" Schedule Platform
    TooManyPods "too-many-pods" Schedule Platform
    PvcUnbound "pvc-unbound" Schedule User
    HostPortConflict "host-port-conflict" Schedule User
    VolumeAttachLimit "volume-attach-limit" Schedule Platform
    SchedulingGated "scheduling-gated" Schedule User
    SchedulerDown "scheduler-down" Schedule Platform
    Preempted "preempted" Schedule User
    NodepoolLimits "nodepool-limits" Schedule Platform
    CapacityUnavailable "capacity-unavailable" Schedule Cloud
    CloudQuota "cloud-quota" Schedule Cloud
    KubeletAdmissionRejected "kubelet-admission-rejected" Schedule Platform
    NodeCordoned "node-cordoned" Schedule Platform
    VolumeMultiAttach "volume-multi-attach" Storage Platform
    VolumeAttachFailed "volume-attach-failed" Storage Cloud
    VolumeNotFound "volume-not-found" Storage Cloud
    VolumeMountTimeout "volume-mount-timeout" Storage Platform
    NfsAccessDenied "nfs-access-denied" Storage Platform
    NfsUnreachable "nfs-unreachable" Storage Platform
    MountProgramMissing "mount-program-missing" Storage Platform
    FsCorrupt "fs-corrupt" Storage Platform
    VolumeFull "volume-full" Storage User
    CsiDriverMissing "csi-driver-missing" Storage Platform
    CsiControllerDown "csi-controller-down" Storage Platform
    StorageclassMissing "storageclass-missing" Storage User
    VolumeExpandFailed "volume-expand-failed" Storage Platform
    IamDenied "iam-denied" Storage Platform
    KmsDenied "kms-denied" Storage Platform
    PvcMissing "pvc-missing" Storage User
    RwoVolumeShared "rwo-volume-shared" Storage User
    NodeKubeletDown "node-kubelet-down" Node Platform
    NodeNetwork "node-network" Node Platform
    NodeDiskPressure "node-disk-pressure" Node Platform
    NodeMemoryPressure "node-memory-pressure" Node Platform
    NodePidPressure "node-pid-pressure" Node Platform
    NodeKernel "node-kernel" Node Platform
    NodeTerminated "node-terminated" Node Cloud
    NodeBootstrapFailed "node-bootstrap-failed" Node Platform
    NodeShutdown "node-shutdown" Node Platform
    EvictedNodePressure "evicted-node-pressure" Eviction Platform
    EvictedStorageLimit "evicted-storage-limit" Eviction User
    EvictedTaint "evicted-taint" Eviction Platform
    EvictedApi "evicted-api" Eviction Platform
    RolloutBadVersion "rollout-bad-version" Workload User
    QuotaExceeded "quota-exceeded" Workload User
    LimitrangeViolation "limitrange-violation" Workload User
    PsaViolation "psa-violation" Workload User
    AdmissionDenied "admission-denied" Workload User
    AdmissionSysctl "admission-sysctl" Workload User
    WebhookUnreachable "webhook-unreachable" Workload Platform
    WebhookTls "webhook-tls" Workload Platform
    RbacDenied "rbac-denied" Workload User
    ImmutableField "immutable-field" Workload User
    JobBackoff "job-backoff" Workload User
    JobDeadline "job-deadline" Workload User
    CronMissed "cron-missed" Workload Platform
    HpaMetricsMissing "hpa-metrics-missing" Workload Platform
    HpaNoRequests "hpa-no-requests" Workload User
    HpaBadTarget "hpa-bad-target" Workload User
    HpaAtMax "hpa-at-max" Workload User
    PdbBlocks "pdb-blocks" Workload User
    FinalizerStuck "finalizer-stuck" Workload Platform
    ApiserviceDown "apiservice-down" Workload Platform
    ScaledToZero "scaled-to-zero" Workload User
    InitStuck "init-stuck" Workload User
    JobSidecarBlocks "job-sidecar-blocks" Workload User
    ConflictingWriter "conflicting-writer" Workload Platform
    WebhookMutatesWrongly "webhook-mutates-wrongly" Workload Platform
    EndpointsNone "endpoints-none" Network User
    DnsCoredns "dns-coredns" Network Platform
    DnsUpstream "dns-upstream" Network Platform
    NetworkPolicyDenied "network-policy-denied" Network User
    LbSubnetUndiscovered "lb-subnet-undiscovered" Network Platform
    LbCertMissing "lb-cert-missing" Network User
    LbConfigConflict "lb-config-conflict" Network User
    LbBackendMissing "lb-backend-missing" Network User
    LbQuota "lb-quota" Network Cloud
    LbTargetUnhealthy "lb-target-unhealthy" Network User
    LbThrottled "lb-throttled" Network Cloud
    IngressClassMissing "ingress-class-missing" Network User
    ServiceMissing "service-missing" Network User
    ServicePortMismatch "service-port-mismatch" Network User
    ServiceSelectsWrongPods "service-selects-wrong-pods" Network User
    TrafficPolicyLocal "traffic-policy-local" Network User
    DnsPolicyWrong "dns-policy-wrong" Network User
    IngressBackendWrong "ingress-backend-wrong" Network User
    ExternalSecretDenied "external-secret-denied" Certs Platform
    ExternalSecretMissing "external-secret-missing" Certs User
    StoreNotReady "store-not-ready" Certs Platform
    CertificateNotIssued "certificate-not-issued" Certs User
    AcmeSelfCheckFailed "acme-self-check-failed" Certs User
    AcmeDnsFailed "acme-dns-failed" Certs User
    AcmeRateLimited "acme-rate-limited" Certs User
    CertExpired "cert-expired" Certs User
    CredentialExpired "credential-expired" Certs Platform
    ApiserverUnreachable "apiserver-unreachable" ControlPlane Platform
    ApiserverOverload "apiserver-overload" ControlPlane Platform
    ApiserverToKubeletBlocked "apiserver-to-kubelet-blocked" ControlPlane Platform
    EtcdFull "etcd-full" ControlPlane Platform
    EtcdSlow "etcd-slow" ControlPlane Platform
    ControllerLeaderLost "controller-leader-lost" ControlPlane Platform
    ControlPlaneCertExpired "control-plane-cert-expired" ControlPlane Platform
}

impl Cause {
    /// Whether a program tells by it of something that it depends on.
    pub(crate) const fn is_of_a_dependency(self) -> bool {
        matches!(
            self,
            Self::AppDependencyUnreachable | Self::AppDependencyAuth | Self::AppDnsFailure | Self::AppTls
        )
    }

    /// Whether a text that names it tells of a symptom, under which objects may show a deeper cause: a dependency that
    /// cannot be reached may be a missing service, a wrong setting, or a policy.
    pub const fn is_symptom(self) -> bool {
        matches!(
            self,
            Self::AppError
                | Self::AppDependencyUnreachable
                | Self::AppDnsFailure
                | Self::AppForcedKill
                | Self::ProbeFailed
                | Self::RolloutBadVersion
                | Self::JobBackoff
                | Self::JobDeadline
                | Self::InitStuck
                | Self::SandboxCreateFailed
                | Self::VolumeMountTimeout
                | Self::NodesNotReady
                | Self::PvcUnbound
                | Self::EndpointsNone
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A word that is no cause's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotACause(
    /// The word.
    pub String,
);

impl fmt::Display for NotACause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no id of a cause", self.0)
    }
}

impl std::error::Error for NotACause {}

impl FromStr for Cause {
    type Err = NotACause;

    fn from_str(id: &str) -> Result<Self, NotACause> {
        Self::ALL.iter().copied().find(|cause| cause.id() == id).ok_or_else(|| NotACause(id.to_owned()))
    }
}
