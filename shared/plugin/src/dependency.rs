//! What a program says it cannot reach, looked at in the cluster: is its Service there, and does anybody answer?

use crate::context::Context;
use crate::object::Object;
use crate::pod::is_well;
use crate::texts::Explained;
use prodrome_causes::{Cause, Fact};
use prodrome_model::{Evidence, ObjectRef, Owner, PluginResponse};

impl Context {
    /// Follows a cause that names another part of the cluster: a name that does not resolve because there is no such
    /// Service, a Service behind which nobody is ready. Everything else is returned as it came.
    pub async fn follow(&self, pod: &Object, mut explained: Explained) -> Explained {
        // A name that does not exist is its user's mistake; a resolver that does not answer is not.
        let nowhere = |text: &str| {
            ["no such host", "nxdomain", "name or service not known", "enotfound"]
                .iter()
                .any(|w| text.contains(w))
        };
        if explained.cause == Cause::AppDnsFailure
            && explained.response.evidence.iter().any(|evidence| nowhere(&evidence.text.to_lowercase()))
        {
            explained.response.owner = Some(Owner::User);
        }
        let named = matches!(explained.cause, Cause::AppDnsFailure | Cause::AppDependencyUnreachable);
        let facts = &explained.facts;
        let host = [Fact::Host, Fact::Address, Fact::Service].into_iter().find_map(|fact| facts.get(fact));
        let Some((name, namespace)) =
            host.filter(|_| named).and_then(|host| service_of(host, pod.namespace()))
        else {
            return explained;
        };
        let Ok(found) = self.cluster().get("Service", Some(&namespace), &name).await else {
            return explained;
        };
        let Some(service) = found else {
            if !self.cluster().is_known("Service", Some(&namespace)).await {
                return explained;
            }
            let missing = ObjectRef {
                api_version: "v1".to_owned(),
                kind: "Service".to_owned(),
                namespace: Some(namespace.clone()),
                name: name.clone(),
            };
            let summary = format!("there is no Service {name} in {namespace}, which the program calls");
            let confidence = explained.response.confidence.min(0.88);
            let response = PluginResponse::cause(Cause::ServiceMissing.id(), confidence, summary);
            let evidence = std::mem::take(&mut explained.response.evidence);
            explained.response =
                PluginResponse { evidence, facts: explained.response.facts.clone(), ..response }
                    .because(Evidence::new("cluster", format!("Service {namespace}/{name} does not exist")))
                    .remedy(format!(
                        "Create the Service {name}, or correct the name in the program's settings."
                    ))
                    .blaming(missing);
            explained.cause = Cause::ServiceMissing;
            return explained;
        };
        let Ok(pods) = self.pods_of(&service).await else { return explained };
        if !pods.is_empty() && !pods.iter().any(is_well) {
            let text = format!("none of the {} pods behind it is ready", pods.len());
            let top = self.top(&pods[0]).await;
            explained.response = explained
                .response
                .because(Evidence::new("status", text).on(service.reference().clone()))
                .blaming(top);
        }
        explained
    }
}

/// `db`, `db:5432`, `db.shop`, `db.shop.svc.cluster.local`: the Service that such a name means.
fn service_of(host: &str, own: Option<&str>) -> Option<(String, String)> {
    let host = host.rsplit_once("://").map_or(host, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or(host).trim_end_matches('.');
    let is_label = |text: &str| {
        !text.is_empty()
            && text.len() <= 63
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && text.chars().any(|c| c.is_ascii_lowercase())
    };
    let parts: Vec<&str> = host.split('.').collect();
    if !parts.iter().all(|part| is_label(part)) {
        return None;
    }
    match parts.as_slice() {
        ["localhost"] => None,
        [name] => Some(((*name).to_owned(), own?.to_owned())),
        [name, namespace, "svc", ..] => Some(((*name).to_owned(), (*namespace).to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::service_of;

    #[test]
    fn names_within_the_cluster_are_told_from_others() {
        for (host, want) in [
            ("mongodb-rate", Some("shop/mongodb-rate")),
            ("db:5432", Some("shop/db")),
            ("mongodb://db:27017/x", Some("shop/db")),
            ("db.data.svc.cluster.local", Some("data/db")),
            ("api.example.com", None),
            ("10.0.0.7:443", None),
            ("localhost", None),
            ("", None),
        ] {
            let found = service_of(host, Some("shop")).map(|(name, namespace)| format!("{namespace}/{name}"));
            assert_eq!(found.as_deref(), want, "{host}");
        }
    }
}
