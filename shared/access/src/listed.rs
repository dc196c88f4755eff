//! What a parameter says of the way to a cluster.

use crate::{Credentials, Way};
use serde_json::Value;

/// What such a parameter holds.
const EXPECTED: &str = "expected JSON such as {\"endpoint\": \"https://…\", \"ca\": \"<PEM in base64>\", \"eks\": \"<the EKS \
                        cluster's name>\"}, with \"token\": \"<bearer token>\" instead of \"eks\" elsewhere";
/// What may stand in it.
const FIELDS: [&str; 6] = ["endpoint", "ca", "eks", "token", "kubeconfig", "context"];

/// The way that a parameter tells. The error says what is wrong, and nothing of what it holds: a token is among that.
pub(crate) fn parse(name: &str, text: &str, may_be_file: bool) -> Result<Way, String> {
    let fields = Fields::read(text)?;
    let excluded = |one: &str, other: &str| format!("it has {one} and {other}: expected one");
    let (endpoint, ca) = (fields.text("endpoint")?, fields.text("ca")?);
    let (eks, token) = (fields.text("eks")?, fields.text("token")?);
    let (kubeconfig, context) = (fields.text("kubeconfig")?, fields.text("context")?);
    match (endpoint, kubeconfig) {
        (Some(_), Some(_)) => Err(excluded("endpoint", "kubeconfig")),
        (None, None) => Err(format!("it has no endpoint: {EXPECTED}")),
        (None, Some(_)) if !may_be_file => {
            Err(format!("a kubeconfig is for runs on one machine: {EXPECTED}"))
        }
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
        let of = |text: &str| parse("/p", text, true).unwrap();
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
            (r#"{"kubeconfig": "/s3cr3t"}"#, "a kubeconfig is for runs on one machine"),
        ] {
            let error = parse("/p", text, false).unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cr3t"), "{text}: {error}");
        }
    }
}
