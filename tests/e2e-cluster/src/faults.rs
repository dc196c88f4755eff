//! What goes wrong.

use crate::objects::{
    claim, deployment, finalized, image, job, patched, program, pull_secret, quota, ready, scaler, service,
    shell,
};
use crate::scenario::{Act, NODES, Scenario};
use serde_json::json;

/// All of it, but for what befalls whole nodes.
pub(crate) fn faults() -> Vec<Scenario> {
    [crashes(), probes(), pulls(), settings(), workloads()].into_iter().flatten().collect()
}

fn crashes() -> Vec<Scenario> {
    let mut eats = patched(program(), json!({ "command": ["eat", "400"] }));
    eats["containers"][0]["resources"] =
        json!({ "limits": { "memory": "48Mi" }, "requests": { "memory": "48Mi" } });
    let mut migrates = program();
    let script = "echo \"migration 12 failed\"; sleep 2; exit 1";
    migrates["initContainers"] = shell(script)["containers"].take();
    migrates["initContainers"][0]["name"] = json!("migrate");
    vec![
        Scenario::fault(
            "crash-loop",
            vec![deployment("worker", 1, shell("echo \"cannot parse config\"; sleep 5; exit 1"))],
            &["PodCrashLooping"],
            "app-config-wrong",
        ),
        Scenario::fault(
            "completes-again-and-again",
            vec![deployment("worker", 1, shell("echo \"all work done\"; sleep 4"))],
            &["PodCompletesRepeatedly"],
            "app-completed",
        ),
        Scenario::fault(
            "command-missing",
            vec![deployment(
                "server",
                1,
                patched(program(), json!({ "command": ["/app/server", "--port", "8080"] })),
            )],
            &["PodCannotStart"],
            "command-not-found",
        ),
        Scenario::fault(
            "dependency-refused",
            vec![deployment("api", 1, shell("wget -qO- http://10.253.0.3:5432/ || exit 3"))],
            &["PodCrashLooping"],
            "app-dependency-unreachable",
        ),
        Scenario::fault(
            "dependency-without-name",
            vec![deployment("api", 1, shell("wget -qO- http://orders-db:5432/ || exit 3"))],
            &["PodCrashLooping"],
            "app-dns-failure",
        ),
        Scenario::fault(
            "file-of-settings-missing",
            vec![deployment("api", 1, shell("cat /etc/app/app.yaml && exec httpd -f -p 8080 -h /var/www"))],
            &["PodCrashLooping"],
            "app-config-missing",
        ),
        Scenario::fault(
            "init-failing",
            vec![deployment("web", 1, migrates)],
            &["PodInitCrashLooping"],
            "app-db-migration",
        ),
        Scenario::fault(
            "oom-killed",
            vec![deployment("cache", 1, eats)],
            &["PodOOMKilledOften", "PodOOMKilled"],
            "oom-killed",
        ),
        Scenario::fault(
            "job-failing",
            vec![job("import", 1, "sleep 2; exit 3")],
            &["JobFailed"],
            "app-error",
        )
        .within(150),
    ]
}

fn probes() -> Vec<Scenario> {
    let kills = json!({ "httpGet": { "path": "/healthz", "port": 8080 }, "periodSeconds": 5 });
    let hook = json!({ "postStart": { "exec": { "command": ["/bin/sh", "-c", "echo \"register: 500\"; exit 1"] } } });
    vec![
        Scenario::fault(
            "never-ready",
            vec![deployment("web", 1, ready(shell("sleep 100000")))],
            &["PodNotReady"],
            "probe-failed",
        ),
        Scenario::fault(
            "killed-by-its-probe",
            vec![deployment("web", 1, patched(program(), json!({ "livenessProbe": kills })))],
            // Twelve failures or three kills: on a busy machine either comes first, and the other makes it worse.
            &["PodProbeKillsRepeatedly", "PodProbeFailing"],
            "probe-failed",
        ),
        Scenario::fault(
            "hook-failing",
            vec![deployment("web", 1, patched(program(), json!({ "lifecycle": hook })))],
            &["PodHookOrKillFailing"],
            "poststart-failed",
        ),
    ]
}

fn pulls() -> Vec<Scenario> {
    const FAILING: &[&str] = &["PodImagePullFailing"];
    const TROUBLE: &[&str] = &["PodImageRegistryTrouble"];
    let mut refused = image("private.example.com/shop/web:1.0");
    refused["imagePullSecrets"] = json!([{ "name": "registry" }]);
    let never = patched(image("registry.example.com/team/app:2.0"), json!({ "imagePullPolicy": "Never" }));
    vec![
        Scenario::pull("image-tag-missing", "registry.example.com/shop/web:2.7", FAILING, "image-not-found"),
        Scenario::pull(
            "image-repository-missing",
            "registry.example.com/shop/wbe:1.0",
            FAILING,
            "image-not-found",
        ),
        Scenario::pull(
            "image-name-invalid",
            "registry.example.com/Shop/Web:1.0",
            &["PodInvalidImageName"],
            "image-name-invalid",
        ),
        Scenario::fault(
            "image-never-pulled",
            vec![deployment("app", 1, never)],
            &["PodImageNeverPulled"],
            "image-never-pull",
        ),
        Scenario::pull(
            "image-of-other-platform",
            "registry.example.com/shop/arm:1.0",
            FAILING,
            "image-platform-mismatch",
        ),
        Scenario::pull("image-without-secret", "private.example.com/shop/web:1.0", FAILING, "image-auth"),
        Scenario::fault(
            "image-wrong-password",
            vec![pull_secret("private.example.com", "not-this-one"), deployment("app", 1, refused)],
            FAILING,
            "image-auth",
        ),
        Scenario::pull("registry-closed", "closed.example.com/shop/web:1.0", TROUBLE, "registry-unreachable")
            .elsewhere(NODES[2]),
        Scenario::pull("registry-without-name", "nowhere.example.com/shop/web:1.0", FAILING, "registry-dns"),
        Scenario::pull("registry-name-broken", "broken.example.com/shop/web:1.0", TROUBLE, "registry-dns")
            .elsewhere(NODES[2]),
        Scenario::pull("registry-ill", "busy.example.com/shop/web:1.0", TROUBLE, "registry-unavailable"),
        Scenario::pull(
            "registry-limits-pulls",
            "limited.example.com/shop/web:1.0",
            TROUBLE,
            "image-rate-limited",
        )
        .elsewhere(NODES[3]),
        Scenario::pull(
            "registry-not-trusted",
            "unknown.example.com/shop/web:1.0",
            TROUBLE,
            "registry-tls-untrusted",
        ),
    ]
}

