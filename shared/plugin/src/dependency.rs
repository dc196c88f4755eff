//! What a program says it cannot reach, looked at in the cluster: is its Service there, and does anybody answer?

use crate::context::Context;
use crate::counted::none_of;
use crate::object::Object;
use crate::pod::is_well;
use crate::texts::Explained;
use prodrome_causes::{Cause, Fact};
use prodrome_model::{Evidence, ObjectRef, Owner, PluginResponse};

/// How far a chain of calls is followed.
const CHAIN_MAX: usize = 3;
/// Words of a text that are looked at for addresses.
const WORDS_MAX: usize = 400;

impl Context {
    /// Follows a cause that names another part of the cluster: a name that does not resolve because there is no such
    /// Service, a Service behind which nobody is ready. Everything else is returned as it came.
    pub async fn follow(&self, pod: &Object, explained: Explained) -> Explained {
        self.follow_on(pod, explained, CHAIN_MAX).await
    }

    async fn follow_on(&self, pod: &Object, mut explained: Explained, left: usize) -> Explained {
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
        let unreachable = explained.cause == Cause::AppDependencyUnreachable;
        if !unreachable && explained.cause != Cause::AppDnsFailure {
            return explained;
        }
        let facts = &explained.facts;
        let host = [Fact::Host, Fact::Address, Fact::Service].into_iter().find_map(|fact| facts.get(fact));
        let texts: Vec<&str> =
            host.into_iter().chain(explained.response.evidence.iter().map(|e| e.text.as_str())).collect();
        if unreachable && let Some(unserved) = self.unserved(pod, &texts).await {
            let confidence = explained.response.confidence.min(0.86);
            return instead(explained, unserved.response(confidence).blaming(self.workload().clone()));
        }
        let called = if unreachable { self.called(pod, &texts).await } else { None };
        let (name, namespace, found, port) = if let Some((service, port)) = called {
            let namespace = service.namespace().unwrap_or_default().to_owned();
            (service.name().to_owned(), namespace, Some(service), Some(port))
        } else {
            // Where no sentence is known in which it stands, a whole name is still one.
            let whole = || {
                let is_part = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
                let mut words = texts.iter().flat_map(|text| text.split(move |c| !is_part(c)));
                words.find(|word| word.contains(".svc"))
            };
            let Some((name, namespace)) =
                host.or_else(whole).and_then(|host| service_of(host, pod.namespace()))
            else {
                return explained;
            };
            let Ok(found) = self.cluster().get("Service", Some(&namespace), &name).await else {
                return explained;
            };
            (name, namespace, found, None)
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
        if pods.is_empty()
            && unreachable
            && let Some(response) = self.nobody_behind(&service).await
        {
            return instead(explained, response);
        }
        let silent = texts_say(
            &explained.response.evidence,
            &["timed out", "timeout", "deadline exceeded", "etimedout"],
        );
        if unreachable
            && silent
            && let Some(behind) = pods.iter().find(|pod| is_well(pod))
            && let Some(response) = self.walled(pod, behind, &service, port).await
        {
            return instead(explained, response);
        }
        if !pods.is_empty() && !pods.iter().any(is_well) {
            let text = none_of(pods.len(), "pod", "behind it", "ready");
            let mut blamed = None;
            // What they call in turn may be what keeps them from being ready.
            if left > 0
                && let Some(next) = self.last_words(&pods[0]).await.explain()
                && matches!(next.cause, Cause::AppDependencyUnreachable | Cause::AppDnsFailure)
            {
                let next = Box::pin(self.follow_on(&pods[0], next, left - 1)).await;
                blamed = next.response.faulty;
                for evidence in next.response.evidence {
                    let on = evidence.object.clone().unwrap_or_else(|| pods[0].reference().clone());
                    explained.response = explained.response.because(evidence.on(on));
                }
            }
            let blamed = match blamed {
                Some(blamed) => blamed,
                None => self.top(&pods[0]).await,
            };
            explained.response = explained
                .response
                .because(Evidence::new("status", text).on(service.reference().clone()))
                .blaming(blamed);
        }
        explained
    }
}

/// What the cluster shows in place of what the program says, with both as evidence.
fn instead(mut explained: Explained, response: PluginResponse) -> Explained {
    let said = std::mem::take(&mut explained.response.evidence);
    let response = PluginResponse { facts: explained.response.facts.clone(), ..response };
    explained.response = said.into_iter().fold(response, PluginResponse::because);
    explained.cause =
        explained.response.cause.as_deref().and_then(|id| id.parse().ok()).unwrap_or(explained.cause);
    explained
}

fn texts_say(evidence: &[Evidence], words: &[&str]) -> bool {
    let texts = evidence.iter().map(|evidence| evidence.text.to_lowercase());
    texts.into_iter().any(|text| words.iter().any(|word| text.contains(word)))
}

impl Context {
    /// The Service of its own namespace that a pod names as what it waits for, and behind which nobody is ready.
    pub async fn waits_for(&self, pod: &Object, said: &str) -> Option<PluginResponse> {
        let all = self.cluster().list("Service", pod.namespace(), None).await.ok()?;
        let words: Vec<&str> = said
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.len() > 1)
            .take(WORDS_MAX)
            .collect();
        let own = &pod.metadata().labels;
        for service in &all {
            let others = service.selector("/spec/selector").is_some_and(|selector| !selector.selects(own));
            if !others || !words.contains(&service.name()) {
                continue;
            }
            let pods = self.pods_of(service).await.ok()?;
            if pods.is_empty() || pods.iter().any(is_well) {
                continue;
            }
            let name = service.name();
            let summary = format!(
                "it waits for {name}, and {}",
                none_of(pods.len(), "pod", &format!("behind {name}"), "ready")
            );
            let evidence = Evidence::new("status", format!("Ready is not True on {}", pods[0].name()));
            return Some(
                PluginResponse::cause(Cause::AppDependencyUnreachable.id(), 0.86, summary)
                    .because(evidence.on(pods[0].reference().clone()))
                    .remedy(format!("See why {name} is not ready; what waits for it follows."))
                    .blaming(self.top(&pods[0]).await),
            );
        }
        None
    }

