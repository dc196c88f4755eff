//! Whatever comes in, the server answers or hangs up, and goes on serving.

use crate::http::Client;
use prodrome_recording::Timeline;
use prodrome_recording::play::{Clock, PlayOptions, PlayServer};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing here takes that long; what does hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn server() -> (PlayServer, Client) {
    let options = PlayOptions { clock: Clock::Manual, bookmark_every: None, ..PlayOptions::default() };
    let now = "2030-05-05T05:05:05Z".parse().unwrap();
    let server = PlayServer::start(&Timeline::default(), now, options).await.unwrap();
    let client = Client::new(&server.url());
    (server, client)
}

/// Sends bytes and closes; how much came back.
pub(crate) async fn throw(server: &PlayServer, bytes: &[u8]) -> usize {
    let mut stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap()).await.unwrap();
    // The server may hang up in the midst of it.
    _ = stream.write_all(bytes).await;
    _ = stream.shutdown().await;
    let mut answer = Vec::new();
    _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it answers or hangs up");
    answer.len()
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let (server, client) = server().await;
    let long = "a".repeat(1 << 20);
    for bytes in [
        b"".to_vec(),
        b"\0\xff\xfe\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /api HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
        b"POST /api/v1/namespaces/n/configmaps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(10_000)).into_bytes(),
    ] {
        assert!(throw(&server, &bytes).await < 4_096, "{:.60?}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(client.get("/healthz").await.body, json!("ok"));
}

#[tokio::test]
async fn odd_requests_get_an_answer() {
    let (server, client) = server().await;
    let many = "!a,".repeat(5_000);
    let open = "(".repeat(5_000);
    for path in [
        "/api/v1/pods?limit=-1".to_owned(),
        "/api/v1/pods?limit=99999999999999999999".to_owned(),
        "/api/v1/pods?continue=%00%ff".to_owned(),
        "/api/v1/pods?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ".to_owned(),
        "/api/v1/pods?resourceVersion=x&watch=1".to_owned(),
        "/api/v1/pods?watch=1&resourceVersion=18446744073709551615&timeoutSeconds=1".to_owned(),
        "/api/v1/pods?watch=1&timeoutSeconds=18446744073709551615&resourceVersion=-1".to_owned(),
        format!("/api/v1/pods?labelSelector={many}"),
        format!("/api/v1/pods?labelSelector={open}"),
        "/api/v1/pods?labelSelector=a%20in%20(".to_owned(),
        "/api/v1/pods?fieldSelector=status.phase%5C".to_owned(),
        "/api/v1/pods?fieldSelector=a%3Db".to_owned(),
        "/api/v1/pods?a=%zz&b=%".to_owned(),
        "/api/v1/namespaces/../pods".to_owned(),
        "/api/v1/namespaces//pods/".to_owned(),
        "/apis/x/y/z/a/b/c/d/e/f/g".to_owned(),
        "/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "//".to_owned(),
    ] {
        let answer = client.get(&path).await;
        assert!(matches!(answer.status, 200 | 400 | 404 | 410), "{path:.80}: {}", answer.status);
    }
    // A watch that never ends is a watch like any other.
    for timeout in ["0", "18446744073709551615", "9223372036854775807"] {
        client.watch(&format!("/api/v1/pods?watch=1&resourceVersion=1&timeoutSeconds={timeout}")).await;
    }
    let place = "/api/v1/namespaces/n/configmaps";
    let deep =
        format!("{{\"metadata\":{{\"name\":\"a\"}},\"data\":{}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
    for (method, path, kind, body) in [
        ("POST", place.to_owned(), "application/json", "[".repeat(100_000)),
        ("POST", place.to_owned(), "application/json", deep),
        ("POST", place.to_owned(), "application/json", "{}".to_owned()),
        ("POST", place.to_owned(), "application/json", "null".to_owned()),
        ("POST", place.to_owned(), "application/json", r#"{"metadata":{"name":7}}"#.to_owned()),
        ("POST", place.to_owned(), "application/json", r#"{"metadata":[]}"#.to_owned()),
        (
            "POST",
            place.to_owned(),
            "application/json",
            format!(r#"{{"metadata":{{"name":"a"}},"x":"{}"}}"#, "x".repeat(4 << 20)),
        ),
        ("PUT", format!("{place}/a"), "application/json", "{}".to_owned()),
        ("PATCH", format!("{place}/a"), "application/apply-patch+yaml", "{{{".to_owned()),
        ("PATCH", format!("{place}/a"), "application/json-patch+json", r#"[{"op":"move"}]"#.to_owned()),
        ("PATCH", format!("{place}/a"), "application/merge-patch+json", "7".to_owned()),
        ("DELETE", format!("{place}/a"), "application/json", "x".to_owned()),
        ("BREW", place.to_owned(), "", String::new()),
    ] {
        let answer = client.request(method, &path, kind, &body).await;
        assert!(
            (400..500).contains(&answer.status),
            "{method} {path} {body:.40}: {} {}",
            answer.status,
            answer.body
        );
    }
    assert_eq!(client.get("/healthz").await.body, json!("ok"));
    assert!(server.requests().len() <= 10_000);
}

/// What is remembered of requests is bounded in bytes, not in their number alone.
#[tokio::test]
async fn requests_that_are_long_are_remembered_in_part() {
    let (server, client) = server().await;
    for _ in 0..40 {
        client.get(&format!("/api/v1/pods?x={}", "a".repeat(60_000))).await;
    }
    let bytes: usize = server.requests().iter().map(|request| request.to_string().len()).sum();
    assert!(bytes <= 1 << 20, "{bytes}");
    client.get("/version").await;
    assert_eq!(server.requests().last().unwrap().path, "/version");
}

/// Whoever writes without end is refused at some point, and can make room.
#[tokio::test]
async fn what_is_written_is_kept_within_bounds() {
    let (_server, client) = server().await;
    let place = "/api/v1/namespaces/n/configmaps";
    let long = "x".repeat(3_000_000);
    let write = async |n: usize| {
        let object = json!({ "metadata": { "name": format!("m-{n}") }, "data": { "long": long } });
        client.request("POST", place, "application/json", &object.to_string()).await
    };
    let mut written = 0;
    let refused = loop {
        let answer = write(written).await;
        if answer.status != 201 {
            break answer;
        }
        written += 1;
        assert!(written < 100, "{written} objects of 3 MB");
    };
    assert_eq!((refused.status, &refused.body["reason"]), (500, &json!("InternalError")));
    assert!(written > 20, "{written}");
    for n in 0..3 {
        let gone = client.request("DELETE", &format!("{place}/m-{n}"), "application/json", "").await;
        assert_eq!(gone.status, 200);
    }
    assert_eq!(write(written).await.status, 201);
}
