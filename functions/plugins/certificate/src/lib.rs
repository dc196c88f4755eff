//! Why a certificate is not issued, or has run out: from the `Certificate` down to the `Challenge`, the deepest object that
//! says why is heard; then its issuer, then its dates.

use prodrome_plugin::{
    Area, Cause, Context, Evidence, Explained, NoParams, Object, ObjectRef, Plugin, Problem, Response, Texts,
};

const CERTIFICATE: &str = "cert-manager.io/Certificate";
const REQUEST: &str = "cert-manager.io/CertificateRequest";
const ORDER: &str = "acme.cert-manager.io/Order";
const CHALLENGE: &str = "acme.cert-manager.io/Challenge";

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("certificate", diagnose)
        .about("Why a certificate is not issued, or has run out.")
        .reads("", "events", &["list"])
        .reads("cert-manager.io", "certificates", &["get"])
        .reads("cert-manager.io", "certificaterequests", &["get", "list"])
        .reads("cert-manager.io", "issuers", &["get"])
        .reads("cert-manager.io", "clusterissuers", &["get"])
        .reads("acme.cert-manager.io", "orders", &["get", "list"])
        .reads("acme.cert-manager.io", "challenges", &["get", "list"])
        .names_of(&[Area::Certs, Area::Network, Area::Workload, Area::ControlPlane])
        .names(&[Cause::IamDenied])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    if !matches!(
        subject.kind(),
        "Certificate" | "CertificateRequest" | "Order" | "Challenge" | "Issuer" | "ClusterIssuer"
    ) {
        return Ok(Response::cleared("it is about no certificate"));
    }
    let chain = chain(&context, subject).await;
    let issuer = issuer(&context, &chain).await;
    for object in chain.iter().rev().chain(issuer.iter()) {
        if let Some(response) = heard(&context, object).await {
            return Ok(response);
        }
    }
    Ok(explain(&chain, context.now()))
}

/// From the object down to what was made of it last.
async fn chain(context: &Context, subject: Object) -> Vec<Object> {
    let mut chain = vec![subject];
    for (above, below) in [("Certificate", REQUEST), ("CertificateRequest", ORDER), ("Order", CHALLENGE)] {
        let Some(last) = chain.last().filter(|last| last.kind() == above) else { continue };
        let all = context.cluster().list(below, last.namespace(), None).await.unwrap_or_default();
        let uid = &last.metadata().uid;
        let made = all.into_iter().filter(|object| {
            object.metadata().controller().is_some_and(|owner| owner.uid == *uid && !uid.is_empty())
        });
        // Of several challenges one that is not through says more; of equals the newest.
        let newest = made.max_by_key(|object| {
            (object.text("/status/state") != "valid", object.metadata().creation_timestamp)
        });
        chain.extend(newest);
    }
    chain
}

/// The issuer that the chain names, if it is not itself one.
async fn issuer(context: &Context, chain: &[Object]) -> Option<Object> {
    let named = chain.iter().find(|object| !object.at("/spec/issuerRef/name").is_null())?;
    let name = named.text("/spec/issuerRef/name");
    let kind = match named.text("/spec/issuerRef/kind") {
        "" | "Issuer" => "cert-manager.io/Issuer",
        "ClusterIssuer" => "cert-manager.io/ClusterIssuer",
        _ => return None,
    };
    let namespace = if kind.ends_with("/Issuer") { named.namespace() } else { None };
    context.cluster().get(kind, namespace, name).await.ok().flatten()
}

/// What an object says against itself; waiting for the one below it says nothing.
async fn heard(context: &Context, object: &Object) -> Option<Response> {
    let mut texts = Texts::new();
    for (_, condition) in object.conditions() {
        // Pending for the one below, or for what is not there.
        let below = condition.message.is_empty() || condition.message.starts_with("Waiting on ");
        let waits = matches!(condition.reason.as_str(), "DoesNotExist" | "Issuing" | "cert-manager.io")
            || condition.reason == "Pending" && below;
        if condition.status != "True" && !waits || condition.reason == "Failed" {
            texts.condition(&condition.reason, &condition.message);
        }
    }
    let reason = object.text("/status/reason");
    if !reason.is_empty() && object.text("/status/state") != "valid" {
        texts.condition(object.text("/status/state"), reason);
    }
    let events = context.cluster().events(object).await.unwrap_or_default();
    for event in events.iter().filter(|event| event.kind != "Normal") {
        texts.event(event);
    }
    let Explained { mut response, .. } = texts.explain()?;
    let reference = object.reference().clone();
    for evidence in &mut response.evidence {
        evidence.object = evidence.object.take().or_else(|| Some(reference.clone()));
    }
    let is_issuer = matches!(object.kind(), "Issuer" | "ClusterIssuer");
    if is_issuer {
        response = response.sharing(format!("{} {}", object.kind(), object.name()));
    }
    let faulty: ObjectRef = if is_issuer { reference } else { context.object().clone() };
    Some(response.blaming(faulty))
}

