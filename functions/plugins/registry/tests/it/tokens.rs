//! A token service as the distribution's specification has it, over TLS: `robot` may pull, nobody else may.

use super::pki::Pki;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// One that runs, until its runtime ends.
pub(crate) struct Tokens {
    pub(crate) realm: String,
    pub(crate) authority: PathBuf,
}

impl Tokens {
    /// Starts it with the certificate and the key of the test's own; they also sign its tokens.
    pub(crate) async fn start(pki: Arc<Pki>) -> Self {
        let chain = CertificateDer::pem_file_iter(pki.certificate()).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(pki.key()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let realm = format!("https://{}/token", listener.local_addr().unwrap());
        let authority = pki.authority();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = vec![0; 8192];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let text = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).into_owned();
                let answer = answer(&pki, &text);
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            }
        });
        Self { realm, authority }
    }
}

fn answer(pki: &Pki, request: &str) -> String {
    let header = |name: &str| {
        request.lines().find_map(|line| {
            line.to_ascii_lowercase().starts_with(name).then(|| line.split_once(": ")).flatten()
        })
    };
    let robot = format!("Basic {}", STANDARD.encode("robot:of-these-tests"));
    let given = header("authorization").map(|(_, value)| value.to_owned());
    let (status, body) = match given.as_deref() {
        Some(value) if value == robot => ("200 OK", json!({ "token": token(pki, true) })),
        Some(_) => ("401 Unauthorized", json!({ "errors": [{ "code": "UNAUTHORIZED" }] })),
        // As Docker Hub: anybody gets a token, which allows nothing of what is private.
        None => ("200 OK", json!({ "token": token(pki, false) })),
    };
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn token(pki: &Pki, may_pull: bool) -> String {
    let pem = std::fs::read_to_string(pki.certificate()).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    #[expect(clippy::disallowed_methods, reason = "the registry looks at its own clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let access = if may_pull {
        json!([{ "type": "repository", "name": "shop/web", "actions": ["pull"] }])
    } else {
        json!([])
    };
    let head = json!({ "typ": "JWT", "alg": "ES256", "x5c": [der] });
    let claims = json!({ "iss": "of-this-test", "aud": "registry", "sub": "robot", "exp": now + 60, "nbf": now - 60,
        "iat": now, "jti": "1", "access": access });
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&head), encode(&claims));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("claims");
    std::fs::write(&file, &signed).unwrap();
    let key = pki.key();
    let der = pki.openssl(&["dgst", "-sha256", "-sign", key.to_str().unwrap(), file.to_str().unwrap()]);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(raw(&der)))
}

/// The two numbers of a signature, which openssl writes as ASN.1.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut numbers = Vec::new();
    let mut rest = &der[2..];
    while let [2, length, tail @ ..] = rest {
        let (number, tail) = tail.split_at(usize::from(*length));
        let number = &number[number.len().saturating_sub(32)..];
        numbers.extend(std::iter::repeat_n(0, 32 - number.len()));
        numbers.extend_from_slice(number);
        rest = tail;
    }
    numbers
}
