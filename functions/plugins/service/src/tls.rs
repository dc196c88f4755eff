//! The certificates of an Ingress: the Secrets that it names, and what is in them. Keys are not looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_plugin::http::not_after;
use prodrome_plugin::{Context, Evidence, Object, Owner, Response, Timestamp};
use serde_json::Value;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What is wrong with a Secret that `spec.tls` names, if something is to be seen.
pub(crate) async fn of_ingress(context: &Context, ingress: &Object) -> Option<Response> {
    let name = ingress.name();
    for tls in ingress.list("/spec/tls") {
        let Some(secret) = tls["secretName"].as_str().filter(|secret| !secret.is_empty()) else { continue };
        let spoken = Evidence::new("spec", format!("spec.tls names the Secret {secret}"))
            .on(ingress.reference().clone());
        match context.cluster().get("Secret", ingress.namespace(), secret).await {
            Ok(Some(found)) => {
                if let Some(response) = explain(name, &found, context.now()) {
                    return Some(response.because(spoken).blaming(found.reference().clone()));
                }
            }
            Ok(None) if context.cluster().is_known("Secret", ingress.namespace()).await => {
                let summary = format!(
                    "the Ingress {name} takes its certificate from the Secret {secret}, which does not exist"
                );
                return Some(
                    Response::cause("config-ref-missing", 0.9, summary)
                        .because(spoken)
                        .remedy(format!("Create the Secret {secret}, or let the certificate be issued."))
                        .blaming(ingress.reference().clone()),
                );
            }
            // What may not be read is noted by the view.
            _ => {}
        }
    }
    None
}

/// What is wrong with a Secret that is there; its contents are not always told.
fn explain(ingress: &str, secret: &Object, now: Timestamp) -> Option<Response> {
    let data = secret.at("/data").as_object()?;
    let name = secret.name();
    if let Some(key) = ["tls.crt", "tls.key"].iter().find(|key| !data.contains_key(**key)) {
        let has: Vec<&str> = data.keys().map(String::as_str).take(8).collect();
        let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
        let summary = format!(
            "the Secret {name}, from which the Ingress {ingress} takes its certificate, has no key {key}"
        );
        return Some(
            Response::cause("config-ref-missing", 0.9, summary)
                .because(Evidence::new("spec", format!("its keys: {has}")).on(secret.reference().clone()))
                .remedy(format!(
                    "Make it of the type kubernetes.io/tls: kubectl create secret tls {name} --cert=FILE --key=FILE."
                )),
        );
    }
    match certificate(&data["tls.crt"])? {
        Found::None => {
            let summary = format!(
                "the Secret {name}, from which the Ingress {ingress} takes its certificate, holds none under tls.crt"
            );
            Some(
                Response::cause("lb-cert-missing", 0.88, summary)
                    .owned_by(Owner::User)
                    .because(
                        Evidence::new("spec", format!("tls.crt is no PEM text with {BEGIN}"))
                            .on(secret.reference().clone()),
                    )
                    .remedy(format!(
                        "Put the certificate itself there, in PEM and encoded once: kubectl create secret tls {name} --cert=FILE --key=FILE."
                    )),
            )
        }
        Found::Until(ends) if ends < now => {
            let summary =
                format!("the certificate in the Secret {name} of the Ingress {ingress} ran out on {ends}");
            Some(
                Response::cause("cert-expired", 0.92, summary)
                    .because(
                        Evidence::new("spec", format!("tls.crt is valid until {ends}"))
                            .on(secret.reference().clone()),
                    )
                    .remedy(format!("Renew the certificate, and put it into the Secret {name}.")),
            )
        }
        Found::Until(_) => None,
    }
}

/// What stands where a certificate should.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    None,
    Until(Timestamp),
}

/// Reads the first certificate; `None` where it is not told (an empty value), or cannot be read.
fn certificate(value: &Value) -> Option<Found> {
    let text = value.as_str().filter(|text| !text.trim().is_empty())?;
    let pem = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(body) = pem.as_deref().and_then(|pem| pem.split_once(BEGIN)?.1.split_once(END)) else {
        return Some(Found::None);
    };
    let body: String = body.0.chars().filter(|c| !c.is_whitespace()).collect();
    let Ok(der) = STANDARD.decode(body) else { return Some(Found::None) };
    not_after(&der).map(Found::Until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    /// The part of a certificate that is read: its version, number, algorithm, issuer and validity.
    fn der(until: &str) -> Vec<u8> {
        let sequence = |inner: &[u8]| [&[0x30, u8::try_from(inner.len()).unwrap()], inner].concat();
        let time = |text: &str| [&[0x17, 13], text.as_bytes()].concat();
        let validity = sequence(&[time("250101000000Z"), time(until)].concat());
        let head: &[u8] = &[0xa0, 3, 2, 1, 2, 2, 1, 7, 0x30, 0, 0x30, 0];
        sequence(&sequence(&[head, &validity].concat()))
    }

    fn pem(der: &[u8]) -> String {
        STANDARD.encode(format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der)))
    }

    #[tokio::test]
    async fn a_secret_without_a_certificate_is_told_from_one_with_one_and_from_one_that_is_not_told() {
        let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "front", "namespace": "shop" },
            "spec": { "tls": [{ "secretName": "tls" }] } });
        let cases = [
            ("missing", None, Some("config-ref-missing")),
            ("other keys", Some(json!({ "cert.pem": "eA==" })), Some("config-ref-missing")),
            ("no key", Some(json!({ "tls.crt": pem(&der("300101000000Z")) })), Some("config-ref-missing")),
            ("no PEM", Some(json!({ "tls.crt": "eA==", "tls.key": "eA==" })), Some("lb-cert-missing")),
            (
                "encoded twice",
                Some(json!({ "tls.crt": STANDARD.encode(pem(&der("300101000000Z"))), "tls.key": "eA==" })),
                Some("lb-cert-missing"),
            ),
            (
                "of the past",
                Some(json!({ "tls.crt": pem(&der("251231235959Z")), "tls.key": "eA==" })),
                Some("cert-expired"),
            ),
            ("sound", Some(json!({ "tls.crt": pem(&der("300101000000Z")), "tls.key": "eA==" })), None),
            ("not told", Some(json!({ "tls.crt": "", "tls.key": "" })), None),
            ("not told at all", Some(Value::Null), None),
        ];
        for (name, data, want) in cases {
            let other = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "other", "namespace": "shop" } });
            let mut kit = Kit::new().with(ingress.clone()).with(other);
            if let Some(data) = data {
                kit = kit.with(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "tls", "namespace": "shop" }, "data": data }));
            }
            let answer = kit.ask(&crate::plugin(), "networking.k8s.io/Ingress shop/front").await;
            assert_eq!(answer.cause.as_deref(), want, "{name}: {answer:?}");
        }
    }
}
