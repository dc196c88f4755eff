//! The closed vocabulary, id by id with its owner (u user, p platform, c cloud).

use prodrome_causes::Cause;
use prodrome_model::Owner;

const VOCABULARY: &[&str] = &[
    "image-not-found:u image-auth:u image-node-credential:p image-rate-limited:u registry-unavailable:c registry-dns:p registry-unreachable:p registry-tls-untrusted:p registry-tls-expired:p node-clock-skew:p node-disk-full:p image-platform-mismatch:u image-name-invalid:u image-never-pull:u image-signature:u image-unpack-failed:p image-pull-slow:p image-pull-throttled:p image-policy-denied:u",
    "cni-not-ready:p ip-exhausted:p sandbox-create-failed:p runtime-down:p runtime-class-missing:u device-unavailable:p",
    "config-ref-missing:u command-not-found:u command-not-executable:u run-as-root-denied:u subpath-failed:u cgroup-failed:p poststart-failed:u service-account-missing:u",
    "oom-killed:u node-oom:p probe-failed:u app-error:u app-config-missing:u app-dependency-unreachable:u app-dependency-auth:u app-dns-failure:p app-tls:u app-port-in-use:u app-module-missing:u app-file-permission:u app-disk-full:u app-completed:u app-db-migration:u app-deadlock:u app-forced-kill:p app-config-wrong:u",
    "insufficient-resources:p taint-not-tolerated:u nodes-not-ready:p affinity-mismatch:u topology-spread:u volume-zone-conflict:p too-many-pods:p pvc-unbound:u host-port-conflict:u volume-attach-limit:p scheduling-gated:u scheduler-down:p preempted:u nodepool-limits:p capacity-unavailable:c cloud-quota:c kubelet-admission-rejected:p node-cordoned:p",
    "volume-multi-attach:p volume-attach-failed:c volume-not-found:c volume-mount-timeout:p nfs-access-denied:p nfs-unreachable:p mount-program-missing:p fs-corrupt:p volume-full:u csi-driver-missing:p csi-controller-down:p storageclass-missing:u volume-expand-failed:p iam-denied:p kms-denied:p pvc-missing:u rwo-volume-shared:u",
    "node-kubelet-down:p node-network:p node-disk-pressure:p node-memory-pressure:p node-pid-pressure:p node-kernel:p node-terminated:c node-bootstrap-failed:p node-shutdown:p",
    "evicted-node-pressure:p evicted-storage-limit:u evicted-taint:p evicted-api:p",
    "rollout-bad-version:u quota-exceeded:u limitrange-violation:u psa-violation:u admission-denied:u admission-sysctl:u webhook-unreachable:p webhook-tls:p rbac-denied:u immutable-field:u job-backoff:u job-deadline:u cron-missed:p hpa-metrics-missing:p hpa-no-requests:u hpa-bad-target:u hpa-at-max:u pdb-blocks:u finalizer-stuck:p apiservice-down:p scaled-to-zero:u init-stuck:u job-sidecar-blocks:u conflicting-writer:p webhook-mutates-wrongly:p",
    "endpoints-none:u dns-coredns:p dns-upstream:p network-policy-denied:u lb-subnet-undiscovered:p lb-cert-missing:u lb-config-conflict:u lb-backend-missing:u lb-quota:c lb-target-unhealthy:u lb-throttled:c ingress-class-missing:u service-missing:u service-port-mismatch:u service-selects-wrong-pods:u traffic-policy-local:u dns-policy-wrong:u ingress-backend-wrong:u",
    "external-secret-denied:p external-secret-missing:u store-not-ready:p certificate-not-issued:u acme-self-check-failed:u acme-dns-failed:u acme-rate-limited:u cert-expired:u credential-expired:p",
    "apiserver-unreachable:p apiserver-overload:p apiserver-to-kubelet-blocked:p etcd-full:p etcd-slow:p controller-leader-lost:p control-plane-cert-expired:p",
];

#[test]
fn the_vocabulary_is_whole_and_closed() {
    let want: Vec<(&str, Owner)> = VOCABULARY
        .iter()
        .flat_map(|line| line.split(' '))
        .map(|entry| {
            let (id, owner) = entry.split_once(':').unwrap();
            let owner = match owner {
                "u" => Owner::User,
                "p" => Owner::Platform,
                _ => Owner::Cloud,
            };
            (id, owner)
        })
        .collect();
    let have: Vec<_> = Cause::ALL.iter().map(|cause| (cause.id(), cause.owner())).collect();
    assert_eq!(have, want);
}

#[test]
fn ids_are_read_as_they_are_written() {
    for &cause in Cause::ALL {
        assert_eq!(cause.id().parse::<Cause>().unwrap(), cause);
        assert_eq!(serde_json::to_string(&cause).unwrap(), format!("\"{}\"", cause.id()));
    }
    assert!("image-not-there".parse::<Cause>().is_err());
}
