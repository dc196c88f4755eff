use crate::connect::{chain, credentials};
use crate::{ClusterError, Tokens};
use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::timeout;

/// Asks a Kubernetes API for JSON texts.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    /// Where the client does not see to its credentials itself.
    tokens: Option<Tokens>,
}

/// What the API said, where it is no error.
pub(crate) enum Answer {
    /// The body.
    Found(String),
    /// The resource is served; there is no object of that name.
    NoObject,
    /// No such resource is served.
    NoResource,
    /// The snapshot behind a list's page is forgotten; a token for the rest, as it is now.
    Expired { next: Option<String> },
}

/// What becomes of an answer that has more bytes than it may have.
#[derive(Clone, Copy)]
enum Beyond {
    /// It is none.
    Refused(usize),
    /// It is read so far, and the rest is never asked for.
    Dropped(usize),
}

/// How long a request may take, to the end of its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How large an answer may be: a page of 500 objects, some of them near etcd's limit.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// How much of a reason is told.
const REASON_CHARS_MAX: usize = 300;

impl Api {
    pub(crate) fn new(client: Client, tokens: Option<Tokens>) -> Self {
        Self { client, tokens }
    }

    /// Asks for a path. `what` names it in errors.
    pub(crate) async fn get(
        &self,
        verb: &'static str,
        what: impl Fn() -> String,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, ClusterError> {
        let (status, body) = self.ask(path, query, Beyond::Refused(ANSWER_BYTES_MAX)).await?;
        if status.is_success() {
            return match String::from_utf8(body.into()) {
                Ok(text) => Ok(Answer::Found(text)),
                Err(_) => Err(ClusterError::Unavailable { reason: "the answer is no UTF-8".to_owned() }),
            };
        }
        Self::refusal(verb, what, status, &body)
    }

    /// Asks for a text that need be neither JSON nor UTF-8, of which no more is read than `bytes_max`; `None` where the
    /// server says that there is none.
    pub(crate) async fn text(
        &self,
        verb: &'static str,
        what: impl Fn() -> String,
        path: &str,
        query: &[(&str, &str)],
        bytes_max: usize,
    ) -> Result<Option<String>, ClusterError> {
        let (status, body) = self.ask(path, query, Beyond::Dropped(bytes_max)).await?;
        match status {
            status if status.is_success() => Ok(Some(String::from_utf8_lossy(&body).into_owned())),
            // Of a container that has not begun, or has no life before this one.
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Ok(None),
            status => Self::refusal(verb, what, status, &body).map(|_| None),
        }
    }

    fn refusal(
        verb: &'static str,
        what: impl Fn() -> String,
        status: StatusCode,
        body: &[u8],
    ) -> Result<Answer, ClusterError> {
        let said: Said = serde_json::from_slice(body).unwrap_or_default();
        let reason = match said.message.chars().take(REASON_CHARS_MAX).collect::<String>() {
            message if message.is_empty() => format!("HTTP {status}"),
            message => message,
        };
        match status {
            StatusCode::NOT_FOUND if said.names_an_object() => Ok(Answer::NoObject),
            StatusCode::NOT_FOUND => Ok(Answer::NoResource),
            StatusCode::GONE => {
                Ok(Answer::Expired { next: said.metadata.next.filter(|token| !token.is_empty()) })
            }
            StatusCode::UNAUTHORIZED => Err(ClusterError::Unauthorized { reason }),
            StatusCode::FORBIDDEN => Err(ClusterError::Forbidden { verb, what: what(), reason }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(ClusterError::Unavailable { reason })
            }
            status if status.is_server_error() => Err(ClusterError::Unavailable { reason }),
            _ => Err(ClusterError::Refused { verb, what: what(), reason }),
        }
    }

    /// Reads an answer.
    pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ClusterError> {
        serde_json::from_str(text).map_err(|error| {
            let reason = format!("the answer is not what the API sends; is there a proxy between? ({error})");
            ClusterError::Unavailable { reason }
        })
    }

    /// Asks with a token, where there are any; with another one, where that is refused.
    async fn ask(
        &self,
        path: &str,
        query: &[(&str, &str)],
        beyond: Beyond,
    ) -> Result<(StatusCode, Bytes), ClusterError> {
        let uri = uri(path, query);
        let Some(tokens) = &self.tokens else { return self.send(&uri, None, beyond).await };
        let none = |reason: String| ClusterError::Unauthorized { reason };
        let token = tokens.token(None).await.map_err(none)?;
        let answer = self.send(&uri, Some(&token), beyond).await?;
        if answer.0 != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let renewed = tokens.token(Some(&token)).await.map_err(none)?;
        if renewed == token { Ok(answer) } else { self.send(&uri, Some(&renewed), beyond).await }
    }

    async fn send(
        &self,
        uri: &str,
        token: Option<&str>,
        beyond: Beyond,
    ) -> Result<(StatusCode, Bytes), ClusterError> {
        let unavailable = |reason: String| ClusterError::Unavailable { reason };
        let mut request = Request::get(uri).header(http::header::ACCEPT, "application/json, */*");
        if let Some(token) = token {
            let mut value =
                http::HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| {
                    let reason = "the token holds characters that a header cannot carry".to_owned();
                    ClusterError::Unauthorized { reason }
                })?;
            value.set_sensitive(true);
            request = request.header(http::header::AUTHORIZATION, value);
        }
        let request =
            request.body(kube::client::Body::empty()).map_err(|error| unavailable(chain(&error)))?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(explain)?;
            let status = response.status();
            let broke_off = |error: &(dyn std::error::Error + 'static)| {
                unavailable(format!("the answer broke off: {}", chain(error)))
            };
            let mut body = response.into_body();
            let bytes_max = match beyond {
                Beyond::Refused(bytes_max) => {
                    let whole = Limited::new(body, bytes_max).collect().await;
                    return Ok((status, whole.map_err(|error| broke_off(&*error))?.to_bytes()));
                }
                Beyond::Dropped(bytes_max) => bytes_max,
            };
            let mut read = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|error| broke_off(&error))?.into_data() else { continue };
                read.extend_from_slice(&data[..data.len().min(bytes_max - read.len())]);
                if read.len() == bytes_max {
                    break;
                }
            }
            Ok((status, read.freeze()))
        };
        let late = || unavailable(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()));
        timeout(REQUEST_TIMEOUT, exchange).await.map_err(|_| late())?
    }
}

