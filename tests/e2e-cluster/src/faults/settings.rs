//! Configuration that pods name and that is not there, or does not let them start.

use crate::objects::{config_map, deployment, patched, program, secret, with_volume};
use crate::scenario::{Act, Scenario};
use serde_json::{Value, json};

const CONFIG: &[&str] = &["PodCreateConfigError"];
/// A mount that failed is tried again at last after two minutes.
const MOUNT_ENDS_WITHIN: u64 = 300;

pub(super) fn missing() -> Vec<Scenario> {
    let pay = config_map("pay", json!({ "a": "b" }));
    let flags = config_map("flags", json!({ "a": "b" }));
    let from_map =
        |name: &str| patched(program(), json!({ "envFrom": [{ "configMapRef": { "name": name } }] }));
    let key =
        json!({ "name": "PASSWORD", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } });
    let mounts = |source: Value| vec![deployment("web", 1, with_volume(program(), source))];
    vec![
        Scenario::fault(
            "config-map-missing",
            vec![deployment("pay", 1, from_map("pay"))],
            CONFIG,
            "config-ref-missing",
        )
        .mended_by(Act::Apply(pay)),
        // The pods that run go on; the next one does not start.
        Scenario::fault(
            "configmap-deleted-later",
            vec![flags.clone(), deployment("api", 2, from_map("flags"))],
            CONFIG,
            "config-ref-missing",
        )
        .then(40, Act::kubectl("delete configmap flags"))
        .then(80, Act::kubectl("rollout restart deployment/api"))
        .mended_by(Act::Apply(flags)),
        Scenario::fault(
            "secret-key-missing",
            vec![
                secret("db", json!({ "user": "a" })),
                deployment("pay", 1, patched(program(), json!({ "env": [key] }))),
            ],
            CONFIG,
            "config-ref-missing",
        )
        .mended_by(Act::Apply(secret("db", json!({ "user": "a", "password": "b" })))),
        Scenario::fault(
            "mount-of-missing-config-map",
            mounts(json!({ "configMap": { "name": "absent" } })),
            &["PodConfigMapMissing"],
            "config-ref-missing",
        )
        .mended_by(Act::Apply(config_map("absent", json!({ "a": "b" }))))
        .ends_within(MOUNT_ENDS_WITHIN),
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
            mounts(json!({ "secret": { "secretName": "absent" } })),
            &["DeploymentUnavailable"],
            "config-ref-missing",
        )
        .within(490),
    ]
}