    /// The Service that a program means by an address of the cluster, or by a name with one of its ports.
    async fn called(&self, pod: &Object, texts: &[&str]) -> Option<(Object, u64)> {
        let all = self.cluster().list("Service", None, None).await.ok()?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
        let words = texts.iter().flat_map(|text| text.split(|c| !is_part(c))).take(WORDS_MAX);
        for word in words {
            let Some((host, port)) = word.trim_matches(['.', ':']).rsplit_once(':') else { continue };
            let Ok(port) = port.parse::<u64>() else { continue };
            let named = service_of(host, pod.namespace());
            let means = |service: &&Object| {
                let by_name = named.as_ref().is_some_and(|(name, namespace)| {
                    service.name() == name && service.namespace() == Some(namespace)
                });
                let serves =
                    service.list("/spec/ports").iter().any(|entry| entry["port"].as_u64() == Some(port));
                by_name || serves && service.text("/spec/clusterIP") == host
            };
            if let Some(service) = all.iter().find(means) {
                return Some((service.clone(), port));
            }
        }
        None
    }

    /// A Service behind which there is no pod: its workload is scaled to nothing, or it selects none.
    async fn nobody_behind(&self, service: &Object) -> Option<PluginResponse> {
        let (name, namespace) = (service.name(), service.namespace());
        let selector = service.selector("/spec/selector")?;
        let mut seen = false;
        for kind in ["apps/Deployment", "apps/StatefulSet"] {
            for workload in self.cluster().list(kind, namespace, None).await.ok()? {
                seen = true;
                let labels = workload.at("/spec/template/metadata/labels").clone();
                if !serde_json::from_value(labels).is_ok_and(|labels| selector.selects(&labels)) {
                    continue;
                }
                if workload.number("/spec/replicas") != Some(0.0) {
                    return None;
                }
                let (kind, of) = (workload.kind(), workload.name());
                let summary =
                    format!("the program calls {name}, and the {kind} {of} behind it is scaled to 0");
                return Some(
                    PluginResponse::cause(Cause::ScaledToZero.id(), 0.88, summary)
                        .because(Evidence::new("spec", "spec.replicas = 0").on(workload.reference().clone()))
                        .remedy(format!("Scale {of} up, if it is needed."))
                        .blaming(workload.reference().clone()),
                );
            }
        }
        // In a bundle that holds no workload of the namespace, pods may be missing as well.
        seen.then(|| {
            let summary = format!("the program calls the Service {name}, which selects no pod");
            PluginResponse::cause(Cause::EndpointsNone.id(), 0.85, summary)
                .because(
                    Evidence::new("spec", "no pod has the labels that its selector names")
                        .on(service.reference().clone()),
                )
                .remedy(format!("Let the selector of {name} name the labels of the pods that are to serve."))
                .blaming(service.reference().clone())
        })
    }
}

/// `db`, `db:5432`, `db.shop`, `db.shop.svc.cluster.local`: the Service that such a name means.
pub(crate) fn service_of(host: &str, own: Option<&str>) -> Option<(String, String)> {
    let host = host.rsplit_once("://").map_or(host, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or(host).trim_end_matches('.');
    let is_label = |text: &str| {
        !text.is_empty()
            && text.len() <= 63
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && text.chars().any(|c| c.is_ascii_lowercase())
    };
    let mut parts: Vec<&str> = host.split('.').collect();
    // A pod of a StatefulSet stands before its Service: db-0.db.shop.svc.
    if let Some(at) = parts.iter().position(|part| *part == "svc").filter(|at| *at > 2) {
        parts.drain(..at - 2);
    }
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
            ("db-0.db.data.svc.cluster.local", Some("data/db")),
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
