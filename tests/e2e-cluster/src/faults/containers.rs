//! Containers that crash, are killed or never get ready.

use crate::objects::{
    daemon_set, deployment, job, page, patched, program, ready, shell, with_init, with_sidecar,
};
use crate::scenario::{Act, NODES, Scenario};
use serde_json::json;

const CRASHING: &[&str] = &["PodCrashLooping"];
/// Twelve failures or three kills: on a busy machine either comes first, and the other makes it worse.
const PROBE_KILLS: &[&str] = &["PodProbeKillsRepeatedly", "PodProbeFailing"];

pub(super) fn crashes() -> Vec<Scenario> {
    let mut eats = patched(program(), json!({ "command": ["eat", "400"] }));
    eats["containers"][0]["resources"] =
        json!({ "limits": { "memory": "48Mi" }, "requests": { "memory": "48Mi" } });
    let migrates = with_init(program(), "migrate", "echo \"migration 12 failed\"; sleep 2; exit 1");
    let mut proxied =
        with_init(ready(program()), "proxy", "cat /etc/proxy/tls.crt && exec httpd -f -p 8443 -h /var/www");
    proxied["initContainers"][0]["restartPolicy"] = json!("Always");
    // The program is a child of its shell, as the first process of a container gets no signal that it does not handle. Of
    // two dollars Kubernetes takes one.
    let dies = "sleep 3; sh -c 'kill -SEGV $$$$'; exit $?";
    let node = json!({ "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } });
    let agent = format!(
        "case $NODE in {}) echo \"no kernel headers on $NODE\"; sleep 2; exit 1;; esac; sleep 100000",
        NODES[2]
    );
    vec![
        Scenario::fault(
            "crash-loop",
            vec![deployment("worker", 1, shell("echo \"cannot parse config\"; sleep 5; exit 1"))],
            CRASHING,
            "app-config-wrong",
        ),
        // One fault of the Deployment, over three generations of pods.
        Scenario::fault(
            "failing-pods-replaced",
            vec![deployment("app", 1, shell("echo \"giving up\"; sleep 2; exit 1"))],
            &["DeploymentUnavailable"],
            "app-error",
        )
        .then(120, Act::kubectl("delete pod --all --wait=false"))
        .then(240, Act::kubectl("delete pod --all --wait=false"))
        .within(250),
        Scenario::fault("crash-segfault", vec![deployment("native", 1, shell(dies))], CRASHING, "app-error"),
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
            CRASHING,
            "app-dependency-unreachable",
        ),
        Scenario::fault(
            "dependency-without-name",
            vec![deployment("api", 1, shell("wget -qO- http://orders-db:5432/ || exit 3"))],
            CRASHING,
            "app-dns-failure",
        ),
        Scenario::fault(
            "file-of-settings-missing",
            vec![deployment("api", 1, shell("cat /etc/app/app.yaml && exec httpd -f -p 8080 -h /var/www"))],
            CRASHING,
            "app-config-missing",
        ),
        Scenario::fault(
            "init-failing",
            vec![deployment("web", 1, migrates)],
            &["PodInitCrashLooping"],
            "app-db-migration",
        ),
        Scenario::fault(
            "native-sidecar-failing",
            vec![deployment("web", 1, proxied)],
            &["PodNativeSidecarCrashLooping"],
            "app-config-missing",
        ),
        Scenario::fault(
            "daemonset-partial",
            vec![daemon_set(
                "agent",
                &[NODES[0], NODES[2]],
                patched(shell(&agent), json!({ "env": [node] })),
            )],
            &["DaemonSetPodCrashLooping"],
            "app-error",
        )
        .within(300),
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
        .within(150)
        .mended_by(Act::kubectl("delete job import")),
    ]
}

pub(super) fn probes() -> Vec<Scenario> {
    let asks = |path: &str| json!({ "httpGet": { "path": path, "port": 8080 }, "periodSeconds": 5 });
    let opens = json!({ "tcpSocket": { "port": 9999 }, "periodSeconds": 5 });
    let hangs = "httpd -p 8080 -h /var/www; sleep 40; killall -STOP httpd; sleep 100000";
    let hook = json!({ "postStart": { "exec": { "command": ["/bin/sh", "-c", "echo \"register: 500\"; exit 1"] } } });
    // It listens to another port than is asked.
    let shop = with_sidecar(ready(program()), "exec httpd -f -p 8082 -h /var/www", page(8081));
    vec![
        Scenario::fault(
            "never-ready",
            vec![deployment("web", 1, ready(shell("sleep 100000")))],
            &["PodNotReady"],
            "probe-failed",
        )
        .mended_by(Act::kubectl("exec deployment/web -- httpd -p 8080 -h /var/www")),
        Scenario::fault(
            "sidecar-not-ready",
            vec![deployment("shop", 1, shop)],
            &["PodSidecarNotReady"],
            "probe-failed",
        )
        .mended_by(Act::kubectl("exec deployment/shop -c sidecar -- httpd -p 8081 -h /var/www")),
        Scenario::fault(
            "killed-by-its-probe",
            vec![deployment("web", 1, patched(program(), json!({ "livenessProbe": asks("/healthz") })))],
            PROBE_KILLS,
            "probe-failed",
        ),
        Scenario::fault(
            "liveness-wrong-port",
            vec![deployment("web", 1, patched(program(), json!({ "livenessProbe": opens })))],
            PROBE_KILLS,
            "probe-failed",
        ),
        Scenario::fault(
            "liveness-hang",
            vec![deployment("web", 1, patched(shell(hangs), json!({ "livenessProbe": asks("/") })))],
            PROBE_KILLS,
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
