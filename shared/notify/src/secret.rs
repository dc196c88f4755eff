use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;

/// A value that must not be seen: it prints as `<secret>`, and serialises not at all.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself: for the wire, never for a log or a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Where a secret is kept. A routing file holds nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// An environment variable, by name: for one machine.
    Env(String),
    /// A parameter of the SSM parameter store, by name (`/prodrome/slack`).
    Ssm(String),
    /// A secret of Secrets Manager, by ARN.
    SecretsManager(String),
    /// A file, such as a mounted Kubernetes secret. Whitespace at its end does not count.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    /// As the routing file writes it: `env: NAME`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env: {name}"),
            Self::Ssm(name) => write!(f, "ssm: {name}"),
            Self::SecretsManager(arn) => write!(f, "secretsManager: {arn}"),
            Self::File(path) => write!(f, "file: {}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretRefVisitor)
    }
}

/// Takes a map only: a text in this place may be the secret itself, and must not get into a message.
struct SecretRefVisitor;

impl<'de> Visitor<'de> for SecretRefVisitor {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference such as {env: NAME} (env, ssm, secretsManager or file)")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRef, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum Kept {
            Env(String),
            Ssm(String),
            SecretsManager(String),
            File(PathBuf),
        }
        Ok(match Kept::deserialize(MapAccessDeserializer::new(map))? {
            Kept::Env(name) => SecretRef::Env(name),
            Kept::Ssm(name) => SecretRef::Ssm(name),
            Kept::SecretsManager(arn) => SecretRef::SecretsManager(arn),
            Kept::File(path) => SecretRef::File(path),
        })
    }
}

/// Fetches secrets from where they are kept.
pub trait SecretSource: Send + Sync {
    /// The secret behind a reference. Leading and trailing whitespace is the source's to remove.
    fn fetch(&self, reference: &SecretRef) -> impl Future<Output = Result<Secret, SecretError>> + Send;
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is none of that name.
    #[error("secret `{reference}` does not exist")]
    Missing {
        /// Which.
        reference: SecretRef,
    },
    /// There is one, and it is empty.
    #[error("secret `{reference}` is empty")]
    Empty {
        /// Which.
        reference: SecretRef,
    },
    /// This source does not serve references of that sort.
    #[error("secret `{reference}` cannot be read here: nothing serves references of that sort")]
    Unsupported {
        /// Which.
        reference: SecretRef,
    },
    /// It could not be read.
    #[error("secret `{reference}` could not be read")]
    Unreadable {
        /// Which.
        reference: SecretRef,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reads secrets from the environment and from files: all there is on one machine.
pub struct LocalSecrets<F> {
    env: F,
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> LocalSecrets<F> {
    /// `env` looks an environment variable up.
    pub const fn new(env: F) -> Self {
        Self { env }
    }
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> SecretSource for LocalSecrets<F> {
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let value = match reference {
            SecretRef::Env(name) => (self.env)(name),
            SecretRef::File(path) => match tokio::fs::read_to_string(path).await {
                Ok(text) => Some(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => {
                    let reference = reference.clone();
                    return Err(SecretError::Unreadable { reference, source: error.into() });
                }
            },
            SecretRef::Ssm(_) | SecretRef::SecretsManager(_) => {
                return Err(SecretError::Unsupported { reference: reference.clone() });
            }
        };
        let value = value.ok_or_else(|| SecretError::Missing { reference: reference.clone() })?;
        match value.trim() {
            "" => Err(SecretError::Empty { reference: reference.clone() }),
            value => Ok(Secret::new(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_nothing_but_that() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "<secret> <secret> Some(<secret>)");
    }

    #[tokio::test]
    async fn local_secrets_come_from_the_environment_and_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from a file\n").unwrap();
        let secrets = LocalSecrets::new(|name| match name {
            "TOKEN" => Some("from the environment".to_owned()),
            "EMPTY" => Some(" ".to_owned()),
            _ => None,
        });
        let fetch = async |reference| match secrets.fetch(&reference).await {
            Ok(secret) => secret.expose().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(fetch(SecretRef::Env("TOKEN".into())).await, "from the environment");
        assert_eq!(fetch(SecretRef::File(file)).await, "from a file");
        assert_eq!(fetch(SecretRef::Env("NONE".into())).await, "secret `env: NONE` does not exist");
        assert_eq!(fetch(SecretRef::Env("EMPTY".into())).await, "secret `env: EMPTY` is empty");
        assert_eq!(
            fetch(SecretRef::Ssm("/prodrome/x".into())).await,
            "secret `ssm: /prodrome/x` cannot be read here: nothing serves references of that sort"
        );
    }
}
