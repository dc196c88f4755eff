use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use jiff::Timestamp;
use prodrome_model::chain;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// More is no answer to our questions: a secret has 64 KiB at most, which JSON may double.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// Signed requests of single operations, to services that speak JSON.
///
/// The whole SDK of such a service takes longer to compile than all else together.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    config: SdkConfig,
    http: reqwest::Client,
    pub(crate) clock: fn() -> Timestamp,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The service's code, such as `ParameterNotFound`; empty where it did not come to that.
    pub(crate) code: String,
    /// What happened, or what the service said.
    pub(crate) reason: String,
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self { code: String::new(), reason }
    }
}

impl Aws {
    pub(crate) fn new(config: &SdkConfig) -> Result<Self, reqwest::Error> {
        Self::with(config, client().timeout(TIMEOUT))
    }

    /// One whose requests may take as long as their caller waits.
    pub(crate) fn patient(config: &SdkConfig) -> Result<Self, reqwest::Error> {
        Self::with(config, client())
    }

    fn with(config: &SdkConfig, http: reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        Ok(Self { config: config.clone(), http: http.build()?, clock: crate::now })
    }

    /// Where a service is called, without a slash at the end.
    pub(crate) fn root(&self, service: &str, region: &str) -> String {
        match self.config.endpoint_url() {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("https://{service}.{region}.{}", domain(region)),
        }
    }

    pub(crate) fn region(&self) -> Result<String, Refused> {
        let region = self.config.region().map(ToString::to_string);
        region.ok_or_else(|| Refused::from("no region is set".to_owned()))
    }

    pub(crate) async fn credentials(&self) -> Result<Credentials, Refused> {
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| Refused::from("no credentials are set".to_owned()))?;
        provider.provide_credentials().await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Refused::from(format!("{error}{}", cause.unwrap_or_default()))
        })
    }

    /// Calls an operation (`AmazonSSM.GetParameter`) of a service in a region.
    pub(crate) async fn call(
        &self,
        service: &str,
        region: &str,
        operation: &str,
        body: &Value,
    ) -> Result<Value, Refused> {
        let url = format!("{}/", self.root(service, region));
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", operation)];
        let body = body.to_string().into_bytes();
        let request = self.signed(service, region, &url, &headers, body).await?;
        let answer = request.send().await.map_err(|error| chain(&error.without_url()))?;
        if answer.content_length().is_some_and(|length| length > ANSWER_BYTES_MAX) {
            return Err("the answer is too long".to_owned().into());
        }
        let status = answer.status();
        let answer = answer.json::<Value>().await;
        if status.is_success() {
            return answer.map_err(|error| chain(&error.without_url()).into());
        }
        let answer = answer.unwrap_or_default();
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        // `com.amazonaws.ssm#ParameterNotFound`, or without the front.
        let code = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
        let message = if text("message").is_empty() { text("Message") } else { text("message") };
        let said = [status.to_string(), code.clone(), message];
        let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
        Err(Refused { code, reason: said.join(" ") })
    }

    /// A POST with a signature.
    pub(crate) async fn signed(
        &self,
        service: &str,
        region: &str,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<reqwest::RequestBuilder, Refused> {
        self.signed_as("POST", service, region, url, headers, body).await
    }

    /// A request with a signature.
    pub(crate) async fn signed_as(
        &self,
        method: &str,
        service: &str,
        region: &str,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<reqwest::RequestBuilder, Refused> {
        let identity = self.credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(system_time((self.clock)()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let signable = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(&body))
            .map_err(|error| error.to_string())?;
        let (signature, _) = sign(signable, &params).map_err(|error| error.to_string())?.into_parts();
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = self.http.request(method, url).body(body);
        for (header, value) in headers.iter().copied().chain(signature.headers()) {
            request = request.header(header, value);
        }
        Ok(request)
    }
}

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none())
}

/// Where a region's services are called.
pub(crate) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// As the signer takes it.
pub(crate) fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millisecond()).unwrap_or(0))
}
