use crate::aws::{Aws, Refused};
use aws_types::SdkConfig;
use serde_json::{Value, json};

/// Reads secrets from AWS Secrets Manager.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    aws: Aws,
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretsManagerError {
    /// There is none of that name.
    #[error("the secret {secret} does not exist")]
    Missing {
        /// Which.
        secret: String,
    },
    /// It could not be read.
    #[error("the secret {secret} could not be read: {reason}")]
    Unreadable {
        /// Which.
        secret: String,
        /// What happened, or what AWS said.
        reason: String,
    },
}

impl SecretsManager {
    /// A reader with the region, endpoint and credentials of an AWS configuration.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(aws: &SdkConfig) -> Result<Self, reqwest::Error> {
        Ok(Self { aws: Aws::new(aws)? })
    }

    /// The current value of a secret: by its ARN, in whose region it is asked for, or by its name. As in the
    /// definitions of ECS, `ARN:key::` takes one key of a secret that is a JSON object, as the console makes them.
    pub async fn get(&self, secret: &str) -> Result<String, SecretsManagerError> {
        self.ask(secret).await.map_err(|Refused { code, reason }| {
            let secret = secret.to_owned();
            if code == "ResourceNotFoundException" {
                SecretsManagerError::Missing { secret }
            } else {
                SecretsManagerError::Unreadable { secret, reason }
            }
        })
    }

    async fn ask(&self, secret: &str) -> Result<String, Refused> {
        let Asked { id, region, key } = Asked::parse(secret);
        let region = region.map_or_else(|| self.aws.region(), |region| Ok(region.to_owned()))?;
        let body = json!({ "SecretId": id });
        let answer = self.aws.call("secretsmanager", &region, "secretsmanager.GetSecretValue", &body).await?;
        let value = answer.get("SecretString").and_then(Value::as_str);
        let value = value.ok_or_else(|| "it is binary; expected a text".to_owned())?;
        let Some(key) = key else { return Ok(value.to_owned()) };
        // Nothing of the value goes into a message.
        let object: Value =
            serde_json::from_str(value).map_err(|_| format!("it is no JSON, so it has no key {key:?}"))?;
        let value = object.get(key).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("it has no key {key:?} with a text").into())
    }
}

/// What a reference asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked<'a> {
    id: &'a str,
    region: Option<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn parse(secret: &'a str) -> Self {
        if !secret.starts_with("arn:") {
            return Self { id: secret, region: None, key: None };
        }
        // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY:STAGE:VERSION
        let region = secret.split(':').nth(3).filter(|region| !region.is_empty());
        let Some((end, _)) = secret.match_indices(':').nth(6) else {
            return Self { id: secret, region, key: None };
        };
        let (id, rest) = secret.split_at(end);
        Self { id, region, key: rest.split(':').nth(1).filter(|key| !key.is_empty()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_secret_its_region_and_perhaps_a_key() {
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prodrome/slack-AbCdEf";
        let whole = Asked { id: arn, region: Some("eu-west-1"), key: None };
        assert_eq!(Asked::parse(arn), whole);
        assert_eq!(Asked::parse(&format!("{arn}:::")), whole);
        assert_eq!(Asked::parse(&format!("{arn}:token::")).key, Some("token"));
        assert_eq!(Asked::parse(&format!("{arn}:token")), Asked { key: Some("token"), ..whole });
        assert_eq!(Asked::parse("prodrome/slack"), Asked { id: "prodrome/slack", region: None, key: None });
    }
}
