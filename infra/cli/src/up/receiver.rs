//! The screen as a channel: a webhook on this machine, which the alert function calls as it would any other.

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use prodrome_model::Notice;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Listens until it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) notices: mpsc::Receiver<Notice>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on this machine")?;
        let url = format!("http://{}/notices", listener.local_addr()?);
        let (sender, notices) = mpsc::channel(1024);
        let app = Router::new().route("/notices", post(take)).with_state(sender);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::warn!(%error, "notices can no longer be received");
            }
        });
        Ok(Self { url, notices, serving })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A `CloudEvent` whose data is the notice.
async fn take(State(sender): State<mpsc::Sender<Notice>>, body: Bytes) -> StatusCode {
    #[derive(serde::Deserialize)]
    struct Event {
        data: Notice,
    }
    let Ok(event) = serde_json::from_slice::<Event>(&body) else { return StatusCode::BAD_REQUEST };
    match sender.try_send(event.data) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
