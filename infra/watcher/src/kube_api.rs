//! The [`Api`] over the Kubernetes API, by raw bytes.

use crate::api::{Api, ApiError, Events, Listed, Page};
use crate::chain::chain;
use crate::collection::Collection;
use crate::event::Status;
use crate::lines::Lines;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use prodrome_scan::ListSplitter;
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::timeout;

/// An object larger than this is not read; etcd takes 1.5 MiB.
const OBJECT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// An answer that is read as a whole (a `Status`, a document of the discovery) is not larger.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is no list and no watch is answered by then: an API server gives up after a minute, unless it was told otherwise.
const ANSWER_WAIT: Duration = Duration::from_secs(65);

/// Of an object its metadata alone; where a server cannot do that, all of it.
const ONE_METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const LIST_METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// The Kubernetes API.
#[derive(Clone)]
pub(crate) struct KubeApi {
    client: Client,
}

/// An answer that was read as a whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) etag: Option<String>,
}

impl KubeApi {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads a document; `None` where it still has the tag `unless`.
    pub(crate) async fn get(
        &self,
        path: &str,
        accept: &'static str,
        unless: Option<&str>,
    ) -> Result<Option<Answer>, ApiError> {
        let mut request = Request::get(path).header(ACCEPT, accept);
        if let Some(etag) = unless {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let (status, headers, body) = self.ask(request, Body::empty()).await?;
        if status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let etag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Some(Answer { body, etag }))
    }

    /// Writes a document; the API server's version of it.
    pub(crate) async fn write(&self, method: Method, path: &str, json: Vec<u8>) -> Result<Bytes, ApiError> {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        let (_, _, body) = self.ask(request.header(ACCEPT, "application/json"), Body::from(json)).await?;
        Ok(body)
    }

    /// Changes an object; its metadata after that.
    pub(crate) async fn patch(
        &self,
        path: &str,
        content_type: &'static str,
        json: Vec<u8>,
    ) -> Result<Bytes, ApiError> {
        let request = Request::patch(path).header(CONTENT_TYPE, content_type).header(ACCEPT, ONE_METADATA);
        let (_, _, body) = self.ask(request, Body::from(json)).await?;
        Ok(body)
    }

    /// Asks for a page of the metadata of a collection.
    pub(crate) async fn list_metadata(
        &self,
        path: &str,
        selector: &str,
        limit: u32,
        next: Option<&str>,
    ) -> Result<KubePage, ApiError> {
        let mut uri = format!("{path}?limit={limit}");
        for (name, value) in [("labelSelector", Some(selector).filter(|s| !s.is_empty())), ("continue", next)]
        {
            if let Some(value) = value {
                uri.extend(["&", name, "="]);
                percent_encode(value, &mut uri);
            }
        }
        let (_, _, body) = self.send(Request::get(uri).header(ACCEPT, LIST_METADATA), Body::empty()).await?;
        Ok(KubePage { body, splitter: Some(ListSplitter::default()) })
    }

    /// Opens a watch.
    pub(crate) async fn events(&self, uri: String) -> Result<KubeEvents, ApiError> {
        let request = Request::get(uri).header(ACCEPT, "application/json");
        let (_, _, body) = self.send(request, Body::empty()).await?;
        Ok(KubeEvents { body, lines: Lines::default() })
    }

    /// Sends a request, and reads the answer as a whole.
    async fn ask(
        &self,
        request: http::request::Builder,
        body: Body,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ApiError> {
        let answered = async {
            let (status, headers, body) = self.send(request, body).await?;
            Ok((status, headers, whole(body).await?))
        };
        timeout(ANSWER_WAIT, answered).await.unwrap_or(Err(ApiError::Silent(ANSWER_WAIT)))
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: Body,
    ) -> Result<(StatusCode, HeaderMap, Body), ApiError> {
        // An API server may compress a watch event by event, which decoders read only the first of.
        let request = request.header(ACCEPT_ENCODING, "identity").body(body);
        let request = request.map_err(|error| ApiError::Broken(error.to_string()))?;
        let response = self.client.send(request).await.map_err(|error| ApiError::Broken(chain(&error)))?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() || parts.status == StatusCode::NOT_MODIFIED {
            return Ok((parts.status, parts.headers, body));
        }
        let wait = parts.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        let body = whole(body).await.unwrap_or_default();
        let said: Status = serde_json::from_slice(&body).unwrap_or_default();
        let reason = if said.message.is_empty() { parts.status.to_string() } else { said.message };
        Err(ApiError::of_status(parts.status.as_u16(), reason, wait.map(Duration::from_secs)))
    }
}

impl Api for KubeApi {
    type Page = KubePage;
    type Events = KubeEvents;

