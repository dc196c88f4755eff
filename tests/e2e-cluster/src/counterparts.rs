//! What each recording holds happens here too, as a scenario of its name or of this one; or it is said why not.

use crate::scenario::scenarios;
use std::collections::BTreeSet;
use std::path::Path;

/// Recordings, and the scenarios that let the same happen under another name.
const COUNTERPARTS: [(&str, &str); 49] = [
    ("config-missing-configmap", "config-map-missing"),
    ("config-missing-secret-key", "secret-key-missing"),
    ("config-run-as-root", "root-denied"),
    ("crash-bad-command", "command-missing"),
    ("crash-dependency", "dependency-without-name"),
    ("crash-exit-0", "completes-again-and-again"),
    ("crash-exit-1", "crash-loop"),
    ("crash-loop-long", "crash-loop"),
    ("crash-missing-config-file", "file-of-settings-missing"),
    ("evicted-emptydir", "evicted"),
    ("graceful-scale-down", "scaled-down"),
    ("healthy-rollout", "rollout"),
    ("hpa-missing-target", "scaler-without-target"),
    ("image-auth-required", "image-without-secret"),
    ("image-auth-wrong", "image-wrong-password"),
    ("image-connection-refused", "registry-closed"),
    ("image-dns-servfail", "registry-name-broken"),
    ("image-host-unresolvable", "registry-without-name"),
    ("image-invalid-name", "image-name-invalid"),
    ("image-never-pull", "image-never-pulled"),
    ("image-pull-long", "image-tag-missing"),
    ("image-pull-secret-good", "right-password"),
    ("image-rate-limited", "registry-limits-pulls"),
    ("image-registry-503", "registry-ill"),
    ("image-repo-missing", "image-repository-missing"),
    ("image-wrong-platform", "image-of-other-platform"),
    ("image-x509", "registry-not-trusted"),
    ("init-container-failing", "init-failing"),
    ("job-backoff-limit", "job-failing"),
    ("job-deadline", "job-too-slow"),
    ("job-success", "job-finishing"),
    ("liveness-http-404", "killed-by-its-probe"),
    ("namespace-terminating", "finalizer"),
    ("node-cni-missing", "network-gone"),
    ("node-drain", "drained"),
    ("node-notready-kubelet-stopped", "kubelet-stopped"),
    ("poststart-hook-fails", "hook-failing"),
    ("pvc-class-missing", "claim-without-class"),
    ("quota-exceeded", "quota"),
    ("readiness-never", "never-ready"),
    ("service-selects-nothing", "selects-nothing"),
    ("serviceaccount-missing", "account-missing"),
    ("two-tenants-one-registry-down", "registry-down-for-two"),
    ("unschedulable-cpu", "no-room"),
    ("unschedulable-hostport", "host-port-taken"),
    ("volume-missing-configmap", "mount-of-missing-config-map"),
    ("mixed-namespace", "crash-loop"),
    ("mixed-namespace", "image-tag-missing"),
    ("mixed-namespace", "rollout"),
];

/// Recordings of what cannot happen here, and why.
const ABSENT: [(&str, &str); 5] = [
    (
        "cause-chain-readiness-db",
        "no pod reaches a Service: there is neither a DNS nor a proxy of the cluster's",
    ),
    ("crd-object-failed", "the watcher's manifests name no kind of others"),
    ("failing-deployment-deleted", "its end is held for a quarter of an hour"),
    ("node-memory-pressure", "the node would evict what others of its pods are to show"),
    ("sandbox-ip-exhausted", "the addresses of a node are those of all of its pods"),
];

#[test]
fn what_the_recordings_hold_happens_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings");
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let recordings: BTreeSet<String> =
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(recordings.len() > 90, "{recordings:?}");
    let scenarios: Vec<&str> = scenarios().iter().map(|scenario| scenario.name).collect();
    for recording in &recordings {
        let is_there = scenarios.contains(&&**recording)
            || COUNTERPARTS.iter().any(|(name, _)| name == recording)
            || ABSENT.iter().any(|(name, _)| name == recording);
        assert!(is_there, "{recording} has no scenario");
    }
    for (recording, scenario) in COUNTERPARTS {
        assert!(recordings.contains(recording), "there is no recording {recording}");
        assert!(scenarios.contains(&scenario), "{recording}: there is no scenario {scenario}");
    }
    for (recording, why) in ABSENT {
        assert!(recordings.contains(recording), "there is no recording {recording} ({why})");
    }
    let names: BTreeSet<&str> = scenarios.iter().copied().collect();
    assert_eq!(names.len(), scenarios.len(), "each has a namespace of its own");
}
