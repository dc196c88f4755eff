use crate::aws::Aws;
use aws_types::SdkConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::time::Duration;

/// Larger answers are refused; Lambda itself would pass on 6 MB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long a function may run that is made here; that of the template.
const CREATED_SECONDS: u64 = 30;

/// Calls other Lambda functions and waits for their answers.
#[derive(Debug, Clone)]
pub struct Functions {
    aws: Aws,
}

/// Why a function gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is none of that name.
    #[error("the function {function} does not exist")]
    Missing {
        /// Its name.
        function: String,
    },
    /// It took too long.
    #[error("no answer within {seconds} s")]
    Late {
        /// How long it had.
        seconds: u64,
    },
    /// It answers too much.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// How much it may be.
        bytes_max: usize,
    },
    /// It broke down.
    #[error("{reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// The service cannot be asked.
    #[error("the function could not be called: {reason}")]
    Unavailable {
        /// What happened, or what AWS said.
        reason: String,
    },
}

/// How a function stands after a change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionState {
    /// It runs what it was given.
    Ready,
    /// It is still being changed.
    Busy,
    /// It could not be changed.
    Failed {
        /// What AWS says.
        reason: String,
    },
}

impl Functions {
    /// A caller with the region, endpoint and credentials of an AWS configuration.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(aws: &SdkConfig) -> Result<Self, reqwest::Error> {
        Ok(Self { aws: Aws::patient(aws)? })
    }

    /// Calls a function with a JSON text and returns what it answers.
    ///
    /// # Errors
    /// Where there is no answer in time, or the function broke down.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> Result<Vec<u8>, InvokeError> {
        let asked = self.ask(function, payload);
        match tokio::time::timeout(timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(InvokeError::Late { seconds: timeout.as_secs() }),
        }
    }

    /// Gives a function new code: an archive with its `bootstrap`.
    ///
    /// # Errors
    /// Where there is no such function, or AWS refuses.
    pub async fn update_code(&self, function: &str, archive: &[u8]) -> Result<(), InvokeError> {
        let body = serde_json::json!({ "ZipFile": BASE64.encode(archive) }).to_string().into_bytes();
        self.told("PUT", function, "code", body).await.map(drop)
    }

    /// Makes a function of an archive with its `bootstrap`. It has no rights of its own: for an emulator.
    ///
    /// # Errors
    /// Where AWS refuses, such as for a function that is there already.
    pub async fn create(
        &self,
        function: &str,
        archive: &[u8],
        environment: &[(&str, String)],
    ) -> Result<(), InvokeError> {
        let variables: serde_json::Map<String, Value> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let body = serde_json::json!({
            "FunctionName": function,
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Role": "arn:aws:iam::000000000000:role/none",
            "Timeout": CREATED_SECONDS,
            "Code": { "ZipFile": BASE64.encode(archive) },
            "Environment": { "Variables": variables },
        });
        self.told("POST", "", "", body.to_string().into_bytes()).await.map(drop)
    }

    /// How a function stands after a change of it.
    ///
    /// # Errors
    /// Where there is no such function, or AWS refuses.
    pub async fn state(&self, function: &str) -> Result<FunctionState, InvokeError> {
        let answer = self.told("GET", function, "configuration", Vec::new()).await?;
        let text = |key: &str| answer[key].as_str().unwrap_or_default();
        Ok(match (text("LastUpdateStatus"), text("State")) {
            ("Failed", _) | (_, "Failed") => {
                let reason =
                    [text("LastUpdateStatusReason"), text("StateReason")].join(" ").trim().to_owned();
                FunctionState::Failed { reason }
            }
            ("InProgress", _) | (_, "Pending") => FunctionState::Busy,
            _ => FunctionState::Ready,
        })
    }

    async fn told(
        &self,
        method: &str,
        function: &str,
        of: &str,
        body: Vec<u8>,
    ) -> Result<Value, InvokeError> {
        let unavailable = |reason: String| InvokeError::Unavailable { reason };
        let region = self.aws.region().map_err(|refused| unavailable(refused.reason))?;
        let path = if function.is_empty() { String::new() } else { format!("/{function}/{of}") };
        let url = format!("{}/2015-03-31/functions{path}", self.aws.root("lambda", &region));
        let headers = [("content-type", "application/json")];
        let request = self.aws.signed_as(method, "lambda", &region, &url, &headers, body).await;
        let request = request.map_err(|refused| unavailable(refused.reason))?;
        let answer = request.send().await.map_err(|error| unavailable(error.without_url().to_string()))?;
        let status = answer.status();
        let json: Value = answer.json().await.unwrap_or_default();
        match status {
            reqwest::StatusCode::NOT_FOUND => Err(InvokeError::Missing { function: function.to_owned() }),
            _ if status.is_success() => Ok(json),
            _ => {
                let said = json["Message"].as_str().or_else(|| json["message"].as_str()).unwrap_or_default();
                Err(unavailable(format!("{status} {said}")))
            }
        }
    }

    async fn ask(&self, function: &str, payload: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        let unavailable = |reason: String| InvokeError::Unavailable { reason };
        let region = self.aws.region().map_err(|refused| unavailable(refused.reason))?;
        let root = self.aws.root("lambda", &region);
        let url = format!("{root}/2015-03-31/functions/{function}/invocations");
        let headers = [("content-type", "application/json")];
        let request = self.aws.signed("lambda", &region, &url, &headers, payload).await;
        let request = request.map_err(|refused| unavailable(refused.reason))?;
        let mut answer =
            request.send().await.map_err(|error| unavailable(error.without_url().to_string()))?;
        let status = answer.status();
        let broke_down = answer.headers().get("x-amz-function-error").is_some();
        let mut body = Vec::new();
        while let Some(chunk) =
            answer.chunk().await.map_err(|error| unavailable(error.without_url().to_string()))?
        {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(InvokeError::TooLarge { bytes_max: ANSWER_BYTES_MAX });
            }
            body.extend_from_slice(&chunk);
        }
        if status == reqwest::StatusCode::NOT_FOUND {
            return Err(InvokeError::Missing { function: function.to_owned() });
        }
        let said = || {
            let text = String::from_utf8_lossy(&body).chars().take(300).collect::<String>();
            let json = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
            json["errorMessage"].as_str().or_else(|| json["Message"].as_str()).map_or(text, str::to_owned)
        };
        if broke_down {
            return Err(InvokeError::Failed { reason: said() });
        }
        if !status.is_success() {
            return Err(unavailable(format!("{status} {}", said())));
        }
        Ok(body)
    }
}
