use crate::signed::signed;
use aws_types::SdkConfig;
use jiff::Timestamp;
use std::time::Duration;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// More is no answer to our question.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Reads parameters from the SSM parameter store, decrypted.
#[derive(Debug, Clone)]
pub struct Parameters {
    aws: SdkConfig,
    http: reqwest::Client,
    clock: fn() -> Timestamp,
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
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { aws: aws.clone(), http, clock: crate::now })
    }

    /// The value of a parameter.
    pub async fn get(&self, name: &str) -> Result<String, ParameterError> {
        let unreadable = |reason: String| ParameterError::Unreadable { name: name.to_owned(), reason };
        let region = self.aws.region().ok_or_else(|| unreadable("no region is set".to_owned()))?;
        let url = match self.aws.endpoint_url() {
            Some(url) => url.to_owned(),
            None => format!("https://ssm.{region}.amazonaws.com/"),
        };
        let body = serde_json::json!({ "Name": name, "WithDecryption": true }).to_string();
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.GetParameter")];
        let request = signed(&self.aws, &self.http, "ssm", &url, &headers, body.into_bytes(), (self.clock)());
        let request = request.await.map_err(unreadable)?;
        let answer = request.send().await.map_err(|error| unreadable(error.without_url().to_string()))?;
        if answer.content_length().is_some_and(|length| length > ANSWER_BYTES_MAX) {
            return Err(unreadable("the answer is too long".to_owned()));
        }
        let status = answer.status();
        let answer: serde_json::Value =
            answer.json().await.map_err(|error| unreadable(error.without_url().to_string()))?;
        if status.is_success() {
            let value = answer.pointer("/Parameter/Value").and_then(serde_json::Value::as_str);
            return value
                .map(str::to_owned)
                .ok_or_else(|| unreadable("the answer holds no value".to_owned()));
        }
        let text =
            |key: &str| answer.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let code = text("__type");
        if code.ends_with("ParameterNotFound") {
            return Err(ParameterError::Missing { name: name.to_owned() });
        }
        let message = if text("message").is_empty() { text("Message") } else { text("message") };
        Err(unreadable(format!("{status} {code} {message}")))
    }
}
