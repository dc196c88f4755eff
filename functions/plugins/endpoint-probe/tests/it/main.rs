//! Against real servers on this machine: what answers, what does not, and with which certificate.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod pki;

use pki::Pki;
use prodrome_plugin::http::Http;
use prodrome_plugin::kit::Kit;
use prodrome_plugin::{Response, Timestamp, Verdict};
use prodrome_plugin_endpoint_probe::plugin;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn http(authority: Option<String>) -> Http {
    Http {
        networks: "127.0.0.0/8".parse().unwrap(),
        authorities: authority,
        timeout: Duration::from_secs(3),
        ..Http::default()
    }
}

/// A port that answers each request so; what it was asked for comes back in the header `X-Host`.
async fn serve(status: &'static str, tls: Option<(&Path, &Path)>) -> u16 {
    let acceptor = tls.map(|(chain, key)| {
        let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            match &acceptor {
                None => reply(stream, &answer).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        reply(stream, &answer).await;
                    }
                }
            }
        }
    });
    port
}

async fn reply(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, answer: &str) {
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await.unwrap_or(0);
    let asked = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).to_lowercase();
    // Only the host of the rule is served.
    let answer = if asked.contains("host: web.test") {
        answer
    } else {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    };
    stream.write_all(answer.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

/// A port on which nobody listens.
async fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn service(ports: &[u16], address: &str) -> Value {
    let ports: Vec<_> = ports.iter().map(|port| json!({ "port": port })).collect();
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "type": "LoadBalancer", "ports": ports },
        "status": { "loadBalancer": { "ingress": [{ "ip": address }] } } })
}

fn ingress(tls: bool) -> Value {
    let mut ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "rules": [{ "host": "web.test", "http": { "paths": [{ "path": "/shop" }] } }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": "127.0.0.1" }] } } });
    if tls {
        ingress["spec"]["tls"] = json!([{ "hosts": ["*.test"], "secretName": "web-tls" }]);
    }
    ingress
}

async fn ask_service(service: Value) -> Response {
    Kit::new().with(service).outside(http(None)).ask(&plugin(), "Service shop/web").await
}

#[expect(clippy::disallowed_methods, reason = "certificates are judged by the clock of this machine")]
async fn ask_ingress(ingress: Value, params: Value, authority: Option<String>) -> Response {
    let kit = Kit::new().with(ingress).outside(http(authority)).params(params).at(Timestamp::now());
    kit.ask(&plugin(), "networking.k8s.io/Ingress shop/web").await
}

fn came_to(response: &Response) -> (Verdict, Option<&str>) {
    (response.verdict, response.cause.as_deref())
}

const UNHEALTHY: (Verdict, Option<&str>) = (Verdict::Cause, Some("lb-target-unhealthy"));
const CLEARED: (Verdict, Option<&str>) = (Verdict::Cleared, None);

#[tokio::test]
async fn a_balancer_whose_ports_accept_connections_is_well() {
    let (one, other) = (serve("200 OK", None).await, serve("200 OK", None).await);
    let response = ask_service(service(&[one, other], "127.0.0.1")).await;
    assert_eq!(came_to(&response), CLEARED, "{response:?}");
}

#[tokio::test]
async fn a_port_that_refuses_is_told_with_its_address() {
    let (open, shut) = (serve("200 OK", None).await, closed().await);
    let all = ask_service(service(&[shut], "127.0.0.1")).await;
    assert_eq!(came_to(&all), UNHEALTHY, "{all:?}");
    assert!(all.summary.contains(&format!("127.0.0.1 port {shut} accepts no connection")), "{}", all.summary);
    assert_eq!(all.shared.as_deref(), Some("load balancer 127.0.0.1"));
    let some = ask_service(service(&[open, shut], "127.0.0.1")).await;
    assert_eq!(came_to(&some), UNHEALTHY);
    assert!(some.confidence < all.confidence && some.shared.is_none(), "{some:?}");
}

#[tokio::test]
async fn silence_is_a_fault_only_where_somebody_says_so() {
    // A server that accepts nothing more: its queue of connections is full.
    let listener = tokio::net::TcpSocket::new_v4().unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        held.push(stream);
    }
    let http = Http { timeout: Duration::from_millis(500), ..http(None) };
    let kit = Kit::new().with(service(&[address.port()], "127.0.0.1")).outside(http);
    let silent = kit.clone().ask(&plugin(), "Service shop/web").await;
    assert_eq!(came_to(&silent), (Verdict::Unknown, None), "{silent:?}");
    let fault = kit.params(json!({ "silenceIsFault": true })).ask(&plugin(), "Service shop/web").await;
    assert_eq!(came_to(&fault), UNHEALTHY, "{fault:?}");
}

