//! Services, DNS, load balancers, ingress.

use crate::Cause::*;
use crate::context::{Domain, Input};
use crate::failure::Failure;
use crate::rule::{Reason, Rule};
use prodrome_model::Owner;

const BALANCE: &[Domain] = &[Domain::Balance];
const BALANCE_OR_OTHER: &[Domain] = &[Domain::Balance, Domain::Other, Domain::App];

pub(super) const REASONS: &[Reason] = &[
    ("BackendNotFound", LbBackendMissing, 88),
    ("DNSConfigForming", DnsPolicyWrong, 72),
    ("MissingClusterDNS", DnsPolicyWrong, 68),
    ("ConflictingIngressClass", LbConfigConflict, 85),
    ("Target.FailedHealthChecks", LbTargetUnhealthy, 93),
    ("Target.Timeout", LbTargetUnhealthy, 93),
    ("Target.ResponseCodeMismatch", LbTargetUnhealthy, 93),
    ("Target.NotInUse", LbTargetUnhealthy, 80),
    ("RefNotPermitted", IngressBackendWrong, 70),
    ("InvalidKind", IngressBackendWrong, 65),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        EndpointsNone,
        92,
        &[
            "service \"<service>\" does not have any active endpoint",
            "does not have any active endpoint",
            "no endpoints available for service \"<service>\"",
            "no endpoints available for service",
            "service <service> has no endpoints",
            "no endpoints found for service",
            "has no active endpoints",
            "no healthy endpoints",
            "no active endpoints",
        ],
    )
    .unless(&["failed calling webhook", "failed to call webhook", "metrics api", "apiservice"]),
    Rule::new(EndpointsNone, 72, &["no healthy upstream", "no live upstreams while connecting to upstream"]),
    Rule::new(
        DnsCoredns,
        92,
        &[
            "plugin/loop: loop (<*>) detected",
            "plugin/loop",
            "corefile:<*> - error during parsing",
            "error during parsing: unknown directive",
            "plugin/kubernetes: failed",
            "coredns is not ready",
            "plugin/ready: still waiting on: \"kubernetes\"",
            "plugin/kubernetes: kubernetes api connection failure",
            "plugin/kubernetes: unhandled error",
        ],
    )
    .rank(1),
    Rule::new(
        DnsUpstream,
        90,
        &[
            "plugin/errors: <*>: read udp <*>: i/o timeout",
            "plugin/errors: <*>: i/o timeout",
            "plugin/errors: <*>: connection refused",
            "plugin/errors: <*>no route to host",
            "plugin/errors: <*>: unreachable backend",
            "plugin/errors: <*>no healthy upstreams",
            "plugin/forward: no nameservers found",
            "plugin/errors: <*>network is unreachable",
        ],
    )
    .rank(2),
    Rule::new(DnsPolicyWrong, 72, &["search line limits were exceeded", "nameserver limits were exceeded"]),
    Rule::new(DnsPolicyWrong, 70, &["does not have clusterdns ip configured"]).owner(Owner::Platform),
    Rule::new(
        NetworkPolicyDenied,
        85,
        &[
            "policy denied",
            "policy verdict: denied",
            "blocked by network policy",
            "denied by network policy",
            "dropped by networkpolicy",
            "calico-packet: ",
            "xx drop (policy",
        ],
    ),
    Rule::new(
        LbSubnetUndiscovered,
        95,
        &[
            "unable to resolve at least one subnet",
            "unable to discover at least one subnet",
            "couldn't auto-discover subnets",
            "could not find any suitable subnets",
            "no matching subnets found",
            "subnets count less than minimal required count",
            "at least two subnets in two different availability zones",
            "retrieval of subnets failed to resolve",
            "could not find any subnets",
            "failed to discover subnets",
            "subnets matched but were filtered out",
            "multiple subnets in same availability zone",
        ],
    )
    .rank(1),
    Rule::new(
        LbCertMissing,
        95,
        &[
            "no certificate found for host: <host>",
            "certificatenotfound",
            "certificate '<certificate>' not found",
            "certificate arn <certificate> is not valid",
            "unsupportedcertificate",
            "no matching acm certificate",
            "could not find certificate",
            "error obtaining x.509 certificate",
            "error getting ssl certificate \"<certificate>\"",
        ],
    )
    .on(BALANCE_OR_OTHER)
    .rank(1),
    Rule::new(
        LbConfigConflict,
        92,
        &[
            "conflicting annotation <key>",
            "conflicting ",
            "conflicting scheme",
            "conflicting load balancer name",
            "invalid load balancer",
            "invalidconfigurationrequest",
            "duplicateloadbalancername",
            "duplicatetargetgroupname",
            "a load balancer with the same name",
            "already exists, but with different settings",
            "cannot be used with load balancer",
            "targettype is not supported",
            "invalid annotation",
            "failed to parse annotation",
            "invalid value for annotation",
            "unsupported protocol",
            "multiple listeners with the same port",
            "host \"<host>\" and path <path> is already defined in ingress <object>",
            "is already defined in ingress",
            "prioritieinuse",
            "priorityinuse",
            "must be specified for",
            "service type must be either 'nodeport' or 'loadbalancer'",
            "targetgroup port is empty",
            "invalid target type",
            "scheme must be either",
            "prefix path shouldn't contain wildcards",
            "invalid ingress spec",
            "invalid serviceport",
        ],
    )
    .on(BALANCE),
    Rule::new(
        LbConfigConflict,
        88,
        &[
            "host \"<host>\" and path <path> is already defined in ingress <object>",
            "is already defined in ingress",
        ],
    ),
    Rule::new(LbConfigConflict, 66, &["invalidparameter", "validationerror", "validation error(s)"])
        .on(BALANCE)
        .rank(-1),
    Rule::new(
        LbBackendMissing,
        93,
        &[
            "backend not found",
            "backend service <service> not found",
            "service \"<service>\" not found",
            "services \"<service>\" not found",
            "unable to find port <port> on service <service>",
            "missing serviceport",
            "missing actions.<key> configuration",
            "backend not found: <service>",
            "service port <port> not found",
            "error obtaining service endpoints",
            "no object matching key \"<service>\" in local store",
            "error getting service",
            "could not find service \"<service>\"",
            "could not find service",
            "error obtaining endpoints for service \"<service>\"",
        ],
    )
    .on(BALANCE)
    .rank(1),
    Rule::new(
        LbQuota,
        95,
        &[
            "toomanyloadbalancers",
            "toomanytargetgroups",
            "toomanyrules",
            "toomanytargets",
            "toomanylisteners",
            "toomanycertificates",
            "toomanyuniquetargetgroupsperloadbalancer",
            "toomanyregistrationsfortargetid",
            "loadbalancerlimitexceeded",
            "exceeded quota of load balancers",
            "rulespersecuritygrouplimitexceeded",
            "securitygrouplimitexceeded",
            "securitygroupspernetworkinterfacelimitexceeded",
            "toomanyactions",
            "toomanytags",
            "publicipcountlimitreached",
            "loadbalancercountlimitreached",
            "countlimitreached",
        ],
    )
    .rank(2),
    Rule::new(
        LbQuota,
        90,
        &[
            "quota '<quota>' exceeded",
            "quotaexceeded",
            "quota_exceeded",
            "quota exceeded",
            "limit exceeded",
            "limitexceeded",
            "reached the limit",
        ],
    )
    .on(BALANCE)
    .rank(3),
    Rule::new(
        LbThrottled,
        93,
        &[
            "throttling: rate exceeded",
            "throttlingexception",
            "requestlimitexceeded",
            "throttling",
            "rate exceeded",
            "toomanyrequestsexception",
        ],
    )
    .on(BALANCE)
    .rank(1),
    Rule::new(
        LbTargetUnhealthy,
        93,
        &[
            "target.failedhealthchecks",
            "target.timeout",
            "target.responsecodemismatch",
            "target.notinuse",
            "health checks failed with these codes",
            "health checks failed",
            "target group <*> has no healthy targets",
            "targets are unhealthy",
            "target health reason",
        ],
    )
    .on(BALANCE_OR_OTHER),
    Rule::new(
        LbTargetUnhealthy,
        62,
        &[
            "target-health.elbv2.k8s.aws",
            "initial health checks in progress",
            "target registration is in progress",
        ],
    )
    .rank(-1),
    Rule::new(
        IngressClassMissing,
        94,
        &[
            "ingressclass.networking.k8s.io \"<ingressClass>\" not found",
            "ingressclasses.networking.k8s.io \"<ingressClass>\" not found",
            "invalid ingress class",
            "ingress class <ingressClass> not found",
            "no ingressclass",
            "ingress does not contain a valid ingressclass",
            "ingressclass with name <ingressClass> not found",
            "ingressclass with name <ingressClass> is not valid",
            "ingress class annotation is not equal to the expected",
        ],
    )
    .rank(2),
    Rule::new(
        ServiceMissing,
        90,
        &[
            "services \"<service>\" not found",
            "service \"<service>\" not found",
            "service <service> does not exist",
            "cannot create service: service not found",
            "cannot create service<*>error=\"service not found\"",
            "error obtaining endpoints for service \"<service>\": no object matching key",
            "error obtaining endpoints for service \"<service>\"",
        ],
    )
    .on(&[Domain::Other, Domain::App, Domain::Admit, Domain::Start, Domain::Volume])
    .unless(&["failed calling webhook", "failed to call webhook"]),
    Rule::new(
        ServicePortMismatch,
        90,
        &[
            "does not have a port named <port>",
            "couldn't find port <port> for",
            "could not find port <port>",
            "service <service> does not have port <port>",
            "no port named <port>",
            "unable to find port <port>",
            "does not expose port",
            "service port not found",
            "does not contain port <port>",
            "no service port <port> found",
            "error forwarding port <port> to pod",
        ],
    )
    .on(&[Domain::Other, Domain::App, Domain::Admit, Domain::Start])
    .unless(&["failed calling webhook", "failed to call webhook"]),
    Rule::new(
        ServiceSelectsWrongPods,
        70,
        &["selector matches pods of other", "selects pods of more than one", "selector overlaps"],
    ),
    Rule::new(
        TrafficPolicyLocal,
        78,
        &[
            "externaltrafficpolicy is local but",
            "no local endpoints",
            "has no local endpoints",
            "service has no local endpoints",
        ],
    ),
    Rule::new(
        IngressBackendWrong,
        86,
        &[
            "while ssl handshaking to upstream",
            "upstream sent no valid http/1.0 header while reading response header from upstream",
            "upstream sent invalid header",
            "backendref <service> not found",
            "default backend - 404",
            "upstream prematurely closed connection while reading response header",
        ],
    )
    .rank(2),
    Rule::new(
        WebhookUnreachable,
        92,
        &[
            "failed calling webhook \"mservice.elbv2.k8s.aws\"",
            "failed calling webhook \"mtargetgroupbinding.elbv2.k8s.aws\"",
            "failed calling webhook \"vingress.elbv2.k8s.aws\"",
        ],
    ),
];

/// What an inner error means to a load balancer's controller.
pub(super) fn failure(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    Some(match failure {
        Failure::Http(429) => (LbThrottled, 85, 0),
        Failure::Http(403) if input.has_any(&["elasticloadbalancing", "ec2", "amazonaws"]) => {
            (IamDenied, 72, 0)
        }
        Failure::Refused | Failure::Timeout if input.has("while connecting to upstream") => {
            (AppDependencyUnreachable, 70, 0)
        }
        _ => return None,
    })
}
