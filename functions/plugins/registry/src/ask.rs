//! The distribution API: what a registry answers about one image.
//!
//! It is asked by the HTTP of the plugins' kit and not by the crate `oci-client` (looked at in 0.18). That makes its
//! `reqwest::Client` itself, with no way to give it a resolver or a policy for redirections, so that an image's name, a
//! redirection or the realm of a token could lead into a private network; it reads an answer whole however long it is, with
//! a bound on the time between two reads and none on the whole; and it sends a credential to whatever realm a registry
//! names, without TLS too.

use crate::challenge::Challenge;
use crate::credential::Credential;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_plugin::http::{Answer, Http, HttpError, TlsProblem};
use prodrome_plugin::image::Reference;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
/// How long one question may take: several are asked within a node's time.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Tags that are read to find near ones.
const TAGS_MAX: usize = 1000;

/// A registry, asked about one image.
pub(crate) struct Registry<'a> {
    http: Http,
    image: &'a Reference,
}

/// What one way of asking came to.
#[derive(Debug, Clone)]
pub(crate) enum Look {
    /// There is no answer.
    Unreached(Unreached),
    /// The registry, or its token service, has answered.
    Answered(Answered),
}

/// Why there is none.
#[derive(Debug, Clone)]
pub(crate) struct Unreached {
    /// What happened last.
    pub(crate) error: HttpError,
    /// Whether it does not speak TLS: then this happened when it was asked without.
    pub(crate) refuses_tls: bool,
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.refuses_tls {
            write!(f, "without TLS, which it does not speak, {}", self.error)
        } else {
            self.error.fmt(f)
        }
    }
}

/// What a cache says of the registry that it stands before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CutOff {
    /// The address that was asked.
    pub(crate) asked: String,
    /// The status that was answered.
    pub(crate) status: u16,
    /// The address that it could not ask. Without one it may be no cache: any registry has a bad minute.
    pub(crate) upstream: Option<String>,
}

/// The last answer, which decides.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    /// Who has answered: the registry's address, or that of its token service.
    pub(crate) asked: String,
    /// The status.
    pub(crate) status: u16,
    /// The codes of the errors in its body, such as `MANIFEST_UNKNOWN`.
    pub(crate) codes: Vec<String>,
    /// After how long it wants to be asked again.
    pub(crate) retry_after: Option<String>,
    /// With what it was asked.
    authorization: Option<String>,
    /// `https` or `http`.
    scheme: &'static str,
    /// The type of the manifest.
    media: String,
}

impl Look {
    /// The status, if there is an answer.
    pub(crate) const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answered) => Some(answered.status),
            Self::Unreached(_) => None,
        }
    }

    /// Whether a credential may change the answer: some registries hide what is private.
    pub(crate) const fn wants_credential(&self) -> bool {
        matches!(self.status(), Some(401 | 403 | 404))
    }
}

/// The tags that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tags {
    /// These, and perhaps more.
    Listed(Vec<String>),
    /// There is no such repository.
    NoRepository,
}

impl<'a> Registry<'a> {
    pub(crate) fn new(http: Http, image: &'a Reference) -> Self {
        let timeout = http.timeout.min(TIMEOUT);
        Self { http: Http { timeout, ..http }, image }
    }

    pub(crate) const fn image(&self) -> &Reference {
        self.image
    }

    /// Asks for the image's manifest, without a credential or with one.
    pub(crate) async fn look(&self, credential: Option<&Credential>) -> Look {
        match self.manifest("https", credential).await {
            // A registry without TLS is asked, but is given no credential.
            Err(error @ HttpError::Tls { problem: TlsProblem::NoTls, .. }) => {
                match self.manifest("http", None).await {
                    Ok(answered) if credential.is_none() => Look::Answered(answered),
                    Ok(_) => Look::Unreached(Unreached { error, refuses_tls: false }),
                    Err(error) => Look::Unreached(Unreached { error, refuses_tls: true }),
                }
            }
            Ok(answered) => Look::Answered(answered),
            Err(error) => Look::Unreached(Unreached { error, refuses_tls: false }),
        }
    }

    async fn manifest(
        &self,
        scheme: &'static str,
        credential: Option<&Credential>,
    ) -> Result<Answered, HttpError> {
        let version = self.image.version();
        let url = self.url(scheme, &format!("manifests/{version}"));
        // By HEAD: some registries count a GET as a pull.
        let first = self.http.head(&url, &[("accept", ACCEPT)]).await?;
        if first.status != 401 {
            return self.answered(scheme, url, first, None).await;
        }
        let challenge = first.header("www-authenticate").and_then(Challenge::parse);
        let authorization = match (challenge, credential) {
            (Some(Challenge::Basic), Some(credential)) => basic(credential),
            (Some(Challenge::Bearer { realm, service }), credential) => {
                let token_url = token_url(&realm, service.as_deref(), &self.image.repository);
                let with = credential.filter(|_| realm.starts_with("https://")).map(basic);
                let headers: Vec<(&str, &str)> =
                    with.iter().map(|with| ("authorization", with.as_str())).collect();
                let answer = self.http.get(&token_url, &headers).await?;
                let json = answer.json();
                let token = ["token", "access_token"].iter().find_map(|key| json[*key].as_str());
                match token.filter(|_| answer.status == 200) {
                    Some(token) => format!("Bearer {token}"),
                    None => return Ok(answered(scheme, plain(&token_url), &answer, None)),
                }
            }
            _ => return self.answered(scheme, url, first, None).await,
        };
        let headers = [("accept", ACCEPT), ("authorization", authorization.as_str())];
        let second = self.http.head(&url, &headers).await?;
        self.answered(scheme, url, second, Some(authorization)).await
    }

