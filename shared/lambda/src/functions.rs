use crate::aws::Aws;
use aws_types::SdkConfig;
use std::time::Duration;

/// Larger answers are refused; Lambda itself would pass on 6 MB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

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