/// Nobody says why: its dates may.
fn explain(chain: &[Object], now: prodrome_plugin::Timestamp) -> Response {
    let certificate = chain.iter().find(|object| object.reference().key().kind.to_string() == CERTIFICATE);
    let Some(certificate) = certificate else {
        return Response::unknown("neither it nor what was made of it says why");
    };
    let name = certificate.name();
    match certificate.time("/status/notAfter") {
        Some(ends) if ends < now => Response::cause(
            "cert-expired",
            0.9,
            format!("the certificate {name} ran out on {ends} and was not renewed"),
        )
        .because(Evidence::new("status", format!("status.notAfter = {ends}")))
        .remedy(format!("See why {name} is not renewed: kubectl describe certificate {name}."))
        .blaming(certificate.reference().clone()),
        Some(ends) => {
            Response::cleared(format!("the certificate {name} holds until {ends}")).ruling_out("cert-expired")
        }
        None => {
            Response::unknown(format!("neither {name} nor what was made of it says why it is not issued"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn object(api: &str, kind: &str, name: &str, owner: Option<(&str, &str)>, rest: &Value) -> Value {
        let mut made = json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name, "namespace": "shop", "uid": name,
            "creationTimestamp": "2026-01-01T11:00:00Z" } });
        if let Some((kind, name)) = owner {
            made["metadata"]["ownerReferences"] =
                json!([{ "apiVersion": api, "kind": kind, "name": name, "uid": name, "controller": true }]);
        }
        for (key, value) in rest.as_object().unwrap() {
            made[key] = value.clone();
        }
        made
    }

    fn kit(challenge: &str) -> Kit {
        let (one, acme) = ("cert-manager.io/v1", "acme.cert-manager.io/v1");
        let issuer = json!({ "issuerRef": { "name": "le", "kind": "ClusterIssuer" } });
        let waiting = json!({ "conditions": [{ "type": "Ready", "status": "False", "reason": "DoesNotExist",
            "message": "Issuing certificate as Secret does not exist" }] });
        Kit::new()
            .with(object(one, "Certificate", "web", None, &json!({ "spec": issuer, "status": waiting })))
            .with(object(one, "CertificateRequest", "web-1", Some(("Certificate", "web")), &json!({ "spec": issuer, "status": {
                "conditions": [{ "type": "Ready", "status": "False", "reason": "Pending", "message": "Waiting on certificate issuance from order shop/web-1-1: \"pending\"" }] } })))
            .with(object(acme, "Order", "web-1-1", Some(("CertificateRequest", "web-1")), &json!({ "status": { "state": "pending" } })))
            .with(object(acme, "Challenge", "web-1-1-1", Some(("Order", "web-1-1")), &json!({ "status": { "state": "pending", "reason": challenge } })))
    }

    #[tokio::test]
    async fn the_deepest_that_says_why_is_heard() {
        let text = "Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'";
        let answer = kit(text).ask(&plugin(), "cert-manager.io/Certificate shop/web").await;
        assert_eq!(answer.cause.as_deref(), Some("acme-self-check-failed"), "{answer:?}");
        assert_eq!(answer.evidence[0].object.as_ref().unwrap().kind, "Challenge");
        assert_eq!(answer.faulty.unwrap().kind, "Certificate");
    }

    #[tokio::test]
    async fn a_certificate_that_ran_out_is_told_from_one_that_holds() {
        for (ends, verdict, cause) in [
            ("2025-12-31T00:00:00Z", "cause", Some("cert-expired")),
            ("2026-03-01T00:00:00Z", "cleared", None),
        ] {
            let status = json!({ "notAfter": ends, "conditions": [{ "type": "Ready", "status": "True", "reason": "Ready", "message": "" }] });
            let certificate =
                object("cert-manager.io/v1", "Certificate", "web", None, &json!({ "status": status }));
            let answer =
                Kit::new().with(certificate).ask(&plugin(), "cert-manager.io/Certificate shop/web").await;
            assert_eq!((answer.verdict.as_str(), answer.cause.as_deref()), (verdict, cause), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_request_that_waits_for_an_issuer_that_is_not_there_says_so() {
        let one = "cert-manager.io/v1";
        let pending = json!({ "conditions": [{ "type": "Ready", "status": "False", "reason": "Pending",
            "message": "Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"le\" not found" }] });
        let kit = Kit::new()
            .with(object(
                one,
                "Certificate",
                "web",
                None,
                &json!({ "status": { "conditions": [{ "type": "Ready", "status": "False",
                "reason": "DoesNotExist", "message": "Issuing certificate as Secret does not exist" }] } }),
            ))
            .with(object(
                one,
                "CertificateRequest",
                "web-1",
                Some(("Certificate", "web")),
                &json!({ "status": pending }),
            ));
        let answer = kit.ask(&plugin(), "cert-manager.io/Certificate shop/web").await;
        assert_eq!(answer.cause.as_deref(), Some("certificate-not-issued"), "{answer:?}");
        assert_eq!(answer.faulty.unwrap().kind, "Certificate");
    }

    #[tokio::test]
    async fn what_is_no_certificate_is_cleared() {
        let pod =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "shop" } });
        assert_eq!(Kit::new().with(pod).ask(&plugin(), "Pod shop/a").await.verdict.as_str(), "cleared");
    }
}
