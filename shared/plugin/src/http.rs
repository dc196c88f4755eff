//! HTTP for plugins, with limits: what a tenant writes (an image reference, an address in a log) must not become a
//! probe of our own network.

mod certificate;
mod networks;

pub use certificate::not_after;
use jiff::Timestamp;
pub use networks::{Networks, NetworksError};
use prodrome_model::chain;
use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Redirections that are followed, each checked like the first address.
const REDIRECTS_MAX: usize = 3;

/// Asks by HTTP what a plugin may ask.
#[derive(Debug, Clone)]
pub struct Http {
    /// How long one question may take, to the end of its answer.
    pub timeout: Duration,
    /// How many bytes an answer may have.
    pub bytes_max: usize,
    /// Which private networks may be asked: none unless an operator says otherwise.
    pub networks: Networks,
    /// Certificate authorities that are trusted besides those of the system, in PEM.
    pub authorities: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(4),
            bytes_max: 1 << 20,
            networks: Networks::default(),
            authorities: None,
        }
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
    /// Over TLS: until when the server's certificate is valid, if that can be read.
    pub certificate_until: Option<Timestamp>,
}

impl Answer {
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
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
    /// Its certificate, or what it speaks instead of TLS, is not accepted.
    #[error("{host} {}", problem.as_str())]
    Tls {
        /// The host.
        host: String,
        /// What is wrong.
        problem: TlsProblem,
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

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsProblem {
    /// Nobody whom we trust has signed it.
    Untrusted,
    /// It is of the past.
    Expired,
    /// It is of the future.
    NotYet,
    /// It is another host's.
    OtherName,
    /// There is none: the server speaks something else, such as plain HTTP.
    NoTls,
    /// Something else.
    Other,
}

impl TlsProblem {
    /// As it goes on after the host's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untrusted => "has a certificate that no known authority has signed",
            Self::Expired => "has a certificate that has expired",
            Self::NotYet => "has a certificate that is not valid yet",
            Self::OtherName => "has a certificate for other names",
            Self::NoTls => "does not speak TLS",
            Self::Other => "fails in the TLS handshake",
        }
    }

    /// By the words of the TLS library, which are all that is passed on of its error.
    fn of(words: &str) -> Option<Self> {
        let has = |any: &[&str]| any.iter().any(|part| words.contains(part));
        let certificate = words.contains("certificate");
        Some(match () {
            () if has(&["UnknownIssuer", "SelfSigned", "CaUsedAsEndEntity"]) => Self::Untrusted,
            () if has(&["NotValidYet", "not valid yet"]) => Self::NotYet,
            () if certificate && has(&["Expired", "expired"]) => Self::Expired,
            () if has(&["NotValidForName", "not valid for name"]) => Self::OtherName,
            () if has(&["InvalidContentType", "corrupt message", "InvalidMessage"]) => Self::NoTls,
            () if certificate
                || has(&["received fatal alert", "HandshakeFailure", "peer is incompatible"]) =>
            {
                Self::Other
            }
            () => return None,
        })
    }
}