    async fn list(&self, of: &Collection, limit: u32, next: Option<&str>) -> Result<KubePage, ApiError> {
        let mut uri = format!("{}?limit={limit}", of.path());
        if let Some(next) = next {
            uri.push_str("&continue=");
            percent_encode(next, &mut uri);
        }
        let (_, _, body) =
            self.send(Request::get(uri).header(ACCEPT, "application/json"), Body::empty()).await?;
        Ok(KubePage { body, splitter: Some(ListSplitter::default()) })
    }

    async fn stream(&self, of: &Collection, lasting: Duration) -> Result<KubeEvents, ApiError> {
        let (path, seconds) = (of.path(), lasting.as_secs());
        self.events(format!(
            "{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}\
             &sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        ))
        .await
    }

    async fn watch(&self, of: &Collection, from: &str, lasting: Duration) -> Result<KubeEvents, ApiError> {
        let seconds = lasting.as_secs();
        let mut uri = format!("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}", of.path());
        uri.push_str("&resourceVersion=");
        percent_encode(from, &mut uri);
        self.events(uri).await
    }
}

/// A page of a list while it arrives: no more than one object of it is held.
pub(crate) struct KubePage {
    body: Body,
    /// Gone once the page is through.
    splitter: Option<ListSplitter>,
}

impl Page for KubePage {
    async fn next(&mut self) -> Result<Listed, ApiError> {
        let ended = || ApiError::Broken("the page was over".to_owned());
        loop {
            let splitter = self.splitter.as_mut().ok_or_else(ended)?;
            if let Some(item) = splitter.next_item()? {
                return Ok(Listed::Item(Bytes::copy_from_slice(item)));
            }
            within_bound(splitter.held())?;
            if let Some(piece) = data(&mut self.body).await? {
                splitter.push(&piece);
            } else {
                let metadata = self.splitter.take().ok_or_else(ended)?.finish()?;
                let metadata: ListMetadata = serde_json::from_slice(&metadata)
                    .map_err(|error| ApiError::Broken(format!("a list without metadata: {error}")))?;
                let next = Some(metadata.next).filter(|next| !next.is_empty());
                return Ok(Listed::End { version: metadata.resource_version, next });
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

/// A watch: no more than one event of it is held, and what arrived with it.
pub(crate) struct KubeEvents {
    body: Body,
    lines: Lines,
}

impl Events for KubeEvents {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return Ok(Some(line));
            }
            within_bound(self.lines.held())?;
            match data(&mut self.body).await? {
                Some(piece) => self.lines.push(&piece),
                None if self.lines.held() > 0 => {
                    return Err(ApiError::Broken("the watch ended in the middle of an event".to_owned()));
                }
                None => return Ok(None),
            }
        }
    }
}

fn within_bound(held: usize) -> Result<(), ApiError> {
    if held <= OBJECT_BYTES_MAX {
        return Ok(());
    }
    Err(ApiError::Broken(format!("an object has more than {OBJECT_BYTES_MAX} bytes")))
}

async fn data(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::Broken(chain(&error)))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let collected = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    Ok(collected.map_err(|error| ApiError::Broken(chain(&*error)))?.to_bytes())
}

pub(crate) fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String does not fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[tokio::test(start_paused = true)]
    async fn what_is_never_answered_is_given_up() {
        // Nobody reads what is sent there.
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let mut config = kube::Config::new(url.parse().unwrap());
        (config.connect_timeout, config.read_timeout, config.write_timeout) = (None, None, None);
        let api = KubeApi::new(Client::try_from(config).unwrap());
        let (path, json) = ("/api/v1/namespaces/a/configmaps/b", "application/json");
        let read = api.get(path, json, None).await.map(drop);
        let written = api.write(Method::PUT, path, b"{}".to_vec()).await.map(drop);
        let changed = api.patch(path, "application/merge-patch+json", b"{}".to_vec()).await.map(drop);
        for given_up in [read, written, changed] {
            assert!(matches!(given_up, Err(ApiError::Silent(ANSWER_WAIT))), "{given_up:?}");
        }
    }
}
