//! What the statuses and events of any object say about why: for kinds that no other plugin knows.

use prodrome_plugin::{Context, NoParams, Object, Plugin, Problem, Response, Texts};

/// Statuses speak less plainly than what is made for one question.
const CONFIDENCE_MAX: f64 = 0.75;
/// The controller of a load balancer says of it in its events what it could not do.
const LOAD_BALANCER_MAX: f64 = 0.92;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("status-text", diagnose).about("What the statuses and events of an object say.").reads(
        "",
        "events",
        &["list"],
    )
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let events = context.cluster().events(&subject).await.unwrap_or_default();
    let mut texts = Texts::new();
    read(&subject, &mut texts);
    for event in events.iter().filter(|event| event.kind != "Normal") {
        texts.event(event);
    }
    if texts.is_empty() {
        return Ok(Response::cleared("neither its status nor an event says anything"));
    }
    let Some(explained) = texts.explain() else {
        return Ok(Response::unknown("its status and events do not say a cause that is known"));
    };
    let mut response = explained.response;
    let of_balancer = explained.cause.id().starts_with("lb-");
    response.confidence =
        response.confidence.min(if of_balancer { LOAD_BALANCER_MAX } else { CONFIDENCE_MAX });
    Ok(response)
}

/// The texts of a status: its conditions, and the fields that kinds of their own use for words.
fn read(object: &Object, texts: &mut Texts) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

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
}