impl Http {
    /// Asks with GET. Redirections are followed, each to an address that may be asked; a credential goes to the host
    /// that it is meant for and to no other.
    ///
    /// # Errors
    /// Where there is no answer within the limits.
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        self.ask(&Method::GET, url, headers).await
    }

    /// Asks with HEAD, as [`Http::get`] does with GET.
    ///
    /// # Errors
    /// As for [`Http::get`].
    pub async fn head(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        self.ask(&Method::HEAD, url, headers).await
    }

    /// Asks one address with GET as if it were the URL's host, whatever that resolves to. A redirection is an answer.
    ///
    /// # Errors
    /// As for [`Http::get`].
    pub async fn get_at(
        &self,
        address: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        self.once(&Method::GET, url, Some(address), headers).await
    }

    /// Connects by TCP, to see whether anybody listens. Nothing is sent.
    ///
    /// # Errors
    /// Where nobody accepts the connection within the time, or the address may not be asked.
    pub async fn connect(&self, host: &str, port: u16) -> Result<(), HttpError> {
        let connecting = async {
            let mut error = None;
            for address in self.resolve(host, port).await? {
                match TcpStream::connect(address).await {
                    Ok(_) => return Ok(()),
                    Err(other) => error = Some(other),
                }
            }
            let reason = error.map_or_else(|| "no address".to_owned(), |error| error.to_string());
            Err(HttpError::Unreachable { host: host.to_owned(), reason })
        };
        let late = HttpError::Late { host: host.to_owned(), timeout: self.timeout };
        tokio::time::timeout(self.timeout, connecting).await.unwrap_or(Err(late))
    }

    async fn ask(&self, method: &Method, url: &str, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let mut url = url.to_owned();
        let mut headers = headers.to_vec();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.once(method, &url, None, &headers).await?;
            match answer.header("location").filter(|_| (300..400).contains(&answer.status)) {
                Some(to) => {
                    let to = joined(&url, to)?;
                    if !same_origin(&url, &to) {
                        headers.retain(|(name, _)| {
                            !SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str())
                        });
                    }
                    url = to;
                }
                None => return Ok(answer),
            }
        }
        Err(HttpError::Address { url, reason: "it redirects again and again".to_owned() })
    }

    async fn once(
        &self,
        method: &Method,
        url: &str,
        at: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        let wrong = |reason: &str| HttpError::Address { url: url.to_owned(), reason: reason.to_owned() };
        let parsed = reqwest::Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.username().is_empty() {
            return Err(wrong("expected http or https, and no user in it"));
        }
        let host = parsed.host_str().ok_or_else(|| wrong("it names no host"))?.to_owned();
        let port = parsed.port_or_known_default().ok_or_else(|| wrong("it names no port"))?;
        // A connection goes to an address that stands in the URL, whichever else was looked at.
        if at.is_some_and(|at| at != host) && parsed.domain().is_none() {
            return Err(wrong("its host is an address of its own"));
        }
        let late = || HttpError::Late { host: host.clone(), timeout: self.timeout };
        let asked = async {
            let addresses = self.resolve(at.unwrap_or(&host), port).await?;
            self.exchange(method, parsed.clone(), &host, &addresses, headers).await
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
        match addresses.iter().find(|address| !self.networks.may_ask(address.ip())) {
            Some(address) => Err(HttpError::Private { host: host.to_owned(), address: address.ip() }),
            None => Ok(addresses),
        }
    }

    async fn exchange(
        &self,
        method: &Method,
        url: reqwest::Url,
        host: &str,
        addresses: &[SocketAddr],
        headers: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        let unreachable = |error: reqwest::Error| failed(host, &error.without_url());
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_info(true)
            .dns_resolver(Arc::new(Pinned(addresses.to_vec())));
        if let Some(pem) = &self.authorities {
            let trusted = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(unreachable)?;
            client = client.tls_certs_merge(trusted);
        }
        let client = client.build().map_err(unreachable)?;
        let mut request = client.request(method.clone(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let headers = response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let tls = response.extensions().get::<reqwest::tls::TlsInfo>();
        let mut answer = Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: Vec::new(),
            certificate_until: tls.and_then(|tls| tls.peer_certificate()).and_then(not_after),
        };
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.body.len() + chunk.len() > self.bytes_max {
                return Err(HttpError::TooLarge { host: host.to_owned(), bytes_max: self.bytes_max });
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

/// Stands for the resolver of a client that may reach only what was looked at: there is no name that it looks up anew.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// Headers that are for one host alone.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

fn same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| reqwest::Url::parse(url).map(|url| url.origin());
    matches!((origin(one), origin(other)), (Ok(one), Ok(other)) if one == other)
}

fn failed(host: &str, error: &reqwest::Error) -> HttpError {
    let reason = chain(error);
    match TlsProblem::of(&reason) {
        Some(problem) => HttpError::Tls { host: host.to_owned(), problem },
        None => HttpError::Unreachable { host: host.to_owned(), reason },
    }
}

fn joined(url: &str, to: &str) -> Result<String, HttpError> {
    let base = reqwest::Url::parse(url).and_then(|base| base.join(to));
    base.map(String::from)
        .map_err(|error| HttpError::Address { url: to.to_owned(), reason: error.to_string() })
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
            "http://[fd00:ec2::254]/",
            // The same addresses as people hide them.
            "http://2852039166/latest/meta-data",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://0xa9.254.43518/",
            "http://169.254.43518/",
            "http://%31%36%39.254.169.254/",
            "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
            "http://169.254.169.254./",
            "http://[::ffff:a9fe:a9fe]/",
            "http://127.1/",
            "http://0/",
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
        let http = Http { networks: "127.0.0.0/8".parse().unwrap(), bytes_max: 10_000, ..Http::default() };
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

    /// A server that answers each connection with this, and keeps what it was asked.
    async fn recorder(
        answer: String,
    ) -> (std::net::SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                request.truncate(read);
                _ = told.send(String::from_utf8_lossy(&request).into_owned());
                _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (address, heard)
    }

    #[tokio::test]
    async fn a_credential_does_not_follow_a_redirection_to_another_host() {
        let (there, mut asked_there) =
            recorder("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()).await;
        let to = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{there}/blob\r\nContent-Length: 0\r\n\r\n"
        );
        let (here, mut asked_here) = recorder(to).await;
        let http = Http { networks: "127.0.0.0/8".parse().unwrap(), ..Http::default() };
        let headers = [("authorization", "Bearer of-the-first"), ("accept", "*/*")];
        assert_eq!(http.get(&format!("http://{here}/"), &headers).await.unwrap().status, 200);
        assert!(asked_here.recv().await.unwrap().contains("of-the-first"));
        let second = asked_there.recv().await.unwrap();
        assert!(second.contains("/blob") && !second.contains("of-the-first"), "{second}");
    }

    #[tokio::test]
    async fn a_redirection_to_a_metadata_service_is_refused_whatever_is_allowed() {
        let to =
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n";
        let (here, _asked) = recorder(to.to_owned()).await;
        let http = Http { networks: "127.0.0.0/8, 10.0.0.0/8".parse().unwrap(), ..Http::default() };
        let error = http.get(&format!("http://{here}/"), &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::Private { .. }), "{error}");
    }

    #[tokio::test]
    async fn what_speaks_no_tls_is_told_from_what_does_not_answer() {
        let (here, _asked) =
            recorder("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
        let http = Http { networks: "127.0.0.0/8".parse().unwrap(), ..Http::default() };
        let error = http.get(&format!("https://{here}/"), &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::Tls { problem: TlsProblem::NoTls, .. }), "{error:?}");
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = http.get(&format!("https://{closed}/"), &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::Unreachable { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_goes_to_what_was_looked_at_and_no_name_is_looked_up_again() {
        let (there, mut asked) =
            recorder("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()).await;
        let http = Http { networks: "127.0.0.0/8".parse().unwrap(), ..Http::default() };
        // No resolver knows these names, so that a second look at one of them would find nothing.
        let error = http.get_at("127.0.0.1", "http://169.254.169.254/", &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::Address { .. }), "{error}");
        for host in ["rebound.invalid", "Rebound.INVALID", "rebound.invalid."] {
            let url = format!("http://{host}:{}/", there.port());
            let answer = http.get_at("127.0.0.1", &url, &[]).await;
            assert_eq!(answer.map(|answer| answer.status), Ok(200), "{host}");
            assert!(asked.recv().await.unwrap().to_lowercase().contains("host: rebound.invalid"));
        }
    }

    #[tokio::test]
    async fn a_server_that_drips_is_late_whether_with_its_head_or_its_body() {
        for (name, head) in [("head", "HTTP/1.1 200 OK\r\nx-slow: "), ("body", "HTTP/1.1 200 OK\r\n\r\n")] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                _ = stream.read(&mut request).await;
                _ = stream.write_all(head.as_bytes()).await;
                let mut tick = tokio::time::interval(Duration::from_millis(5));
                while stream.write_all(b"x").await.is_ok() {
                    tick.tick().await;
                }
            });
            let http = Http {
                networks: "127.0.0.0/8".parse().unwrap(),
                timeout: Duration::from_millis(100),
                ..Http::default()
            };
            let error = http.get(&format!("http://{address}/"), &[]).await.unwrap_err();
            assert!(matches!(error, HttpError::Late { .. }), "{name}: {error:?}");
            // Whoever is late is left, and not listened to any more.
            serving.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_that_never_ends_its_answer_is_late() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let http = Http {
            networks: "127.0.0.0/8".parse().unwrap(),
            timeout: Duration::from_millis(50),
            ..Http::default()
        };
        let error = http.get(&format!("http://{address}/"), &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::Late { .. }), "{error:?}");
        drop(listener);
    }
}
