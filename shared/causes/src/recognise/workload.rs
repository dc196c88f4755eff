//! Controllers, admission, quota, jobs, autoscaling.

use crate::Cause::*;
use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::failure::Failure;
use crate::rule::{Reason, Rule};

const SCALE: &[Domain] = &[Domain::Scale];

pub(super) const REASONS: &[Reason] = &[
    ("ProgressDeadlineExceeded", RolloutBadVersion, 72),
    ("BackoffLimitExceeded", JobBackoff, 94),
    ("PodFailurePolicy", JobBackoff, 82),
    ("FailedIndexes", JobBackoff, 82),
    ("MaxFailedIndexesExceeded", JobBackoff, 85),
    ("TooManyMissedTimes", CronMissed, 94),
    ("MissSchedule", CronMissed, 92),
    ("UnparseableSchedule", AppConfigWrong, 60),
    ("InvalidSchedule", AppConfigWrong, 60),
    ("UnknownTimeZone", AppConfigWrong, 60),
    ("SomeFinalizersRemain", FinalizerStuck, 94),
    ("DiscoveryFailed", ApiserviceDown, 88),
    ("FailedDiscoveryCheck", ApiserviceDown, 92),
    ("MissingEndpoints", ApiserviceDown, 85),
    ("FailedGetScale", HpaBadTarget, 85),
    ("InvalidMetricSourceType", HpaBadTarget, 85),
    ("AmbiguousSelector", HpaBadTarget, 80),
    ("InvalidSelector", HpaBadTarget, 85),
    ("SelectorRequired", HpaBadTarget, 85),
    ("TooManyReplicas", HpaAtMax, 92),
    ("ScalingDisabled", ScaledToZero, 92),
    ("FailedGetResourceMetric", HpaMetricsMissing, 68),
    ("FailedGetContainerResourceMetric", HpaMetricsMissing, 68),
    ("FailedGetPodsMetric", HpaMetricsMissing, 72),
    ("FailedGetObjectMetric", HpaMetricsMissing, 72),
    ("FailedGetExternalMetric", HpaMetricsMissing, 75),
    ("FailedComputeMetricsReplicas", HpaMetricsMissing, 60),
    ("KEDAScalerFailed", HpaMetricsMissing, 72),
    ("SysctlForbidden", AdmissionSysctl, 95),
    ("PolicyViolation", AdmissionDenied, 75),
    ("ContainersNotInitialized", InitStuck, 50),
    ("InsufficientPods", PdbBlocks, 78),
    ("FailedDraining", PdbBlocks, 58),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        RolloutBadVersion,
        75,
        &[
            "\" has timed out progressing",
            "exceeded its progress deadline",
            "exceeded progress deadline",
            "rollout aborted update to revision",
            "rolloutaborted: ",
        ],
    ),
    // A release that waits for its objects, and gives up.
    Rule::new(
        RolloutBadVersion,
        68,
        &[
            "helm upgrade failed for release <*>: context deadline exceeded",
            "helm install failed for release <*>: context deadline exceeded",
            "helm upgrade failed for release <*>timed out waiting for the condition",
            "helm install failed for release <*>timed out waiting for the condition",
            "timeout waiting for: [<*> status: 'inprogress'",
        ],
    ),
    Rule::new(
        QuotaExceeded,
        97,
        &[
            "exceeded quota: <quota>, requested: <requested>, used: <used>, limited: <limited>",
            "exceeded quota: <quota>",
            "exceeded quota",
            "failed quota: <quota>: must specify <requested>",
            "failed quota: <quota>",
            "insufficient quota to match these scopes",
            "insufficient quota to consume: <resource>",
        ],
    )
    .unless(&["servicequota", "approved "])
    .rank(1),
    Rule::new(
        LimitrangeViolation,
        96,
        &[
            "maximum <resource> usage per <*> is <limited>, but limit is <requested>",
            "maximum <resource> usage per <*> is <limited>, but request is <requested>",
            "minimum <resource> usage per <*> is <limited>, but request is <requested>",
            "minimum <resource> usage per <*> is <limited>, but limit is <requested>",
            "maximum <resource> usage per <*> is <limited>. no limit is specified",
            "minimum <resource> usage per <*> is <limited>. no request is specified",
            "<resource> max limit to request ratio per <*> is <limited>, but provided ratio is",
            "max limit to request ratio per",
            "maximum storage usage per persistentvolumeclaim is <limited>",
            "minimum storage usage per persistentvolumeclaim is <limited>",
            // A range's default limit below what the container requests itself.
            "must be less than or equal to <resource> limit",
        ],
    )
    .rank(1),
    Rule::new(PsaViolation, 97, &["violates podsecurity \"<object>\": <detail>", "violates podsecurity"])
        .rank(1),
    Rule::new(
        PsaViolation,
        85,
        &[
            "unable to validate against any pod security policy",
            "unable to validate against any security context constraint",
            "podsecuritypolicy: unable to admit pod",
        ],
    )
    .rank(1),
    Rule::new(
        AdmissionDenied,
        93,
        &[
            "admission webhook \"<webhook>\" denied the request: <detail>",
            "admission webhook \"<webhook>\" denied the request",
            "admission webhook \"<webhook>\" denied",
            "validatingadmissionpolicy '<object>' with binding <*> denied request",
            "denied by policy",
            "validation error: <detail>. rule <*> failed at path",
        ],
    ),
    Rule::new(
        AdmissionDenied,
        75,
        &[
            "no priorityclass with name <object> was found",
            "is forbidden: pod <*> policy",
            "rejected by admission controller",
            "denied the request",
        ],
    )
    .rank(-1),
    Rule::new(
        AdmissionSysctl,
        96,
        &[
            "forbidden sysctl: \"<key>\" not allowlisted",
            "forbidden sysctl: \"<key>\"",
            "sysctl: cannot set",
            "sysctl \"<key>\" is not allowed",
        ],
    )
    .unless(&["violates podsecurity"])
    .rank(1),
    Rule::new(
        WebhookUnreachable,
        88,
        &[
            "failed calling webhook \"<webhook>\"",
            "failed calling webhook",
            "failed to call webhook",
            "failed calling admission webhook",
            "conversion webhook for <object> failed",
        ],
    ),
    Rule::new(
        WebhookMutatesWrongly,
        92,
        &[
            "add operation does not apply: doc is missing path",
            "remove operation does not apply: doc is missing",
            "replace operation does not apply: doc is missing",
            "webhook returned response.patch but not response.patchtype",
            "received invalid webhook response",
            "invalid response from webhook",
            "expected response.uid",
            "webhook attempted to modify",
            "attempted to modify the object, which is not supported",
            "expected webhook response of",
            "invalid character <*> in webhook response",
            "jsonpatch <*> operation",
        ],
    )
    .rank(3),
    Rule::new(
        RbacDenied,
        94,
        &[
            "is forbidden: user \"<user>\" cannot <action> resource \"<resource>\"",
            "is forbidden: user \"<user>\" cannot <action> ",
            "forbidden: user \"<user>\" cannot",
            "attempting to grant rbac permissions not currently held",
            "user <*> cannot list resource",
            "forbidden: not yet ready to handle request",
            "is forbidden: cannot set blockownerdeletion",
            "may not reference namespaced issuer",
            "requester may not reference",
        ],
    )
    .unless(&["failed calling webhook"])
    .rank(2),
    Rule::new(RbacDenied, 85, &["unable to create <*>: forbidden", "error from server (forbidden)"]).unless(
        &["denied the request", "exceeded quota", "violates podsecurity", "usage per", "failed quota"],
    ),
    Rule::new(
        ImmutableField,
        95,
        &[
            "field is immutable",
            "pod updates may not change fields other than",
            "may not change fields other than",
            "updates to statefulset spec for fields other than",
            "updates to statefulset spec",
            "is immutable after creation",
            "field can not be changed",
            "may not be changed once set",
            "may not change once set",
            "is immutable, and may not be changed",
            "may only be set on creation",
            "cannot change roleref",
            "is immutable once",
            "updates to parameters are forbidden",
            "is immutable when `immutable` is set",
            "cannot be changed after creation",
        ],
    )
    .rank(2),
    Rule::new(
        JobBackoff,
        94,
        &[
            "job has reached the specified backoff limit",
            "job has reached the specified maximal number of retries",
        ],
    ),
    Rule::new(
        JobBackoff,
        82,
        &[
            "failed with exit code <exitCode> matching failjob rule",
            "matching failjob rule at index",
            "job has failed indexes",
            "specified maximal number of failed indexes",
        ],
    ),
    Rule::new(
        JobDeadline,
        95,
        &[
            "job was active longer than specified deadline",
            "pod was active on the node longer than the specified deadline",
            "longer than specified deadline",
        ],
    ),
    Rule::new(
        CronMissed,
        94,
        &[
            "too many missed start time",
            "missed scheduled time to start a job",
            "missed starting window",
            "missed start time",
        ],
    ),
    Rule::new(
        HpaNoRequests,
        96,
        &[
            "missing request for <resource> in container <container> of pod <pod>",
            "missing request for <resource>",
            "missing pod-level request for <resource>",
        ],
    )
    .rank(2),
    Rule::new(
        HpaMetricsMissing,
        94,
        &[
            "no metrics returned from resource metrics api",
            "no metrics returned from custom metrics api",
            "no metrics returned from external metrics api",
            "unable to fetch metrics from resource metrics api",
            "unable to fetch metrics from <*> metrics api",
            "unable to fetch metrics from custom metrics api",
            "unable to fetch metrics from external metrics api",
            "unable to get external metric",
            "no custom metrics api",
            "no external metrics api",
            "the server could not find the requested resource (get pods.metrics.k8s.io)",
            "metrics api not available",
            "the server could not find the metric",
            "metrics.k8s.io",
            "error getting metric",
            "no recommendation",
        ],
    )
    .on(SCALE),
    Rule::new(
        HpaMetricsMissing,
        80,
        &[
            "did not receive metrics for targeted pods",
            "did not receive metrics for any ready pods",
            "metrics not available yet",
            "metrics api not available",
            "no matching metrics found for",
        ],
    ),
    Rule::new(
        HpaBadTarget,
        92,
        &[
            "unable to get the target's current scale",
            "unable to determine resource for scale target reference",
            "the hpa target's scale is missing a selector",
            "are controlled by multiple hpas",
            "failed to query scale subresource for",
            "invalid api version in scale target reference",
            "container <container> not found in pod",
            "no matches for kind <*> in group",
            "no pods returned by selector while calculating replica count",
            "scaledobject doesn't have correct scaletargetref",
        ],
    )
    .on(SCALE)
    .rank(1),
    Rule::new(
        HpaAtMax,
        94,
        &[
            "the desired replica count is more than the maximum replica count",
            "more than the maximum replica count",
            "above the maximum replica count",
        ],
    ),
    Rule::new(
        ScaledToZero,
        92,
        &[
            "scaling is disabled since the replica count of the target is zero",
            "scaled to zero",
            "replica count of the target is zero",
            "deactivated apps/v1.deployment",
        ],
    ),
    Rule::new(
        PdbBlocks,
        95,
        &[
            "cannot evict pod as it would violate the pod's disruption budget",
            "violate the pod's disruption budget",
            "the disruption budget <object> needs <requested> healthy pods and has <used> currently",
            "prevents pod evictions",
            "more than one poddisruptionbudget",
            "due to pod disruption budget",
            "not enough pod disruption budget",
            "reached max errors in too many: poddisruptionbudget",
            "pdb <object> prevents",
            "does not have enough healthy pods to be disrupted",
        ],
    )
    .rank(2),
    Rule::new(
        FinalizerStuck,
        94,
        &[
            "has finalizers remaining: <finalizer> in ",
            "finalizers remaining",
            "waiting for finalizer",
            "object is being deleted: <*> finalizer",
            "failed to remove finalizer",
            "failed to delete finalizer",
        ],
    )
    .rank(1),
    Rule::new(
        FinalizerStuck,
        60,
        &[
            "some resources are remaining:",
            "because it is being terminated",
            "unable to create new content in namespace <namespace> because it is being terminated",
        ],
    ),
    Rule::new(
        ApiserviceDown,
        92,
        &[
            "unable to retrieve the complete list of server apis: <resource>:",
            "discovery failed for some groups",
            "failing or missing response from https://",
            "endpoints for service/<service> in \"<namespace>\" have no addresses",
            "service/<service> in \"<namespace>\" is not present",
            "couldn't get resource list for <resource>:",
            "couldn't get current server api group list",
        ],
    )
    .unless(&["resource metrics api", "custom metrics api", "external metrics api"])
    .rank(1),
    Rule::new(InitStuck, 60, &["containers with incomplete status: [<container>]"]),
    Rule::new(InitStuck, 70, &["waiting for init container", "init container <container> is still running"]),
    Rule::new(
        JobSidecarBlocks,
        70,
        &["sidecar <container> is still running", "sidecar container keeps the pod", "waiting for sidecar"],
    ),
    Rule::new(
        ConflictingWriter,
        92,
        &["apply failed with <*> conflict", "conflict with \"<user>\" using", "conflicts with \"<user>\""],
    ),
    Rule::new(
        ConflictingWriter,
        50,
        &["the object has been modified; please apply your changes to the latest version"],
    ),
    Rule::new(ScaledToZero, 75, &["replicas set to 0", "scaled to 0 replicas"]),
];

