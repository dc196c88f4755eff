//! What the statuses and events of any object say about why: for kinds that no other plugin knows.

mod statements;

use prodrome_plugin::{Cause, Context, Evidence, NoParams, Object, Plugin, Problem, Response, Texts};
use statements::{Statement, Status};

/// Statuses speak less plainly than what is made for one question.
const CONFIDENCE_MAX: f64 = 0.75;
/// What is not well and unexplained goes with the answer, so much of it.
const EVIDENCE_MAX: usize = 3;
/// Groups of Kubernetes' own kinds that have a dot.
const BUILT_IN: [&str; 17] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];
/// The controller of a load balancer says of it in its events what it could not do.
const LOAD_BALANCER_MAX: f64 = 0.92;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("status-text", diagnose)
        .about("What the statuses and events of an object say.")
        .reads("", "events", &["list"])
        .reads("admissionregistration.k8s.io", "validatingwebhookconfigurations", &["list"])
        .reads("admissionregistration.k8s.io", "mutatingwebhookconfigurations", &["list"])
        .names(Cause::ALL)
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let events = context.cluster().events(&subject).await.unwrap_or_default();
    let mut texts = Texts::new();
    let complaints = read(&subject, &mut texts);
    for event in events.iter().filter(|event| event.kind != "Normal") {
        texts.event(event);
    }
    if let Some(explained) = texts.explain() {
        let mut response = explained.response;
        let of_balancer = explained.cause.id().starts_with("lb-");
        response.confidence =
            response.confidence.min(if of_balancer { LOAD_BALANCER_MAX } else { CONFIDENCE_MAX });
        // Who made the object cannot mend what is asked about it on the way; else it is the object that says so.
        let of_webhook = matches!(explained.cause, Cause::WebhookUnreachable | Cause::WebhookTls);
        let configuration =
            if of_webhook { context.webhook_configuration(&explained.facts, &texts).await } else { None };
        return Ok(response.blaming(configuration.unwrap_or_else(|| context.workload().clone())));
    }
    if let Some(worst) = complaints.first() {
        return Ok(unexplained(worst, &complaints));
    }
    Ok(if texts.is_empty() {
        Response::cleared("neither its status nor an event says anything of a fault")
    } else {
        Response::unknown("its status and events do not say a cause that is known")
    })
}

/// That something is wrong is certain then, and only why is not.
fn unexplained(worst: &Statement, all: &[Statement]) -> Response {
    let words = |statement: &Statement| {
        let Statement { what, reason, message, .. } = statement;
        let reason =
            if reason.is_empty() || what.ends_with(reason) { String::new() } else { format!(" ({reason})") };
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        format!("{what}{reason}{message}")
    };
    let summary = format!("{}; that names no cause that is known", words(worst));
    let evidence = all.iter().take(EVIDENCE_MAX).map(|statement| Evidence::new("status", words(statement)));
    evidence.fold(Response::unknown(summary), Response::because)
}

/// Reads the texts of a status, and what it says is not well. Of kinds of Kubernetes' own, whose statuses others know
/// better, the conditions and the usual fields are read; of custom resources whatever says something.
fn read(object: &Object, texts: &mut Texts) -> Vec<Statement> {
    if is_custom(object) {
        let status = Status::read(object.at("/status"));
        for Statement { reason, message, .. } in &status.statements {
            texts.condition(reason, message);
        }
        for (reason, text) in &status.texts {
            texts.condition(reason, text);
        }
        return status.statements;
    }
    if object.kind() == "Pod" {
        texts.statuses(object);
    }
    for (_, condition) in object.conditions() {
        if !condition.message.is_empty() {
            texts.condition(&condition.reason, &condition.message);
        }
    }
    let reason = object.text("/status/reason");
    for field in
        ["/status/message", "/status/errorMessage", "/status/error", "/status/lastError", "/status/reason"]
    {
        let text = object.text(field);
        if !text.is_empty() {
            texts.condition(reason, text);
        }
    }
    Vec::new()
}

/// The groups of custom resources are domains. So are some of Kubernetes' own, and its projects share `k8s.io` with it.
fn is_custom(object: &Object) -> bool {
    let group = object.reference().api_version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && !BUILT_IN.contains(&group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_custom_resource_that_says_why_is_understood() {
        let certificate = json!({ "apiVersion": "db.example/v1", "kind": "Database", "metadata": { "name": "orders", "namespace": "shop" },
            "status": { "conditions": [{ "type": "Ready", "status": "False", "reason": "Failed", "message": "could not write: No space left on device" }] } });
        let answer = Kit::new().with(certificate).ask(&plugin(), "db.example/Database shop/orders").await;
        assert!(
            answer.cause.as_deref().is_some_and(|cause| cause.contains("disk") || cause.contains("full")),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn a_cause_names_what_is_to_be_mended() {
        let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": { "name": "db", "namespace": "shop", "uid": "s" } });
        let config = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": "policies" }, "webhooks": [{ "name": "pods.policy.example" }] });
        let calling = "create Pod db-0 in StatefulSet db failed error: Internal error occurred: failed calling webhook \"pods.policy.example\": failed to call webhook: Post \"https://policy.shop.svc:443/?timeout=5s\": no endpoints available for service \"policy\"";
        let told = || {
            Kit::new().with(set.clone()).event("apps/StatefulSet shop/db", "Warning", "FailedCreate", calling)
        };
        for (kit, want) in [
            (told().with(config), "ValidatingWebhookConfiguration policies"),
            (told(), "StatefulSet shop/db"),
        ] {
            let answer = kit.ask(&plugin(), "apps/StatefulSet shop/db").await;
            assert_eq!(answer.cause.as_deref(), Some("webhook-unreachable"), "{answer:?}");
            assert_eq!(answer.faulty.map(|f| f.to_string()).as_deref(), Some(want));
        }
    }

    #[tokio::test]
    async fn a_custom_resource_that_has_failed_is_never_cleared() {
        let ask = async |status: Value| {
            let object = json!({ "apiVersion": "db.example/v1", "kind": "Database",
                "metadata": { "name": "orders", "namespace": "shop" }, "status": status });
            Kit::new().with(object).ask(&plugin(), "db.example/Database shop/orders").await
        };
        let condition = json!({ "type": "Ready", "status": "False", "reason": "ProvisioningFailed" });
        for (status, words) in [
            (json!({ "phase": "Failed" }), "status.phase is Failed; that names no cause that is known"),
            (json!({ "conditions": [condition] }), "the condition Ready is False (ProvisioningFailed); that"),
            (json!({ "conditionedStatus": { "conditions": [condition] } }), "the condition Ready is False"),
            (
                json!({ "conditions": [{ "type": "Degraded", "status": "True", "message": "it frobs" }] }),
                "the condition Degraded is True: it frobs; that",
            ),
        ] {
            let answer = ask(status).await;
            assert_eq!((answer.verdict.as_str(), answer.evidence.len()), ("unknown", 1), "{answer:?}");
            assert!(answer.summary.starts_with(words), "{answer:?}");
        }
        let nested =
            ask(json!({ "state": "error", "details": { "message": "Secret \"orders\" not found" } })).await;
        assert_eq!(nested.cause.as_deref(), Some("config-ref-missing"), "{nested:?}");
        let sound = json!({ "conditions": [{ "type": "Ready", "status": "True", "message": "Secret \"a\" not found, made" }] });
        assert_eq!(ask(sound).await.verdict.as_str(), "cleared");
    }
}
