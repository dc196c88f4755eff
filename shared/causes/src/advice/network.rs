//! Services, load balancers, secrets and certificates.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        EndpointsNone,
        "The service has no ready pods behind it.",
        &["Check that pods with its selector exist and are ready."],
    ),
    (
        DnsCoredns,
        "The cluster's DNS does not answer.",
        &["Check CoreDNS: pods, logs, configuration, network to it."],
    ),
    (
        DnsUpstream,
        "The DNS server behind the cluster's DNS does not answer.",
        &["Resolve from a node; check the resolver that CoreDNS forwards to, and its limits."],
    ),
    (
        NetworkPolicyDenied,
        "A network policy blocks the connection.",
        &["Allow the direction, port and peer in a NetworkPolicy; do not forget DNS on UDP and TCP 53."],
    ),
    (
        LbSubnetUndiscovered,
        "The load balancer controller finds no fitting subnets.",
        &[
            "Tag subnets with kubernetes.io/role/elb or internal-elb in at least two zones.",
            "Or name the subnets in the annotation.",
        ],
    ),
    (
        LbCertMissing,
        "The load balancer's certificate is not there.",
        &["Request or import the certificate for the host, or correct its ARN."],
    ),
    (
        LbConfigConflict,
        "Settings of the load balancer contradict each other or are not valid.",
        &["Correct the annotations that the message names, on every object of the group."],
    ),
    (
        LbBackendMissing,
        "The ingress names a service or port that does not exist.",
        &["Create the service, or correct its name or port in the ingress."],
    ),
    (
        LbQuota,
        "The account's limit for load balancers is reached.",
        &["Ask for a higher quota, or share load balancers in an ingress group."],
    ),
    (
        LbTargetUnhealthy,
        "The load balancer finds its targets unhealthy.",
        &["Check the health check's port and path, and the security groups between load balancer and pods."],
    ),
    (
        LbThrottled,
        "The cloud's API for load balancers turns requests away.",
        &["Wait; reduce the number of reconciles and objects."],
    ),
    (
        IngressClassMissing,
        "No controller serves the ingress's class.",
        &["Correct ingressClassName, or install the controller."],
    ),
    (
        ServiceMissing,
        "A service that is referred to does not exist.",
        &["Create it, or correct the reference."],
    ),
    (
        ServicePortMismatch,
        "The service's port does not lead to a port of its pods.",
        &["Correct targetPort: the number or name that the container listens on."],
    ),
    (
        ServiceSelectsWrongPods,
        "The service's selector picks pods that it should not.",
        &["Correct the selector, so that it names this workload's pods alone."],
    ),
    (
        TrafficPolicyLocal,
        "Traffic that arrives at nodes without a pod is dropped.",
        &["Set the traffic policy to Cluster, or run a pod on every node."],
    ),
    (
        DnsPolicyWrong,
        "The pod's DNS settings do not lead to the cluster's DNS.",
        &[
            "Set dnsPolicy: ClusterFirst (with host network: ClusterFirstWithHostNet), and short search lists.",
        ],
    ),
    (
        IngressBackendWrong,
        "The ingress sends traffic to the wrong place.",
        &["Correct path, host, protocol and backend of the ingress."],
    ),
    (
        ExternalSecretDenied,
        "The secret store refuses access to the secret.",
        &["Allow the role or token to read this secret, and to use its key."],
    ),
    (
        ExternalSecretMissing,
        "The secret store has no such secret, key or version.",
        &["Create it there, or correct the reference."],
    ),
    (
        StoreNotReady,
        "The secret store cannot be used.",
        &["Look at the SecretStore's condition: credentials, address, trust."],
    ),
    (
        CertificateNotIssued,
        "The certificate was not issued.",
        &[
            "Look at the request, order and challenge below it; the deepest error tells.",
            "Check that the issuer exists and is ready.",
        ],
    ),
    (
        AcmeSelfCheckFailed,
        "The challenge cannot be answered over HTTP.",
        &["Request the challenge's address from outside: ingress class, redirects, firewall, DNS."],
    ),
    (
        AcmeDnsFailed,
        "The challenge cannot be answered over DNS.",
        &["Check the zone, the permission to change it, and delegation."],
    ),
    (
        AcmeRateLimited,
        "The certificate authority limits requests.",
        &[
            "Wait for the window to pass, and test against the staging server.",
            "Ask for fewer certificates, with more names each.",
        ],
    ),
    (CertExpired, "A certificate has expired.", &["Renew it, and reload what serves it."]),
    (CredentialExpired, "A credential has expired.", &["Renew it, and check what should have renewed it."]),
];
