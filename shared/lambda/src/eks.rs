use crate::aws::{Aws, Refused, domain, system_time};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use std::time::Duration;

/// What EKS asks to be told in the signed address. It takes such a token for 15 minutes, whatever stands here.
const EXPIRES: Duration = Duration::from_mins(1);

/// Makes bearer tokens for the API server of an EKS cluster.
///
/// A token is the presigned address of a call that tells who we are, as `aws eks get-token` makes it; the API
/// server makes that call. Nothing is asked of anybody here.
#[derive(Debug, Clone)]
pub struct EksTokens {
    aws: Aws,
    cluster: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[error("no token for the EKS cluster {cluster} can be made: {reason}")]
pub struct EksTokenError {
    cluster: String,
    reason: String,
}

impl EksTokens {
    /// For a cluster by its name, as the role of the function.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(aws: &SdkConfig, cluster: &str) -> Result<Self, reqwest::Error> {
        Ok(Self { aws: Aws::new(aws)?, cluster: cluster.to_owned() })
    }

    /// A new token. It holds for 15 minutes, and no longer than the credentials it is made with.
    pub async fn token(&self) -> Result<String, EksTokenError> {
        let make = async {
            let region = self.aws.region()?;
            let credentials = self.aws.credentials().await?;
            Ok(token(&self.cluster, &region, credentials, (self.aws.clock)())?)
        };
        make.await.map_err(|Refused { reason, .. }| EksTokenError { cluster: self.cluster.clone(), reason })
    }
}

fn token(cluster: &str, region: &str, credentials: Credentials, now: Timestamp) -> Result<String, String> {
    let url = format!("https://sts.{region}.{}/?Action=GetCallerIdentity&Version=2011-06-15", domain(region));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(system_time(now))
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = [("x-k8s-aws-id", cluster)];
    let request = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|error| error.to_string())?;
    let (signed, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
    let mut url = url;
    for (name, value) in signed.params() {
        url = format!("{url}&{name}=");
        encode(value, &mut url);
    }
    Ok(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url)))
}

fn encode(text: &str, url: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with botocore 1.44.8 as awscli's `eks get-token` uses it (`SigV4QueryAuth`, the header `x-k8s-aws-id`).
    #[test]
    fn a_token_is_what_the_aws_command_line_makes() {
        let expected = |more: &str, signature: &str| {
            format!(
                "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20260301%2Feu-central-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20260301T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id{more}\
                &X-Amz-Signature={signature}"
            )
        };
        let session = "FwoGZXIvYXdzEBY/example+token==";
        for (session, want) in [
            (None, expected("", "eecf25ad55e712fde5f56042d9c768ea7f7c43357d93624a49e5745f9dd811fa")),
            (
                Some(session),
                expected(
                    "&X-Amz-Security-Token=FwoGZXIvYXdzEBY%2Fexample%2Btoken%3D%3D",
                    "7601ce37db97f655dd2d69a1abd5949a977f0eceb91beaa5eda0628df0b6bd25",
                ),
            ),
        ] {
            let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
            let credentials = Credentials::new("AKIDEXAMPLE", key, session.map(str::to_owned), None, "test");
            let now = "2026-03-01T12:00:00Z".parse().unwrap();
            let token = token("prod-1", "eu-central-1", credentials, now).unwrap();
            let url = URL_SAFE_NO_PAD.decode(token.strip_prefix("k8s-aws-v1.").unwrap()).unwrap();
            // The order of a query's parts is of no meaning to the signature.
            let parts = |url: &str| {
                let mut parts: Vec<String> = url.split(['?', '&']).map(str::to_owned).collect();
                parts.sort();
                parts
            };
            assert_eq!(parts(&String::from_utf8(url).unwrap()), parts(&want));
        }
    }

    #[test]
    fn china_has_a_domain_of_its_own() {
        let credentials = Credentials::new("AKIDEXAMPLE", "key", None, None, "test");
        let token = token("prod", "cn-north-1", credentials, Timestamp::UNIX_EPOCH).unwrap();
        let url = URL_SAFE_NO_PAD.decode(token.strip_prefix("k8s-aws-v1.").unwrap()).unwrap();
        assert!(url.starts_with(b"https://sts.cn-north-1.amazonaws.com.cn/?"), "{url:?}");
    }
}
