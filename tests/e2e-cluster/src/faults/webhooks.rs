//! Webhooks that nobody answers for: what they guard can no longer be made.

use crate::objects::{deployment, program, service, stateful_set, webhook, webhook_name};
use crate::scenario::{Act, Scenario};
use crate::site::CLOSED;
use serde_json::json;

pub(super) fn refusals() -> Vec<Scenario> {
    let (missing, idle) = ("webhook-service-missing", "webhook-no-endpoints");
    let by_service = |namespace: &str| json!({ "service": { "namespace": namespace, "name": "policy" } });
    let ignored = json!({ "webhooks": [{ "name": webhook_name(missing), "failurePolicy": "Ignore" }] });
    // What could not be made for minutes is tried again after as many: a new revision is tried at once.
    let again = || Act::kubectl("rollout restart deployment/web");
    vec![
        Scenario::fault(
            "webhook-refused",
            vec![
                webhook("webhook-refused", json!({ "url": format!("https://{CLOSED}/validate") })),
                deployment("web", 1, program()),
            ],
            &["WebhookBlocksPods"],
            "webhook-unreachable",
        )
        .within(210)
        .mended_by(Act::kubectl("delete validatingwebhookconfiguration webhook-refused"))
        .mended_by(again()),
        Scenario::fault(
            missing,
            vec![webhook(missing, by_service(missing)), deployment("web", 1, program())],
            &["WebhookServiceMissing"],
            "webhook-unreachable",
        )
        .within(150)
        .mended_by(Act::patch(&format!("validatingwebhookconfiguration/{missing}"), &ignored))
        .mended_by(again()),
        Scenario::fault(
            idle,
            vec![
                service("policy", "policy"),
                deployment("policy", 0, program()),
                webhook(idle, by_service(idle)),
                stateful_set("db", program()),
            ],
            &["StatefulSetWithoutPods", "WebhookWithoutPods"],
            "webhook-unreachable",
        ),
    ]
}
