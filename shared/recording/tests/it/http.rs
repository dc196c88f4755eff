//! A bare HTTP client, which sees what is really sent.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) struct Client {
    url: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Value,
}

/// The lines of an open watch.
pub(crate) struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

/// Nothing here takes that long; what does hangs.
const PATIENCE: Duration = Duration::from_secs(20);

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.strip_prefix("http://").unwrap().to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "application/json", "").await
    }

    pub(crate) async fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> Answer {
        let response = self.send(method, path, content_type, body).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status, headers, body }
    }

    /// Whether the answer breaks off, before or after its head.
    pub(crate) async fn breaks(&self, path: &str) -> bool {
        match self.try_send("GET", path, "", "").await {
            Err(_) => true,
            Ok(response) => timeout(PATIENCE, response.into_body().collect()).await.unwrap().is_err(),
        }
    }

    pub(crate) async fn watch(&self, path: &str) -> Lines {
        let response = self.send("GET", path, "", "").await;
        assert_eq!(response.status(), 200);
        Lines { body: response.into_body(), rest: Vec::new() }
    }

    async fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Response<Incoming> {
        self.try_send(method, path, content_type, body).await.unwrap()
    }

    async fn try_send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let stream = tokio::net::TcpStream::connect(&self.url).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", &self.url)
            .header("Content-Type", content_type)
            .header("Accept", content_type)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .unwrap();
        timeout(PATIENCE, sender.send_request(request)).await.unwrap()
    }
}

impl Lines {
    /// The next event as (type, object); `None` at the end of the stream, an error where it broke.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, Value)>, hyper::Error> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                let mut event: Value = serde_json::from_slice(&line).unwrap();
                return Ok(Some((event["type"].as_str().unwrap().to_owned(), event["object"].take())));
            }
            match timeout(PATIENCE, self.body.frame()).await.unwrap() {
                None => return Ok(None),
                Some(frame) => self.rest.extend_from_slice(&frame?.into_data().unwrap()),
            }
        }
    }

    /// The next event as `TYPE name`.
    pub(crate) async fn short(&mut self) -> String {
        match self.next().await.unwrap() {
            Some((kind, object)) => format!("{kind} {}", object["metadata"]["name"].as_str().unwrap_or("-")),
            None => "end".to_owned(),
        }
    }
}
