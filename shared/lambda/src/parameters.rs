use crate::aws::{Aws, Refused};
use aws_types::SdkConfig;
use serde_json::{Value, json};

/// Reads parameters from the SSM parameter store, decrypted.
#[derive(Debug, Clone)]
pub struct Parameters {
    aws: Aws,
}

/// Why a parameter could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// There is none of that name.
    #[error("the SSM parameter {name} does not exist")]
    Missing {
        /// Which.
        name: String,
    },
    /// It could not be read.
    #[error("the SSM parameter {name} could not be read: {reason}")]
    Unreadable {
        /// Which.
        name: String,
        /// What happened, or what AWS said.
        reason: String,
    },
}

impl Parameters {
    /// A reader with the region, endpoint and credentials of an AWS configuration.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(aws: &SdkConfig) -> Result<Self, reqwest::Error> {
        Ok(Self { aws: Aws::new(aws)? })
    }

    /// The value of a parameter.
    pub async fn get(&self, name: &str) -> Result<String, ParameterError> {
        self.ask(name).await.map_err(|Refused { code, reason }| {
            let name = name.to_owned();
            if code == "ParameterNotFound" {
                ParameterError::Missing { name }
            } else {
                ParameterError::Unreadable { name, reason }
            }
        })
    }

    async fn ask(&self, name: &str) -> Result<String, Refused> {
        let body = json!({ "Name": name, "WithDecryption": true });
        let region = self.aws.region()?;
        let answer = self.aws.call("ssm", &region, "AmazonSSM.GetParameter", &body).await?;
        let value = answer.pointer("/Parameter/Value").and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| "the answer holds no value".to_owned().into())
    }
}
