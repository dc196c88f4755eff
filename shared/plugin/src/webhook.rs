//! From what an API server says of a webhook to the configuration that names it.

use crate::context::Context;
use crate::texts::Texts;
use prodrome_causes::{Fact, Facts};
use prodrome_model::ObjectRef;

const KINDS: [&str; 2] = [
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
];

impl Context {
    /// The configuration with the webhook that texts tell of, by their facts or word for word. Whoever asks declares that
    /// it lists both kinds.
    pub async fn webhook_configuration(&self, facts: &Facts, texts: &Texts) -> Option<ObjectRef> {
        let named = |hook: &serde_json::Value| {
            let name = hook["name"].as_str().filter(|name| !name.is_empty());
            name.is_some_and(|name| {
                facts.get(Fact::Webhook) == Some(name) || texts.find(&format!("webhook \"{name}\"")).is_some()
            })
        };
        for kind in KINDS {
            let all = self.cluster().list(kind, None, None).await.unwrap_or_default();
            let of = all.iter().find(|config| config.list("/webhooks").iter().any(named));
            if let Some(config) = of {
                return Some(config.reference().clone());
            }
        }
        None
    }
}
