//! Why pods are not made: quotas, limits, webhooks, policies, service accounts.

use prodrome_causes::{Cause, Fact, Facts};
use prodrome_plugin::{
    Area, Context, Evidence, NoParams, Object, ObjectRef, Plugin, Problem, Response, Texts,
};

const EVENTS: &[&str] = &["FailedCreate", "ReplicaSetCreateError", "FailedDaemonPod", "SelectingAll"];
const MAKERS: &[&str] = &["apps/ReplicaSet", "batch/Job"];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("admission", diagnose)
        .about("Why pods are not made: quota, webhooks, policies.")
        .reads("apps", "replicasets", &["list"])
        .reads("batch", "jobs", &["list"])
        .reads("", "resourcequotas", &["get"])
        .reads("", "services", &["get"])
        .reads("", "pods", &["list"])
        .reads("admissionregistration.k8s.io", "validatingwebhookconfigurations", &["list"])
        .reads("admissionregistration.k8s.io", "mutatingwebhookconfigurations", &["list"])
        .reads("", "events", &["list"])
        .names_of(&[Area::Workload, Area::ControlPlane])
        .names(&[Cause::ImagePolicyDenied, Cause::RuntimeClassMissing, Cause::ServiceAccountMissing])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    if subject.kind().ends_with("WebhookConfiguration") {
        return webhook(&context, &subject).await;
    }
    let mut texts = Texts::new();
    read(&context, &subject, &mut texts).await;
    // The one that makes the pods is told why it may not; its owner is not.
    let uid = &subject.metadata().uid;
    for kind in MAKERS {
        for maker in context.cluster().list(kind, subject.namespace(), None).await.unwrap_or_default() {
            let owned =
                maker.metadata().controller().is_some_and(|owner| owner.uid == *uid && !uid.is_empty());
            if owned {
                read(&context, &maker, &mut texts).await;
            }
        }
    }
    if subject.kind() == "Service" {
        // Nobody serves because nobody could be made.
        for made in
            context.cluster().list("apps/ReplicaSet", subject.namespace(), None).await.unwrap_or_default()
        {
            let selected =
                subject.selector("/spec/selector").is_some_and(|s| s.selects(&made.metadata().labels));
            if selected {
                read(&context, &made, &mut texts).await;
            }
        }
    }
    if texts.is_empty() {
        let well = Response::cleared("nothing keeps pods from being made");
        return Ok(well.ruling_out_all(["quota-exceeded", "admission-denied", "webhook-unreachable"]));
    }
    let Some(explained) = texts.explain() else {
        return Ok(Response::unknown("pods cannot be made, and the texts do not say why"));
    };
    let faulty = faulty(&context, &subject, explained.cause, &explained.facts, &texts).await;
    let mut response = explained.response;
    if matches!(explained.cause, Cause::WebhookUnreachable | Cause::WebhookTls)
        && let Some(webhook) = explained.facts.get(Fact::Webhook)
    {
        response = response.sharing(format!("webhook {webhook}"));
    }
    Ok(response.blaming(faulty))
}

/// Whether whom a webhook calls is there.
async fn webhook(context: &Context, config: &Object) -> Result<Response, Problem> {
    for hook in config.list("/webhooks") {
        let service = &hook["clientConfig"]["service"];
        let (Some(namespace), Some(name)) = (service["namespace"].as_str(), service["name"].as_str()) else {
            continue;
        };
        let hook = hook["name"].as_str().unwrap_or_default();
        let me = config.reference().clone();
        let summary = match context.cluster().get("Service", Some(namespace), name).await? {
            None => format!("the webhook {hook} calls the Service {namespace}/{name}, which does not exist"),
            Some(service) => {
                let pods = context.pods_of(&service).await?;
                if pods.iter().any(prodrome_plugin::pod::is_well)
                    || service.selector("/spec/selector").is_none()
                {
                    continue;
                }
                format!(
                    "nobody answers for the webhook {hook}: the Service {namespace}/{name} has no pod that is ready"
                )
            }
        };
        return Ok(Response::cause("webhook-unreachable", 0.92, summary)
            .because(Evidence::new("spec", format!("clientConfig.service = {namespace}/{name}")))
            .remedy(
                "Bring the webhook's service back, or remove its configuration if it is no longer wanted.",
            )
            .sharing(format!("webhook {hook}"))
            .blaming(me));
    }
    Ok(Response::cleared("whom its webhooks call is there"))
}

async fn read(context: &Context, object: &Object, texts: &mut Texts) {
    let events = context.cluster().events(object).await.unwrap_or_default();
    texts.about(object.reference(), |texts| {
        texts.events(&events, EVENTS);
        if let Some(failure) = object.condition("ReplicaFailure").filter(|c| c.status == "True") {
            texts.condition(&failure.reason, &failure.message);
        }
    });
}

/// The object whose repair ends it: the quota, the webhook's configuration, else whoever makes the pods.
async fn faulty(
    context: &Context,
    subject: &Object,
    cause: Cause,
    facts: &Facts,
    texts: &Texts,
) -> ObjectRef {
    let namespace = subject.namespace();
    let quota = facts.get(Fact::Quota).filter(|_| cause == Cause::QuotaExceeded);
    if let Some(name) = quota
        && let Ok(Some(quota)) = context.cluster().get("ResourceQuota", namespace, name).await
    {
        return quota.reference().clone();
    }
    let of_webhook = matches!(cause, Cause::WebhookUnreachable | Cause::WebhookTls);
    if (of_webhook || facts.get(Fact::Webhook).is_some())
        && let Some(config) = context.webhook_configuration(facts, texts).await
    {
        return config;
    }
    context.workload().clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_full_quota_is_named_as_what_is_to_be_changed() {
        let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop", "uid": "d" } });
        let set = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "name": "web-1", "namespace": "shop", "uid": "r",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": true }] } });
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small", "namespace": "shop" } });
        let text = r#"Error creating: pods "web-1-x" is forbidden: exceeded quota: small, requested: requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4"#;
        let kit = Kit::new().with(deployment).with(set).with(quota).event(
            "apps/ReplicaSet shop/web-1",
            "Warning",
            "FailedCreate",
            text,
        );
        let answer = kit.ask(&plugin(), "apps/Deployment shop/web").await;
        assert_eq!(answer.cause.as_deref(), Some("quota-exceeded"));
        assert_eq!(answer.faulty.map(|f| f.to_string()).as_deref(), Some("ResourceQuota shop/small"));
    }
}