fn settings() -> Vec<Scenario> {
    const CONFIG: &[&str] = &["PodCreateConfigError"];
    let config_map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "pay" }, "data": { "a": "b" } });
    let from_map = patched(program(), json!({ "envFrom": [{ "configMapRef": { "name": "pay" } }] }));
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "db" }, "stringData": { "user": "a" } });
    let key =
        json!({ "name": "PASSWORD", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } });
    let mut mounts =
        patched(program(), json!({ "volumeMounts": [{ "name": "v", "mountPath": "/etc/app" }] }));
    mounts["volumes"] = json!([{ "name": "v", "configMap": { "name": "absent" } }]);
    let mut mounts_secret = mounts.clone();
    mounts_secret["volumes"] = json!([{ "name": "v", "secret": { "secretName": "absent" } }]);
    vec![
        Scenario::fault(
            "config-map-missing",
            vec![deployment("pay", 1, from_map)],
            CONFIG,
            "config-ref-missing",
        )
        .mended_by(Act::Apply(config_map)),
        Scenario::fault(
            "secret-key-missing",
            vec![secret, deployment("pay", 1, patched(program(), json!({ "env": [key] })))],
            CONFIG,
            "config-ref-missing",
        ),
        Scenario::fault(
            "mount-of-missing-config-map",
            vec![deployment("web", 1, mounts)],
            &["PodConfigMapMissing"],
            "config-ref-missing",
        ),
        Scenario::fault(
            "root-denied",
            vec![deployment(
                "web",
                1,
                patched(program(), json!({ "securityContext": { "runAsNonRoot": true } })),
            )],
            CONFIG,
            "run-as-root-denied",
        ),
        // Neither the watcher nor the functions may see Secrets: that the Deployment does not serve is seen first, after
        // 6m40s, and the node's words say why.
        Scenario::fault(
            "mount-of-missing-secret",
            vec![deployment("web", 1, mounts_secret)],
            &["DeploymentUnavailable"],
            "config-ref-missing",
        )
        .within(490),
    ]
}

fn workloads() -> Vec<Scenario> {
    let mut wants = program();
    wants["containers"][0]["resources"] = json!({ "requests": { "cpu": "1k" } });
    let mut account = program();
    account["serviceAccountName"] = json!("absent");
    let writes = "sleep 20; dd if=/dev/zero of=/cache/f bs=1M count=60; sleep 600";
    let mut fills =
        patched(shell(writes), json!({ "volumeMounts": [{ "name": "c", "mountPath": "/cache" }] }));
    fills["volumes"] = json!([{ "name": "c", "emptyDir": { "sizeLimit": "20Mi" } }]);
    let mut deadline = job("report", 0, "sleep 600");
    deadline["spec"]["activeDeadlineSeconds"] = json!(20);
    let mut some = program();
    some["containers"][0]["resources"] = json!({ "requests": { "cpu": "4m" } });
    let mut claims =
        patched(program(), json!({ "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }));
    claims["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]);
    vec![
        Scenario::fault(
            "no-room",
            vec![deployment("batch", 1, wants)],
            &["PodUnschedulable"],
            "insufficient-resources",
        ),
        Scenario::fault(
            "quota",
            vec![quota("team", "5m"), deployment("web", 3, some)],
            &["QuotaDeniesPods"],
            "quota-exceeded",
        ),
        Scenario::fault(
            "host-port-taken",
            vec![deployment(
                "web",
                2,
                patched(program(), json!({ "ports": [{ "hostPort": 18080, "containerPort": 8080 }] })),
            )],
            &["PodUnschedulable"],
            "host-port-conflict",
        ),
        Scenario::fault(
            "account-missing",
            vec![deployment("web", 1, account)],
            &["PodCreationDenied"],
            "service-account-missing",
        ),
        Scenario::fault(
            "selects-nothing",
            vec![service("web", "wbe"), deployment("web", 1, program())],
            &["ServiceSelectsNothing"],
            "endpoints-none",
        ),
        Scenario::fault(
            "evicted",
            vec![deployment("cache", 1, fills)],
            &["PodEvictedOverLimit"],
            "evicted-storage-limit",
        )
        .within(240),
        Scenario::fault("job-too-slow", vec![deadline], &["JobFailed"], "job-deadline").within(150),
        Scenario::fault(
            "scaler-without-target",
            vec![scaler("web", "wbe")],
            &["HPATargetMissing"],
            "hpa-bad-target",
        ),
        Scenario::fault(
            "claim-without-class",
            vec![claim("data", "gold"), deployment("db", 1, claims)],
            &["PVCProvisioningFailing"],
            "storageclass-missing",
        ),
        Scenario::fault(
            "finalizer",
            vec![finalized("orders")],
            &["NamespaceStuckTerminating"],
            "finalizer-stuck",
        )
        .then(5, Act::kubectl("delete namespace finalizer --wait=false")),
    ]
}
