//! A webhook of anybody's: CloudEvents 1.0, signed.
//!
//! The body is an event in the structured JSON form, its `data` the notice. The signature follows the Standard
//! Webhooks, for which receivers find libraries in most languages: `webhook-signature` is `v1,` and the Base64
//! of the HMAC-SHA256 of `id.timestamp.body`, where `webhook-id` is the event's `id` (the same at each attempt,
//! so that a receiver can drop what it has) and `webhook-timestamp` the seconds since 1970 (so that it can
//! refuse what somebody recorded and plays again).

use crate::bounds::bounded;
use crate::signature::{hmac_base64, signing_key};
use crate::{Delivery, Endpoint, Limit, Request, ResolveError, Response, Secret, SecretRef, Secrets};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::Notice;
use reqwest::header::HeaderName;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

/// No vendor says how many; this keeps a small receiver alive.
pub(crate) const LIMIT: Limit = Limit::new(600, SignedDuration::from_mins(1), 50);

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where to: an address, or a reference where the address itself is secret.
    pub url: Address,
    /// The key of the signature.
    pub secret: SecretRef,
    /// Further headers, such as `Authorization`.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretRef>,
}

/// An address in clear, or where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In clear.
    Clear(Endpoint),
    /// Kept as a secret.
    Kept(SecretRef),
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        for name in self.headers.keys() {
            let name = name.to_ascii_lowercase();
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err("expected header names of letters, digits and `-` in `headers`");
            }
            if matches!(name.as_str(), "host" | "content-type" | "content-length" | "transfer-encoding")
                || name.starts_with("webhook-")
            {
                return Err(
                    "expected no header in `headers` that is set anyway (content-type, webhook-…, host)",
                );
            }
        }
        Ok(())
    }

    /// Puts the secrets in.
    pub fn resolve(&self, secrets: &Secrets) -> Result<Resolved, ResolveError> {
        let url = match &self.url {
            Address::Clear(url) => url.clone(),
            Address::Kept(reference) => {
                let error = |source| ResolveError::NotAnEndpoint { reference: reference.clone(), source };
                Endpoint::parse(secrets.get(reference)?.expose()).map_err(error)?
            }
        };
        let header =
            |(name, value): (&String, &SecretRef)| Ok((name.clone(), secrets.header(value)?.clone()));
        let headers = self.headers.iter().map(header).collect::<Result<Vec<_>, ResolveError>>()?;
        Ok(Resolved { url, secret: secrets.get(&self.secret)?.clone(), headers })
    }

    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        let url = match &self.url {
            Address::Clear(_) => None,
            Address::Kept(reference) => Some(reference),
        };
        url.into_iter().chain([&self.secret]).chain(self.headers.values()).collect()
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AddressVisitor;

        impl<'de> Visitor<'de> for AddressVisitor {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a reference such as {env: NAME}")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Address, E> {
                Endpoint::parse(text).map(Address::Clear).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Address, A::Error> {
                SecretRef::deserialize(MapAccessDeserializer::new(map)).map(Address::Kept)
            }
        }

        deserializer.deserialize_any(AddressVisitor)
    }
}

/// A webhook with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    url: Endpoint,
    secret: Secret,
    headers: Vec<(String, Secret)>,
}

/// The request that tells a notice.
pub fn render(notice: &Notice, webhook: &Resolved, _receipt: Option<&str>, now: Timestamp) -> Request {
    let notice = bounded(notice);
    let id = format!("{}/{}", notice.fingerprint, notice.sequence);
    let event = json!({
        "specversion": "1.0",
        "id": id,
        "source": source(&notice),
        "type": format!("prodrome.notice.{}", notice.kind.as_str()),
        "subject": notice.group.owner.key().path(),
        "time": notice.at.to_string(),
        "datacontenttype": "application/json",
        "data": notice,
    });
    let mut request = Request::post(webhook.url.clone(), &event)
        .with_header("content-type", Secret::new("application/cloudevents+json; charset=utf-8"));
    for (name, value) in &webhook.headers {
        request = request.with_header(name, value.clone());
    }
    let timestamp = now.as_second().to_string();
    let key = signing_key(webhook.secret.expose());
    let signed = hmac_base64(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body]);
    request
        .with_header("webhook-id", Secret::new(id))
        .with_header("webhook-timestamp", Secret::new(timestamp))
        .with_header("webhook-signature", Secret::new(format!("v1,{signed}")))
}

/// What became of it: HTTP's own statuses.
pub fn classify(response: &Response) -> Delivery {
    response.delivery(response.outcome())
}

/// A URI reference: what comes from outside is percent-encoded.
fn source(notice: &Notice) -> String {
    let encoded = |text: &str| {
        let mut out = String::new();
        for b in text.bytes() {
            if b.is_ascii_alphanumeric() || b"-_.".contains(&b) {
                out.push(char::from(b));
            } else {
                out.push('%');
                out.push_str(&hex::encode_upper([b]));
            }
        }
        out
    };
    let scope = &notice.scope;
    format!("/prodrome/{}/{}/{}", encoded(&scope.tenant), encoded(&scope.region), encoded(&scope.cluster))
}
