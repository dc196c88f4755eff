use crate::PATIENCE;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use prodrome_model::Notice;
use serde_json::Value;
use sha2::Sha256;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A message whose timestamp is further off than this is not taken: it may be an old one sent again by others.
const TOLERANCE_SECONDS: i64 = 300;

/// Somebody who is told by the webhook channel, and verifies signatures as the Standard Webhooks ask.
pub struct Webhook {
    shared: Arc<Shared>,
    runtime: Handle,
    address: SocketAddr,
    serving: Mutex<Option<Serving>>,
}

/// A notice that was received, verified and accepted.
#[derive(Debug, Clone)]
pub struct Told {
    /// When, by the receiver's clock.
    pub at: Timestamp,
    /// The message's id, the same at each attempt.
    pub id: String,
    /// The notice.
    pub notice: Notice,
}

/// What the receiver does with what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    Open,
    /// Verifies it, does not take it, and answers with this status.
    Answering(u16),
}

struct Shared {
    secret: Vec<u8>,
    state: Mutex<Received>,
    news: Condvar,
}

struct Received {
    mood: Mood,
    told: Vec<Told>,
    turned_away: usize,
    forged: Vec<String>,
}

struct Serving {
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Webhook {
    /// Listens on a port of its own; `secret` is what the channel signs with.
    pub fn start(runtime: &Handle, secret: &str) -> Result<Self> {
        let received = Received { mood: Mood::Open, told: Vec::new(), turned_away: 0, forged: Vec::new() };
        let shared = Arc::new(Shared {
            secret: secret.as_bytes().to_vec(),
            state: Mutex::new(received),
            news: Condvar::new(),
        });
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut webhook =
            Self { shared, runtime: runtime.clone(), address: nowhere, serving: Mutex::default() };
        webhook.address = webhook.serve()?;
        Ok(webhook)
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}/notices", self.address)
    }

    /// What it does from now on.
    pub fn set_mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Closes the port: connections are refused.
    pub fn go_away(&self) {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Serving { stop, done }) = serving else { return };
        drop(stop);
        self.runtime.block_on(async { done.await.unwrap_or_default() });
    }

    /// Opens the same port again.
    pub fn come_back(&self) -> Result<()> {
        self.serve().map(drop)
    }

    /// Everything that was accepted so far, in order.
    pub fn told(&self) -> Vec<Told> {
        self.state().told.clone()
    }

    /// What was accepted since so many had been.
    pub fn told_since(&self, count: usize) -> Vec<Told> {
        self.state().told.get(count..).map(<[Told]>::to_vec).unwrap_or_default()
    }

    /// How often it answered something else than yes.
    pub fn turned_away(&self) -> usize {
        self.state().turned_away
    }

    /// What was not signed as it has to be, or is not what the channel promises.
    pub fn forged(&self) -> Vec<String> {
        self.state().forged.clone()
    }

    /// Waits until what was told so far holds what is looked for.
    ///
    /// # Panics
    /// Where it does not come in time.
    pub fn until<T>(&self, what: &str, look: impl Fn(&[Told]) -> Option<T>) -> T {
        self.until_state(what, |received| look(&received.told))
    }

    /// Waits until it has turned away so many.
    ///
    /// # Panics
    /// Where they do not come in time.
    pub fn until_turned_away(&self, times: usize) {
        self.until_state("messages to turn away", |received| (received.turned_away >= times).then_some(()));
    }

    fn until_state<T>(&self, what: &str, look: impl Fn(&Received) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "waited in vain: {what}; told so far: {:#?}", state.told);
            state = self.shared.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, Received> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) -> Result<SocketAddr> {
        let listener = self.runtime.block_on(TcpListener::bind(self.address));
        let listener = listener.with_context(|| format!("cannot listen on {}", self.address))?;
        let address = listener.local_addr()?;
        let app = Router::new().route("/notices", post(take)).with_state(Arc::clone(&self.shared));
        let (stop, stopped) = oneshot::channel();
        let done = self.runtime.spawn(async move {
            // Dropped where it stands, open connections and all: a receiver that is down says no goodbye.
            tokio::select! {
                served = async { axum::serve(listener, app).await } => {
                    if let Err(error) = served {
                        tracing::error!(%error, "the webhook's receiver broke");
                    }
                }
                _ = stopped => {}
            }
        });
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(Serving { stop, done });
        Ok(address)
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    #[expect(clippy::disallowed_methods, reason = "a receiver has a clock of its own")]
    let now = Timestamp::now();
    let verified = verify(&shared.secret, &headers, &body, now);
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let status = match (verified, state.mood) {
        (Err(reason), _) => {
            state.forged.push(format!("{reason:#}"));
            StatusCode::UNAUTHORIZED
        }
        (Ok(_), Mood::Answering(status)) => {
            state.turned_away += 1;
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
        (Ok((id, notice)), Mood::Open) => {
            state.told.push(Told { at: now, id, notice });
            StatusCode::NO_CONTENT
        }
    };
    drop(state);
    shared.news.notify_all();
    status
}

/// As a receiver does it: time first, then the signature over the bytes as they came, and only then the content.
fn verify(secret: &[u8], headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(String, Notice)> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.with_context(|| format!("the header {name} is missing"))
    };
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let seconds: i64 = timestamp.parse().context("webhook-timestamp is no number")?;
    anyhow::ensure!(
        (now.as_second() - seconds).abs() <= TOLERANCE_SECONDS,
        "webhook-timestamp {timestamp} is too far from now"
    );
    let signature = header("webhook-signature")?.strip_prefix("v1,").context("expected a signature v1")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.verify_slice(&STANDARD.decode(signature)?).context("the signature is wrong")?;
    let event: Value = serde_json::from_slice(body).context("the body is not JSON")?;
    anyhow::ensure!(event["specversion"] == "1.0" && event["id"] == id, "expected a CloudEvent of that id");
    let notice: Notice = serde_json::from_value(event["data"].clone()).context("data is no notice")?;
    anyhow::ensure!(
        id == format!("{}/{}", notice.fingerprint, notice.sequence),
        "the id names another notice"
    );
    Ok((id.to_owned(), notice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_signed_by_the_secret_is_refused() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("webhook-id", "a/0"), ("webhook-timestamp", "1800000001"), ("webhook-signature", "v1,AAAA")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        let error = verify(b"secret", &headers, b"{}", now).unwrap_err();
        assert_eq!(error.to_string(), "the signature is wrong");
        headers.insert("webhook-timestamp", "1800000301".parse().unwrap());
        let error = verify(b"secret", &headers, b"{}", now).unwrap_err();
        assert!(error.to_string().contains("too far"), "{error}");
    }
}
