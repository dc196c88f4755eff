use reqwest::Url;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// An HTTP address. Paths and queries of webhooks are secrets, so it prints no more than scheme and host.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no address that we send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It does not parse, or has no host.
    #[error("expected an address such as https://host/path")]
    NotAUrl,
    /// Neither `http` nor `https`.
    #[error("expected an address that begins with https:// or http://")]
    Scheme,
    /// A user or password stands in it.
    #[error("expected an address without user and password: credentials have fields of their own")]
    Credentials,
    /// It would send a secret in clear over a network.
    #[error("expected an https:// address: plain http sends the secret in clear")]
    Insecure,
}

impl Endpoint {
    /// An address of `https` or `http`, with a host, and without credentials in it.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|_| EndpointError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        Ok(Self(url))
    }

    /// Like [`Endpoint::parse`] and [`Endpoint::secure`] in one.
    pub fn parse_secure(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)?.secure()
    }

    /// Itself where it is `https`, or `http` to this very machine.
    pub fn secure(self) -> Result<Self, EndpointError> {
        let local = matches!(self.0.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if self.0.scheme() == "https" || local { Ok(self) } else { Err(EndpointError::Insecure) }
    }

    /// With a path put behind its own.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        Self(url)
    }

    /// With a parameter in its query.
    #[must_use]
    pub fn with_query(&self, key: &str, value: &str) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(key, value);
        Self(url)
    }

    /// The address itself: for the wire, never for a log.
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/…")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_can_be_sent_to_parses() {
        for (text, want) in [
            ("https://hooks.example/services/T0/B0/x", Ok("https://hooks.example/…")),
            ("http://alertmanager:9093", Ok("http://alertmanager:9093/…")),
            ("hooks.example", Err(EndpointError::NotAUrl)),
            ("https://", Err(EndpointError::NotAUrl)),
            ("", Err(EndpointError::NotAUrl)),
            ("file:///etc/passwd", Err(EndpointError::Scheme)),
            ("https://me:pw@hooks.example/", Err(EndpointError::Credentials)),
        ] {
            let got = Endpoint::parse(text).map(|e| format!("{e:?}"));
            assert_eq!(got, want.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn secrets_go_in_clear_to_this_machine_only() {
        for (text, want) in [
            ("https://hooks.example/x", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]/x", true),
            ("http://localhost/x", true),
            ("http://localhost.example/x", false),
            ("http://hooks.example/x", false),
        ] {
            assert_eq!(Endpoint::parse_secure(text).is_ok(), want, "{text}");
        }
    }

    #[test]
    fn a_path_and_a_query_are_added() {
        let base = Endpoint::parse("http://alertmanager:9093/am/").unwrap();
        assert_eq!(base.join("api/v2/alerts").url().as_str(), "http://alertmanager:9093/am/api/v2/alerts");
        let signed = Endpoint::parse("https://x.example/send?a=1").unwrap().with_query("sign", "a+b/c=");
        assert_eq!(signed.url().as_str(), "https://x.example/send?a=1&sign=a%2Bb%2Fc%3D");
    }
}