    /// The answer, with the codes of its error: HEAD has no body to find them in.
    async fn answered(
        &self,
        scheme: &'static str,
        url: String,
        answer: Answer,
        authorization: Option<String>,
    ) -> Result<Answered, HttpError> {
        let mut full = None;
        if matches!(answer.status, 400 | 401 | 403 | 404 | 405) {
            let mut headers = vec![("accept", ACCEPT)];
            headers.extend(authorization.iter().map(|with| ("authorization", with.as_str())));
            full = self.http.get(&url, &headers).await.ok();
        }
        Ok(answered(scheme, url, full.as_ref().unwrap_or(&answer), authorization))
    }

    /// The platforms that the image is made for.
    pub(crate) async fn platforms(&self, found: &Answered) -> Vec<String> {
        let manifest = self.read(found, &format!("manifests/{}", self.image.version())).await;
        let platform =
            |value: &Value| Some(format!("{}/{}", value["os"].as_str()?, value["architecture"].as_str()?));
        if found.media.contains("index") || found.media.contains("manifest.list") {
            let entries = manifest["manifests"].as_array().cloned().unwrap_or_default();
            let all = entries.iter().filter_map(|entry| platform(&entry["platform"]));
            // Attestations stand beside the images, for no platform.
            return all.filter(|platform| !platform.starts_with("unknown/")).collect();
        }
        let Some(config) = manifest["config"]["digest"].as_str() else { return Vec::new() };
        let sound = config.chars().all(|c| c.is_ascii_alphanumeric() || c == ':');
        if !sound {
            return Vec::new();
        }
        let config = self.read(found, &format!("blobs/{config}")).await;
        platform(&config).into_iter().collect()
    }

    /// Whether one who says that an image is missing does not know: a pull-through cache that cannot ask its upstream looks
    /// a tag up in its own storage, and says that there is none as if it knew. Of a part that nobody has it tells that it
    /// could not ask, where a registry of its own says no.
    pub(crate) async fn cut_off(&self, missing: &Answered) -> Option<CutOff> {
        let path = format!("blobs/sha256:{}", "0".repeat(64));
        let answer = self.get(missing, &path).await?;
        if !(500..600).contains(&answer.status) {
            return None;
        }
        let json = answer.json();
        let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let own = format!("://{}/", self.image.api_host());
        let sound = |url: &&str| {
            let http = url.starts_with("https://") || url.starts_with("http://");
            let plain = url.len() <= 200 && url.bytes().all(|b| b.is_ascii_graphic());
            http && plain && !url.contains(['@', '?']) && !url.contains(&own)
        };
        let mut told = errors.iter().filter_map(|error| error["detail"]["URL"].as_str());
        let upstream = told.find(sound).map(str::to_owned);
        Some(CutOff { asked: self.url(missing.scheme, &path), status: answer.status, upstream })
    }

    /// The tags of the image's repository; `None` where the registry does not tell.
    pub(crate) async fn tags(&self, missing: &Answered) -> Option<Tags> {
        let answer = self.get(missing, &format!("tags/list?n={TAGS_MAX}")).await?;
        match answer.status {
            404 => Some(Tags::NoRepository),
            200 => {
                let json = answer.json();
                let tags = json["tags"].as_array()?.iter().filter_map(|tag| tag.as_str().map(str::to_owned));
                Some(Tags::Listed(tags.take(TAGS_MAX).collect()))
            }
            _ => None,
        }
    }

    async fn read(&self, as_for: &Answered, path: &str) -> Value {
        self.get(as_for, path)
            .await
            .filter(|answer| answer.status == 200)
            .map_or(Value::Null, |answer| answer.json())
    }

    async fn get(&self, as_for: &Answered, path: &str) -> Option<Answer> {
        let url = self.url(as_for.scheme, path);
        let mut headers = vec![("accept", ACCEPT)];
        headers.extend(as_for.authorization.iter().map(|with| ("authorization", with.as_str())));
        self.http.get(&url, &headers).await.ok()
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}/v2/{}/{path}", self.image.api_host(), self.image.repository)
    }
}

fn answered(scheme: &'static str, asked: String, answer: &Answer, authorization: Option<String>) -> Answered {
    let json = answer.json();
    let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let codes = errors.iter().filter_map(|error| error["code"].as_str());
    let word = |text: &str| text.len() <= 40 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    Answered {
        asked,
        status: answer.status,
        codes: codes.filter(|code| word(code)).take(3).map(str::to_owned).collect(),
        retry_after: answer.header("retry-after").filter(|text| word(text)).map(str::to_owned),
        authorization,
        scheme,
        media: answer.header("content-type").unwrap_or_default().to_owned(),
    }
}

fn basic(credential: &Credential) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", credential.user, credential.password)))
}

fn token_url(realm: &str, service: Option<&str>, repository: &str) -> String {
    let between = if realm.contains('?') { '&' } else { '?' };
    let service = service.map(|service| format!("service={}&", escaped(service))).unwrap_or_default();
    format!("{realm}{between}{service}scope=repository:{}:pull", escaped(repository))
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// An address without its query.
fn plain(url: &str) -> String {
    url.split('?').next().unwrap_or(url).to_owned()
}
