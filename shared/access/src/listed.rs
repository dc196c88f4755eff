//! Clusters whose way stands in the parameter store.

use crate::live_clusters::{ParameterStore, Reached};
use crate::{Credentials, Way};
use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use prodrome_lambda::{ParameterError, Parameters};
use prodrome_model::Scope;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Who writes another way wants it to be gone.
const AGE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// One that could not be had is not asked for again sooner.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// What such a parameter holds.
const EXPECTED: &str = "expected JSON such as {\"endpoint\": \"https://…\", \"ca\": \"<PEM in base64>\", \"eks\": \"<the EKS \
                        cluster's name>\"}, with \"token\": \"<bearer token>\" instead of \"eks\" elsewhere";
/// What may stand in it.
const FIELDS: [&str; 6] = ["endpoint", "ca", "eks", "token", "kubeconfig", "context"];

/// A cluster whose way a parameter tells.
pub(crate) struct Listed {
    scope: Scope,
    /// The parameter's name.
    name: String,
    aws: SdkConfig,
    parameters: Parameters,
    clock: fn() -> Timestamp,
    /// Held while the parameter is read, so that all who ask at once share the answer.
    known: Mutex<Option<Known>>,
}

struct Known {
    /// From when on it is asked for again.
    old_at: Timestamp,
    found: Result<(Way, Reached), String>,
}

impl Listed {
    pub(crate) fn new(store: &ParameterStore, scope: &Scope) -> Self {
        let ParameterStore { path, aws, parameters, clock } = store;
        Self {
            scope: scope.clone(),
            name: format!("{path}/{scope}"),
            aws: aws.clone(),
            parameters: parameters.clone(),
            clock: *clock,
            known: Mutex::default(),
        }
    }

    /// The cluster, or why there is no way to it.
    pub(crate) async fn reached(&self) -> Result<Reached, String> {
        let mut known = self.known.lock().await;
        let now = (self.clock)();
        // A clock that was set back makes nothing young.
        let is_young = |known: &&Known| now < known.old_at && known.old_at <= later(now, AGE_MAX);
        if let Some(Known { found, .. }) = known.as_ref().filter(is_young) {
            return found.as_ref().map(|(_, reached)| Arc::clone(reached)).map_err(Clone::clone);
        }
        let before = known.take().and_then(|known| known.found.ok());
        let (found, age) = match self.parameters.get(&self.name).await {
            Ok(text) => self.follow(&text, before).await,
            // What it said may well hold still.
            Err(error @ ParameterError::Unreadable { .. }) if before.is_some() => {
                tracing::warn!(%error, cluster = %self.scope, "the way to a cluster cannot be read; the old one is gone on");
                (before.ok_or_else(String::new), AGAIN)
            }
            Err(error) => {
                let reason = format!("no way to the cluster {} is known: {error}", self.scope);
                (Err(reason), AGAIN)
            }
        };
        if let Err(reason) = &found {
            tracing::warn!(reason, cluster = %self.scope, "a cluster cannot be looked at");
        }
        let reached = found.as_ref().map(|(_, reached)| Arc::clone(reached)).map_err(Clone::clone);
        *known = Some(Known { old_at: later(now, age), found });
        reached
    }

