use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use jiff::Timestamp;
use std::time::{Duration, SystemTime};

/// A POST to one of AWS's services, signed. The services' whole SDKs take longer to compile than all else together.
pub(crate) async fn signed(
    aws: &SdkConfig,
    http: &reqwest::Client,
    service: &str,
    url: &str,
    headers: &[(&'static str, &'static str)],
    body: Vec<u8>,
    now: Timestamp,
) -> Result<reqwest::RequestBuilder, String> {
    let region = aws.region().ok_or("no region is set")?;
    let provider = aws.credentials_provider().ok_or("no credentials are set")?;
    let credentials = provider.provide_credentials().await.map_err(|error| error.to_string())?;
    let identity = credentials.into();
    let time =
        SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millisecond()).unwrap_or(0));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let request = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(&body))
        .map_err(|error| error.to_string())?;
    let (signature, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
    let mut request = http.post(url).body(body);
    for (header, value) in headers.iter().copied().chain(signature.headers()) {
        request = request.header(header, value);
    }
    Ok(request)
}
