//! Workloads that stand still, and what limits them.

use crate::objects::{
    account, config_map, deployment, finalized, job, program, quota, ready, scaler, shell, with_deadline,
};
use crate::scenario::{Act, Scenario};
use serde_json::{Value, json};

const QUOTA: &[&str] = &["QuotaDeniesPods"];
const STUCK: &[&str] = &["DeploymentRolloutStuck"];

pub(super) fn workloads() -> Vec<Scenario> {
    let mut of_account = program();
    of_account["serviceAccountName"] = json!("absent");
    let mut deadline = job("report", 0, "sleep 600");
    deadline["spec"]["activeDeadlineSeconds"] = json!(20);
    let mut some = program();
    some["containers"][0]["resources"] = json!({ "requests": { "cpu": "4m" } });
    let unprobed = json!({ "name": "main", "readinessProbe": Value::Null });
    let unprobed = json!({ "spec": { "template": { "spec": { "containers": [unprobed] } } } });
    // What could not be made for minutes is tried again after as many: a new revision is tried at once.
    let again = || Act::kubectl("rollout restart deployment/web");
    vec![
        Scenario::fault(
            "quota",
            vec![quota("team", "requests.cpu", "5m"), deployment("web", 3, some)],
            QUOTA,
            "quota-exceeded",
        )
        .mended_by(Act::Apply(quota("team", "requests.cpu", "50m")))
        .mended_by(again()),
        Scenario::fault(
            "quota-needs-limits",
            vec![quota("team", "limits.memory", "256Mi"), deployment("web", 1, program())],
            QUOTA,
            "quota-exceeded",
        )
        .mended_by(Act::kubectl("set resources deployment/web --limits=memory=32Mi")),
        Scenario::fault(
            "account-missing",
            vec![deployment("web", 1, of_account)],
            &["PodCreationDenied"],
            "service-account-missing",
        )
        .mended_by(Act::Apply(account("absent")))
        .mended_by(again()),
        Scenario::fault(
            "rollout-stuck-halfway",
            vec![with_deadline(deployment("web", 3, ready(program())), 60)],
            STUCK,
            "image-not-found",
        )
        .then(50, Act::kubectl("set image deployment/web main=registry.example.com/shop/web:3.0"))
        .within(150)
        .mended_by(Act::kubectl("rollout undo deployment/web")),
        Scenario::fault(
            "progress-deadline",
            vec![with_deadline(deployment("web", 2, ready(shell("sleep 100000"))), 60)],
            STUCK,
            "probe-failed",
        )
        .within(150)
        .mended_by(Act::patch("deployment/web", &unprobed)),
        Scenario::fault("job-too-slow", vec![deadline], &["JobFailed"], "job-deadline")
            .within(150)
            .mended_by(Act::kubectl("delete job report")),
        // What it scales then sleeps: nobody measures anything in this cluster.
        Scenario::fault(
            "scaler-without-target",
            vec![scaler("web", "wbe")],
            &["HPATargetMissing"],
            "hpa-bad-target",
        )
        .mended_by(Act::Apply(deployment("wbe", 0, program()))),
        Scenario::fault(
            "hpa-no-metrics",
            vec![deployment("web", 1, program()), scaler("web", "web")],
            &["HPAMetricsFailing"],
            "hpa-metrics-missing",
        ),
        Scenario::fault(
            "finalizer",
            vec![finalized(config_map("orders", json!({})))],
            &["NamespaceStuckTerminating"],
            "finalizer-stuck",
        )
        .then(5, Act::kubectl("delete namespace finalizer --wait=false"))
        .mended_by(Act::patch("configmap/orders", &json!({ "metadata": { "finalizers": Value::Null } }))),
    ]
}