    /// Goes the way that the parameter tells, if it is another than before.
    async fn follow(
        &self,
        text: &str,
        before: Option<(Way, Reached)>,
    ) -> (Result<(Way, Reached), String>, SignedDuration) {
        let wrong = |reason: String| {
            (
                Err(format!(
                    "the SSM parameter {} does not say how the cluster is reached: {reason}",
                    self.name
                )),
                AGAIN,
            )
        };
        let way = match parse(&self.name, text) {
            Ok(way) => way,
            Err(reason) => return wrong(reason),
        };
        match before.filter(|(known, _)| *known == way) {
            Some(same) => (Ok(same), AGE_MAX),
            None => match way.connect(&self.aws).await {
                Ok(reached) => (Ok((way, reached)), AGE_MAX),
                Err(error) => wrong(error.to_string()),
            },
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The way that a parameter tells. The error says what is wrong, and nothing of what it holds: a token is among that.
fn parse(name: &str, text: &str) -> Result<Way, String> {
    let fields = Fields::read(text)?;
    let excluded = |one: &str, other: &str| format!("it has {one} and {other}: expected one");
    let (endpoint, ca) = (fields.text("endpoint")?, fields.text("ca")?);
    let (eks, token) = (fields.text("eks")?, fields.text("token")?);
    let (kubeconfig, context) = (fields.text("kubeconfig")?, fields.text("context")?);
    match (endpoint, kubeconfig) {
        (Some(_), Some(_)) => Err(excluded("endpoint", "kubeconfig")),
        (None, None) => Err(format!("it has no endpoint: {EXPECTED}")),
        (None, Some(path)) => Ok(Way::Kubeconfig { path: path.into(), context }),
        (Some(url), None) => {
            let credentials = match (eks, token) {
                (Some(_), Some(_)) => return Err(excluded("eks", "token")),
                (Some(name), None) => Credentials::Eks(name),
                (None, Some(_)) => Credentials::Listed(name.to_owned()),
                (None, None) => Credentials::None,
            };
            Ok(Way::Endpoint { url, ca, credentials })
        }
    }
}

/// The token that stands in a parameter.
pub(crate) fn token(text: &str) -> Result<String, String> {
    Fields::read(text)?.text("token")?.ok_or_else(|| "it has no token any more".to_owned())
}

struct Fields(serde_json::Map<String, Value>);

impl Fields {
    fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            format!("it is no JSON (line {}, column {}): {EXPECTED}", error.line(), error.column())
        })?;
        let Value::Object(fields) = value else { return Err(format!("it is no JSON object: {EXPECTED}")) };
        // What is unknown may be a value that stands where its name belongs.
        if fields.keys().any(|name| !FIELDS.contains(&&**name)) {
            return Err(format!("it has a field besides {}: {EXPECTED}", FIELDS.join(", ")));
        }
        Ok(Self(fields))
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(format!("its {name} is empty, or no text: {EXPECTED}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_tells_one_way() {
        let of = |text: &str| parse("/p", text).unwrap();
        let endpoint = |credentials| Way::Endpoint { url: "https://k8s".into(), ca: None, credentials };
        assert_eq!(
            of(r#"{"endpoint": "https://k8s", "eks": "blue"}"#),
            endpoint(Credentials::Eks("blue".into()))
        );
        let with_token = r#"{"endpoint": "https://k8s", "token": "t\n"}"#;
        assert_eq!(of(with_token), endpoint(Credentials::Listed("/p".into())));
        assert_eq!(token(with_token), Ok("t".into()));
        let file = of(r#"{"kubeconfig": "/k", "context": "blue"}"#);
        assert_eq!(file, Way::Kubeconfig { path: "/k".into(), context: Some("blue".into()) });
    }

    #[test]
    fn what_is_wrong_is_said_without_what_it_holds() {
        for (text, expected) in [
            ("s3cr3t", "it is no JSON (line 1, column 1)"),
            ("\"s3cr3t\"", "it is no JSON object"),
            (r#"{"endpoint": "https://k8s", "s3cr3t": 1}"#, "it has a field besides endpoint, ca, eks"),
            (r#"{"endpoint": "https://k8s", "token": ["s3cr3t"]}"#, "its token is empty, or no text"),
            (r#"{"endpoint": "https://k8s", "token": " "}"#, "its token is empty, or no text"),
            (r#"{"token": "s3cr3t"}"#, "it has no endpoint"),
            (r#"{"endpoint": "https://k8s", "token": "s3cr3t", "eks": "b"}"#, "it has eks and token"),
            (r#"{"endpoint": "https://k8s", "kubeconfig": "/s3cr3t"}"#, "it has endpoint and kubeconfig"),
        ] {
            let error = parse("/p", text).unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cr3t"), "{text}: {error}");
        }
    }
}
