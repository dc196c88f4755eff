//! One kind: lists it, then watches it for as long as the recording goes on.

use super::Tape;
use super::given_up::GivenUp;
use futures::{AsyncBufReadExt as _, StreamExt as _};
use kube::Client;
use prodrome_model::Resource;
use prodrome_recording::{RecordingError, WatchKind};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Objects a page of a list has.
const PAGE: usize = 500;
/// The API server ends a watch after so long, and it is opened anew.
const WATCH_SECS: u64 = 290;
/// A watch that gives nothing for longer than it may last is dead.
const SILENCE_MAX: Duration = Duration::from_secs(WATCH_SECS + 30);
/// An answer to a list, and the opening of a watch, take no longer.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long to wait before trying again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What keeps a list or a watch from going on.
enum Trouble {
    /// The version is too old: list again.
    Gone,
    /// Nothing will change about it.
    GiveUp { code: u16, reason: String },
    /// Try again, later.
    Later,
    /// The recording cannot be written.
    Tape(RecordingError),
}

impl From<RecordingError> for Trouble {
    fn from(error: RecordingError) -> Self {
        Self::Tape(error)
    }
}

/// Records a kind until it is aborted. It returns only where it gives up: the kind, or the recording as such.
pub(super) async fn record(
    client: Client,
    resource: Resource,
    tape: Arc<Tape>,
    turns: Arc<Semaphore>,
) -> Result<GivenUp, RecordingError> {
    let stream = Stream { client, resource, tape };
    let mut wait = AGAIN.0;
    let mut place: Option<String> = None;
    loop {
        let trouble = match &mut place {
            None => {
                // The semaphore is never closed; were it, all would be listed at once.
                let _turn = turns.acquire().await.ok();
                match stream.list().await {
                    Ok(version) => {
                        (place, wait) = (Some(version), AGAIN.0);
                        continue;
                    }
                    Err(trouble) => trouble,
                }
            }
            Some(version) => match stream.watch(version).await {
                Ok(()) => {
                    wait = AGAIN.0;
                    continue;
                }
                Err(trouble) => trouble,
            },
        };
        match trouble {
            Trouble::Tape(error) => return Err(error),
            Trouble::GiveUp { code, reason } => {
                return Ok(GivenUp { kind: stream.resource.kind, code, reason });
            }
            Trouble::Gone => place = None,
            Trouble::Later => {}
        }
        sleep(wait).await;
        wait = (wait * 2).min(AGAIN.1);
    }
}

struct Stream {
    client: Client,
    resource: Resource,
    tape: Arc<Tape>,
}

impl Stream {
    /// All pages; gives the version as of which the list is.
    async fn list(&self) -> Result<String, Trouble> {
        let mut next = String::new();
        loop {
            let mut query = format!("limit={PAGE}");
            if !next.is_empty() {
                query.push_str("&continue=");
                percent_encode(&next, &mut query);
            }
            let asked = timeout(ANSWER_MAX, self.client.request_text(self.request(&query)?)).await;
            let page = match asked {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Err(self.refused(&query, error)?),
                Err(_) => return Err(Trouble::Later),
            };
            let Ok(list) = serde_json::from_str::<List>(&page) else { return Err(Trouble::Later) };
            self.tape.answer(&self.resource, &query, 200, &page)?;
            next = list.metadata.next;
            if next.is_empty() {
                return Ok(list.metadata.resource_version);
            }
        }
    }

    /// From a version, which moves on with what arrives, until the API server ends the watch.
    async fn watch(&self, version: &mut String) -> Result<(), Trouble> {
        let mut query =
            format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECS}&resourceVersion=");
        percent_encode(version, &mut query);
        let asked = timeout(ANSWER_MAX, self.client.request_stream(self.request(&query)?)).await;
        let stream = match asked {
            Ok(Ok(stream)) => Box::pin(stream),
            Ok(Err(error)) => return Err(self.refused(&query, error)?),
            Err(_) => return Err(Trouble::Later),
        };
        self.tape.opened(&self.resource, &query)?;
        let mut lines = stream.lines();
        while let Ok(line) = timeout(SILENCE_MAX, lines.next()).await {
            let line = match line {
                None => return Ok(()),
                Some(Ok(line)) if line.trim().is_empty() => continue,
                Some(Ok(line)) => line,
                Some(Err(_)) => return Err(Trouble::Later),
            };
            // An event that cannot be read may be one that was cut off: from the last version on it comes again.
            let Ok(event) = serde_json::from_str::<Event<'_>>(&line) else { return Err(Trouble::Later) };
            let Some(kind) = WatchKind::from_api(&event.kind) else { return Err(Trouble::Later) };
            self.tape.event(&self.resource, kind, event.object.get())?;
            let head: Head = serde_json::from_str(event.object.get()).unwrap_or_default();
            if kind == WatchKind::Error {
                return Err(if head.code == 410 { Trouble::Gone } else { Trouble::Later });
            }
            if !head.metadata.resource_version.is_empty() {
                *version = head.metadata.resource_version;
            }
        }
        Err(Trouble::Later)
    }

    fn request(&self, query: &str) -> Result<http::Request<Vec<u8>>, Trouble> {
        let uri = format!("{}?{query}", self.resource.collection_path(None));
        http::Request::get(uri)
            .body(Vec::new())
            .map_err(|error| Trouble::GiveUp { code: 0, reason: error.to_string() })
    }

    /// Writes a refusal down, and says what follows from it.
    fn refused(&self, query: &str, error: kube::Error) -> Result<Trouble, RecordingError> {
        let kube::Error::Api(status) = error else { return Ok(Trouble::Later) };
        if let Ok(body) = serde_json::to_string(&*status) {
            self.tape.answer(&self.resource, query, status.code, &body)?;
        }
        Ok(match status.code {
            410 => Trouble::Gone,
            code @ (401 | 403 | 404 | 405) => Trouble::GiveUp { code, reason: status.message },
            _ => Trouble::Later,
        })
    }
}

#[derive(Deserialize)]
struct List {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// What is needed of an object, or of a `Status`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Head {
    metadata: Metadata,
    code: u16,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String does not fail");
        }
    }
}
