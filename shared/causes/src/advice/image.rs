//! Images and sandboxes.

use super::Advice;
use crate::Cause::*;

pub(super) const ADVICE: &[Advice] = &[
    (
        ImageNotFound,
        "The registry has no such image or tag.",
        &[
            "Compare the image's name and tag with what was pushed.",
            "Push the tag, or set the workload back to one that exists.",
        ],
    ),
    (
        ImageAuth,
        "The registry refuses to let this workload pull the image.",
        &[
            "Check that the image's name is right: many registries answer the same for what does not exist.",
            "Check that the pod or its service account names a pull secret for exactly this registry host.",
            "Renew the credential in that secret if it has expired.",
        ],
    ),
    (
        ImageNodeCredential,
        "The node's own credential does not open the registry.",
        &[
            "Check the node role's permission to pull (for ECR: ecr:GetAuthorizationToken, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer) and the repository's policy.",
            "Check that the kubelet's credential provider is configured and its plugin runs.",
        ],
    ),
    (
        ImageRateLimited,
        "The registry limits how many pulls it serves, and the limit is reached.",
        &[
            "Pull with a credential of your own, as anonymous pulls share one limit.",
            "Serve the image from a pull-through cache or a mirror.",
            "Wait for the limit's window to pass; running pods are not affected.",
        ],
    ),
    (
        RegistryUnavailable,
        "The registry answers with server errors.",
        &[
            "Look at the registry's status page or at its own pods and logs.",
            "Pull from a mirror until it is back; the kubelet goes on trying.",
        ],
    ),
    (
        RegistryDns,
        "The registry's host name cannot be resolved on the node.",
        &[
            "Check the host's spelling in the image reference.",
            "Resolve the name on the node; nodes do not know names of cluster services.",
            "Check the node's resolver and its upstream.",
        ],
    ),
    (
        RegistryUnreachable,
        "The node cannot reach the registry over the network.",
        &[
            "Connect from the node to the registry's port.",
            "Check egress: NAT, route, security group, firewall, proxy settings of the container runtime.",
            "Check that the registry listens there.",
        ],
    ),
    (
        RegistryTlsUntrusted,
        "The node does not trust the registry's certificate, or the registry does not speak TLS.",
        &[
            "Install the issuing authority's certificate for this host in the container runtime's configuration.",
            "Check that the certificate names the host that the image reference uses.",
            "Look for a proxy on the way that signs anew.",
        ],
    ),
    (
        RegistryTlsExpired,
        "The registry's certificate has expired.",
        &[
            "Renew the registry's certificate.",
            "Check the node's clock if the certificate looks valid from elsewhere.",
        ],
    ),
    (
        NodeClockSkew,
        "The node's clock is wrong, so that valid certificates look invalid.",
        &[
            "Check time synchronisation (chrony, ntpd) on the node.",
            "Replace the node if its clock does not hold.",
        ],
    ),
    (
        NodeDiskFull,
        "The node has no disk space left.",
        &[
            "Free space on the node, or replace it: unused images and old logs first.",
            "Give nodes larger disks, or limit ephemeral storage of the pods that fill them.",
        ],
    ),
    (
        ImagePlatformMismatch,
        "The image was built for another processor or system than the node's.",
        &[
            "Build and push the image for the node's platform, best as a multi-platform image.",
            "Until then select nodes of the image's platform.",
        ],
    ),
    (
        ImageNameInvalid,
        "The image reference is not a valid one.",
        &[
            "Correct the reference: lower case, no scheme, one tag.",
            "Look for a template variable that was left empty.",
        ],
    ),
    (
        ImageNeverPull,
        "The pod forbids pulling, and the image is not on the node.",
        &["Set imagePullPolicy to IfNotPresent, or load the image onto every node."],
    ),
    (
        ImageSignature,
        "The image's signature does not satisfy the node's policy.",
        &[
            "Sign the image with the key that the policy names.",
            "Compare the registry and repository with the policy's scopes.",
        ],
    ),
    (
        ImageUnpackFailed,
        "The image was fetched but could not be unpacked.",
        &[
            "Delete the image on the node and pull again.",
            "If it fails on several nodes push the image again: a layer in the registry or the cache is broken.",
            "Check the node's disk and snapshotter.",
        ],
    ),
    (
        ImagePullSlow,
        "Pulling the image takes longer than the runtime waits.",
        &[
            "Make the image smaller, or keep it on the nodes beforehand.",
            "Check the bandwidth from the node to the registry.",
        ],
    ),
    (
        ImagePullThrottled,
        "The node holds back image pulls to keep its own limit.",
        &[
            "Wait: the kubelet tries again.",
            "Raise registryPullQPS, registryBurst or maxParallelImagePulls of the kubelet if it happens often.",
        ],
    ),
    (
        ImagePolicyDenied,
        "A policy does not let this image run.",
        &[
            "Use an image from an allowed registry, or with the digest or scan that the policy asks for.",
            "Ask the policy's owner for an exception.",
        ],
    ),
    (
        CniNotReady,
        "The node's pod network is not ready.",
        &[
            "Check the network plugin's pod on that node, and its logs.",
            "Check that the plugin wrote its configuration to /etc/cni/net.d.",
        ],
    ),
    (
        IpExhausted,
        "There is no free address for the pod.",
        &[
            "Check free addresses of the subnet or of the node's pool.",
            "Add subnets or a larger range, or remove pods that are done.",
        ],
    ),
    (
        SandboxCreateFailed,
        "The pod's sandbox could not be made.",
        &[
            "Read the inner error: network plugin, runtime, or kernel of the node.",
            "Check other pods on that node; drain and replace it if all fail.",
        ],
    ),
    (
        RuntimeDown,
        "The node's container runtime does not answer.",
        &[
            "Check containerd or CRI-O on the node, and restart it.",
            "Replace the node if it does not come back.",
        ],
    ),
    (
        RuntimeClassMissing,
        "The pod asks for a runtime class that the cluster or the node does not have.",
        &[
            "Correct runtimeClassName, or create the RuntimeClass.",
            "Check that the node's runtime is configured with that handler.",
        ],
    ),
    (
        DeviceUnavailable,
        "A device that the pod was promised is not available on the node.",
        &[
            "Check the device plugin's pod on that node and the device's health.",
            "Restart the device plugin; drain the node if the device is broken.",
        ],
    ),
];