/// What an inner error means where objects are created and changed.
pub(super) fn failure(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    let webhook = input.has_any(&["failed calling webhook", "failed to call webhook", "conversion webhook"]);
    Some(match failure {
        Failure::Untrusted | Failure::WrongName | Failure::PlainHttp | Failure::Expired | Failure::Tls
            if webhook =>
        {
            (WebhookTls, 95, 2)
        }
        Failure::ClockBehind if webhook => (NodeClockSkew, 80, 2),
        _ if webhook => (WebhookUnreachable, 94, 1),
        Failure::Refused | Failure::Timeout | Failure::NoRoute | Failure::HandshakeTimeout => {
            (ApiserverUnreachable, 75, 0)
        }
        Failure::Http(429) => (ApiserverOverload, 75, 0),
        _ => return None,
    })
}

/// What an inner error means where an autoscaler asks for metrics.
pub(super) fn scale_failure(failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    match failure {
        Failure::DiskFull | Failure::ReadOnly | Failure::Permission => None,
        _ => Some((HpaMetricsMissing, 88, 0)),
    }
}

/// Words of a policy's refusal that are about images.
const ABOUT_IMAGES: &[&str] = &[
    "image registry",
    "invalid image repo",
    "untrusted registry",
    "allowed registr",
    "allowed repo",
    "registry is not allowed",
    "image is not allowed",
    "images are not allowed",
    "unknown image registry",
    "mutable image tag",
    "image tag is required",
    "an image tag is required",
    "failed to verify image",
    "no matching signatures",
    "image signature",
    "latest tag",
    "tag 'latest'",
    "':latest'",
    "disallowed tag",
    "image verification",
    "unapproved registry",
    "not from an approved registry",
    "image digest",
    "vulnerab",
];

/// What hangs on several words at once.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    if input.has("denied the request") && input.has_any(ABOUT_IMAGES) {
        for candidate in candidates.iter_mut().filter(|candidate| candidate.cause == AdmissionDenied) {
            candidate.cause = ImagePolicyDenied;
            candidate.confidence = candidate.confidence.min(0.85);
        }
    }
    // `failed calling webhook …: no endpoints available for service` is the webhook's matter.
    if input.has_any(&["failed calling webhook", "failed to call webhook"])
        && input.has("no endpoints available for service")
    {
        candidates.push(Candidate { rank: 2, ..Candidate::new(WebhookUnreachable, 96, 0..0) });
    }
    // A terminated Job's condition and a pod's share this word.
    if input.reason == "DeadlineExceeded" && input.domain != Domain::Pull {
        candidates.push(Candidate::new(JobDeadline, 80, 0..0));
    }
}