#[tokio::test]
async fn what_nobody_promised_is_not_asked() {
    let mut udp = service(&[closed().await], "127.0.0.1");
    udp["spec"]["ports"][0]["protocol"] = json!("UDP");
    let mut inner = service(&[closed().await], "127.0.0.1");
    inner["spec"]["type"] = json!("ClusterIP");
    let mut going = service(&[closed().await], "127.0.0.1");
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    for service in [udp, inner, going] {
        assert_eq!(came_to(&ask_service(service.clone()).await), CLEARED, "{service}");
    }
    let gone = Kit::new().outside(http(None)).ask(&plugin(), "Service shop/web").await;
    assert_eq!(came_to(&gone), CLEARED);
}

#[tokio::test]
async fn a_private_address_and_no_way_outside_are_unknown_and_no_fault() {
    for address in ["10.0.0.1", "169.254.169.254"] {
        let response = ask_service(service(&[80], address)).await;
        assert_eq!(came_to(&response), (Verdict::Unknown, None), "{response:?}");
        assert!(
            response.not_looked_at.iter().any(|unseen| unseen.reason.contains("private network")),
            "{response:?}"
        );
    }
    let files = Kit::new().with(service(&[80], "127.0.0.1")).ask(&plugin(), "Service shop/web").await;
    assert_eq!(came_to(&files), (Verdict::Unknown, None));
}

#[tokio::test]
async fn an_ingress_is_asked_for_its_host_whatever_that_resolves_to() {
    for (status, want) in [
        ("200 OK", CLEARED),
        ("302 Found\r\nLocation: http://10.0.0.1/", CLEARED),
        ("401 Unauthorized", CLEARED),
        ("500 Internal Server Error", CLEARED),
        ("503 Service Unavailable", UNHEALTHY),
        ("502 Bad Gateway", UNHEALTHY),
    ] {
        let params = json!({ "httpPort": serve(status, None).await, "httpsPort": closed().await });
        let response = ask_ingress(ingress(false), params, None).await;
        assert_eq!(came_to(&response), want, "{status}: {response:?}");
        let (code, _) = status.split_once(' ').unwrap();
        assert!(
            response.summary.contains(&format!("web.test/shop at 127.0.0.1 answers {code}")),
            "{}",
            response.summary
        );
    }
}

#[tokio::test]
async fn an_ingress_without_tls_may_be_served_by_tls_alone() {
    let open = serve("200 OK", None).await;
    let params = json!({ "httpPort": closed().await, "httpsPort": open });
    assert_eq!(came_to(&ask_ingress(ingress(false), params, None).await), CLEARED);
    let params = json!({ "httpPort": closed().await, "httpsPort": closed().await });
    assert_eq!(came_to(&ask_ingress(ingress(false), params, None).await), UNHEALTHY);
}

#[tokio::test]
async fn certificates_are_judged_by_their_time_and_names() {
    const EXPIRED: (Verdict, Option<&str>) = (Verdict::Cause, Some("cert-expired"));
    const OTHER: (Verdict, Option<&str>) = (Verdict::Cause, Some("lb-cert-missing"));
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    for (host, days, known, want) in [
        ("web.test", "30", true, CLEARED),
        ("web.test", "3", true, EXPIRED),
        ("web.test", "-1", true, EXPIRED),
        ("other.test", "30", true, OTHER),
        ("web.test", "30", false, CLEARED),
    ] {
        let (chain, key) = pki.certify(host, days);
        let port = serve("200 OK", Some((&chain, &key))).await;
        let authority = known.then(|| pki.authority());
        let response = ask_ingress(ingress(true), json!({ "httpsPort": port }), authority).await;
        assert_eq!(came_to(&response), want, "{host} {days} {known}: {response:?}");
    }
    let plain = serve("200 OK", None).await;
    let response = ask_ingress(ingress(true), json!({ "httpsPort": plain }), None).await;
    assert_eq!(came_to(&response), OTHER, "{response:?}");
    let (chain, key) = pki.certify("web.test", "5");
    let port = serve("200 OK", Some((&chain, &key))).await;
    let patient = json!({ "httpsPort": port, "certificateDays": 2 });
    assert_eq!(came_to(&ask_ingress(ingress(true), patient, Some(pki.authority())).await), CLEARED);
}
