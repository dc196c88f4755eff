use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// As Docker Hub has it.
const TOO_MANY: &str =
    r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;

/// A registry that answers 429 to everybody, whatever is asked.
pub(crate) struct Limited;

impl Limited {
    /// Answers for as long as the runtime is there, by `tls.pem` and `tls.key` of a folder.
    pub(crate) fn serve(at: SocketAddr, certificate: &Path, runtime: &Runtime) -> Result<()> {
        let chain = CertificateDer::pem_file_iter(certificate.join("tls.pem"))?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(certificate.join("tls.key"))?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = runtime.block_on(TcpListener::bind(at))?;
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who does not get it asks again.
                tokio::spawn(answer(acceptor.clone(), stream));
            }
        });
        Ok(())
    }
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut request = String::new();
    while stream.read_line(&mut request).await? > 2 {}
    let body = if request.starts_with("HEAD ") { "" } else { TOO_MANY };
    let head = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nConnection: close";
    let length = TOO_MANY.len();
    stream.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes()).await?;
    stream.shutdown().await
}
