//! HTTP for plugins, with limits: what a tenant writes (an image reference, an address in a log) must not become a
//! probe of our own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Redirections that are followed, each checked like the first address.
const REDIRECTS_MAX: usize = 3;

/// Asks by HTTP what a plugin may ask.
#[derive(Debug, Clone)]
pub struct Http {
    /// How long one question may take, to the end of its answer.
    pub timeout: Duration,
    /// How many bytes an answer may have.
    pub bytes_max: usize,
    /// Whether addresses of private networks, of this machine and of links may be asked. Off unless an operator says
    /// otherwise.
    pub private: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(4), bytes_max: 1 << 20, private: false }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers, with their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// It is no address that is asked.
    #[error("{url} is no address that can be asked: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It leads into a network that is not asked.
    #[error("{host} is {address}, which is in a private network and is not asked")]
    Private {
        /// The host.
        host: String,
        /// Its address.
        address: IpAddr,
    },
    /// Its name does not resolve.
    #[error("{host} does not resolve: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// It cannot be reached, or breaks off.
    #[error("{host} does not answer: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        reason: String,
    },
    /// It takes too long.
    #[error("{host} does not answer within {} s", timeout.as_secs())]
    Late {
        /// The host.
        host: String,
        /// How long it had.
        timeout: Duration,
    },
    /// It answers without end.
    #[error("{host} answers with more than {bytes_max} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// How many it may be.
        bytes_max: usize,
    },
}

impl Http {
    /// Asks with GET. Redirections are followed, each to an address that may be asked.
    ///
    /// # Errors
    /// Where there is no answer within the limits.
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.once(&url, headers).await?;
            let location =
                answer.headers.iter().find(|(name, _)| name == "location").map(|(_, to)| to.clone());
            match location.filter(|_| (300..400).contains(&answer.status)) {
                Some(to) => url = joined(&url, &to)?,
                None => return Ok(answer),
            }
        }
        Err(HttpError::Address { url, reason: "it redirects again and again".to_owned() })
    }

    async fn once(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let wrong = |reason: &str| HttpError::Address { url: url.to_owned(), reason: reason.to_owned() };
        let parsed = reqwest::Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.username().is_empty() {
            return Err(wrong("expected http or https, and no user in it"));
        }
        let host = parsed.host_str().ok_or_else(|| wrong("it names no host"))?.to_owned();
        let port = parsed.port_or_known_default().ok_or_else(|| wrong("it names no port"))?;
        let late = || HttpError::Late { host: host.clone(), timeout: self.timeout };
        let asked = async {
            let addresses = self.resolve(&host, port).await?;
            self.exchange(parsed.clone(), &host, &addresses, headers).await
        };
        tokio::time::timeout(self.timeout, asked).await.map_err(|_| late())?
    }

    /// The addresses of a host, all of which may be asked. The connection goes to these and no others, so that a
    /// name that resolves to something else a moment later does not matter.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((plain, port)).await;
        let unresolved = |reason: String| HttpError::Unresolved { host: host.to_owned(), reason };
        let addresses: Vec<SocketAddr> = found.map_err(|error| unresolved(error.to_string()))?.collect();
        if addresses.is_empty() {
            return Err(unresolved("no address".to_owned()));
        }
        match addresses.iter().find(|address| !self.private && is_private(address.ip())) {
            Some(address) => Err(HttpError::Private { host: host.to_owned(), address: address.ip() }),
            None => Ok(addresses),
        }
    }

    async fn exchange(
        &self,
        url: reqwest::Url,
        host: &str,
        addresses: &[SocketAddr],
        headers: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        let unreachable = |error: reqwest::Error| HttpError::Unreachable {
            host: host.to_owned(),
            reason: chain(&error.without_url()),
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .resolve_to_addrs(host, addresses)
            .build()
            .map_err(unreachable)?;
        let mut request = client.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let headers = response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let mut answer =
            Answer { status: response.status().as_u16(), headers: headers.collect(), body: Vec::new() };
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.body.len() + chunk.len() > self.bytes_max {
                return Err(HttpError::TooLarge { host: host.to_owned(), bytes_max: self.bytes_max });
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

fn joined(url: &str, to: &str) -> Result<String, HttpError> {
    let base = reqwest::Url::parse(url).and_then(|base| base.join(to));
    base.map(String::from)
        .map_err(|error| HttpError::Address { url: to.to_owned(), reason: error.to_string() })
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Whether an address is of a private network, of this machine, of a link (metadata services are), or of nobody.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped().or_else(|| nat64(v6)) {
            Some(v4) => is_private_v4(v4),
            None => {
                let first = v6.segments()[0];
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || (first & 0xfe00) == 0xfc00
                    || (first & 0xffc0) == 0xfe80
            }
        },
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
}

/// The address behind `64:ff9b::/96`.
fn nat64(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, 0, 0, 0, 0, high, low] = v6.segments() else { return None };
    let [c, d, e, f] = [high.to_be_bytes(), low.to_be_bytes()].concat().try_into().ok()?;
    (a == 0x64 && b == 0xff9b).then(|| Ipv4Addr::new(c, d, e, f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn our_own_network_is_not_asked() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.1/",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::a00:1]/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://localhost/",
        ] {
            let error = Http::default().get(url, &[]).await.unwrap_err();
            assert!(matches!(error, HttpError::Private { .. }), "{url}: {error}");
        }
        for url in ["file:///etc/passwd", "ftp://a.example/", "http://user@a.example/", "no address"] {
            let error = Http::default().get(url, &[]).await.unwrap_err();
            assert!(matches!(error, HttpError::Address { .. }), "{url}: {error}");
        }
    }

    /// A server that answers each connection with this, and then goes on sending if it is told to.
    async fn server(head: &'static str, without_end: bool) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                _ = stream.read(&mut request).await;
                _ = stream.write_all(head.as_bytes()).await;
                while without_end && stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            }
        });
        format!("http://{address}/")
    }

    #[tokio::test]
    async fn an_answer_without_end_and_a_way_into_our_network_are_refused() {
        let http = Http { private: true, bytes_max: 10_000, ..Http::default() };
        let endless = server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", true).await;
        let error = http.get(&endless, &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { .. }), "{error}");
        let round =
            server("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", false).await;
        let error = http.get(&round, &[]).await.unwrap_err();
        assert!(error.to_string().contains("again and again"), "{error}");
        let fine = server("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", false).await;
        let answer = http.get(&fine, &[("accept", "*/*")]).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"no"[..]));
    }
}