/// Credentials that cannot be had are credentials that are not accepted; all else may be better in a moment.
pub(crate) fn explain(error: kube::Error) -> ClusterError {
    match error {
        kube::Error::Auth(error) => ClusterError::Unauthorized { reason: credentials(&error, None) },
        kube::Error::Service(error) => match error.downcast::<kube::client::AuthError>() {
            Ok(error) => ClusterError::Unauthorized { reason: credentials(&error, None) },
            Err(error) => ClusterError::Unavailable { reason: chain(&*error) },
        },
        error => ClusterError::Unavailable { reason: chain(&error) },
    }
}

/// Whether an object can be called so. References are written by tenants; an empty name would ask for the whole
/// collection, and one with a slash for something else.
pub(crate) fn object_name_is_valid(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%']) && name.len() <= 253
}

fn uri(path: &str, query: &[(&str, &str)]) -> String {
    let mut uri = encoded(path, b"/");
    for (i, (name, value)) in query.iter().enumerate() {
        uri.push(if i == 0 { '?' } else { '&' });
        uri += &[name, "=", &encoded(value, b"")].concat();
    }
    uri
}

fn encoded(text: &str, also_plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) || also_plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(digit & 15)])
}

/// The parts of a `Status` that matter here.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    message: String,
    metadata: SaidMetadata,
    details: Option<SaidDetails>,
}

impl Said {
    /// A path that is not served is told without details; an object that is not there with its name.
    fn names_an_object(&self) -> bool {
        self.details.as_ref().is_some_and(|details| !details.name.is_empty())
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidDetails {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_encoded() {
        assert_eq!(
            uri("/api/v1/nodes/system:a b", &[("labelSelector", "a in (b,c)"), ("limit", "5")]),
            "/api/v1/nodes/system:a%20b?labelSelector=a%20in%20%28b%2Cc%29&limit=5",
        );
    }

    #[test]
    fn no_name_reaches_for_something_else() {
        for name in ["", ".", "..", "a/b", "%2e%2e"] {
            assert!(!object_name_is_valid(name), "{name:?}");
        }
        for name in ["web-0", "system:node", "a.b"] {
            assert!(object_name_is_valid(name), "{name}");
        }
    }
}
