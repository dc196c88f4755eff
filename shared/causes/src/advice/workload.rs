//! Controllers, admission, jobs, autoscaling.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        RolloutBadVersion,
        "The new version does not become ready.",
        &["Look at the newest pods for the deeper cause.", "Roll back if users feel it."],
    ),
    (
        QuotaExceeded,
        "The namespace's quota does not allow more.",
        &[
            "Remove what is not used, or ask for a larger quota.",
            "For a quota that asks for requests or limits, set them in the pod template.",
        ],
    ),
    (
        LimitrangeViolation,
        "The pod's requests or limits are outside of what the namespace allows.",
        &["Change them to fit the LimitRange that the message names."],
    ),
    (
        PsaViolation,
        "The pod breaks the namespace's pod security standard.",
        &[
            "Set the fields of securityContext that the message names.",
            "Ask for another level for the namespace if the workload really needs it.",
        ],
    ),
    (
        AdmissionDenied,
        "A policy of the cluster refuses the object.",
        &["Change the object as the message says, or ask the policy's owner."],
    ),
    (
        AdmissionSysctl,
        "The pod asks for a sysctl that its node does not allow.",
        &["Drop the sysctl, or allow it in the kubelet (allowedUnsafeSysctls)."],
    ),
    (
        WebhookUnreachable,
        "An admission webhook does not answer, so objects cannot be created.",
        &[
            "Check the webhook's pods and service.",
            "Set its failurePolicy to Ignore, or remove its configuration, if it is gone.",
        ],
    ),
    (
        WebhookTls,
        "The API server does not trust an admission webhook's certificate.",
        &["Check the caBundle of its configuration against the certificate that it serves, and its dates."],
    ),
    (
        RbacDenied,
        "The user or service account may not do this.",
        &["Grant the verb on the resource with a Role and a RoleBinding."],
    ),
    (
        ImmutableField,
        "The change touches a field that cannot be changed.",
        &["Delete and create the object anew, or give it another name."],
    ),
    (
        JobBackoff,
        "The job failed as often as it may.",
        &["Look at its last pod's log.", "Correct the cause and start the job again."],
    ),
    (
        JobDeadline,
        "The job took longer than it may.",
        &[
            "Look where the time went: waiting, pulling, or running.",
            "Raise activeDeadlineSeconds if it needs longer.",
        ],
    ),
    (
        CronMissed,
        "Scheduled runs were missed.",
        &[
            "Check that the controller manager ran at that time.",
            "Set startingDeadlineSeconds, so that old misses are forgotten.",
        ],
    ),
    (
        HpaMetricsMissing,
        "The autoscaler gets no metrics.",
        &["Check metrics-server or the metrics adapter, and its APIService."],
    ),
    (
        HpaNoRequests,
        "The autoscaler needs resource requests that the pods do not set.",
        &["Set requests in every container of the pods, sidecars as well."],
    ),
    (
        HpaBadTarget,
        "The autoscaler's target does not exist or cannot be scaled.",
        &["Correct scaleTargetRef, or the metric's definition."],
    ),
    (
        HpaAtMax,
        "The autoscaler is at its maximum.",
        &["Raise maxReplicas if the load is real.", "Find what drives the metric."],
    ),
    (
        PdbBlocks,
        "A disruption budget does not allow the eviction.",
        &["Make the unhealthy pods healthy, or add a replica.", "Correct a budget that never allows any."],
    ),
    (
        FinalizerStuck,
        "The deletion waits for a finalizer that nobody removes.",
        &[
            "Check that the finalizer's controller runs.",
            "Remove the finalizer by hand only if what it protects is gone.",
        ],
    ),
    (
        ApiserviceDown,
        "An API that another server provides is unavailable.",
        &[
            "Check the service and pods behind the APIService.",
            "Delete the APIService if its server was removed.",
        ],
    ),
    (ScaledToZero, "The workload is scaled to zero.", &["Scale it up if it should run."]),
    (
        InitStuck,
        "An init container does not end, so the pod does not start.",
        &["Look at the init container's log: what does it wait for?"],
    ),
    (
        JobSidecarBlocks,
        "The job's work is done, but a sidecar keeps the pod alive.",
        &["Make the sidecar a native one: an init container with restartPolicy Always."],
    ),
    (
        ConflictingWriter,
        "Two writers change the same object against each other.",
        &["Find them by managedFields, and let one own the field."],
    ),
    (
        WebhookMutatesWrongly,
        "A mutating webhook makes the object invalid.",
        &["Compare the object with what was sent; correct the webhook or exclude the namespace."],
    ),
];
