use crate::status::Status;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (LISTEN); is another program there? {source}")]
pub struct ListenError {
    /// What was asked for.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// Takes the port for [`serve`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Answers `/healthz`, `/readyz` and `/metrics` until it is dropped.
pub async fn serve(listener: TcpListener, status: Status) -> std::io::Result<()> {
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(status);
    axum::serve(listener, app).await
}

async fn ready(State(status): State<Status>) -> impl IntoResponse {
    if status.is_ready() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let kinds = status.kinds();
    let kinds: Vec<_> = kinds.iter().map(|(kind, state)| format!("{kind}: {}\n", state.as_str())).collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{}", kinds.concat()))
}

async fn metrics(State(status): State<Status>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], status.render())
}
